"""Person before background, plane by plane, with the person's own colour at the edge."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Frame, Picture, halve

Plane = NDArray[np.uint8]

LEAST_SIDE = 240
"""A plane is halved while its longer side stays at least this; there colours around the edge are gathered."""

REACH = 9
"""How far, in pixels at that size, a colour is looked for."""

SOLID, CLEAR = 252, 3
"""Levels from which on a pixel is all person, and up to which it is all background."""


def composite(frame: Frame, levels: Plane, behind: list[Plane]) -> Frame:
    """The frame's person before `behind`, as a new frame of the same format, tags and time.

    levels: uint8 H×W in 0..255 at the frame's stored size; behind: planes like the frame's own.
    out = behind + alpha · (person − behind), where the person's colour at half-transparent pixels is
    estimated, so that no rim of the old background stays.
    """
    result = frame.blank_like()
    for plane, under, out in zip(frame.planes(), behind, result.planes(), strict=True):
        alpha = _fit(levels, plane)
        np.copyto(out, under)
        cv2.copyTo(plane, cv2.inRange(alpha, SOLID, 255), out)
        edge = _edge(alpha)
        share = _share(alpha, edge, plane)
        ours = _own_colour(plane, alpha, edge, share)
        theirs = under[edge].astype(np.float32)
        out[edge] = np.rint(theirs + share * (ours - theirs))
    return result


def cut_out(frame: Frame, levels: Plane) -> Picture:
    """An RGB frame's person on nothing: uint8 RGBA H×W×4, straight alpha, edges in the person's own colour."""
    (plane,) = frame.planes()
    edge = _edge(levels)
    colours = plane.copy()
    colours[edge] = np.rint(_own_colour(plane, levels, edge, _share(levels, edge, plane)))
    return np.dstack([colours, levels])


def reduced(plane: Plane, alpha: Plane) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A plane and its alpha (0..1) halved as LEAST_SIDE says, as float32."""
    share = np.multiply(halve(alpha, LEAST_SIDE), np.float32(1 / 255))
    return halve(plane, LEAST_SIDE).astype(np.float32), share


def spread(plane: NDArray[np.float32], weight: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The mean of a plane around each pixel, counting each by its weight: what has none is filled in."""
    window = (2 * radius + 1, 2 * radius + 1)
    weight = weight + np.float32(1e-4)
    weighted = plane * (weight[..., None] if plane.ndim == 3 else weight)
    total = cv2.blur(weight, window)
    mean = cv2.blur(weighted, window) / (total[..., None] if plane.ndim == 3 else total)
    return mean.astype(np.float32, copy=False)


def _own_colour(
    plane: Plane, alpha: Plane, edge: tuple[NDArray[np.intp], NDArray[np.intp]], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The person's colour at the pixels of the edge, by blur fusion (Forte and Pitié 2021), in 0..255."""
    small, weight = reduced(plane, alpha)
    ours, theirs = spread(small, weight, REACH), spread(small, 1 - weight, REACH)
    rows = edge[0] * small.shape[0] // alpha.shape[0]
    columns = edge[1] * small.shape[1] // alpha.shape[1]
    ours_here, theirs_here = ours[rows, columns], theirs[rows, columns]
    rest = plane[edge] - share * ours_here - (1 - share) * theirs_here
    colour: NDArray[np.float32] = np.clip(ours_here + share * rest, 0, 255)
    return colour


def _fit(levels: Plane, plane: Plane) -> Plane:
    height, width = plane.shape[:2]
    if levels.shape == (height, width):
        return levels
    return cv2.resize(levels, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _edge(alpha: Plane) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    places = cv2.findNonZero(cv2.inRange(alpha, CLEAR + 1, SOLID - 1))
    if places is None:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    columns, rows = places.reshape(-1, 2).T.astype(np.intp)
    return rows, columns


def _share(
    alpha: Plane, edge: tuple[NDArray[np.intp], NDArray[np.intp]], plane: Plane
) -> NDArray[np.float32]:
    share = alpha[edge].astype(np.float32) / np.float32(255)
    return share[:, None] if plane.ndim == 3 else share
