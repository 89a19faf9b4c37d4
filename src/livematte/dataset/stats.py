"""What a data folder holds, counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livematte.dataset.classes import Table, read_classes
from livematte.dataset.index import NINE, Row, read_index
from livematte.dataset.pictures import Pictures
from livematte.threads import in_threads

PERSON = {0: "nobody", 1: "person"}
"""What masks of truth `person` and `alpha` are counted as: above or below one half."""


@dataclass(slots=True)
class Share:
    """How much of one class there is: in how many pictures, and the sum of its shares of a picture's area."""

    pictures: int = 0
    area: float = 0.0


@dataclass(slots=True)
class Stats:
    """Counts of pictures by key and value, and of classes by the table of their names.

    counts: for `split`, `set`, `truth`, `kind`, `by`, `annotator`, `licence`: pictures by value.
    classes: by table, of the pictures that are annotated with it, by the name of the class.
    annotated: pictures by table.
    """

    pictures: int = 0
    clips: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    classes: dict[str, dict[str, Share]] = field(default_factory=dict)
    annotated: Counter[str] = field(default_factory=Counter)


KEYS = ("split", "set", "truth", "kind", "by", "annotator", "licence")


def data_stats(
    folder: str | PathLike[str],
    *,
    threads: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Stats:
    """Count the pictures of a data folder by what its index says, and its classes by what its masks hold.

    threads: as many as there are cores when left out; progress: called with the masks done and their number.
    Raises InputError.
    """
    folder = Path(folder)
    rows, tables = read_index(folder), read_classes(folder)
    stats = Stats(len(rows), len({(row.set, row.clip) for row in rows if row.clip is not None}))
    stats.counts = {key: Counter(str(getattr(row, key)) or "not stated" for row in rows) for key in KEYS}
    masked = [row for row in rows if row.mask is not None]
    with Pictures(folder) as pictures:

        def work(row: Row) -> tuple[Row, NDArray[np.float64]]:
            return row, _shares(pictures, row)

        results = in_threads(work, masked, threads or os.cpu_count() or 1)
        for done, (row, shares) in enumerate(results, 1):
            _count(stats, row, shares, tables)
            if progress:
                progress(done, len(masked))
    return stats


def _shares(pictures: Pictures, row: Row) -> NDArray[np.float64]:
    """The share of the picture's area of each number of its mask."""
    mask = pictures.parts(row) if row.truth == "parts" else pictures.person(row) > 127
    return np.bincount(mask.ravel().astype(np.uint8), minlength=256) / mask.size


def _count(stats: Stats, row: Row, shares: NDArray[np.float64], tables: Mapping[str, Table]) -> None:
    name = row.labels if row.truth == "parts" else "person"
    table = tables.get(name, {}) if row.truth == "parts" else PERSON
    stats.annotated[name] += 1
    classes = stats.classes.setdefault(name, {})
    for number in np.flatnonzero(shares).tolist():
        share = classes.setdefault(table.get(number, f"number {number}"), Share())
        share.pictures += 1
        share.area += float(shares[number])


def in_order(stats: Stats) -> list[tuple[str, str, int, float, float]]:
    """Of each class: table, name, pictures, the share of the table's pictures, the mean share of the area."""
    return [
        (table, name, share.pictures, share.pictures / annotated, share.area / annotated)
        for table, annotated in sorted(stats.annotated.items(), key=lambda one: (one[0] != NINE, one[0]))
        for name, share in sorted(stats.classes[table].items(), key=lambda one: -one[1].area)
    ]
