"""Label Studio: JSON of tasks with brush masks (run lengths of thi.ng's rle-pack) and polygons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.classes import NAMES
from livematte.dataset.formats.files import Sink
from livematte.dataset.formats.item import Canvas, Item, Source, understanding
from livematte.dataset.formats.shapes import box_ring, filled, runs
from livematte.dataset.pictures import Size
from livematte.errors import InputError
from livematte.labels import PALETTE, PERSON_COLOUR

TASKS = "tasks.json"

CONTROL, OBJECT = "labels", "image"
"""The names of the two tags of `config` that results refer to."""

_UPLOADED = re.compile(r"[0-9a-f]{8}-")
_SIZES = (4, 8, 12, 16)  # bits that a run's length may take


def config() -> str:
    """The labelling interface for the nine classes."""
    labels = "\n".join(
        f'    <Label value="{name}" background="#{red:02x}{green:02x}{blue:02x}"/>'
        for name, (red, green, blue) in _colours().items()
    )
    return (
        f'<View>\n  <Image name="{OBJECT}" value="$image" zoom="true"/>\n'
        f'  <BrushLabels name="{CONTROL}" toName="{OBJECT}">\n{labels}\n  </BrushLabels>\n</View>\n'
    )


def _colours() -> dict[str, tuple[int, int, int]]:
    return {**{name: PALETTE[label] for name, label in NAMES.items() if label}, "person": PERSON_COLOUR}


def read(source: Source) -> Iterator[Item]:
    """Every annotation that was not cancelled, those of one picture in the order of the file."""
    for name in source.files.ending(".json"):
        where = source.files.where(name)
        with understanding(where):
            tasks = json.loads(source.files.read(name))
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            raise InputError(f"{where}: not a list of tasks; export with the format JSON")
        for task in tasks:
            with understanding(f"{where}: task {task.get('id')}"):
                yield from _of_task(source, task)


def _of_task(source: Source, task: Mapping[str, Any]) -> Iterator[Item]:
    names = picture_names(task["data"])
    kept = [one for one in task["annotations"] if not one.get("was_cancelled")]
    if not kept:
        source.notes.add("task without an annotation passed over")
    for annotation in kept:
        found, data, size = source.images.get(*names)
        canvas = Canvas(size, source.labels)
        for result in annotation["result"]:
            _paint(canvas, result, source)
        truth, mask = canvas.truth()
        yield Item(found, data, truth, mask, annotator_of(annotation))


def picture_names(data: Mapping[str, Any]) -> list[str]:
    """What the picture of a task may be called: as we packed it, as it was served, as it was uploaded."""
    address = urlsplit(str(data["image"]))
    path = parse_qs(address.query).get("d", [address.path])[0]
    served = unquote(path).lstrip("/")
    last = PurePosixPath(served).name
    names = [str(data["name"])] if "name" in data else []
    return [*names, served, _UPLOADED.sub("", last, count=1), last]


def annotator_of(annotation: Mapping[str, Any]) -> str:
    """Who made an annotation: the address, or else the number."""
    by = annotation.get("completed_by") or ""
    return str(by.get("email") or by.get("id") or "") if isinstance(by, dict) else str(by)


def _paint(canvas: Canvas, result: Mapping[str, Any], source: Source) -> None:
    kind, value = result["type"], result.get("value", {})
    labels = value.get(kind, ())
    if kind not in ("brushlabels", "polygonlabels", "rectanglelabels") or not labels:
        source.notes.add(f"result of type {kind!r} without area or label passed over")
        return
    said = (result["original_width"], result["original_height"])
    if said != (canvas.wide, canvas.high) or result.get("image_rotation"):
        raise InputError(
            f"is {said[0]}×{said[1]} there, turned by {result.get('image_rotation', 0)}°; "
            f"the picture is {canvas.wide}×{canvas.high}"
        )
    canvas.paint(labels[-1], _mask(kind, value, canvas.wide, canvas.high))


def _mask(kind: str, value: Mapping[str, Any], wide: int, high: int) -> NDArray[np.bool_]:
    across, down = wide / 100, high / 100  # positions are per cent
    if kind == "brushlabels":
        return decode(value["rle"], (wide, high))
    if kind == "polygonlabels":
        return filled([[(x * across, y * down) for x, y in value["points"]]], wide, high)
    if value.get("rotation"):
        raise InputError("a turned rectangle; draw a polygon")
    left, top = value["x"] * across, value["y"] * down
    ring = box_ring(left, top, left + value["width"] * across, top + value["height"] * down)
    return filled([ring], wide, high)


def decode(rle: Sequence[int], size: Size) -> NDArray[np.bool_]:
    """The mask, bool H×W, of run lengths of RGBA values: where alpha is above one half. Raises ValueError."""
    wide, high = size
    bits = "".join(f"{byte:08b}" for byte in bytes(rle))
    at = 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        if at > len(bits):
            raise ValueError("the run lengths are cut off")
        return int(bits[at - count : at], 2)

    count, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if count != 4 * wide * high or word != 8:
        raise ValueError(f"run lengths of {count} values of {word} bits for a picture of {wide}×{high}")
    values = np.zeros(count, np.uint8)
    done = 0
    while done < count:
        is_run = take(1)
        length = take(sizes[take(2)]) + 1
        if is_run:
            values[done : done + length] = take(word)
        else:
            values[done : done + length] = [take(word) for _ in range(min(length, count - done))]
        done += length
    return values[3::4].reshape(high, wide) > 127


def encode(mask: NDArray[np.bool_]) -> list[int]:
    """The run lengths, as bytes, of a mask, bool H×W, whose RGBA values are all 255 inside, 0 outside."""
    bits = [f"{4 * mask.size:032b}{7:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    for number, run in enumerate(runs(mask)):
        left, value = 4 * run, "11111111" if number % 2 else "00000000"
        while left:
            length = min(left, 1 << _SIZES[-1])
            index = next(index for index, size in enumerate(_SIZES) if length <= 1 << size)
            bits.append(f"1{index:02b}{length - 1:0{_SIZES[index]}b}{value}")
            left -= length
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8))


def results(item: Item) -> list[dict[str, Any]]:
    """One brush result per class."""
    assert item.row is not None
    return [
        {
            "id": f"{name}-{number}",
            "type": "brushlabels",
            "from_name": CONTROL,
            "to_name": OBJECT,
            "original_width": item.row.width,
            "original_height": item.row.height,
            "image_rotation": 0,
            "value": {"format": "rle", "rle": encode(mask), "brushlabels": [name]},
        }
        for number, (name, mask) in enumerate(item.layers())
    ]


def write(target: Sink, items: Iterable[Item]) -> None:
    """tasks.json with an annotation for every picture, config.xml, and images/."""
    tasks = []
    for item in items:
        target.write(f"images/{item.name}", item.picture)
        annotation = {"result": results(item), "completed_by": {"email": item.annotator}}
        tasks.append({"data": task_data(item.name), "annotations": [annotation]})
    target.write(TASKS, json.dumps(tasks))
    target.write("config.xml", config())


def task_data(name: str) -> dict[str, str]:
    """What a task says of its picture, which Label Studio serves from a local folder of this name."""
    return {"image": f"/data/local-files/?d=images/{name}", "name": f"images/{name}"}
