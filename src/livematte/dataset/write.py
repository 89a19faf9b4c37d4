"""A data folder written: pictures, masks, the class table and the index."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from livematte.dataset.classes import CLASSES, nine_classes
from livematte.dataset.index import INDEX, Row
from livematte.errors import OutputError
from livematte.labels import PALETTE
from livematte.media.output import writing
from livematte.media.temporary import temporary_beside


class Names:
    """Plain file names, each given once, whatever its suffix."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """The last part of a path, with a number behind where its stem is taken."""
        given = PurePosixPath(name)
        stem, number = given.stem, 1
        while stem.lower() in self._taken:  # some file systems do not tell a from A
            number += 1
            stem = f"{given.stem}-{number}"
        self._taken.add(stem.lower())
        return stem + given.suffix


class Numbers(Names):
    """Names that are numbers, from 0."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0

    def take(self, name: str) -> str:
        """The next number with the suffix of a name."""
        self._next += 1
        return f"{self._next - 1}{PurePosixPath(name).suffix}"


class Writer:
    """Fills a data folder, one picture at a time; `new_folder` makes it appear whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: list[str] = []
        self._names = Names()

    def add(self, row: Row, picture: bytes, mask: NDArray[np.uint8] | None) -> Row:
        """Write one picture, byte for byte, and its mask beside; returns the row as it is in the index.

        row: says what the mask is; its `image` gives the name, of which only the last part and, where
        taken, a number are used. mask: uint8 H×W, class numbers where `row.truth` is `parts`.
        """
        plain = self._names.take(row.image)
        stem = PurePosixPath(plain).stem
        image, name = f"images/{plain}", f"masks/{stem}.png"
        self._write(image, picture)
        if mask is not None:
            self._write(name, indexed_png(mask) if row.truth == "parts" else grey_png(mask))
        row = replace(row, image=image, mask=None if mask is None else name, shard=None)
        self._lines.append(row.to_json() + "\n")
        return row

    def finish(self) -> None:
        """Write the class table and the index."""
        self._write(CLASSES, nine_classes().encode())
        self._write(INDEX, "".join(self._lines).encode())

    def _write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder that takes the name `folder` when the block ends without an error.

    Raises OutputError where something is there already but an empty folder, or cannot be written.
    """
    check_new_folder(folder)
    with writing(folder):
        target = folder.resolve()
        with temporary_beside(target, folder=True) as temporary:
            yield temporary
            if target.exists():
                target.rmdir()
            temporary.rename(target)


def check_new_folder(folder: Path) -> None:
    """Refuse what `new_folder` could not make, before any work is done. Raises OutputError."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a new folder")
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(f"{folder} is not empty; name a new folder")
    if not folder.resolve().parent.is_dir():
        raise OutputError(f"{folder}: the folder {folder.parent} does not exist; make it first")


def indexed_png(
    parts: NDArray[np.uint8], palette: Iterable[tuple[int, int, int]] = PALETTE.values()
) -> bytes:
    """Class numbers, uint8 H×W, as an 8-bit indexed PNG, by default with the palette of the nine classes."""
    image = Image.fromarray(np.ascontiguousarray(parts))
    levels = bytes(level for colour in palette for level in colour)
    image.putpalette(levels.ljust(768, b"\0"))  # fewer colours would make fewer bits
    return _png(image)


def grey_png(mask: NDArray[np.uint8]) -> bytes:
    """A mask, uint8 H×W, as a grey PNG."""
    return _png(Image.fromarray(np.ascontiguousarray(mask)))


def _png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
