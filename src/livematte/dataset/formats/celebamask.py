"""CelebAMask-HQ (Lee et al. 2020): a picture per number, and a grey mask per picture and part."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import cv2
import numpy as np

from livematte.dataset.formats.files import PICTURES, Sink
from livematte.dataset.formats.item import Canvas, Item, LabelMap, Source, array_of, understanding
from livematte.dataset.write import grey_png
from livematte.errors import InputError

PARTS = {
    "skin": "skin",
    "nose": "skin",
    "l_ear": "skin",
    "r_ear": "skin",
    "l_eye": "eyes",
    "r_eye": "eyes",
    "l_brow": "eyes",
    "r_brow": "eyes",
    "mouth": "lips",
    "u_lip": "lips",
    "l_lip": "lips",
    "neck": "neck",
    "cloth": "clothes",
    "hair": "hair",
    "eye_g": "glasses",
    "ear_r": "accessory",
    "neck_l": "accessory",
    "hat": "accessory",
}
"""The class of each part, in the order in which they are painted, the last on top."""

WRITTEN = {
    "skin": "skin",
    "eyes": "l_eye",
    "lips": "u_lip",
    "neck": "neck",
    "clothes": "cloth",
    "hair": "hair",
    "glasses": "eye_g",
    "accessory": "hat",
}
"""The part as which each class is written."""

IMAGES, MASKS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"

_MASK = re.compile(r"(\d+)_(\w+)\.png")
_PER_FOLDER = 2000


def read(source: Source) -> Iterator[Item]:
    """Every picture that has masks. Masks of half the picture's size are enlarged, each pixel to four."""
    of_picture: dict[int, dict[str, str]] = defaultdict(dict)
    for name in source.files.ending(".png"):
        if (match := _MASK.fullmatch(PurePosixPath(name).name)) and f"{MASKS}/" in name:
            of_picture[int(match[1])][match[2]] = name
    labels = LabelMap({**PARTS, **source.labels.classes}, source.labels.merged)
    order = list(PARTS)
    for number, masks in sorted(of_picture.items()):
        with understanding(f"{source.files.path}: picture {number}"):
            if unknown := set(masks) - set(order):
                raise InputError(f"unknown parts: {', '.join(sorted(unknown))}")
            found, data, size = source.images.get(*(f"{number}{suffix}" for suffix in sorted(PICTURES)))
            canvas = Canvas(size, labels)
            for part in sorted(masks, key=order.index):
                where = source.files.where(masks[part])
                mask = array_of(source.files.read(masks[part]), where, "L")
                high, wide = mask.shape
                if size == (2 * wide, 2 * high):
                    mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
                canvas.paint(part, mask > 127)
            truth, painted = canvas.truth()
        yield Item(found, data, truth, painted)


def write(target: Sink, items: Iterable[Item]) -> None:
    """Pictures, whose names are numbers, and masks in folders of 2,000 pictures."""
    for item in items:
        if item.truth != "parts":
            raise InputError(f"{item.name}: CelebAMask-HQ holds parts only, this has truth {item.truth!r}")
        number = int(PurePosixPath(item.name).stem)
        target.write(f"{IMAGES}/{item.name}", item.picture)
        for name, mask in item.layers():
            path = f"{MASKS}/{number // _PER_FOLDER}/{number:05d}_{WRITTEN[name]}.png"
            target.write(path, grey_png(np.where(mask, 255, 0).astype(np.uint8)))
