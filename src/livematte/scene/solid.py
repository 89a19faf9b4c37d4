"""Glasses and headphones without holes."""

from __future__ import annotations

import cv2
import numpy as np

from livematte.frame import Alpha, Matte, halve
from livematte.labels import Label
from livematte.scene.composite import Levels

SIDE = 320
"""The levels are halved while their longer side stays at least this; there holes are looked for."""

HOLE = 230
"""The level below which a pixel may be of a hole."""

LARGEST = 0.004
"""Of the picture's area: a larger hole stays open, such as the one between an arm and a hip."""

SEEN, SURE = 0.25, 0.5
"""Mean shares of glasses and accessories around a hole from which on it is closed: a little, and wholly."""


def solid(matte: Matte) -> Levels:
    """The matte's levels with small holes within and beside glasses and accessories closed.

    A hole is a place with less alpha that more alpha surrounds on all sides; other holes stay as they are.
    """
    if matte.parts is None:
        return matte.levels
    share = matte.parts[..., Label.GLASSES - 1] + matte.parts[..., Label.ACCESSORY - 1]
    if share.max() < SEEN:
        return matte.levels
    small = halve(matte.levels, SIDE).astype(np.uint8, copy=False)
    stored = np.ascontiguousarray(matte.orientation.stored(share))
    fitted = cv2.resize(stored, small.shape[::-1], interpolation=cv2.INTER_LINEAR)
    cover = _cover(small, fitted.astype(np.float32, copy=False))
    if not cover.any():
        return matte.levels
    size = matte.levels.shape[::-1]
    whole = cv2.resize(cover, size, interpolation=cv2.INTER_LINEAR)
    return cv2.max(matte.levels, whole).astype(np.uint8, copy=False)


def _cover(small: Levels, share: Alpha) -> Levels:
    """What closes the holes, 0..255, at their size."""
    number, labels, stats, _ = cv2.connectedComponentsWithStats(
        (small < HOLE).astype(np.uint8), connectivity=4
    )
    cover = np.zeros_like(small)
    high, wide = small.shape
    for label in range(1, number):
        left, top, width, height, area = stats[label]
        inside = left > 0 and top > 0 and left + width < wide and top + height < high
        if not inside or area > LARGEST * small.size:
            continue
        around = np.s_[top - 1 : top + height + 1, left - 1 : left + width + 1]
        hole = (labels[around] == label).astype(np.uint8)
        closed = cv2.dilate(hole, np.ones((3, 3), np.uint8))
        rim = float(share[around][closed > hole].mean())
        level = np.uint8(255 * min(max((rim - SEEN) / (SURE - SEEN), 0), 1))
        np.maximum(cover[around], level * closed, out=cover[around])
    return cover
