"""How well a network tells the classes of a person apart, set by set."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.dataset import Pictures, Row
from livematte.dataset.candidates import candidates
from livematte.frame import Matte
from livematte.labels import Label
from livematte.measure import class_counts
from livematte.scoring.results import ClassScore
from livematte.segment import Segmenter


def class_scores(
    pictures: Pictures, rows: Sequence[Row], segmenter: Segmenter, name: str
) -> list[ClassScore]:
    """The IoU of each class over all pixels of a set, for sets whose truth names classes.

    Every picture is segmented as a first frame. Raises InputError.
    """
    told = [row for row in rows if row.truth == "parts" or row.hair_mask is not None]
    scores = []
    for of_set in sorted({row.set for row in told}):
        chosen = [row for row in told if row.set == of_set]
        both, either = np.zeros(len(Label), np.int64), np.zeros(len(Label), np.int64)
        alone: set[Label] = set()
        for row in chosen:
            sets = candidates(pictures, row)
            segmenter.reset()
            counts = class_counts(class_map(segmenter(pictures.rgb(row))), sets)
            both, either = both + counts[0], either + counts[1]
            alone |= {label for label in Label if (sets == 1 << label).any()}
        found = {label.name.lower(): float(both[label] / either[label]) for label in Label if label in alone}
        scores.append(ClassScore(network=name, set=of_set, pictures=len(chosen), iou=found))
    return scores


def class_map(matte: Matte) -> NDArray[np.uint8]:
    """The class of each pixel, uint8 H×W upright: where alpha is at least one half, the likeliest class."""
    assert matte.parts is not None
    alpha = matte.alpha
    shares = cv2.resize(matte.parts, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    classes: NDArray[np.uint8] = np.where(alpha >= 0.5, shares.argmax(-1) + 1, 0).astype(np.uint8)
    return classes
