"""The index of a data folder: `index.jsonl`, one line per picture."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from livematte.errors import InputError


@dataclass(frozen=True, slots=True)
class Row:
    """One picture of the index.

    shard: the zip file, beside the index, that holds `image` and `mask`; None where they are plain files.
    truth: what the mask says: `person` or `alpha` (0..255), `parts` (class numbers) or `none` (nobody there).
    by: who made the mask: `human`, `key` (chroma key) or `teacher` (a larger network).
    kind: `still`, `clip` (a frame of `clip`, number `frame`), `cutout` (a person on nothing), `background`.
    commercial: False where the licence forbids commercial use, None where it is not stated.
    """

    image: str
    truth: str
    split: str
    set: str
    kind: str = "still"
    by: str = "human"
    mask: str | None = None
    shard: str | None = None
    clip: str | None = None
    frame: int | None = None
    commercial: bool | None = None
    licence: str = ""


def read_index(folder: Path) -> list[Row]:
    """The rows of `folder/index.jsonl`; InputError names the line that is wrong."""
    path = folder / "index.jsonl"
    if not path.is_file():
        raise InputError(
            f"{folder}: no index.jsonl there; a data folder has one line of JSON per picture in it"
        )
    known = {field.name for field in fields(Row)}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            values = json.loads(line)
            rows.append(Row(**{key: value for key, value in values.items() if key in known}))
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: {error}") from None
    return rows


def select(
    rows: Iterable[Row], *, split: str | None = None, sets: Iterable[str] = (), commercial_only: bool = False
) -> list[Row]:
    """The rows of one split and of the named sets (all when none is named).

    commercial_only: leave out what is known to forbid commercial use.
    """
    wanted = set(sets)
    return [
        row
        for row in rows
        if (split is None or row.split == split)
        and (not wanted or row.set in wanted)
        and not (commercial_only and row.commercial is False)
    ]
