"""Measures of area."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[Any]
"""H×W: bool, float in 0..1 or uint8 in 0..255."""


def iou(mask: Mask, truth: Mask, threshold: float = 0.5) -> float:
    """Intersection over union of the person, 0..1: the Jaccard index (Everingham et al. 2010, PASCAL VOC).

    mask, truth: H×W, bool, float in 0..1 or uint8 in 0..255; the person is what lies above `threshold`
    of the range. Two empty masks agree: 1.
    """
    return _overlap(person(mask, threshold), person(truth, threshold))


def mean_iou(mask: Mask, truth: Mask, threshold: float = 0.5) -> float:
    """The mean of the person's and the background's IoU, 0..1 (Long et al. 2015, with two classes).

    mask, truth: as for `iou`. A class that neither holds counts as 1.
    """
    ours, theirs = person(mask, threshold), person(truth, threshold)
    return (_overlap(ours, theirs) + _overlap(~ours, ~theirs)) / 2


def person(mask: Mask, threshold: float = 0.5) -> NDArray[np.bool_]:
    """Where the person is, bool H×W: what lies above `threshold` of the mask's range."""
    if mask.dtype == np.bool_:
        return mask
    above: NDArray[np.bool_] = mask > threshold * (255 if mask.dtype == np.uint8 else 1)
    return above


def _overlap(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float:
    union = np.count_nonzero(ours | theirs)
    return float(np.count_nonzero(ours & theirs) / union) if union else 1.0
