"""Person before background, plane by plane, with the person's own colour at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Frame, Pixel, Plane, halve

Levels = NDArray[np.uint8]
Values = NDArray[np.float32]

LEAST_SIDE = 240
"""A plane is halved while its longer side stays at least this; there colours around the edge are gathered."""

REACH = 9
"""How far, in pixels at that size, a colour is looked for."""

SOLID, CLEAR = 252, 3
"""Levels from which on a pixel is all person, and up to which it is all background."""


def composite(frame: Frame, levels: Levels, behind: list[Plane], people: list[Plane] | None = None) -> Frame:
    """The frame's person before `behind`, as a new frame of the same format, tags and time.

    levels: uint8 H×W in 0..255 at the frame's stored size; behind: planes like the frame's own;
    people: the frame's planes in other colours, where wanted.
    out = behind + alpha · (person − behind), where the person's colour at half-transparent pixels is
    estimated, so that no rim of the old background stays.
    """
    result = frame.blank_like()
    edges: dict[tuple[int, ...], Edge] = {}
    for plane, under, out in zip(people or frame.planes(), behind, result.planes(), strict=True):
        size = plane.shape[:2]
        if size not in edges:  # both chroma planes share one
            edges[size] = Edge.of(fit(levels, size))
        edge = edges[size]
        whole = under.copy()
        cv2.copyTo(plane, edge.solid, whole)
        share = edge.share[:, None] if plane.ndim == 3 else edge.share
        theirs = _at(under, edge.places).astype(np.float32)
        ours = edge.own_colour(plane, frame.bits)
        flat = whole.reshape(-1, *plane.shape[2:])
        flat[edge.places] = np.rint(theirs + share * (ours - theirs))
        np.copyto(out, whole)
    return result


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a plane is neither all person nor all background.

    solid: uint8 H×W, 255 where it is all person; places: flat indices of the edge's N pixels;
    share: float32 N, their alpha in 0..1; weight: float32 h×w, alpha at the reduced size;
    near: for each of the N the flat index of its pixel at that size.
    """

    solid: Levels
    places: NDArray[np.intp]
    share: Values
    weight: Values
    near: NDArray[np.intp]

    @classmethod
    def of(cls, alpha: Levels) -> Edge:
        """The edge of uint8 alpha H×W in 0..255."""
        # what is below wraps around to above: one comparison for both ends
        places = np.flatnonzero(alpha - np.uint8(CLEAR + 1) < SOLID - CLEAR - 1)
        weight = reduced_alpha(alpha)
        high, wide = weight.shape
        height, width = alpha.shape
        rows, columns = np.divmod(places.astype(np.int32), np.int32(width))
        near = (rows * high // height) * wide + columns * wide // width
        share = _at(alpha, places).astype(np.float32) / np.float32(255)
        solid = cv2.inRange(alpha, SOLID, 255).astype(np.uint8, copy=False)
        return cls(solid, places, share, weight, near)

    def own_colour(self, plane: Plane, bits: int) -> Values:
        """The person's colour at the edge in 0..2^bits - 1, N or N×C, by blur fusion (Forte and Pitié 2021).

        bits: of a sample.
        """
        small, peak = halve(plane, LEAST_SIDE).astype(np.float32), (1 << bits) - 1
        weight = self.weight if plane.ndim == 2 else self.weight[..., None]
        # what is part person and part background says little of either
        first = spread(small, _fourth_power(self.weight), REACH)
        room = spread(small, _fourth_power(1 - self.weight), REACH)
        # a second time, with each pixel's own colour instead of its mixture
        own = np.clip(first + weight * (small - weight * first - (1 - weight) * room), 0, peak)
        ours = _at(spread(own, np.square(self.weight), REACH // 2), self.near)
        theirs = _at(room, self.near)
        share = self.share[:, None] if plane.ndim == 3 else self.share
        rest = _at(plane, self.places) - theirs - share * (ours - theirs)
        colour: Values = np.clip(ours + share * rest, 0, peak)
        return colour


def reduced_alpha(alpha: Levels) -> Values:
    """uint8 alpha halved as LEAST_SIDE says, as float32 in 0..1."""
    return np.multiply(halve(alpha, LEAST_SIDE), np.float32(1 / 255))


def reduced(plane: Plane, size: tuple[int, ...]) -> Plane:
    """A plane at (width, height), by halves as far as they go, for those are cheap."""
    halved = halve(plane, max(size))
    return cv2.resize(halved, size, interpolation=cv2.INTER_AREA).astype(plane.dtype, copy=False)


def spread(plane: Values, weight: Values, radius: int, times: int = 1) -> Values:
    """The mean of a plane around each pixel, counting each by its weight: what has none is filled in.

    times: how often the window, a square of 2·radius + 1, is applied.
    """
    window = (2 * radius + 1, 2 * radius + 1)
    weight = weight + np.float32(1e-4)
    plane = plane * (weight[..., None] if plane.ndim == 3 else weight)
    for _ in range(times):
        plane, weight = _float(cv2.blur(plane, window)), _float(cv2.blur(weight, window))
    return plane / (weight[..., None] if plane.ndim == 3 else weight)


def _fourth_power(share: Values) -> Values:
    power: Values = np.square(np.square(share))
    return power


def _float(values: NDArray[Any]) -> Values:
    return values.astype(np.float32, copy=False)


def _at(plane: NDArray[Pixel], places: NDArray[np.intp]) -> NDArray[Pixel]:
    """The pixels of an H×W or H×W×C plane at flat indices."""
    pixels: NDArray[Pixel] = np.ascontiguousarray(plane).reshape(-1, *plane.shape[2:]).take(places, 0)
    return pixels


def fit(levels: Levels, size: tuple[int, ...]) -> Levels:
    """The levels at a plane's height and width."""
    if levels.shape == size:
        return levels
    return cv2.resize(levels, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
