"""The class tables of a data folder: what the numbers of its `parts` masks mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from livematte.dataset.index import NINE
from livematte.errors import InputError
from livematte.labels import PALETTE, Label

CLASSES = "classes.json"

Table = Mapping[int, str]
"""The name of each class number."""

NAMES = {label.name.lower(): label for label in Label}
"""The nine classes by the name that files use."""

NINE_CLASSES: Table = {int(label): name for name, label in NAMES.items()}


def read_classes(folder: Path) -> dict[str, Table]:
    """The tables of `folder/classes.json` by name; that of the nine classes is always there.

    The file holds, for each name, a list of {"number", "name", "colour"}. Raises InputError.
    """
    path = folder / CLASSES
    tables: dict[str, Table] = {NINE: NINE_CLASSES}
    if not path.exists():
        return tables
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        for name, classes in content.items():
            tables[name] = {int(one["number"]): str(one["name"]) for one in classes}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f'{path}: not {{"table": [{{"number": 0, "name": "…"}}, …]}} ({error})') from None
    if tables[NINE] != NINE_CLASSES:
        raise InputError(f"{path}: the table {NINE!r} is not that of the nine classes; give it another name")
    return tables


def nine_classes() -> str:
    """What `classes.json` holds for the nine classes."""
    classes = [
        {"number": int(label), "name": name, "colour": list(PALETTE[label])} for name, label in NAMES.items()
    ]
    return json.dumps({NINE: classes}, indent=1) + "\n"
