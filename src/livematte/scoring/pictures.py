"""The pictures of the page."""

from __future__ import annotations

import cv2
import numpy as np

from livematte.frame import Picture
from livematte.scoring.columns import MISSED, WRONG
from livematte.scoring.results import Shown
from livematte.scoring.samples import levels


def views(shown: Shown) -> dict[str, Picture]:
    """Picture, truth, mask and difference, by name."""
    mask = levels(shown.alpha * 255)
    return {"picture": shown.picture, "truth": shown.truth, "mask": mask, "difference": difference(shown)}


def difference(shown: Shown) -> Picture:
    """The picture in pale grey, MISSED where the mask lacks what the truth has, WRONG where the reverse."""
    grey = cv2.cvtColor(shown.picture, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    pale = np.repeat(128 + 0.4 * (grey - 128), 3, axis=2)
    off = (shown.truth.astype(np.float32) / 255 - shown.alpha)[..., None]
    tint = np.where(off > 0, MISSED, WRONG)
    return levels(pale + np.abs(off) * (tint - pale))
