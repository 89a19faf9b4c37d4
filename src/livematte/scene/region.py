"""Where one part of the people is in a frame: a box of it, and the part's share of every pixel there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from livematte.frame import Alpha, Frame, Plane, halve
from livematte.labels import Label
from livematte.scene.composite import Levels
from livematte.scene.placement import Box
from livematte.segment.refine import LEAST_SIDE, Refiner

SEEN = 0.1
"""A share of the network's small picture above which a part is looked for."""

MARGIN = 12
"""How far around it the box reaches, in pixels at the size where edges are found: the filters' windows."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One part of the people in a frame.

    box: of the stored luma, its corner on the grid of chroma; levels: uint8, the part's share of every pixel
    in the box, 0..255, no more than the person's; sure: uint8, 255 where that is more than half, else 0.
    """

    box: Box
    levels: Levels
    sure: Levels

    def of(self, planes: Sequence[Plane]) -> list[Plane]:
        """Views of what the planes of the frame show in the box."""
        return _cut(planes, self.box)


class Finder:
    """Finds one part of the people in frame after frame."""

    def __init__(self, part: Label) -> None:
        self._part = part
        self._refine = Refiner()

    def __call__(self, frame: Frame, levels: Levels, parts: Alpha) -> Region | None:
        """The region, None where there is nothing of the part; levels, parts: those of the frame's matte."""
        share = np.ascontiguousarray(frame.orientation.stored(parts[..., self._part - 1]))
        depth = max(0, (max(frame.width, frame.height) // LEAST_SIDE).bit_length() - 1)
        box = _box(share, frame, depth)
        if box is None:
            return None
        planes = _cut(frame.planes(), box)
        # the box is refined at the scale at which the whole frame would be
        least = max(box.width, box.height) >> depth
        small = [halve(plane, least) for plane in planes]
        found = self._refine.along(_shrunk(share, frame, box, depth), planes, small, frame.bits, least)
        found = cv2.min(found, levels[box.rows, box.columns]).astype(np.uint8, copy=False)
        sure = np.where(found > 127, 255, 0).astype(np.uint8)
        return Region(box, found, sure) if sure.any() else None


def _box(share: Alpha, frame: Frame, depth: int) -> Box | None:
    """The box of what is seen, with a margin, on a grid that halves `depth` times."""
    seen = share > SEEN
    sides = []
    for axis, side in ((0, frame.width), (1, frame.height)):
        places = np.flatnonzero(seen.any(axis))
        if not places.size:
            return None
        cell, step, margin = side / seen.shape[1 - axis], max(2, 1 << depth), MARGIN << depth
        first = max(0, int(places[0] * cell) - margin) // step * step
        last = min(side, -(-(int((places[-1] + 1) * cell) + margin) // step) * step)
        sides.append((first, last - first))
    (left, width), (top, height) = sides
    return Box(left, top, width, height)


def _shrunk(share: Alpha, frame: Frame, box: Box, depth: int) -> Alpha:
    """The small share of the whole frame, as it is in the box at the size where edges are found."""
    size = max(1, frame.width >> depth), max(1, frame.height >> depth)
    whole = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
    top, left = box.top >> depth, box.left >> depth
    rows, columns = (max(1, side >> depth) for side in (box.height, box.width))
    return np.ascontiguousarray(whole[top : top + rows, left : left + columns], np.float32)


def _cut(planes: Sequence[Plane], box: Box) -> list[Plane]:
    high, wide = planes[0].shape[:2]
    parts = []
    for plane in planes:
        down, across = -(-high // plane.shape[0]), -(-wide // plane.shape[1])
        rows = slice(box.top // down, -(-(box.top + box.height) // down))
        parts.append(plane[rows, box.left // across : -(-(box.left + box.width) // across)])
    return parts
