"""Measures between a clip's neighbouring frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livematte.measure.alpha import share
from livematte.measure.area import Mask

STILL = 0.02
"""A truth that changes by no more than this share of the range stands still."""


def flicker(alpha: Mask, before: Mask, truth: Mask, truth_before: Mask) -> float:
    """How much the mask changes where the truth does not, 0..1 (tables give it ×10³).

    The mean absolute change of alpha from the frame before to this one over the pixels whose truth, and whose
    eight neighbours' truth, changes by at most STILL; 0 where there is no such pixel. A mask that is wrong in
    the same way all the time has none: it says nothing about area. The idea is that of the temporal measures
    of Erofeev et al. (2015), kept to where no motion can excuse a change, so that no optical flow is needed.
    alpha, before, truth, truth_before: H×W of one kind each, bool, float in 0..1 or uint8 in 0..255.
    """
    still = ~_with_neighbours(np.abs(share(truth) - share(truth_before)) > STILL)
    return float(np.abs(share(alpha) - share(before))[still].mean()) if still.any() else 0.0


def dtssd(alpha: Mask, before: Mask, truth: Mask, truth_before: Mask) -> float:
    """Whether the mask changes as the truth does, 0..1 (tables give it ×10²): dtSSD of Erofeev et al. 2015.

    The root of the mean square, over all pixels, of the difference between the change of alpha and the change
    of the truth from the frame before. alpha, before, truth, truth_before: as for `flicker`.
    """
    change, wanted = share(alpha) - share(before), share(truth) - share(truth_before)
    return float(np.sqrt(np.square(change - wanted).mean()))


def _with_neighbours(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
