"""Pictures packed for annotators, with a first draft of their labels."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from livematte.annotate.pool import rows_of
from livematte.dataset.formats import cvat, label_studio
from livematte.dataset.formats.files import Sink
from livematte.dataset.formats.item import Item
from livematte.dataset.index import is_inside
from livematte.dataset.pictures import Pictures
from livematte.dataset.transfer import ROWS, item_of
from livematte.dataset.write import Names, check_new_folder, new_folder
from livematte.errors import OptionError
from livematte.segment import Segmenter

Tool = Literal["cvat", "label-studio"]
Draft = Literal["network", "truth", "none"]
Progress = Callable[[int, int | None], None]

MANIFEST = "pack.json"


def pack_annotation(
    data: str | PathLike[str],
    out: str | PathLike[str],
    annotators: Sequence[str],
    *,
    tool: Tool = "label-studio",
    overlap: float = 0.1,
    draft: Draft = "network",
    network: str | PathLike[str] = "best",
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Make a folder for each annotator, ready for a tool, with first drafts to correct.

    data: a data folder, or any folder of pictures. overlap: the share of the pictures, at least one where it
    is above 0, that two annotators get, each pair equally often; the others go round. draft: what the network
    sees (`person`), the masks that the folder has (`truth`), or nothing. seed: who gets what.
    Returns how many pictures each got. Raises InputError, OptionError or OutputError.
    """
    folder, out = Path(data), Path(out)
    if len(set(annotators)) < len(annotators) or not annotators:
        raise OptionError("every annotator needs a name of their own")
    if wrong := [name for name in annotators if not is_inside(name) or len(PurePosixPath(name).parts) > 1]:
        raise OptionError(f"{wrong[0]!r} is no annotator's name: it has to be a folder's name")
    if not 0 <= overlap <= 1:
        raise OptionError(f"overlap is a share, 0 to 1, not {overlap}")
    if overlap and len(annotators) < 2:
        raise OptionError("an overlap needs two annotators; or say overlap 0")
    check_new_folder(out)
    rows = rows_of(folder)
    shares = assign(len(rows), annotators, overlap, seed)
    segmenter = Segmenter(network, threads=threads) if draft == "network" else None
    with Pictures(folder) as pictures, new_folder(out) as fresh:
        parts = {name: _Part(Sink(fresh / name), tool) for name in annotators}
        names = Names()
        for number, row in enumerate(rows):
            given = replace(row, truth="none", mask=None) if draft != "truth" else row
            item = item_of(pictures, given, names)
            if segmenter is not None:
                item = _drafted(segmenter, pictures.rgb(row), item)
            for name in shares[number]:
                parts[name].add(item)
            if progress:
                progress(number + 1, len(rows))
        for part in parts.values():
            part.finish()
        content = {"tool": tool, "annotators": {name: part.names for name, part in parts.items()}}
        (fresh / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return {name: len(part.names) for name, part in parts.items()}


def assign(count: int, annotators: Sequence[str], overlap: float, seed: int) -> list[list[str]]:
    """Who gets each of `count` pictures: one or two annotators."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    shared = min(count, max(1, round(overlap * count))) if overlap else 0
    pairs = [(one, other) for place, one in enumerate(annotators) for other in annotators[place + 1 :]]
    given: list[list[str]] = [[] for _ in range(count)]
    for place, number in enumerate(order):
        if place < shared:
            given[number] = list(pairs[place % len(pairs)])
        else:
            given[number] = [annotators[place % len(annotators)]]
    return given


def _drafted(segmenter: Segmenter, picture: NDArray[np.uint8], item: Item) -> Item:
    segmenter.reset()
    person = segmenter(picture).alpha > 0.5
    if not person.any():
        return item
    return replace(item, truth="person", mask=np.where(person, 255, 0).astype(np.uint8))


class _Part:
    """What one annotator gets."""

    def __init__(self, target: Sink, tool: Tool) -> None:
        self._target, self._tool = target, tool
        self._rows: list[str] = []
        self._tasks: list[dict[str, object]] = []
        self._root = cvat.document()
        self.names: list[str] = []

    def add(self, item: Item) -> None:
        assert item.row is not None
        self._target.write(f"images/{item.name}", item.picture)
        if self._tool == "cvat":
            self._root.append(cvat.image_element(len(self.names), item))
        else:
            results = label_studio.results(item)
            drafts = [{"model_version": "livematte", "result": results}] if results else []
            self._tasks.append({"data": label_studio.task_data(item.name), "predictions": drafts})
        self._rows.append(item.row.to_json() + "\n")
        self.names.append(item.name)

    def finish(self) -> None:
        if self._tool == "cvat":
            self._target.write(cvat.XML, cvat.text_of(self._root))
            self._target.write("labels.json", json.dumps(cvat.constructor(), indent=1) + "\n")
        else:
            self._target.write(label_studio.TASKS, json.dumps(self._tasks))
            self._target.write("config.xml", label_studio.config())
        self._target.write(ROWS, "".join(self._rows))
