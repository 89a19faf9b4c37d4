"""Supervisely: a project with meta.json, and img/ and ann/ in each of its datasets."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.classes import NAMES
from livematte.dataset.formats.files import Sink
from livematte.dataset.formats.item import Canvas, Item, Source, array_of, check_size, understanding
from livematte.dataset.formats.shapes import box_ring, cropped, filled
from livematte.dataset.write import grey_png
from livematte.errors import InputError
from livematte.labels import PALETTE, PERSON_COLOUR

DATASET = "livematte"

_MOST = 64 << 20  # bytes of a bitmap's PNG


def read(source: Source) -> Iterator[Item]:
    """Every annotated picture of every dataset; later objects cover earlier ones."""
    for name in source.files.ending(".json"):
        path = PurePosixPath(name)
        if path.parent.name != "ann":
            continue
        with understanding(source.files.where(name)):
            content = json.loads(source.files.read(name))
            beside = (path.parent.parent / "img" / path.stem).as_posix()
            found, data, size = source.images.get(beside, path.stem)
            check_size((content["size"]["width"], content["size"]["height"]), size)
            canvas = Canvas(size, source.labels)
            for thing in content["objects"]:
                _paint(canvas, thing, source)
            truth, mask = canvas.truth()
            by = {thing.get("labelerLogin") for thing in content["objects"]} - {None}
        yield Item(found, data, truth, mask, str(by.pop()) if len(by) == 1 else "")


def _paint(canvas: Canvas, thing: Mapping[str, Any], source: Source) -> None:
    label, kind = thing["classTitle"], thing.get("geometryType", "polygon")
    if kind == "bitmap":
        left, top = thing["bitmap"]["origin"]
        canvas.paste(label, decode(thing["bitmap"]["data"]), left, top)
    elif kind in ("polygon", "rectangle"):
        points = thing["points"]
        outer = points["exterior"]
        rings = [outer if kind == "polygon" else box_ring(*outer[0], *outer[1]), *points["interior"]]
        canvas.paint(label, filled(rings, canvas.wide, canvas.high))
    else:
        source.notes.add(f"object of type {kind!r} passed over")


def decode(text: str) -> NDArray[np.bool_]:
    """The mask, bool H×W, of a bitmap: a PNG, deflated, in base64. Raises InputError or ValueError."""
    unpacker = zlib.decompressobj()
    try:
        png = unpacker.decompress(base64.b64decode(text), _MOST)
    except zlib.error as error:
        raise InputError(f"a bitmap cannot be unpacked ({error})") from None
    if unpacker.unconsumed_tail:
        raise InputError("a bitmap is too large")
    pixels = array_of(png, "its bitmap")
    return (pixels if pixels.ndim == 2 else pixels[..., -1]) > 0  # RGBA: alpha


def encode(part: NDArray[np.bool_]) -> str:
    """Such a bitmap of a mask, bool H×W."""
    return base64.b64encode(zlib.compress(grey_png(part * np.uint8(255)))).decode()


def write(target: Sink, items: Iterable[Item]) -> None:
    """One dataset, one bitmap per class and picture."""
    colours = {**{name: PALETTE[label] for name, label in NAMES.items() if label}, "person": PERSON_COLOUR}
    classes = [
        {"title": name, "shape": "bitmap", "color": "#{:02X}{:02X}{:02X}".format(*colour)}
        for name, colour in colours.items()
    ]
    target.write("meta.json", json.dumps({"classes": classes, "tags": []}, indent=1))
    for item in items:
        assert item.row is not None
        objects = []
        for name, mask in item.layers():
            part, left, top = cropped(mask)
            objects.append(
                {
                    "classTitle": name,
                    "geometryType": "bitmap",
                    "tags": [],
                    "labelerLogin": item.annotator,
                    "bitmap": {"data": encode(part), "origin": [left, top]},
                }
            )
        size = {"height": item.row.height, "width": item.row.width}
        content = {"description": "", "tags": [], "size": size, "objects": objects}
        target.write(f"{DATASET}/img/{item.name}", item.picture)
        target.write(f"{DATASET}/ann/{item.name}.json", json.dumps(content))
