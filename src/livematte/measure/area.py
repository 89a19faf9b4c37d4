"""Measures of area."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def iou(mask: NDArray[Any], truth: NDArray[Any], threshold: float = 0.5) -> float:
    """Intersection over union of the person, 0..1.

    mask, truth: H×W, bool, float in 0..1 or uint8 in 0..255; the person is what lies above `threshold`
    of the range. Two empty masks agree: 1.
    """
    ours, theirs = _person(mask, threshold), _person(truth, threshold)
    union = np.count_nonzero(ours | theirs)
    return float(np.count_nonzero(ours & theirs) / union) if union else 1.0


def _person(mask: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
    if mask.dtype == np.bool_:
        return mask
    above: NDArray[np.bool_] = mask > threshold * (255 if mask.dtype == np.uint8 else 1)
    return above
