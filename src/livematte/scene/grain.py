"""Film grain."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from livematte.frame import Frame, Plane
from livematte.scene.composite import Values
from livematte.scene.convert import white_level, zero_level
from livematte.segment.refine import luma_of

STRONGEST = 0.08
"""The standard deviation of the strongest grain on a middle grey, as a share of the range of luma."""

SOFTNESS = 1 / 1800
"""How soft a grain is, as a share of the frame's longer side."""

SLACK = 128
"""By how many pixels, at most, the noise is moved from frame to frame, each way."""


class Grain:
    """Grain on the luma of a clip's backgrounds: most on middle greys, none on black and white.

    strength: 0..1. A time has its own grain, whatever came before it, so that runs repeat.
    """

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._noise: Values = np.empty((0, 0), np.float32)

    def __call__(self, frame: Frame, behind: list[Plane]) -> list[Plane]:
        """The background, planes like the frame's own, with grain; the given ones are left as they are."""
        first, *chroma = behind
        luma = luma_of(behind)
        grain = self._at(frame.time or Fraction(0), *luma.shape)
        black, white = zero_level(frame, 0), white_level(frame, 0)
        light = np.clip((np.arange(1 << frame.bits) - black) / (white - black), 0, 1)
        most = 4 * light * (1 - light) * self._strength * STRONGEST * (white - black)
        table = most.astype(np.float32)
        amount = cv2.LUT(luma, table) if frame.bits == 8 else table.take(luma)
        cv2.multiply(amount, grain, dst=amount)
        if first.ndim == 3:
            amount = cv2.merge([amount, amount, amount])
        grained = cv2.add(first, amount, dtype=cv2.CV_8U if frame.bits == 8 else cv2.CV_16U)
        # samples of 10 or 12 bits end before those of 16
        return [np.minimum(grained, (1 << frame.bits) - 1).astype(first.dtype, copy=False), *chroma]

    def _at(self, time: Fraction, height: int, width: int) -> Values:
        """The noise of a time, H×W with a standard deviation of 1: another part of the same field."""
        shape = height + SLACK, width + SLACK
        if self._noise.shape != shape:
            noise = np.random.default_rng(0).standard_normal(shape, np.float32)
            blurred = cv2.GaussianBlur(noise, (0, 0), max(height, width) * SOFTNESS)
            self._noise = (blurred / blurred.std()).astype(np.float32)
        seed = np.random.default_rng([abs(time.numerator), time.denominator])
        top, left = seed.integers(0, SLACK, 2, endpoint=True)
        return self._noise[top : top + height, left : left + width]
