"""How far apart two masks of the same picture are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def overlap(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> tuple[int, int]:
    """Pixels of the intersection and of the union of two masks, bool H×W."""
    return int(np.count_nonzero(ours & theirs)), int(np.count_nonzero(ours | theirs))


def boundary_distance(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float | None:
    """Mean distance in pixels between the outlines of two masks, bool H×W, taken from both sides.

    The average symmetric surface distance (Heimann et al. 2009), of the masks' outermost pixels; the border
    of the picture is no outline. None where only one of them has an outline; 0 where neither has.
    """
    edges = _rim(ours), _rim(theirs)
    if not edges[0].any() or not edges[1].any():
        return 0.0 if edges[0].any() == edges[1].any() else None
    distances = [
        cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[edge]
        for edge, other in (edges, edges[::-1])
    ]
    return float(np.concatenate(distances).mean())


def _rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a mask with one of their four neighbours, within the picture, outside of it."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    rim: NDArray[np.bool_] = mask & (inner == 0)
    return rim
