"""Pictures that may not be annotated yet."""

from __future__ import annotations

from pathlib import Path

from livematte.dataset.formats.files import PICTURES
from livematte.dataset.index import INDEX, Row, read_index
from livematte.errors import InputError


def rows_of(folder: Path) -> list[Row]:
    """The rows of a data folder; of a folder without an index, a row for each picture. Raises InputError."""
    if (folder / INDEX).exists():
        return read_index(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not found:
        raise InputError(f"{folder}: neither an index.jsonl nor a picture there")
    names = (path.relative_to(folder).as_posix() for path in found)
    return [Row(name, "none", "train", folder.name) for name in names]
