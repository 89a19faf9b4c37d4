"""How well a network does on annotated pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from livematte.dataset import Pictures, Row, read_index, select
from livematte.errors import InputError
from livematte.measure import iou
from livematte.media import AnyPath
from livematte.pipeline import Progress
from livematte.segment import Segmenter


@dataclass(frozen=True, slots=True)
class Score:
    """The mean IoU of the person, 0..1, over the pictures of one set."""

    set: str
    pictures: int
    iou: float


def evaluate(
    data: str | PathLike[str],
    *,
    split: str = "val",
    sets: Sequence[str] = (),
    network: AnyPath = "best",
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Score]:
    """Compare the network's mattes with the truth of one split, set by set.

    data: a folder with `index.jsonl`. A still is segmented as a first frame; the frames of a clip follow each
    other, each fed the mask before it. Measured at the pictures' own size after refinement, person above one
    half. Raises InputError.
    """
    rows = [row for row in select(read_index(Path(data)), split=split, sets=sets) if row.truth != "none"]
    if not rows:
        raise InputError(
            f"{data}: no annotated picture of split {split!r} there" + (f" in {sets}" if sets else "")
        )
    rows.sort(key=lambda row: (row.set, row.clip or "", row.frame or 0))
    segmenter, results = Segmenter(network, threads=threads), defaultdict(list)
    before: Row | None = None
    with Pictures(Path(data)) as pictures:
        for number, row in enumerate(rows, 1):
            if before is None or row.clip is None or not _follows(row, before):
                segmenter.reset()
            picture, truth = pictures.pair(row)
            results[row.set].append(iou(segmenter(picture).alpha, truth))
            before = row
            if progress:
                progress(number, len(rows))
    return [Score(name, len(values), float(np.mean(values))) for name, values in sorted(results.items())]


def _follows(row: Row, before: Row) -> bool:
    return (row.set, row.clip) == (before.set, before.clip) and row.frame == (before.frame or 0) + 1
