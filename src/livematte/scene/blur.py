"""The frame's own background, made unrecognisable without a trace of the people in it."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from livematte.errors import OptionError
from livematte.frame import Frame, Plane, halve
from livematte.scene.composite import Levels, Values, Weight, fit, reduced

LEAST, MOST = 0.001, 0.2
"""Strengths, each a reach as a share of the frame's longer side."""

LEAST_SIDE = 240
"""A plane is halved while its longer side stays at least this; there it is blurred."""

SIDE = 320
"""The longer side at which discs and squares are made."""

HIGHLIGHT = 6.0
"""How far light is stretched before it is spread into discs: white counts e^6 times as much as black."""


class Blur:
    """The frame's own background, out of focus; the people do not bleed into it.

    strength: the blur's reach as a share of the frame's longer side, 0.001 to 0.2.
    """

    def __init__(self, strength: float = 0.03) -> None:
        self._strength = checked("blur", strength)

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The frame's planes, each blurred with the people left out and the gap filled from around."""
        weights: dict[tuple[int, ...], Weight] = {}
        blurred = []
        for number, plane in enumerate(frame.planes()):
            size = plane.shape[:2]
            if size not in weights:  # both chroma planes share one
                room = _room(halve(fit(levels, size), LEAST_SIDE) * np.float32(1 / 255))
                # three boxes are nearly a Gaussian
                weights[size] = Weight(room, max(1, round(max(room.shape) * self._strength)), times=3)
            small = frame.halved(number, LEAST_SIDE).astype(np.float32)
            blurred.append(_enlarged(weights[size].spread(small), plane, cv2.INTER_LINEAR))
        return blurred


class Bokeh:
    """The frame's own background as a wide lens shows it: lights grow into discs. The people do not bleed.

    strength: a disc's radius as a share of the frame's longer side, 0.001 to 0.2.
    """

    def __init__(self, strength: float = 0.015) -> None:
        self._strength = checked("bokeh", strength)

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The frame's planes, averaged over discs, each pixel counting by its light."""
        room = _without_people(frame, levels)
        shade = cv2.cvtColor(room[0], cv2.COLOR_RGB2GRAY) if room[0].ndim == 3 else room[0]
        light = cv2.exp(shade * np.float32(HIGHLIGHT / ((1 << frame.bits) - 1)))
        disc = _disc(max(1, round(max(light.shape) * self._strength)))
        weight = cv2.filter2D(light, cv2.CV_32F, disc, borderType=cv2.BORDER_REFLECT)
        blurred = []
        for small, plane in zip(room, frame.planes(), strict=True):
            shares = (light, weight) if small.ndim == 2 else (light[..., None], weight[..., None])
            mean = cv2.filter2D(small * shares[0], cv2.CV_32F, disc, borderType=cv2.BORDER_REFLECT)
            blurred.append(_enlarged((mean / shares[1]).astype(np.float32), plane, cv2.INTER_LINEAR))
        return blurred


class Pixelate:
    """The frame's own background in squares of one colour each; the people do not bleed into them.

    strength: a square's side as a share of the frame's longer side, 0.001 to 0.2.
    """

    def __init__(self, strength: float = 0.025) -> None:
        self._strength = checked("pixelate", strength)

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The frame's planes, each the mean of every square."""
        sides = frame.width, frame.height
        count = tuple(max(1, round(side / (max(sides) * self._strength))) for side in sides)
        squares = []
        for small, plane in zip(_without_people(frame, levels), frame.planes(), strict=True):
            means = cv2.resize(small, count, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
            squares.append(_enlarged(means, plane, cv2.INTER_NEAREST))
        return squares


def checked(name: str, strength: float) -> float:
    """The strength, if it is in range. Raises OptionError."""
    if not LEAST <= strength <= MOST:
        raise OptionError(f"the {name}'s strength is between {LEAST} and {MOST}, not {strength}")
    return strength


def _without_people(frame: Frame, levels: Levels) -> list[Values]:
    """The frame's planes, all at one reduced size, with the room around the people where they were."""
    longer = max(frame.width, frame.height)
    size = tuple(max(1, round(side * min(1, SIDE / longer))) for side in (frame.width, frame.height))
    # a chroma sample next to a person is part person too
    alpha = cv2.dilate(reduced(levels, size), np.ones((5, 5), np.uint8))
    room = _room(alpha * np.float32(1 / 255))
    around = Weight(room, max(1, round(SIDE / 20)), times=3)
    planes = []
    for plane in frame.planes():
        small = reduced(plane, size).astype(np.float32)
        weight = room[..., None] if small.ndim == 3 else room
        fill = around.spread(small)
        planes.append(fill + weight * (small - fill))
    return planes


def _room(alpha: Values) -> Values:
    """How far each pixel is background; one that is part person hardly is: its colour must not spread."""
    return np.square(np.square(1 - alpha))


@cache
def _disc(radius: int) -> Values:
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1).astype(np.float32)
    share: Values = disc / disc.sum()
    return share


def _enlarged(small: Values, plane: Plane, how: int) -> Plane:
    """A reduced plane's float values at the size and dtype of the plane that it comes from."""
    peak = np.iinfo(plane.dtype).max
    rounded = np.clip(np.rint(small), 0, peak).astype(plane.dtype)
    size = plane.shape[1], plane.shape[0]
    return cv2.resize(rounded, size, interpolation=how).astype(plane.dtype, copy=False)
