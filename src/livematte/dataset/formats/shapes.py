"""Shapes as pixels: polygons by one rule, runs, and the box around a mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Points = Sequence[Sequence[float]]
"""x and y of each corner, in pixels from the upper left corner of the picture."""


def filled(rings: Iterable[Points], wide: int, high: int) -> NDArray[np.bool_]:
    """The pixels, bool H×W, whose centre lies inside an odd number of rings.

    The pixel in column x and row y has its centre at (x + ½, y + ½); one exactly on a left or upper edge is
    inside, on a right or lower edge outside. Holes are rings within rings. Raises ValueError.
    """
    turns = np.zeros((high, wide + 1), np.int32)
    for ring in rings:
        corners = np.asarray(ring, np.float64).reshape(-1, 2)
        if len(corners) < 3 or not np.isfinite(corners).all():
            raise ValueError("a polygon needs three finite corners")
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            low, top = np.clip(np.ceil(np.array([min(y0, y1), max(y0, y1)]) - 0.5), 0, high).astype(int)
            rows = np.arange(low, top)
            if len(rows):
                crossed = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
                columns = np.clip(np.ceil(crossed - 0.5), 0, wide).astype(int)
                turns[rows, columns] += 1
    inside: NDArray[np.bool_] = (np.cumsum(turns, axis=1)[:, :wide] & 1) > 0
    return inside


def box_ring(left: float, top: float, right: float, bottom: float) -> Points:
    """The corners of an upright rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, width and height of the smallest box around a mask that is not empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


def cropped(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int, int]:
    """What is within the smallest box around a mask, and the box's left and top."""
    left, top, wide, high = bounds(mask)
    return mask[top : top + high, left : left + wide], left, top


def runs(values: NDArray[np.bool_]) -> list[int]:
    """The lengths of runs of equal values, row by row, beginning with those of False (which may be 0)."""
    flat = values.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def from_runs(lengths: Sequence[int], wide: int, high: int) -> NDArray[np.bool_]:
    """The mask, bool H×W, of such runs. Raises ValueError where they do not fill it."""
    counts = np.asarray(lengths, np.int64)
    if (counts < 0).any() or counts.sum() != wide * high:
        raise ValueError(f"runs of {counts.sum()} pixels for a mask of {wide}×{high}")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(high, wide)
