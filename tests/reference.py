"""The same real frames for every runtime, and what Python makes of them, the mask fed back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from runs import SAMPLE

import livematte
from livematte.frame import Alpha, Picture
from livematte.segment.runtime import load

COUNT = 30


def frames(height: int, width: int, count: int | None = COUNT) -> list[Picture]:
    """The first frames of the sample clip, or all (None), at a network's size: uint8 RGB, height×width×3."""
    return [frame.rgb(width, height) for frame in islice(livematte.read(SAMPLE), count)]


def masks(pictures: Sequence[Picture], network: str = "best") -> list[Alpha]:
    """The masks of a network that ships, float32 in 0..1, each fed the one before, the first one nothing."""
    height, width = pictures[0].shape[:2]
    runtime = load(network, width, height, threads=1)
    assert (runtime.height, runtime.width) == (height, width)
    found: list[Alpha] = []
    for picture in pictures:
        found.append(runtime.run(picture, found[-1] if found else None).copy())
    return found


def apart(ours: Sequence[Alpha], theirs: Sequence[Alpha]) -> tuple[float, float, float]:
    """Largest and mean difference, and the least IoU at 0.5 of any frame."""
    differences = np.abs(np.array(ours) - np.array(theirs))
    pairs = [(one > 0.5, other > 0.5) for one, other in zip(ours, theirs, strict=True)]
    iou = min(float((one & other).sum() / (one | other).sum()) for one, other in pairs)
    return float(differences.max()), float(differences.mean()), iou
