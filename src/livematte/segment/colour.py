"""Alpha from colour: where people and background differ clearly, a pixel says itself how far it is which."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.frame import Alpha, Plane, halve

Values = NDArray[np.float32]

LEAST_SIDE = 160
"""Planes are halved while their longer side stays at least this, unless told; there colours are gathered."""

REACH = 6
"""How far, in pixels at that size, the colours of people and background are looked for."""

BAND = 3
"""How far from the mask's edge, in pixels at that size, its alpha is open to doubt."""

CHROMA = 3.0
"""How much a difference in colour counts, where one in luma counts 1: shadows change luma alone."""

TEXTURE, STRANGE = 4.0, 30.0
"""How much the variance of both sides' colours, and a pixel's distance from the line between them, are held
against what that line says."""

LEAST_CONTRAST = 2e-3
"""A squared difference of the two sides' colours (of a range of 1) below which nothing is learnt from it."""

ENOUGH = 20.0
"""A side's colour is trusted in full when this share, 1/20, of the window around is surely of that side."""


def by_colour(
    alpha: Alpha, planes: Sequence[Plane], peak: int, least: int = LEAST_SIDE
) -> tuple[Alpha, Alpha, Alpha]:
    """What a pixel's own colour says about its alpha: gain, offset and trust, each float32 h×w.

    By it alpha is gain · luma + offset, luma in 0..1; it is to be believed as far as trust, 0..1, says. The
    colours of people and of background are means around each pixel of what is surely one or the other; a
    pixel's alpha is where its colour lies on the line between both. alpha: float32 h×w in 0..1; planes: luma
    and, if there is any, both chroma planes, of any sizes, 0..peak; least: the longer side, at least, at
    which colours are gathered.
    """
    colours = _reduced(planes, peak, least)
    alpha = cv2.resize(alpha, colours[0].shape[::-1], interpolation=cv2.INTER_AREA).astype(
        np.float32, copy=False
    )
    alpha = np.clip(alpha, 0, 1)
    squares = _dot(colours, colours)
    ours, our_variance, our_share = _side(colours, squares, _eighth_power(alpha))
    theirs, their_variance, their_share = _side(colours, squares, _eighth_power(1 - alpha))
    line = ours - theirs
    length = _dot(line, line)
    from_theirs = colours - theirs
    projected, room = _dot(from_theirs, line), length + LEAST_CONTRAST
    along = projected / room
    nearest = np.clip(along, 0, 1)
    # the squared distance from the line, without the difference of three channels
    strange = _dot(from_theirs, from_theirs) - nearest * (2 * projected - nearest * length)
    trust = np.minimum(our_share, 1 / ENOUGH) * np.minimum(their_share, 1 / ENOUGH) * _doubt(alpha)
    trust *= np.square(ENOUGH * length)
    trust /= (room + TEXTURE * (our_variance + their_variance)) * (length + STRANGE * np.abs(strange) + 1e-6)
    trust = cv2.blur(trust, (3, 3)).astype(np.float32, copy=False)
    gain = line[0] / room
    # luma is left out of the offset: it comes at full size
    return gain, along - gain * colours[0], trust


def _reduced(planes: Sequence[Plane], peak: int, least: int) -> Values:
    """The planes at one reduced size, C×h×w in 0..1, chroma stretched as CHROMA says."""
    small = [halve(plane, least) for plane in planes]
    height, width = small[0].shape
    colours = np.empty((len(small), height, width), np.float32)
    for plane, colour, stretch in zip(small, colours, (1.0, *2 * [CHROMA**0.5]), strict=False):
        fitted = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        np.multiply(fitted, np.float32(stretch / peak), out=colour)
    return colours


def _side(colours: Values, squares: Alpha, weight: Alpha) -> tuple[Values, Alpha, Alpha]:
    """The mean colour around each pixel, its variance, and the share of the window that has weight."""
    share = _mean(weight) + np.float32(1e-4)
    mean: Values = np.stack([_mean(colour * weight) for colour in colours])
    mean /= share
    variance: Alpha = _mean(squares * weight) / share - _dot(mean, mean)
    # rounding can make a variance a little negative
    return mean, np.maximum(variance, np.float32(0)), share


def _dot(one: Values, other: Values) -> Alpha:
    """The dot product of the colours of two C×h×w pictures."""
    product: Alpha = (one * other).sum(0)
    return product


def _doubt(alpha: Alpha) -> Alpha:
    """1 near the edge of a mask, 0 far from it."""
    around = cv2.blur(alpha, (2 * BAND + 1, 2 * BAND + 1))
    doubt: Alpha = np.minimum(10 * np.minimum(around, 1 - around), np.float32(1))
    return doubt


def _eighth_power(values: Alpha) -> Alpha:
    power: Alpha = np.square(np.square(np.square(values)))
    return power


def _mean(values: Alpha) -> Alpha:
    side = 2 * REACH + 1
    return cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT).astype(np.float32, copy=False)
