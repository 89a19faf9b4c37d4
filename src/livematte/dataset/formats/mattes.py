"""Plain alpha mattes: images/ and alpha/ with files of the same names, or pictures that have alpha."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.formats.files import PICTURES, Sink
from livematte.dataset.formats.item import Item, Source, array_of, understanding
from livematte.dataset.write import grey_png
from livematte.errors import InputError

FOLDERS = ("alpha", "alphas", "matte", "mattes", "mask", "masks", "pha")
"""What the folder of mattes may be called."""


def read(source: Source) -> Iterator[Item]:
    """Every matte with its picture; where there is no such folder, every picture that has alpha."""
    names = source.files.ending(*PICTURES)
    mattes = [name for name in names if PurePosixPath(name).parent.name in FOLDERS]
    for name in mattes:
        where = source.files.where(name)
        with understanding(where):
            alpha = array_of(source.files.read(name), where)
            yield _item(source, PurePosixPath(name), _levels(alpha if alpha.ndim == 2 else alpha[..., 0]))
    if mattes:
        return
    for name in names:
        where = source.files.where(name)
        data = source.files.read(name)
        pixels = array_of(data, where)
        if pixels.ndim != 3 or pixels.shape[2] != 4:
            source.notes.add("picture without alpha passed over")
            continue
        yield Item(name, data, "alpha", np.ascontiguousarray(pixels[..., 3]))


def _levels(alpha: NDArray[Any]) -> NDArray[np.uint8]:
    """Alpha of 1, 8 or 16 bits as uint8."""
    if alpha.dtype == np.bool_:
        return np.where(alpha, 255, 0).astype(np.uint8)
    return (alpha if alpha.dtype == np.uint8 else alpha >> 8).astype(np.uint8)


def _item(source: Source, path: PurePosixPath, alpha: NDArray[np.uint8]) -> Item:
    beside = path.parent.parent
    named = [
        (beside / folder / f"{path.stem}{suffix}").as_posix()
        for folder in ("images", "image", "fgr", "img")
        for suffix in sorted(PICTURES)
    ]
    plain = [f"{path.stem}{suffix}" for suffix in sorted(PICTURES) if suffix != path.suffix.lower()]
    found, data, size = source.images.get(*named, *plain, loose=False)
    if alpha.shape[::-1] != size:
        raise InputError(f"is {alpha.shape[1]}×{alpha.shape[0]}, its picture {size[0]}×{size[1]}")
    return Item(found, data, "alpha", alpha)


def write(target: Sink, items: Iterable[Item]) -> None:
    """images/ and alpha/; of parts, whether somebody is there."""
    for item in items:
        assert item.row is not None
        if item.mask is None:
            alpha = np.zeros((item.row.height or 0, item.row.width or 0), np.uint8)
        else:
            alpha = _levels(item.mask > 0) if item.truth == "parts" else item.mask
        target.write(f"images/{item.name}", item.picture)
        target.write(f"alpha/{PurePosixPath(item.name).stem}.png", grey_png(alpha))
