"""The nine classes, their palette, and what counts as person."""

from __future__ import annotations

from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray


class Label(IntEnum):
    """The classes of the 2018 annotation; a person is any class but BACKGROUND."""

    BACKGROUND = 0
    SKIN = 1
    NECK = 2
    HAIR = 3
    LIPS = 4
    EYES = 5
    GLASSES = 6
    CLOTHES = 7
    ACCESSORY = 8


PALETTE: dict[Label, tuple[int, int, int]] = {
    Label.BACKGROUND: (0, 0, 0),
    Label.SKIN: (244, 196, 164),
    Label.NECK: (214, 150, 120),
    Label.HAIR: (122, 72, 40),
    Label.LIPS: (220, 60, 90),
    Label.EYES: (70, 130, 230),
    Label.GLASSES: (40, 200, 210),
    Label.CLOTHES: (90, 170, 90),
    Label.ACCESSORY: (240, 200, 60),
}
"""RGB of each class in an indexed PNG."""

PERSON_COLOUR = (0, 103, 176)
"""RGB of a person whose parts are not told apart."""


def person_from_parts(parts: NDArray[np.uint8], hole: float = 2e-4) -> NDArray[np.uint8]:
    """The person's mask (uint8 H×W, 0 or 255) of class numbers H×W, small unlabelled holes filled.

    hole: the largest hole that is filled, as a share of the picture's area.
    """
    person = np.where(parts > 0, 255, 0).astype(np.uint8)
    count, regions, stats, _ = cv2.connectedComponentsWithStats(
        (person == 0).astype(np.uint8), connectivity=4
    )
    small = stats[:, cv2.CC_STAT_AREA] <= hole * parts.size
    if count > 1:
        person[small[regions]] = 255
    return person
