"""How well the nine classes are told apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livematte.labels import Label

Counts = NDArray[np.int64]


def class_counts(found: NDArray[np.uint8], sets: NDArray[np.uint16]) -> tuple[Counts, Counts]:
    """Pixels of intersection and of union of each of the nine classes; sums over pictures may be divided.

    found: H×W, the class of each pixel; sets: H×W, bit n set where the truth may be class n. Where the truth
    leaves several classes open, each of them is right, and counts for none.
    """
    both, either = np.zeros(len(Label), np.int64), np.zeros(len(Label), np.int64)
    open_ones = (sets & (sets - 1)) != 0
    for label in Label:
        bit = np.uint16(1 << label)
        truth, claimed = sets == bit, found == label
        both[label] = np.count_nonzero(truth & claimed)
        either[label] = np.count_nonzero(truth | (claimed & ~(open_ones & ((sets & bit) != 0))))
    return both, either
