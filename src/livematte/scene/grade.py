"""Colour grades, done in the planes as they are: one 3×3 matrix for light, saturation and warmth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.errors import OptionError
from livematte.frame import Frame, Plane
from livematte.media.formats import is_full_range
from livematte.scene.backdrop import Backdrop, Photo
from livematte.scene.composite import Levels
from livematte.scene.moving import Video

Matrix = NDArray[np.float64]

_LUMA = np.array([0.2126, 0.7152, 0.0722])  # BT.709
_TO_YCC = np.array([_LUMA, (np.array([0, 0, 1]) - _LUMA) / 1.8556, (np.array([1, 0, 0]) - _LUMA) / 1.5748])

YCC_TO_RGB: Matrix = np.linalg.inv(_TO_YCC)
"""From luma in 0..1 and colour differences in -0.5..0.5 to RGB, by BT.709."""

_WARMEST = 0.3
"""By how much a warmth of 1 raises red and lowers blue, as a share of themselves."""

_GAMMA = 2.2
"""Levels are light to the power of 1/2.2."""


@dataclass(frozen=True)
class Grade:
    """A change of a whole picture's colours.

    saturation: 0 grey, 1 as it is, up to 2; exposure: in stops, -4 to 4; warmth: -1 blue to 1 amber.
    """

    saturation: float = 1.0
    exposure: float = 0.0
    warmth: float = 0.0

    def __post_init__(self) -> None:
        for name, least, most in (("saturation", 0, 2), ("exposure", -4, 4), ("warmth", -1, 1)):
            value = getattr(self, name)
            if not least <= value <= most:
                raise OptionError(f"{name} is between {least} and {most}, not {value}")

    def __call__(self, frame: Frame, planes: list[Plane]) -> list[Plane]:
        """Planes like the frame's own, in these colours; the given ones are left as they are."""
        return planes if self == Grade() else recoloured(frame, planes, self.matrix)

    @cached_property
    def matrix(self) -> Matrix:
        """What the grade does to RGB levels."""
        grey = np.outer(np.ones(3), _LUMA)
        tint = np.diag([1 + _WARMEST * self.warmth, 1.0, 1 - _WARMEST * self.warmth])
        mixed = self.saturation * np.eye(3) + (1 - self.saturation) * grey
        return 2 ** (self.exposure / _GAMMA) * (tint @ mixed)


def recoloured(frame: Frame, planes: list[Plane], matrix: Matrix) -> list[Plane]:
    """Planes like the frame's own after a 3×3 matrix on RGB levels.

    In YUV luma takes only its own row's share of luma, so that it needs no enlarged chroma.
    """
    if frame.image.format.is_rgb:
        changed = cv2.transform(planes[0], matrix.astype(np.float32))
        return [changed.astype(planes[0].dtype, copy=False)]
    ycc = _TO_YCC @ matrix @ YCC_TO_RGB
    full, peak = is_full_range(frame.image), (1 << frame.bits) - 1
    deeper, middle = 1 << (frame.bits - 8), 1 << (frame.bits - 1)
    black = 0 if full else 16 * deeper
    stretch = 1.0 if full else 224 / 219
    luma = planes[0]
    levels = black + ycc[0, 0] * (np.arange(peak + 1) - black)
    table = np.rint(np.clip(levels, 0, peak)).astype(luma.dtype)
    first: Plane = table.take(luma)
    result = [first]
    if len(planes) == 3:
        size = planes[1].shape[::-1]
        small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
        rows = ycc[1:] * (stretch, 1, 1)
        offset = middle - rows @ (black, middle, middle)
        moved = cv2.transform(cv2.merge([small, *planes[1:]]), np.column_stack([rows, offset]))
        result += [np.minimum(plane, peak).astype(luma.dtype, copy=False) for plane in cv2.split(moved)]
    return result


class Graded:
    """Another backdrop, in other colours."""

    def __init__(self, backdrop: Backdrop, grade: Grade) -> None:
        self._backdrop = backdrop
        self._grade = grade
        self._before: list[Plane] = []
        self._after: list[Plane] = []

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The other backdrop's planes, graded; a picture that stands still is graded once."""
        planes = self._backdrop.planes(frame, levels)
        if planes is not self._before or not isinstance(self._backdrop, Photo | Video):
            self._before, self._after = planes, self._grade(frame, planes)
        return self._after
