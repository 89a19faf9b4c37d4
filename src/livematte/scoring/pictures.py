"""The pictures of the page, within it as data."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from livematte.frame import Picture
from livematte.scoring.columns import MISSED, WRONG
from livematte.scoring.results import Shown
from livematte.scoring.samples import levels

SIDE = 320
"""The longer side of a picture on the page, at most."""


def views(shown: Shown) -> dict[str, str]:
    """Picture, truth, mask and difference, each as a data URI of a JPEG, by name."""
    mask = levels(shown.alpha * 255)
    pictures = {"picture": shown.picture, "truth": shown.truth, "mask": mask, "difference": difference(shown)}
    return {name: _uri(picture) for name, picture in pictures.items()}


def difference(shown: Shown) -> Picture:
    """The picture in pale grey, MISSED where the mask lacks what the truth has, WRONG where the reverse."""
    grey = cv2.cvtColor(shown.picture, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    pale = np.repeat(128 + 0.4 * (grey - 128), 3, axis=2)
    off = (shown.truth.astype(np.float32) / 255 - shown.alpha)[..., None]
    tint = np.where(off > 0, MISSED, WRONG)
    return levels(pale + np.abs(off) * (tint - pale))


def _uri(picture: Picture) -> str:
    shrink = min(1.0, SIDE / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[..., ::-1] if small.ndim == 3 else small)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
