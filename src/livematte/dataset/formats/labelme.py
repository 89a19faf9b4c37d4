"""LabelMe (wkentaro's): one JSON file of shapes beside each picture."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.formats.files import Sink
from livematte.dataset.formats.item import Canvas, Item, Source, array_of, check_size, size_of, understanding
from livematte.dataset.formats.shapes import box_ring, cropped, filled
from livematte.dataset.pictures import Size
from livematte.dataset.write import grey_png
from livematte.errors import InputError

VERSION = "5.5.0"
"""Of LabelMe, whose files have masks."""

_CORNERS = 720  # of a circle


def read(source: Source) -> Iterator[Item]:
    """Every file with shapes; later shapes cover earlier ones."""
    for name in source.files.ending(".json"):
        where = source.files.where(name)
        with understanding(where):
            content = json.loads(source.files.read(name))
            if not isinstance(content, dict) or "shapes" not in content:
                source.notes.add("JSON file without shapes passed over")
                continue
            found, data, size = _picture(source, content, where)
            check_size((content.get("imageWidth"), content.get("imageHeight")), size)
            canvas = Canvas(size, source.labels)
            for shape in content["shapes"]:
                _paint(canvas, shape, source)
            truth, mask = canvas.truth()
        yield Item(found, data, truth, mask)


def _picture(source: Source, content: Mapping[str, Any], where: str) -> tuple[str, bytes, Size]:
    """The picture within the file, or else the one that it names."""
    name = str(content["imagePath"]).replace("\\", "/")
    if embedded := content.get("imageData"):
        data = base64.b64decode(embedded)
        return PurePosixPath(name).name, data, size_of(data, where)
    return source.images.get(PurePosixPath(name).name)


def _paint(canvas: Canvas, shape: Mapping[str, Any], source: Source) -> None:
    points, kind = shape["points"], shape.get("shape_type") or "polygon"
    if kind == "mask":
        part = _decoded(shape["mask"])
        (left, top), (right, bottom) = np.asarray(points).astype(int).tolist()  # both corners belong to it
        if part.shape != (bottom - top + 1, right - left + 1):
            raise InputError(f"a mask of {part.shape[1]}×{part.shape[0]} does not fit its box {points}")
        canvas.paste(shape["label"], part, left, top)
        return
    if kind == "polygon":
        ring = points
    elif kind == "rectangle":
        (x0, y0), (x1, y1) = points
        ring = box_ring(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    elif kind == "circle":
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        turns = np.arange(_CORNERS) * (2 * np.pi / _CORNERS)
        ring = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], axis=1).tolist()
    else:
        source.notes.add(f"shape of type {kind!r} passed over")
        return
    canvas.paint(shape["label"], filled([ring], canvas.wide, canvas.high))


def _decoded(text: str) -> NDArray[np.bool_]:
    try:
        return array_of(base64.b64decode(text, validate=True), "its mask") > 0
    except binascii.Error as error:
        raise InputError(f"a mask is not base64 ({error})") from None


def write(target: Sink, items: Iterable[Item]) -> None:
    """Each picture with its JSON file beside, one mask per class."""
    for item in items:
        assert item.row is not None
        target.write(item.name, item.picture)
        content: dict[str, Any] = {
            "version": VERSION,
            "flags": {},
            "shapes": [_shape(name, mask) for name, mask in item.layers()],
            "imagePath": item.name,
            "imageData": None,
            "imageHeight": item.row.height,
            "imageWidth": item.row.width,
        }
        target.write(f"{PurePosixPath(item.name).stem}.json", json.dumps(content, indent=1))


def _shape(name: str, mask: NDArray[np.bool_]) -> dict[str, Any]:
    part, left, top = cropped(mask)
    high, wide = part.shape
    return {
        "label": name,
        "points": [[left, top], [left + wide - 1, top + high - 1]],
        "group_id": None,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": base64.b64encode(grey_png(part.astype(np.uint8))).decode(),
    }
