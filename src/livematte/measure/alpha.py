"""Measures of alpha itself, no threshold anywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livematte.measure.area import Mask


def mad(alpha: Mask, truth: Mask) -> float:
    """Mean absolute difference over all pixels, 0..1 (papers and tables give it ×10³; Rhemann et al. 2009).

    alpha, truth: H×W, bool, float in 0..1 or uint8 in 0..255.
    """
    return float(np.abs(share(alpha) - share(truth)).mean())


def mse(alpha: Mask, truth: Mask) -> float:
    """Mean squared difference over all pixels, 0..1 (papers and tables give it ×10³; Rhemann et al. 2009).

    alpha, truth: as for `mad`.
    """
    return float(np.square(share(alpha) - share(truth)).mean())


def share(alpha: Mask) -> NDArray[np.float64]:
    """Alpha as float64 in 0..1."""
    return alpha / (255.0 if alpha.dtype == np.uint8 else 1.0)
