"""The index of a data folder: `index.jsonl`, one line per picture."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from types import NoneType

from livematte.errors import InputError

INDEX = "index.jsonl"

NINE = "livematte"
"""The name of the table of the nine classes of `labels.py`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One picture of the index.

    shard: the zip file, beside the index, that holds `image` and `mask`; None where they are plain files.
    truth: what the mask says: `person` or `alpha` (0..255), `parts` (class numbers) or `none` (nobody there).
    by: who made the mask: `human`, `key` (chroma key) or `teacher` (a larger network).
    kind: `still`, `clip` (a frame of `clip`, number `frame`), `cutout` (a person on nothing), `background`.
    commercial: False where the licence forbids commercial use, None where it is not stated.
    width, height: of the upright picture, in pixels. annotator: a name of whoever drew the mask.
    labels: the table of `classes.json` that the numbers of a `parts` mask belong to.
    hair_mask: a second mask, hair = 255, beside one of persons.
    merged: groups of classes, by name, that the source cannot tell apart; the mask holds the first of each.
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
    width: int | None = None
    height: int | None = None
    annotator: str = ""
    labels: str = NINE
    hair_mask: str | None = None
    merged: tuple[tuple[str, ...], ...] = ()

    def to_json(self) -> str:
        """The line of the index, without what is as it is by default."""
        values = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        return json.dumps(values, ensure_ascii=False)


def read_index(folder: Path) -> list[Row]:
    """The rows of `folder/index.jsonl`; InputError names the line that is wrong."""
    rows = []
    for number, line in enumerate(index_lines(folder), 1):
        try:
            rows.append(parse_row(line))
        except ValueError as error:
            raise InputError(f"{folder / INDEX}, line {number}: {error}") from None
    return rows


def index_lines(folder: Path) -> list[str]:
    """The lines of `folder/index.jsonl`, not yet looked at. Raises InputError."""
    path = folder / INDEX
    if not path.is_file():
        raise InputError(
            f"{folder}: no index.jsonl there; a data folder has one line of JSON per picture in it"
        )
    try:
        return lines_of(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None


def lines_of(text: str) -> list[str]:
    """The lines of JSON Lines: \\n alone ends one, not what else Python takes for an end within a name."""
    return text.removesuffix("\n").split("\n") if text else []


def parse_row(line: str) -> Row:
    """The row of one line; unknown keys are passed over. Raises ValueError."""
    values = json.loads(line)
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    known = {key: value for key, value in values.items() if key in _KINDS}
    for key, value in known.items():
        if not _is_one_of(value, _KINDS[key]):
            wanted = " or ".join(_WORDS[kind] for kind in _KINDS[key])
            raise ValueError(f"{key} is {json.dumps(value)}, not {wanted}")
    if "merged" in known:
        known["merged"] = tuple(tuple(group) for group in known["merged"])
    try:
        return Row(**known)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _is_one_of(value: object, kinds: tuple[object, ...]) -> bool:
    """Whether a value of JSON is of a kind; true and false are no numbers, and lists are lists of names."""
    if isinstance(value, list):
        groups = all(
            isinstance(group, list) and all(isinstance(one, str) for one in group) for group in value
        )
        return list in kinds and groups
    return type(value) in kinds


_WORDS = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list of lists of class names",
    NoneType: "null",
}
_KINDS: dict[str, tuple[type, ...]] = {
    "merged": (list,),
    **dict.fromkeys(("width", "height", "frame"), (int, NoneType)),
    **dict.fromkeys(("mask", "hair_mask", "shard", "clip"), (str, NoneType)),
    **dict.fromkeys(
        ("image", "truth", "split", "set", "kind", "by", "licence", "annotator", "labels"), (str,)
    ),
    "commercial": (bool, NoneType),
}


def is_inside(name: str) -> bool:
    """Whether a name, with / or \\, stays in the folder or the zip file that it is relative to."""
    path = PurePosixPath(name.replace("\\", "/"))
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and ":" not in path.parts[0]


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
