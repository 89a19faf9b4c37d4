"""From the network's small mask to alpha at full size, along the edges of the picture itself."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Alpha, Frame, Plane
from livematte.segment.colour import by_colour

LEAST_SIDE = 320
"""The frame is halved while its longer side stays at least this; there the coefficients are found."""

RADIUS = 3
"""Half the filter's window at that size."""

SMOOTHNESS = 5e-4
"""Variance of luma (of a range of 1) below which the filter smooths rather than follows an edge."""

CONTRAST = 1.7
"""How much alpha is spread around one half, so that what is nearly solid is solid."""


class Refiner:
    """The fast guided filter (He and Sun 2015) with luma as the guide: alpha is locally a·luma + b.

    a and b are found at a reduced size, moved to what the colours say where these are clear (by_colour), and
    enlarged. Keeps its buffers from frame to frame.
    """

    def __init__(self) -> None:
        self._buffers = np.empty((2, 0, 0), np.float32)

    def __call__(self, mask: Alpha, frame: Frame) -> NDArray[np.uint8]:
        """Alpha as uint8 H×W in 0..255 at the frame's stored size.

        mask: float32 h×w in 0..1, the frame's small mask in stored orientation.
        """
        small = [frame.halved(number, LEAST_SIDE) for number in range(len(frame.image.planes))]
        return self.along(mask, frame.planes(), small, frame.bits)

    def along(
        self,
        mask: Alpha,
        planes: Sequence[Plane],
        small: Sequence[Plane],
        bits: int,
        least: int = LEAST_SIDE,
    ) -> NDArray[np.uint8]:
        """Alpha as uint8 H×W in 0..255 along the edges of any planes like a frame's, such as a part of one.

        mask: float32 h×w in 0..1 of what they show; small: the planes halved as far as `least` allows, the
        longer side, at least, at which the coefficients are found; bits: of a sample.
        """
        reduced, peak = luma_of(small), (1 << bits) - 1
        guide = np.multiply(reduced, np.float32(1 / peak))
        gain, offset = _coefficients(guide, _resized(mask, guide.shape))
        gain *= CONTRAST
        offset *= CONTRAST
        offset -= (CONTRAST - 1) / 2
        told = by_colour(gain * guide + offset, [reduced, *_chroma(small)], peak, least // 2)
        _trust(gain, offset, told)
        # the ranges of luma and of levels are folded in here, where there are few pixels
        gain *= 255 / peak
        offset *= 255
        luma = luma_of(planes)
        if self._buffers.shape[1:] != luma.shape:
            self._buffers = np.empty((2, *luma.shape), np.float32)
        whole_gain, whole_offset = self._buffers
        cv2.resize(gain, luma.shape[::-1], dst=whole_gain, interpolation=cv2.INTER_LINEAR)
        cv2.resize(offset, luma.shape[::-1], dst=whole_offset, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(whole_gain, luma, dst=whole_gain, dtype=cv2.CV_32F)
        return cv2.add(whole_gain, whole_offset, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def _trust(gain: Alpha, offset: Alpha, told: tuple[Alpha, Alpha, Alpha]) -> None:
    """Move gain and offset towards what the colours have told, as far as they are to be trusted."""
    *colours, trust = (_resized(values, gain.shape) for values in told)
    for own, colour in zip((gain, offset), colours, strict=True):
        colour -= own
        colour *= trust
        own += colour


def _coefficients(guide: Alpha, mask: Alpha) -> tuple[Alpha, Alpha]:
    mean_guide, mean_mask = _mean(guide), _mean(mask)
    covariance = _mean(guide * mask) - mean_guide * mean_mask
    variance = _mean(guide * guide) - mean_guide * mean_guide
    # rounding can make a variance a little negative
    gain = (covariance / (np.maximum(variance, 0) + SMOOTHNESS)).astype(np.float32, copy=False)
    return _mean(gain), _mean(mean_mask - gain * mean_guide)


def _mean(x: Alpha) -> Alpha:
    side = 2 * RADIUS + 1
    return cv2.blur(x, (side, side), borderType=cv2.BORDER_REFLECT).astype(np.float32, copy=False)


def _resized(values: Alpha, shape: tuple[int, ...]) -> Alpha:
    """Values at another height and width."""
    return cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def luma_of(planes: Sequence[Plane]) -> Plane:
    """The luma, H×W, of planes like a frame's."""
    first = planes[0]
    if first.ndim == 3:
        return cv2.cvtColor(first, cv2.COLOR_RGB2GRAY).astype(first.dtype, copy=False)
    return first


def _chroma(planes: Sequence[Plane]) -> list[Plane]:
    first, *chroma = planes
    if first.ndim == 3:
        coloured = cv2.cvtColor(first, cv2.COLOR_RGB2YCrCb).astype(first.dtype, copy=False)
        return [coloured[..., 1], coloured[..., 2]]
    return chroma
