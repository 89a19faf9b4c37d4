"""COCO: one JSON file with polygons or run lengths (Lin et al. 2014), and a folder of pictures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.classes import NAMES
from livematte.dataset.formats.files import Files, Sink
from livematte.dataset.formats.item import Canvas, Item, Source, check_size, understanding
from livematte.dataset.formats.shapes import bounds, filled, from_runs, runs
from livematte.dataset.pictures import Size
from livematte.errors import InputError


def read(source: Source) -> Iterator[Item]:
    """Every picture of the file. Shapes of later annotations cover those of earlier ones."""
    name, content = _annotations(source.files)
    where = source.files.where(name)
    with understanding(where):
        categories = {one["id"]: str(one["name"]) for one in content["categories"]}
        of_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for annotation in content["annotations"]:
            of_image[annotation["image_id"]].append(annotation)
        pictures = list(content["images"])
    for picture in pictures:
        with understanding(where):
            found, data, size = source.images.get(str(picture["file_name"]))
            check_size((picture.get("width"), picture.get("height")), size)
            canvas = Canvas(size, source.labels)
            for annotation in of_image.get(picture["id"], ()):
                with understanding(f"{where}: annotation {annotation.get('id')} of {picture['file_name']}"):
                    mask = decode(annotation["segmentation"], size)
                    canvas.paint(categories[annotation["category_id"]], mask)
            truth, painted = canvas.truth()
        yield Item(found, data, truth, painted)


def _annotations(files: Files) -> tuple[str, dict[str, Any]]:
    """The one JSON file that holds a list of images."""
    found = []
    for name in files.ending(".json"):
        with understanding(files.where(name)):
            content = json.loads(files.read(name))
        if isinstance(content, dict) and "images" in content and "annotations" in content:
            found.append((name, content))
    if len(found) != 1:
        names = ", ".join(name for name, _ in found) or "none"
        raise InputError(f"{files.path}: one JSON file of COCO is wanted; there is: {names}")
    return found[0]


def decode(segmentation: Any, size: Size) -> NDArray[np.bool_]:
    """The mask, bool H×W, of polygons, run lengths or compressed run lengths.

    Polygons hold the pixels whose centres they hold (`filled`) and are put together; COCO's own code draws
    them five times larger and rounds, which differs by pixels of the outline.
    Raises InputError or ValueError.
    """
    wide, high = size
    if isinstance(segmentation, list):
        mask = np.zeros((high, wide), bool)
        for polygon in segmentation:
            mask |= filled([np.reshape(polygon, (-1, 2)).tolist()], wide, high)
        return mask
    if list(segmentation["size"]) != [high, wide]:
        there = "×".join(map(str, segmentation["size"][::-1]))
        raise InputError(f"run lengths of {there}, the picture is {wide}×{high}")
    counts = segmentation["counts"]
    lengths = counts if isinstance(counts, list) else decompress(counts)
    return np.ascontiguousarray(from_runs(lengths, high, wide).T)  # down the columns


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """The compressed run lengths of a mask, bool H×W."""
    return {"size": list(mask.shape), "counts": compress(runs(np.ascontiguousarray(mask.T)))}


def decompress(text: str) -> list[int]:
    """The run lengths of COCO's text: five bits a character, from 0 as "0", the lowest bits first.

    A sixth bit says that more follow; the last character's fifth bit is the sign; from the fourth on a length
    is the difference to the one but one before.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{character!r} in compressed run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("compressed run lengths are cut off")
    return lengths


def compress(lengths: Sequence[int]) -> str:
    """The text that `decompress` reads."""
    text = []
    for place, length in enumerate(lengths):
        value = length - lengths[place - 2] if place > 2 else length
        while not -16 <= value < 16:
            text.append(chr(48 + (value & 31 | 32)))
            value >>= 5
        text.append(chr(48 + (value & 31)))
    return "".join(text)


def write(target: Sink, items: Iterable[Item]) -> None:
    """annotations.json with one compressed annotation per class and picture, and images/."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    numbers = {"person": len(NAMES), **{name: int(label) for name, label in NAMES.items() if label}}
    for image_id, item in enumerate(items, 1):
        assert item.row is not None
        target.write(f"images/{item.name}", item.picture)
        size = {"width": item.row.width, "height": item.row.height}
        images.append({"id": image_id, "file_name": item.name, **size})
        for name, mask in item.layers():
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": numbers[name],
                    "segmentation": encode(mask),
                    "area": int(np.count_nonzero(mask)),
                    "bbox": list(bounds(mask)),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name, "supercategory": "person"} for name, number in numbers.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    target.write("annotations.json", json.dumps(content))
