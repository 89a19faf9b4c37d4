"""What an evaluation finds: figures picture by picture, and their means."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from livematte.frame import Alpha, Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How good one mask is, or many in the mean. `livematte.measure` defines each figure.

    iou, mean_iou: of the person; of person and background. boundary_f: of the outline. All 0..1, 1 is best.
    mad, mse: of alpha, 0..1, 0 is best; None where the truth is not alpha.
    flicker, dtssd: between a clip's neighbouring frames, 0..1, 0 is best; None elsewhere.
    """

    iou: float
    mean_iou: float
    boundary_f: float
    mad: float | None = None
    mse: float | None = None
    flicker: float | None = None
    dtssd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Figures):
    """The figures of one picture.

    network: that made the mask; image: the picture's name; clip, frame: None for a still.
    alone: the same of the mask that the frame gets as a first frame; None for a still, which always is one,
    and for a peer that knows no previous frame.
    """

    network: str
    set: str
    image: str
    clip: str | None = None
    frame: int | None = None
    alone: Figures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score(Figures):
    """The mean figures of one network over the pictures of one set.

    previous_mask: False where every frame of a clip was seen as a first frame.
    """

    network: str
    set: str
    pictures: int
    previous_mask: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What the previous mask promises, for one network over the clips of one set.

    appearance: how much lower the IoU of a frame is when it is seen as a first frame; fast: when it is seen
    after only every fifth frame before it; below 0 where it is better.
    distrust, distrust_worst: frames until the IoU is back after a wrong previous mask, mean and most; None
    for a peer whose previous mask cannot be set. Each is None where the clips are too short for it.
    """

    network: str
    set: str
    appearance: float | None = None
    fast: float | None = None
    distrust: float | None = None
    distrust_worst: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """The IoU of each class, 0..1, over all pixels of one set, by the names of `labels.Label`.

    Only of classes that the set's truth names; where it leaves several open, each of them is right.
    """

    network: str
    set: str
    pictures: int
    iou: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A picture (uint8 RGB H×W×3) with its truth (uint8 H×W in 0..255) and alpha, to look at."""

    figures: Measured
    picture: Picture
    truth: Picture
    alpha: Alpha


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What `livematte.evaluate` found.

    scores: network by network in the order asked for, each set by set in order of name, with the previous
    mask before without. promises: in the same order, for sets with clips and what can be reset.
    measured: every picture. classes: set by set, of a network that tells classes apart.
    worst: of each network and set, the pictures of lowest IoU, the worst first, one of each clip at most.
    """

    data: Path
    split: str
    scores: list[Score]
    promises: list[Promises]
    measured: list[Measured]
    worst: list[Shown]
    classes: list[ClassScore] = field(default_factory=list)

    def to_json(self) -> str:
        """All but the pictures as JSON; figures are raw, 0..1, and null where there is none."""
        found = {
            "data": str(self.data),
            "split": self.split,
            "scores": [asdict(score) for score in self.scores],
            "promises": [asdict(promises) for promises in self.promises],
            "classes": [asdict(score) for score in self.classes],
            "pictures": [asdict(figures) for figures in self.measured],
        }
        return json.dumps(found, indent=1, ensure_ascii=False)


def mean(all_figures: Sequence[Figures]) -> dict[str, Any]:
    """The mean of each figure over those that have it, by name; None where none has it."""
    return {field.name: mean_of(getattr(one, field.name) for one in all_figures) for field in fields(Figures)}


def mean_of(values: Iterable[float | None]) -> float | None:
    """The mean of what is not None; None where nothing is left."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
