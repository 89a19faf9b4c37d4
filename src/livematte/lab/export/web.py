"""A folder that any web server can serve: the networks with their index and, where it is built, the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from livematte.errors import InputError
from livematte.segment.listing import listing

NETWORKS = "networks"
"""The folder of the network files beside the page."""


def finish(folder: Path, name: str, written: Sequence[Path]) -> None:
    """Write `networks/index.json` and copy the page; networks of other names that are listed stay listed."""
    index = folder / NETWORKS / "index.json"
    others = [one for one in _listed(index) if one["name"] != name]
    own = [listing(file.name, file.read_bytes()) for file in written]
    text = json.dumps([*others, *own], indent=2) + "\n"
    part = index.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(index)
    page = files("livematte") / "web" / "page"
    if page.is_dir():
        with as_file(page) as built:
            shutil.copytree(built, folder, dirs_exist_ok=True)


def _listed(index: Path) -> list[dict[str, Any]]:
    if not index.exists():
        return []
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))
        return [one for one in listed if one["name"]]
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{index}: not an index of networks; remove it or give another folder") from None
