"""Person before background, plane by plane, with the person's own colour at the edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Frame, Pixel, Plane, halve, halves

Levels = NDArray[np.uint8]
Values = NDArray[np.float32]
Places = NDArray[np.intp]

LEAST_SIDE = 160
"""A plane is halved while its longer side stays at least this; there colours around the edge are gathered."""

REACH = 4
"""How far, in pixels at that size, a colour is looked for."""

SOLID = 252
"""The level from which on a pixel is all person."""


def composite(frame: Frame, levels: Levels, behind: list[Plane], people: list[Plane] | None = None) -> Frame:
    """The frame's person before `behind`, as a new frame of the same format, tags and time.

    levels: uint8 H×W in 0..255 at the frame's stored size; behind: planes like the frame's own;
    people: the frame's planes in other colours, where wanted.
    out = behind + alpha · (person − behind), where the person's colour at half-transparent pixels is
    estimated, so that no rim of the old background stays.
    """
    result = frame.blank_like()
    edges = edges_of(levels, frame.planes())
    small = [halve(plane, LEAST_SIDE) for plane in people] if people else halved(frame)
    planes = zip(people or frame.planes(), small, behind, result.planes(), edges, strict=True)
    for plane, reduced, under, out, edge in planes:
        # padded rows have no flat places
        whole = out if out.flags.c_contiguous else np.empty_like(under)
        np.copyto(whole, under)
        cv2.copyTo(plane, edge.alpha, whole)
        mixed = edge.own_colour(plane, edge.reduced.like(reduced), frame.bits)
        theirs = _at(under, edge.places)
        mixed -= theirs
        mixed *= edge.share[:, None] if plane.ndim == 3 else edge.share
        mixed += theirs
        edge.put(mixed, whole)
        if whole is not out:
            np.copyto(out, whole)
    return result


@dataclass(frozen=True, slots=True)
class Reduced:
    """Alpha at the reduced size, and what blur fusion needs of it: all planes share it.

    alpha: float32 h×w in 0..1; person, room, own: weights by which colours are gathered.
    """

    alpha: Values
    person: Weight
    room: Weight
    own: Weight

    @classmethod
    def of(cls, alpha: Values) -> Reduced:
        """Of float32 alpha h×w in 0..1."""
        # what is part person and part background says little of either
        person, room = Weight(_fourth_power(alpha), REACH), Weight(_fourth_power(1 - alpha), REACH)
        return cls(alpha, person, room, Weight(np.square(alpha), REACH // 2))

    def like(self, plane: Plane) -> Values:
        """A plane that was halved as far as LEAST_SIDE allows, at this size."""
        size = self.alpha.shape[::-1]
        return cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)


class Weight:
    """How much each pixel counts, float32 h×w, where colours are gathered from around.

    radius: the window is a square of 2·radius + 1; times: how often it is applied.
    """

    def __init__(self, weight: Values, radius: int, times: int = 1) -> None:
        self._weight = weight + np.float32(1e-4)
        self._radius, self._times = radius, times
        self._sum = self._gathered(self._weight)

    def spread(self, plane: Values) -> Values:
        """The mean of a plane around each pixel, counting each by its weight: what has none is filled in."""
        deep = plane.ndim == 3
        mean = self._gathered(plane * (self._weight[..., None] if deep else self._weight))
        mean /= self._sum[..., None] if deep else self._sum
        return mean

    def _gathered(self, values: Values) -> Values:
        side = 2 * self._radius + 1
        for _ in range(self._times):
            values = cv2.blur(values, (side, side)).astype(np.float32, copy=False)
        return values


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a plane is neither all person nor all background.

    alpha: uint8 H×W in 0..255; places: flat indices of the edge's N pixels;
    share: float32 N, their alpha in 0..1; reduced: alpha at the reduced size;
    near: for each of the N the flat index of its pixel at that size.
    """

    alpha: Levels
    places: Places
    share: Values
    reduced: Reduced
    near: Places

    @classmethod
    def of(cls, alpha: Levels, reduced: Reduced) -> Edge:
        """The edge of uint8 alpha H×W in 0..255."""
        places = _between(alpha)
        high, wide = reduced.alpha.shape
        height, width = alpha.shape
        rows = places.astype(np.int32) // np.int32(width)
        columns = places - rows * width
        near = (np.arange(height) * high // height * wide).take(rows)
        near += (np.arange(width) * wide // width).take(columns)
        share = _at(alpha, places) * np.float32(1 / 255)
        return cls(alpha, places, share, reduced, near)

    def own_colour(self, plane: Plane, small: Values, bits: int) -> Values:
        """The person's colour at the edge in 0..2^bits - 1, N or N×C, by blur fusion (Forte and Pitié 2021).

        small: the plane at the reduced size; bits: of a sample.
        """
        peak = (1 << bits) - 1
        weight = self.reduced.alpha if plane.ndim == 2 else self.reduced.alpha[..., None]
        first, room = self.reduced.person.spread(small), self.reduced.room.spread(small)
        # a second time, with each pixel's own colour instead of its mixture
        rest = small - room - weight * (first - room)
        own = np.clip(first + weight * rest, 0, peak)
        ours = _at(self.reduced.own.spread(own), self.near)
        theirs = _at(room, self.near)
        share = self.share[:, None] if plane.ndim == 3 else self.share
        rest = _at(plane, self.places) - theirs - share * (ours - theirs)
        colour: Values = np.clip(ours + share * rest, 0, peak)
        return colour

    def put(self, colour: Values, plane: Plane) -> None:
        """Write the edge's colours, N or N×C, into a plane without padding."""
        plane.reshape(-1, *plane.shape[2:])[self.places] = np.rint(colour).astype(plane.dtype)


def edges_of(levels: Levels, planes: Sequence[Plane]) -> list[Edge]:
    """The edge of each plane.

    levels: uint8 H×W in 0..255 at the frame's stored size.
    """
    # alpha is chroma's on its way to the reduced size
    steps = halves(levels, LEAST_SIDE)
    reduced = Reduced.of(np.multiply(steps[-1], np.float32(1 / 255)))
    alphas = {alpha.shape: alpha.astype(np.uint8, copy=False) for alpha in steps}
    edges: dict[tuple[int, ...], Edge] = {}
    for plane in planes:
        size = plane.shape[:2]
        if size not in edges:  # both chroma planes share one
            edges[size] = Edge.of(alphas[size] if size in alphas else fit(levels, size), reduced)
    return [edges[plane.shape[:2]] for plane in planes]


def halved(frame: Frame) -> list[Plane]:
    """The frame's planes, halved as far as LEAST_SIDE allows."""
    return [frame.halved(number, LEAST_SIDE) for number in range(len(frame.image.planes))]


def reduced(plane: Plane, size: tuple[int, ...]) -> Plane:
    """A plane at (width, height), by halves as far as they go, for those are cheap."""
    halved = halve(plane, max(size))
    return cv2.resize(halved, size, interpolation=cv2.INTER_AREA).astype(plane.dtype, copy=False)


def _between(alpha: Levels) -> Places:
    """The flat indices of what is neither background nor all person."""
    # 0 wraps around to 255: one comparison for both ends
    found = (alpha - np.uint8(1)).reshape(-1).view(np.bool_)
    np.less(found.view(np.uint8), SOLID - 1, out=found)
    if found.size % 8:
        return np.flatnonzero(found)
    # most are not: looked for by eights, twice as fast
    eights = np.flatnonzero(found.view(np.uint64) != 0)
    inside = np.flatnonzero(found.reshape(-1, 8).take(eights, 0))
    return (eights << 3).take(inside >> 3) + (inside & 7)


def _fourth_power(share: Values) -> Values:
    power: Values = np.square(np.square(share))
    return power


def _at(plane: NDArray[Pixel], places: Places) -> NDArray[Pixel]:
    """The pixels of an H×W or H×W×C plane at flat indices."""
    pixels: NDArray[Pixel] = np.ascontiguousarray(plane).reshape(-1, *plane.shape[2:]).take(places, 0)
    return pixels


def fit(levels: Levels, size: tuple[int, ...]) -> Levels:
    """The levels at a plane's height and width."""
    if levels.shape == size:
        return levels
    return cv2.resize(levels, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
