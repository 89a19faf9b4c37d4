"""Pictures that look the same, found by perceptual hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 6
"""Hashes that differ in no more of their 64 bits may be of one picture."""

LEVELS = 10.0
"""Thumbnails of one picture differ by no more than this mean of 0..255."""

_BLOCK = 256  # rows compared at once: memory grows with the number of pictures, not with its square


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a picture looks like: its hash of 64 bits and its thumbnail, uint8 8×8×3."""

    hash: int
    thumbnail: NDArray[np.uint8]


def look(picture: NDArray[np.uint8]) -> Look:
    """The look of uint8 RGB H×W×3: the signs of its lowest frequencies (pHash, Zauner 2010)."""
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    low = cv2.dct(grey)[:8, :8].ravel()
    bits = low > np.median(low[1:])  # the first is the mean level, which says nothing of the picture
    thumbnail = cv2.resize(small, (8, 8), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return Look(int.from_bytes(np.packbits(bits).tobytes()), thumbnail)


def duplicates(looks: Sequence[Look], splits: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Each picture that looks like an earlier one of another split, with the one that it is closest to."""
    if not looks:
        return
    hashes = np.array([one.hash for one in looks], np.uint64)
    _, split = np.unique(np.array(splits), return_inverse=True)
    for start in range(0, len(looks), _BLOCK):
        rows = slice(start, start + _BLOCK)
        apart = np.bitwise_count(hashes[rows, None] ^ hashes[None, : start + _BLOCK])
        near = (apart <= BITS) & (split[rows, None] != split[None, : start + _BLOCK])
        for row in np.flatnonzero(near.any(axis=1)):
            one = start + int(row)
            others = np.flatnonzero(near[row])
            others = others[others < one]
            for other in others[np.argsort(apart[row, others], kind="stable")]:
                if _same(looks[one].thumbnail, looks[other].thumbnail):
                    yield one, int(other)
                    break


def _same(thumbnail: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    return float(cv2.absdiff(thumbnail, other).mean()) <= LEVELS
