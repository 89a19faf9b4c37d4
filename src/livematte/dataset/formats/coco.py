"""COCO: one JSON file with polygons or run lengths (Lin et al. 2014), and a folder of pictures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.classes import NAMES
from livematte.dataset.formats.files import Files, Sink
from livematte.dataset.formats.item import Canvas, Item, Source, understanding
from livematte.dataset.formats.shapes import bounds
from livematte.dataset.pictures import Size
from livematte.errors import InputError, MissingExtraError

FAR = 10.0
"""A polygon's corner may lie this many sides of the picture away from it; beyond, the file is damaged."""


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
    """The mask, bool H×W, of polygons, run lengths or compressed run lengths, by COCO's own code.

    Raises InputError, ValueError, or MissingExtraError without pycocotools.
    """
    coder, (wide, high) = _coder(), size
    if isinstance(segmentation, list):
        for polygon in segmentation:
            corners = np.asarray(polygon, np.float64)
            if len(corners) < 6 or len(corners) % 2 or not (np.abs(corners) <= FAR * max(size)).all():
                raise InputError("a polygon needs three corners near the picture")
        if not segmentation:
            return np.zeros((high, wide), bool)
        rle = coder.merge(
            coder.frPyObjects([list(map(float, polygon)) for polygon in segmentation], high, wide)
        )
    else:
        if list(segmentation["size"]) != [high, wide]:
            there = "×".join(map(str, segmentation["size"][::-1]))
            raise InputError(f"run lengths of {there}, the picture is {wide}×{high}")
        rle = segmentation
        if isinstance(segmentation["counts"], list):
            counts = np.asarray(segmentation["counts"], np.int64)
            if (counts < 0).any() or counts.sum() != wide * high:
                raise InputError(f"run lengths of {counts.sum()} pixels for a picture of {wide}×{high}")
            rle = coder.frPyObjects(segmentation, high, wide)
    mask: NDArray[np.bool_] = coder.decode(rle).astype(bool)
    return mask


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """The compressed run lengths of a mask, bool H×W."""
    rle = _coder().encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": rle["counts"].decode()}


def _coder() -> Any:
    try:
        from pycocotools import mask
    except ModuleNotFoundError:
        raise MissingExtraError("the format coco", "formats") from None
    return mask


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
