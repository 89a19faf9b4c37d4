"""Measures of the outline."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livematte.measure.area import Mask, person

TOLERANCE = 0.008
"""How far apart two outlines may be and still agree, as a share of the picture's diagonal (DAVIS)."""


def boundary_f(mask: Mask, truth: Mask, tolerance: float = TOLERANCE, threshold: float = 0.5) -> float:
    """F of the outline, 0..1: the F measure of DAVIS (Perazzi et al. 2016, after Martin et al. 2004).

    Precision is the share of the mask's outline that lies within the tolerance of the truth's, recall the
    reverse; F is their harmonic mean. The tolerance, rounded up to whole pixels, is the radius of a disc that
    is drawn as OpenCV draws its ellipse (`dilated`): a little more lenient than DAVIS's own x² + y² ≤ r².
    mask, truth: H×W, bool, float in 0..1 or uint8 in 0..255. Without any outline in both: 1; in one: 0.
    """
    ours, theirs = outline(person(mask, threshold)), outline(person(truth, threshold))
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    radius = math.ceil(tolerance * math.hypot(*mask.shape))
    precision = np.count_nonzero(ours & dilated(theirs, radius)) / np.count_nonzero(ours)
    recall = np.count_nonzero(theirs & dilated(ours, radius)) / np.count_nonzero(theirs)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels, bool H×W, that differ from the one to the right, the one below or the one between them.

    The picture's own border is no outline: what lies beyond it is taken to be as the pixel beside it.
    """
    beyond = np.pad(inside, ((0, 1), (0, 1)), mode="edge")
    edge: NDArray[np.bool_] = (
        (inside != beyond[:-1, 1:]) | (inside != beyond[1:, :-1]) | (inside != beyond[1:, 1:])
    )
    edge[-1, -1] = False
    return edge


def dilated(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """The union, bool H×W, of discs around every true pixel.

    A disc's row that is y away from its middle reaches √(radius² - y²) to both sides, to the nearest pixel.
    """
    high, wide = mask.shape
    padded = np.pad(mask, ((radius, radius), (radius + 1, radius)))
    # true pixels from a row's start: whether a span holds any is then one comparison
    counts = np.cumsum(padded, axis=1, dtype=np.int32)
    result = np.zeros_like(mask)
    for down in range(-radius, radius + 1):
        half = round(math.sqrt(radius * radius - down * down))
        rows = counts[radius + down : radius + down + high]
        result |= rows[:, radius + 1 + half :][:, :wide] > rows[:, radius - half :][:, :wide]
    return result
