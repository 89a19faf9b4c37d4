"""Whether a data folder is as its index says, picture by picture."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from livematte.dataset.classes import CLASSES, Table, read_classes
from livematte.dataset.duplicates import Look, duplicates
from livematte.dataset.examine import Examined, examine
from livematte.dataset.index import INDEX, Row, index_lines, is_inside, parse_row
from livematte.dataset.pictures import Pictures
from livematte.errors import InputError
from livematte.threads import in_threads

HOLE = 1e-3
"""The largest share of a picture that is taken for a hole in a person; larger ones are gaps to look at."""

CHOICES = {
    "truth": ("person", "alpha", "parts", "none"),
    "kind": ("still", "clip", "cutout", "background"),
    "by": ("human", "key", "teacher"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    file: what it is wrong with, relative to the folder. row: its number in the index, from 0; None where the
    fault is not one picture's. doubtful: it may be right: look at it.
    """

    file: str
    what: str
    row: int | None = None
    doubtful: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.what}" + (" (doubtful)" if self.doubtful else "")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. rows: those lines of the index that could be read, by their number from 0."""

    folder: Path
    rows: Mapping[int, Row]
    faults: Sequence[Fault]

    @property
    def sound(self) -> bool:
        """Whether there is nothing but doubtful things."""
        return all(fault.doubtful for fault in self.faults)


def check_data(
    folder: str | PathLike[str],
    *,
    hole: float = HOLE,
    threads: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Checked:
    """Look for every fault of a data folder: its index, each picture and mask, and duplicates across splits.

    hole: the largest unlabelled hole inside a person, as a share of the picture, that is a fault in a mask of
    `parts`; larger ones may be true gaps and are doubtful. threads: as many as there are cores when left out.
    progress: called with the pictures done and their number. Memory grows by some hundred bytes a picture.
    Raises InputError where there is no index.
    """
    folder = Path(folder)
    rows, faults = _read_rows(folder)
    tables, of_tables = _tables(folder, rows.values())
    faults += of_tables
    looks: dict[int, Look] = {}
    with Pictures(folder) as pictures:

        def work(numbered: tuple[int, Row]) -> tuple[int, Examined]:
            number, row = numbered
            return number, examine(pictures, row, tables.get(row.labels), hole)

        results = in_threads(work, rows.items(), threads or os.cpu_count() or 1)
        for done, (number, examined) in enumerate(results, 1):
            faults += [Fault(file, what, number, doubtful) for file, what, doubtful in examined.faults]
            if examined.look is not None:
                looks[number] = examined.look
            if progress:
                progress(done, len(rows))
    faults += _across_splits(rows, looks)
    faults.sort(key=lambda fault: (fault.doubtful, -1 if fault.row is None else fault.row))
    return Checked(folder, rows, faults)


def _read_rows(folder: Path) -> tuple[dict[int, Row], list[Fault]]:
    rows: dict[int, Row] = {}
    faults = []
    seen: dict[tuple[str | None, str], int] = {}
    for number, line in enumerate(index_lines(folder)):
        where = f"{INDEX}, line {number + 1}"
        try:
            row = parse_row(line)
        except ValueError as error:
            faults.append(Fault(where, f"not a row: {error}"))
            continue
        wrong = list(_wrong_values(row))
        if (row.shard, row.image) in seen:
            wrong.append(f"{row.image} is in line {seen[row.shard, row.image] + 1} already")
        if wrong:
            faults += [Fault(where, what, number) for what in wrong]
            continue
        seen[row.shard, row.image] = number
        rows[number] = row
    return rows, faults


def _wrong_values(row: Row) -> Iterator[str]:
    """What is wrong with a row's values, so far as no file is needed to tell."""
    for key, choices in CHOICES.items():
        if (value := getattr(row, key)) not in choices:
            yield f"{key} is {value!r}, not one of {', '.join(choices)}"
    for key in ("image", "mask", "shard"):
        if (value := getattr(row, key)) is not None and not is_inside(value):
            yield f"{key} {value!r} lies outside the folder"
    if (row.truth == "none") != (row.mask is None):
        yield f"truth is {row.truth!r} and mask {json.dumps(row.mask)}: none has no mask, all others have one"
    if (row.kind == "clip") != (row.clip is not None and row.frame is not None):
        yield "clip and frame belong to kind 'clip', which needs both"


def _tables(folder: Path, rows: Iterable[Row]) -> tuple[dict[str, Table], list[Fault]]:
    """The folder's class tables, and what is wrong with them."""
    try:
        tables = read_classes(folder)
    except InputError as error:
        return {}, [Fault(CLASSES, str(error))]
    faults = []
    for name in sorted({row.labels for row in rows if row.truth == "parts"} - tables.keys()):
        faults.append(Fault(CLASSES, f"has no table {name!r}, which rows of the index name"))
    return tables, faults


def _across_splits(rows: Mapping[int, Row], looks: Mapping[int, Look]) -> Iterator[Fault]:
    """Clips and pictures that are in two splits."""
    home: dict[tuple[str, str], str] = {}
    frames: dict[tuple[str, str, int | None], str] = {}
    for number, row in rows.items():
        if row.clip is None:
            continue
        if home.setdefault((row.set, row.clip), row.split) != row.split:
            other = home[row.set, row.clip]
            yield Fault(row.image, f"clip {row.clip!r} is in split {other!r} and in {row.split!r}", number)
        first = frames.setdefault((row.set, row.clip, row.frame), row.image)
        if first != row.image:
            yield Fault(row.image, f"is frame {row.frame} of clip {row.clip!r}, as is {first}", number)
    numbers = list(looks)
    for late, early in duplicates(list(looks.values()), [rows[number].split for number in numbers]):
        row, same = rows[numbers[late]], rows[numbers[early]]
        what = f"in split {row.split!r}, looks like {same.image} in split {same.split!r}"
        yield Fault(row.image, what, numbers[late])
