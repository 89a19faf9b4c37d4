"""What makes people look as if they stood there: shaped edges, shadow, the new place's light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Frame, Plane
from livematte.scene.composite import Levels, Values, fit, reduced
from livematte.scene.convert import zero_level
from livematte.scene.grade import YCC_TO_RGB, recoloured

SIDE = 240
"""The longer side at which light and shadow are made."""

RAMP = 0.1
"""The range of alpha over which a threshold goes from background to person."""

WRAP_REACH = 0.012
"""How far light reaches around an edge, as a share of the frame's longer side."""

SHADOW_SHIFT, SHADOW_SOFTNESS = (0.015, 0.025), 0.025
"""How far a shadow is to the right and below, and how soft it is, as shares of the longer side."""

STEADY = 0.9
"""How much of a match stays from frame to frame, so that it does not flicker."""

MATCHED_LIGHT, MATCHED_COLOUR = 0.5, 0.35
"""How much of the difference in light and in colour between two places a full match makes up for."""


def shaped(levels: Levels, threshold: float | None, shrink: float, feather: float) -> Levels:
    """Levels after a threshold on alpha, shrunk (or grown, where negative) and softened.

    shrink, feather: as shares of the longer side.
    """
    if threshold is not None:
        alpha = np.clip((np.arange(256) / 255 - threshold) / RAMP + 0.5, 0, 1)
        levels = cv2.LUT(levels, np.rint(alpha * 255).astype(np.uint8)).astype(np.uint8, copy=False)
    radius = round(abs(shrink) * max(levels.shape))
    if radius:
        tool = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
        change = cv2.erode if shrink > 0 else cv2.dilate
        levels = change(levels, tool).astype(np.uint8, copy=False)
    radius = round(feather * max(levels.shape))
    if radius:
        for _ in range(2):
            levels = cv2.blur(levels, (2 * radius + 1,) * 2).astype(np.uint8, copy=False)
    return levels


def shadowed(frame: Frame, levels: Levels, behind: list[Plane], strength: float) -> list[Plane]:
    """The background with the people's soft shadow on it; the given planes are left as they are.

    strength: 0..1, of the light that the shadow takes.
    """
    alpha = _small(frame, levels)
    longer = max(alpha.shape)
    right, down = (share * longer for share in SHADOW_SHIFT)
    side = 2 * max(1, round(SHADOW_SOFTNESS * longer)) + 1
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    shade = cv2.warpAffine(alpha, move, alpha.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    for _ in range(2):
        shade = cv2.blur(shade, (side, side))
    dark = _stored(frame, 1 - np.float32(strength) * shade)
    result = []
    for number, plane in enumerate(behind):
        size = plane.shape[1], plane.shape[0]
        share = cv2.resize(dark, size, interpolation=cv2.INTER_LINEAR)
        if plane.ndim == 3:
            share = share[..., None]
        zero = np.float32(zero_level(frame, number))
        result.append(np.rint(zero + (plane - zero) * share).astype(plane.dtype))
    return result


def wrap_light(frame: Frame, levels: Levels, behind: list[Plane], strength: float) -> None:
    """Let the background's light spill over the people's edges, into the frame's own planes.

    strength: 0..1, of that light at the very edge; a dark background adds nothing.
    """
    alpha = _stored(frame, _small(frame, levels))
    side = 2 * max(1, round(WRAP_REACH * max(alpha.shape))) + 1
    spill = np.float32(strength) * (1 - cv2.blur(alpha, (side, side)))
    size = alpha.shape[::-1]
    lights = [cv2.blur(reduced(plane, size), (side, side)) for plane in behind]
    first = lights[0].astype(np.float32)
    bright = first.max(axis=2) if first.ndim == 3 else first
    zero = zero_level(frame, 0)
    spill *= np.clip((bright - zero) / ((1 << frame.bits) - 1 - zero), 0, 1)
    for light, plane in zip(lights, frame.planes(), strict=True):
        size = plane.shape[1], plane.shape[0]
        share = cv2.resize(spill, size, interpolation=cv2.INTER_LINEAR)
        # into the same buffers: fresh ones of this size cost more than the sums
        cv2.multiply(share, fit(levels, plane.shape[:2]), dst=share, scale=1 / 255, dtype=cv2.CV_32F)
        if plane.ndim == 3:
            share = cv2.merge([share, share, share])
        glow = cv2.resize(light, size, interpolation=cv2.INTER_LINEAR)
        change = cv2.subtract(glow, plane, dtype=cv2.CV_32F)
        cv2.multiply(change, share, dst=change)
        np.copyto(plane, cv2.add(plane, change, dtype=cv2.CV_8U if frame.bits == 8 else cv2.CV_16U))


class Matcher:
    """Gives the people some of the light and colour by which the new background differs from their own.

    strength: 0..1. Works on means of both backgrounds (the grey world), steadied over time.
    """

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._gains: Values | None = None

    def __call__(self, frame: Frame, levels: Levels, behind: list[Plane]) -> list[Plane]:
        """The frame's planes in the new place's light."""
        old = _mean_rgb(frame, frame.planes(), 255 - levels)
        new = _mean_rgb(frame, behind, None)
        light = float(new.mean() / old.mean())
        colour = (new / old) / light
        gains = light ** (MATCHED_LIGHT * self._strength) * colour ** (MATCHED_COLOUR * self._strength)
        gains = np.clip(gains, 0.6, 1.6).astype(np.float32)
        if self._gains is not None:
            gains = np.float32(STEADY) * self._gains + np.float32(1 - STEADY) * gains
        self._gains = gains
        return recoloured(frame, frame.planes(), np.diag(gains.astype(np.float64)))


def _mean_rgb(frame: Frame, planes: list[Plane], weight: Levels | None) -> Values:
    """The mean of planes like the frame's as RGB in 0..1, never quite black, counted by a weight."""
    means = []
    for number, plane in enumerate(planes):
        small = _sampled(plane)
        share = np.ones(len(small)) if weight is None else _sampled(weight)[:, 0] + 0.01
        mean = np.average(small, axis=0, weights=share)
        means.append((mean - zero_level(frame, number)) / ((1 << frame.bits) - 1))
    levels = np.concatenate(means)
    if len(planes) == 3:
        levels = YCC_TO_RGB @ levels
    elif len(levels) == 1:
        levels = np.repeat(levels, 3)
    return np.clip(levels, 0.05, 1).astype(np.float32)


def _sampled(plane: Plane) -> NDArray[np.float64]:
    """Pixels of a plane from a grid of 64×64, as 4096×C."""
    grid = cv2.resize(plane, (64, 64), interpolation=cv2.INTER_NEAREST)
    return grid.reshape(64 * 64, -1).astype(np.float64)


def _small(frame: Frame, levels: Levels) -> Values:
    """The levels as upright alpha, at most SIDE long."""
    shrink = min(1, SIDE / max(levels.shape))
    size = tuple(max(1, round(side * shrink)) for side in levels.shape[::-1])
    small = reduced(levels, size) * np.float32(1 / 255)
    return np.ascontiguousarray(frame.orientation.upright(small), np.float32)


def _stored(frame: Frame, upright: Values) -> Values:
    return np.ascontiguousarray(frame.orientation.stored(upright))
