"""The pictures that an evaluation shows, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.dataset import Pictures, Row
from livematte.frame import Picture


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture and its truth.

    picture: uint8 RGB H×W×3. truth: uint8 H×W in 0..255. is_alpha: the truth's soft values count, too.
    clip, frame: None for a still. follows: it comes right after the sample before it, in the same clip.
    """

    set: str
    image: str
    picture: Picture
    truth: Picture
    is_alpha: bool = False
    clip: str | None = None
    frame: int | None = None
    follows: bool = False


def levels(values: NDArray[Any]) -> Picture:
    """Values of 0..255, or a little beyond, as uint8."""
    whole: Picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return whole


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows by set, clip and frame, as `annotated` wants them."""
    return sorted(rows, key=lambda row: (row.set, row.clip or "", row.frame or 0))


def annotated(pictures: Pictures, rows: Sequence[Row]) -> Iterator[Sample]:
    """The rows' pictures with their truth; a chroma key counts as alpha. Raises InputError."""
    before, size = None, None
    for row in rows:
        picture, truth = pictures.pair(row)
        yield Sample(
            row.set,
            row.image,
            picture,
            truth,
            is_alpha=row.truth == "alpha" or row.by == "key",
            clip=row.clip,
            frame=row.frame,
            follows=before is not None and truth.shape == size and _follows(row, before),
        )
        before, size = row, truth.shape


def _follows(row: Row, before: Row) -> bool:
    same = row.clip is not None and (row.set, row.clip) == (before.set, before.clip)
    return same and row.frame == (before.frame or 0) + 1
