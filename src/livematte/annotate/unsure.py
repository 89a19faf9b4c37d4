"""Which pictures to annotate next: those where the network is least sure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from livematte.annotate.pool import rows_of
from livematte.dataset.pictures import Pictures
from livematte.frame import Alpha
from livematte.segment import Segmenter


@dataclass(frozen=True, slots=True)
class Unsure:
    """A picture and how unsure the network is of it: the mean entropy of its mask in bits, 0..1."""

    image: str
    entropy: float


def next_to_annotate(
    data: str | PathLike[str],
    *,
    count: int | None = None,
    unlabelled: bool = False,
    network: str | PathLike[str] = "best",
    threads: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Unsure]:
    """The pictures that the network is least sure of, those first (uncertainty sampling, Settles 2009).

    data: a data folder, or any folder of pictures. count: so many; all when left out. unlabelled: only rows
    without a mask. Of one clip only the frame that it is least sure of is named: the others look like it.
    Raises InputError or OptionError.
    """
    folder = Path(data)
    rows = [row for row in rows_of(folder) if not unlabelled or row.mask is None]
    segmenter = Segmenter(network, threads=threads)
    best: dict[tuple[str, str], Unsure] = {}
    with Pictures(folder) as pictures:
        for done, row in enumerate(rows, 1):
            segmenter.reset()
            one = Unsure(row.image, mean_entropy(segmenter(pictures.rgb(row)).mask))
            key = (row.set, row.clip) if row.clip is not None else (row.shard or "", row.image)
            if key not in best or best[key].entropy < one.entropy:
                best[key] = one
            if progress:
                progress(done, len(rows))
    return sorted(best.values(), key=lambda one: -one.entropy)[:count]


def mean_entropy(mask: Alpha) -> float:
    """The mean over all pixels of the entropy in bits of a mask, float32 H×W in 0..1: 1 where all are ½."""
    share = np.clip(mask.astype(np.float64), 1e-12, 1 - 1e-12)
    return float(-(share * np.log2(share) + (1 - share) * np.log2(1 - share)).mean())
