"""From the network's small mask to alpha at full size, along the edges of the picture itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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

LARGE = 4_000_000
"""Pixels from which on alpha is worked out only where it can be neither 0 nor 1: smaller, it does not pay."""

STRIP = 32
"""Rows of the reduced size that are then worked out at once."""

_NEIGHBOURS = np.ones((3, 3), np.uint8)


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
        if luma.size >= LARGE and luma.shape[0] % gain.shape[0] == luma.shape[1] % gain.shape[1] == 0:
            return _in_boxes(gain, offset, luma, peak)
        if self._buffers.shape[1:] != luma.shape:
            self._buffers = np.empty((2, *luma.shape), np.float32)
        whole_gain, whole_offset = self._buffers
        cv2.resize(gain, luma.shape[::-1], dst=whole_gain, interpolation=cv2.INTER_LINEAR)
        cv2.resize(offset, luma.shape[::-1], dst=whole_offset, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(whole_gain, luma, dst=whole_gain, dtype=cv2.CV_32F)
        return cv2.add(whole_gain, whole_offset, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def _in_boxes(gain: Alpha, offset: Alpha, luma: Plane, peak: int) -> NDArray[np.uint8]:
    """Levels at luma's size, which is a multiple of the other two's: gain · luma + offset, 0..255."""
    scale = luma.shape[0] // gain.shape[0]
    # an enlarged value lies between its four neighbours', so that most levels are known without it
    ends = offset + gain * np.float32(peak)
    solid = cv2.erode((np.minimum(offset, ends) >= 255).astype(np.uint8), _NEIGHBOURS)
    empty = cv2.erode((np.maximum(offset, ends) <= 0).astype(np.uint8), _NEIGHBOURS)
    levels = cv2.resize(solid * np.uint8(255), luma.shape[::-1], interpolation=cv2.INTER_NEAREST)
    for top, bottom, left, right in _boxes(cv2.bitwise_or(solid, empty) == 0):
        up, back = min(top, 1), min(left, 1)  # cells around, where there are any
        around = slice(top - up, bottom + 1), slice(left - back, right + 1)
        high, wide = (side * scale for side in gain[around].shape)
        inside = _times(scale, up, up + bottom - top), _times(scale, back, back + right - left)
        here = _times(scale, top, bottom), _times(scale, left, right)
        slope, base = (_resized(values[around], (high, wide))[inside] for values in (gain, offset))
        levels[here] = cv2.add(cv2.multiply(slope, luma[here], dtype=cv2.CV_32F), base, dtype=cv2.CV_8U)
    return levels.astype(np.uint8, copy=False)


def _boxes(unsure: NDArray[np.bool_]) -> Iterator[tuple[int, int, int, int]]:
    """Boxes (top, bottom, left, right) that hold all of the cells that are true."""
    for top in range(0, len(unsure), STRIP):
        strip = unsure[top : top + STRIP]
        columns = np.pad(strip.any(0), 1)
        ends = np.flatnonzero(columns[1:] != columns[:-1])
        for left, right in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True):
            yield top, top + len(strip), left, right


def _times(scale: int, first: int, last: int) -> slice:
    return slice(scale * first, scale * last)


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
