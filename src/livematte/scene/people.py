"""Which of the people in the picture stay, followed through the clip."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.errors import OptionError
from livematte.frame import Alpha, Matte

KEEP = ("all", "largest", "middle")
"""Everybody; whoever covers most of the picture at first; whoever is nearest to its middle then."""

SEEN = 0.3
"""A mask above this belongs to somebody."""

GAP = 2
"""Pixels of the small mask between two parts that may still be one person: an arm behind a strap."""

LEAST_SHARE = 0.4
"""Who takes over when the one followed is lost covers at least this share of what that one covered."""

PATIENCE = 30
"""Frames for which somebody smaller is not taken for the one who is lost."""


class Chooser:
    """Keeps one person of a clip's mattes, in order, and drops the others.

    The one to keep is chosen in the first frame with anybody in it and is, from then on, whoever overlaps
    the one of the frame before most. When nobody does, somebody of about that size is taken at once, as
    after a cut, and anybody after PATIENCE frames; until then nobody is shown.
    """

    def __init__(self, keep: str) -> None:
        if keep not in KEEP:
            raise OptionError(f"keep is one of {', '.join(KEEP)}, not {keep!r}")
        self._keep = keep
        self._before: NDArray[np.bool_] | None = None
        self._lost = 0

    def __call__(self, matte: Matte) -> Matte:
        """The matte of the one to keep."""
        if self._keep == "all":
            return matte
        labels, number = _people(matte.mask)
        chosen = self._choose(matte.mask, labels, number)
        if number == 1 and chosen == 1:
            return matte
        if not chosen:
            return _without(matte, np.zeros_like(matte.levels), np.zeros_like(matte.mask))
        region = _territory(labels, chosen)
        size = matte.levels.shape[::-1]
        stored = np.ascontiguousarray(matte.orientation.stored(region))
        whole = cv2.resize(stored, size, interpolation=cv2.INTER_LINEAR)
        levels = cv2.min(matte.levels, whole).astype(np.uint8, copy=False)
        return _without(matte, levels, (region > 127).astype(np.float32))

    def _choose(self, mask: Alpha, labels: NDArray[np.int32], number: int) -> int:
        """The label of the one to keep, 0 for nobody."""
        before = self._before
        if before is None or before.shape != mask.shape:
            before, self._lost = None, PATIENCE
        areas = np.bincount(labels.ravel(), minlength=number + 1)
        areas[0] = 0
        chosen = 0
        if before is not None:
            shared = np.bincount(labels[before], minlength=number + 1)
            shared[0] = 0
            chosen = int(shared.argmax()) if shared.any() else 0
        if not chosen and number:
            found = self._first(labels, areas)
            if before is None or self._lost >= PATIENCE or areas[found] >= LEAST_SHARE * before.sum():
                chosen = found
        if chosen:
            self._before, self._lost = labels == chosen, 0
        else:
            self._lost += 1
        return chosen

    def _first(self, labels: NDArray[np.int32], areas: NDArray[np.intp]) -> int:
        if self._keep == "largest":
            return int(areas.argmax())
        middle = (labels.shape[1] - 1) / 2
        distances = [np.inf]
        for label in range(1, len(areas)):
            columns = np.flatnonzero((labels == label).any(axis=0))
            # a speck in the middle is nobody
            speck = areas[label] < 0.1 * areas.max()
            distances.append(np.inf if speck else abs(columns.mean() - middle))
        return int(np.argmin(distances))


def _without(matte: Matte, levels: NDArray[np.uint8], stays: Alpha) -> Matte:
    """The matte with these levels, and nobody in mask and parts where `stays`, h×w, is 0."""
    parts = None if matte.parts is None else matte.parts * stays[..., None]
    return replace(matte, levels=levels, mask=matte.mask * stays, parts=parts)


def _people(mask: Alpha) -> tuple[NDArray[np.int32], int]:
    """Every pixel's person, 0 for none, and how many there are."""
    seen = (mask > SEEN).astype(np.uint8)
    side = 2 * GAP + 1
    joined = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    number, labels = cv2.connectedComponents(joined, connectivity=8)
    return np.where(seen, labels, 0).astype(np.int32), number - 1


def _territory(labels: NDArray[np.int32], chosen: int) -> NDArray[np.uint8]:
    """255 where the nearest person is the chosen one, so that soft edges and hair go with their person."""
    nobody = (labels == 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(nobody, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    owner = np.zeros(int(nearest.max()) + 1, np.int32)
    owner[nearest[labels > 0]] = labels[labels > 0]
    return np.where(owner[nearest] == chosen, 255, 0).astype(np.uint8)
