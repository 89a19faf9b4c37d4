"""How well annotators agree with each other, and what they meant together."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from livematte.annotate.consensus import majority, staple
from livematte.annotate.distance import boundary_distance, overlap
from livematte.dataset.classes import NAMES
from livematte.dataset.index import INDEX, NINE, Row, read_index
from livematte.dataset.pictures import Pictures
from livematte.dataset.write import Writer, check_new_folder, new_folder
from livematte.errors import InputError
from livematte.threads import in_threads

GOAL = 0.98
"""The IoU between annotators that the 2018 data reached."""

PERSON = "person"

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators' labels of one picture, compared.

    overlaps: pixels of intersection and union by class that either of them used, `person` among them.
    distance: mean distance of the person's outlines in pixels; None where only one saw somebody.
    rows: their rows, of which the first is in `folders[0]`.
    """

    picture: str
    annotators: tuple[str, str]
    overlaps: Mapping[str, tuple[int, int]]
    distance: float | None
    folders: tuple[Path, Path]
    rows: tuple[Row, Row]

    @property
    def iou(self) -> float:
        """Of the person; 1 where both saw nobody."""
        return ratio(self.overlaps[PERSON])


@dataclass(frozen=True, slots=True)
class Agreement:
    """All pairs of annotators of all pictures that two or more of them annotated."""

    pairs: Sequence[Pair]

    def classes(self) -> dict[str, tuple[float, float, int]]:
        """By class, the person first: IoU over all pixels, mean IoU of pairs that have it, their number."""
        found = {}
        for name in (PERSON, *(name for name, label in NAMES.items() if label)):
            own = [pair.overlaps[name] for pair in self.pairs if name in pair.overlaps]
            own = [one for one in own if one[1]]
            if own:
                pooled = ratio((sum(both for both, _ in own), sum(either for _, either in own)))
                found[name] = pooled, sum(map(ratio, own)) / len(own), len(own)
        return found

    def of_annotators(self) -> dict[tuple[str, str], tuple[float, float | None, int]]:
        """By pair of annotators: the person's IoU over all pixels, mean distance of outlines, pictures."""
        groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for pair in self.pairs:
            groups[pair.annotators].append(pair)
        return {names: (pooled(group), mean_distance(group), len(group)) for names, group in groups.items()}

    @property
    def iou(self) -> float:
        """Of the person, over all pixels of all pairs."""
        return pooled(self.pairs)

    @property
    def reached(self) -> bool:
        """Whether the annotators agree as well as those of the 2018 data."""
        return self.iou >= GOAL


def ratio(pixels: tuple[int, int]) -> float:
    """Intersection over union; 1 where there is neither."""
    both, either = pixels
    return both / either if either else 1.0


def pooled(pairs: Sequence[Pair]) -> float:
    """The person's IoU over all pixels of all pairs."""
    counts = [pair.overlaps[PERSON] for pair in pairs]
    return ratio((sum(both for both, _ in counts), sum(either for _, either in counts)))


def mean_distance(pairs: Sequence[Pair]) -> float | None:
    """Over the pairs that have one."""
    known = [pair.distance for pair in pairs if pair.distance is not None]
    return sum(known) / len(known) if known else None


def annotation_agreement(
    folders: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Agreement:
    """Compare the labels of every two annotators of one picture.

    folders: what `collect_annotation` made, or data folders, one of each annotator; pictures are the same
    where their files have the same name. A class that either row merges with others is compared as merged;
    where one has parts and the other the person alone, the person alone is compared.
    Raises InputError where nothing was annotated twice.
    """
    places = of_annotators(folders)
    jobs = [
        ((one[0], other[0]), (one[1], other[1]))
        for found in _by_picture(places).values()
        for one, other in combinations(found, 2)
    ]
    if not jobs:
        raise InputError(f"{', '.join(map(str, places))}: no picture was annotated by two of them")
    pairs = []
    for done, pair in enumerate(in_threads(_compare, jobs, threads or os.cpu_count() or 1), 1):
        pairs.append(pair)
        if progress:
            progress(done, len(jobs))
    return Agreement(pairs)


def of_annotators(folders: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[Path]:
    """The data folders, one of each annotator, in what is given. Raises InputError."""
    if isinstance(folders, str | PathLike):
        inside = sorted(path.parent for path in Path(folders).glob(f"*/{INDEX}"))
        if not inside:
            raise InputError(f"{folders}: no folder with an {INDEX} there, one for each annotator")
        return inside
    return [Path(folder) for folder in folders]


def _by_picture(places: Sequence[Path]) -> dict[str, list[tuple[Path, Row]]]:
    pictures: dict[str, list[tuple[Path, Row]]] = defaultdict(list)
    for place in places:
        for row in read_index(place):
            if row.truth == "parts" and row.labels != NINE:
                raise InputError(f"{place}: {row.image} has numbers of the table {row.labels!r}")
            pictures[Path(row.image).name].append((place, row))
    return dict(sorted(pictures.items()))


def _compare(job: tuple[tuple[Path, Path], tuple[Row, Row]]) -> Pair:
    folders, rows = job
    first, second = (labels_of(folder, row) for folder, row in zip(folders, rows, strict=True))
    if first.shape != second.shape:
        raise InputError(f"{folders[1] / rows[1].image}: is not of the size of {folders[0] / rows[0].image}")
    overlaps = {PERSON: overlap(first > 0, second > 0)}
    if {row.truth for row in rows} <= {"parts", "none"}:
        merged = _merging([group for row in rows for group in row.merged])
        first, second = merged[first], merged[second]
        for name, label in NAMES.items():
            if label and ((first == label).any() or (second == label).any()):
                overlaps[name] = overlap(first == label, second == label)
    names = [row.annotator or folder.name for folder, row in zip(folders, rows, strict=True)]
    distance = boundary_distance(first > 0, second > 0)
    return Pair(Path(rows[0].image).name, (names[0], names[1]), overlaps, distance, folders, rows)


def labels_of(folder: Path, row: Row) -> NDArray[np.uint8]:
    """Class numbers, or 0 and 1 where a mask has no parts, uint8 H×W. Raises InputError."""
    with Pictures(folder) as pictures:
        if row.truth == "parts":
            return pictures.parts(row)
        return (pictures.person(row) > 127).astype(np.uint8)


def _merging(groups: Sequence[Sequence[str]]) -> NDArray[np.uint8]:
    """The number by which each class is compared, where groups of classes are one."""
    numbers = np.arange(256, dtype=np.uint8)
    for group in groups:
        own = [int(NAMES[name]) for name in group]
        numbers[np.isin(numbers, numbers[own])] = numbers[own].min()
    return numbers


def annotation_consensus(
    folders: str | PathLike[str] | Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    *,
    by: Literal["staple", "majority"] = "staple",
    progress: Progress | None = None,
) -> int:
    """Make one data folder of several annotators' ones: where a picture has several labellings, of all.

    folders: as for `annotation_agreement`. by: `staple` weighs annotators by how reliable they prove, picture
    by picture; `majority` counts them. The annotators' names stand in the row, with + between.
    Returns the number of pictures. Raises InputError or OutputError.
    """
    places = of_annotators(folders)
    check_new_folder(Path(out))
    pictures = _by_picture(places)
    with new_folder(Path(out)) as fresh:
        writer = Writer(fresh)
        for done, found in enumerate(pictures.values(), 1):
            row, mask = _together(found, by)
            with Pictures(found[0][0]) as source:
                writer.add(row, source.data(found[0][1], found[0][1].image), mask)
            if progress:
                progress(done, len(pictures))
        writer.finish()
    return len(pictures)


def _together(found: Sequence[tuple[Path, Row]], by: str) -> tuple[Row, NDArray[np.uint8] | None]:
    rows = [row for _, row in found]
    votes = np.stack([labels_of(folder, row) for folder, row in found])
    in_parts = {row.truth for row in rows} <= {"parts", "none"}
    if not in_parts:
        votes = (votes > 0).astype(np.uint8)
    groups = tuple(dict.fromkeys(group for row in rows for group in row.merged))
    votes = _merging(groups)[votes]
    labels = votes[0] if len(votes) == 1 else staple(votes).labels if by == "staple" else majority(votes)
    truth = "none" if not labels.any() else "parts" if in_parts else "person"
    mask = None if truth == "none" else labels if in_parts else labels * np.uint8(255)
    names = "+".join(dict.fromkeys(row.annotator or folder.name for folder, row in found))
    return replace(rows[0], truth=truth, annotator=names, merged=groups), mask


def worst(
    agreement: Agreement, count: int
) -> Iterator[tuple[Pair, NDArray[np.uint8], Sequence[NDArray[np.uint8]]]]:
    """The pairs that agree least about the person: each with its picture, uint8 RGB, and both labellings."""
    for pair in sorted(agreement.pairs, key=lambda pair: pair.iou)[:count]:
        with Pictures(pair.folders[0]) as pictures:
            picture = pictures.rgb(pair.rows[0])
        yield pair, picture, [labels_of(*one) for one in zip(pair.folders, pair.rows, strict=True)]
