"""Any other label set: images/ and masks/ of numbers or colours, and a file that says what they mean."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.classes import NAMES
from livematte.dataset.formats.files import PICTURES, Sink
from livematte.dataset.formats.item import Canvas, Item, Source, array_of, understanding
from livematte.dataset.write import indexed_png
from livematte.labels import PALETTE, PERSON_COLOUR

FOLDERS = ("masks", "labels", "annotations", "SegmentationClass")
"""What the folder of masks may be called."""

_NUMBERS = {**{name: int(label) for name, label in NAMES.items() if label}, "person": len(NAMES)}


def read(source: Source) -> Iterator[Item]:
    """Every mask with the picture of its name.

    The labels of the map are numbers where a mask has one channel, `#rrggbb` where it has three; 0 and
    #000000 are the background where the map does not name them.
    """
    for name in source.files.ending(".png", ".bmp", ".tif", ".tiff"):
        path = PurePosixPath(name)
        if path.parent.name not in FOLDERS:
            continue
        where = source.files.where(name)
        with understanding(where):
            mask: NDArray[Any] = array_of(source.files.read(name), where)
            suffixes = [*sorted(PICTURES - {".png"}), ".png"]
            named = [f"images/{path.stem}{suffix}" for suffix in suffixes]
            plain = [f"{path.stem}{suffix}" for suffix in suffixes if suffix != path.suffix.lower()]
            found, data, size = source.images.get(*named, *plain, loose=False)
            coloured = mask.ndim == 3
            if coloured:
                mask = mask[..., :3].astype(np.int32) @ np.array([65536, 256, 1], np.int32)
            canvas = Canvas(size, source.labels)
            for number in np.unique(mask).tolist():
                label = f"#{number:06x}" if coloured else str(number)
                if number or label in source.labels.classes:
                    canvas.paint(label, mask == number)
            truth, painted = canvas.truth()
        yield Item(found, data, truth, painted)


def write(target: Sink, items: Iterable[Item]) -> None:
    """images/ and masks/, indexed, with the numbers of the nine classes; a person without parts is 9."""
    for item in items:
        assert item.row is not None
        mask = np.zeros((item.row.height or 0, item.row.width or 0), np.uint8)
        for name, inside in item.layers():
            mask[inside] = _NUMBERS[name]
        target.write(f"images/{item.name}", item.picture)
        target.write(
            f"masks/{PurePosixPath(item.name).stem}.png",
            indexed_png(mask, [*PALETTE.values(), PERSON_COLOUR]),
        )
    labels = {str(number): name for name, number in _NUMBERS.items()}
    target.write("map.json", json.dumps({"labels": labels}, indent=1) + "\n")
