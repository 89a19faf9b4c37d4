"""One network or peer on trial: what it is shown, how it is fed, and the figures that come of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livematte.errors import OptionError
from livematte.frame import Alpha
from livematte.measure import (
    boundary_f,
    dtssd,
    flicker,
    frames_until_back,
    iou,
    mad,
    mean_iou,
    mse,
    shortfall,
)
from livematte.scoring.peer import MakePeer, Peer
from livematte.scoring.results import Figures, Measured, Promises, Score, Shown, mean, mean_of
from livematte.scoring.samples import Sample

STEADY = 5
"""From this frame of a run of frames on, its state counts as steady."""

STRIDE = 5
"""For fast motion, one frame of so many is shown."""

PATIENCE = 10
"""A wrong mask is given every so many frames, and waited for so long to be overcome."""

ROUNDING = 1e-3
"""An alpha may be so far outside 0..1."""

WORST = 4
"""How many of a set's worst pictures are kept to look at."""


class Trial:
    """Takes the pictures one by one, clips in order.

    A peer that can be reset sees a clip's frames in four ways side by side: in turn; each as a first frame;
    one in STRIDE; and, every PATIENCE frames for a while, after a wrong previous mask (one that can be set).
    """

    def __init__(self, name: str, make: MakePeer) -> None:
        self.name = name
        self._in_turn = _Lane(name, make())
        resets = hasattr(self._in_turn.peer, "reset")
        self._alone = _Lane(name, make()) if resets else None
        self._sparse: Any = make() if resets else None
        self._misled = _Misled(make()) if resets and hasattr(self._in_turn.peer, "previous") else None
        self._before: Sample | None = None
        self._number = 0
        self._clips: dict[str, _Clips] = defaultdict(_Clips)
        self._shown: dict[str, list[Shown]] = defaultdict(list)
        self.measured: list[Measured] = []

    def see(self, sample: Sample) -> None:
        """Show it the next picture and measure what it makes of it. Raises OptionError for a wrong alpha."""
        before = self._before if sample.follows else None
        self._number = self._number + 1 if sample.follows else 0
        previous = self._previous() if sample.follows else None
        alpha, figures = self._in_turn.see(sample, before, afresh=not sample.follows)
        alone = None
        if sample.clip is not None:
            alone = self._otherwise(sample, before, figures, previous)
        measured = Measured(
            **asdict(figures),
            network=self.name,
            set=sample.set,
            image=sample.image,
            clip=sample.clip,
            frame=sample.frame,
            alone=alone,
        )
        self.measured.append(measured)
        self._keep(Shown(measured, sample.picture, sample.truth, alpha))
        self._before = sample

    def scores(self) -> list[Score]:
        """The means set by set, with the previous mask before without."""
        scores = []
        for of_set, all_figures in self._by_set().items():
            common: dict[str, Any] = {"network": self.name, "set": of_set, "pictures": len(all_figures)}
            scores.append(Score(**mean(all_figures), **common))
            if any(figures.alone for figures in all_figures):
                alone = [figures.alone or figures for figures in all_figures]
                scores.append(Score(**mean(alone), **common, previous_mask=False))
        return scores

    def promises(self) -> list[Promises]:
        """The promises of the previous mask, for sets with clips."""
        return [clips.promises(self.name, of_set) for of_set, clips in sorted(self._clips.items())]

    def worst(self) -> list[Shown]:
        """The WORST pictures of each set, one at most of each clip."""
        return [shown for _, all_shown in sorted(self._shown.items()) for shown in all_shown]

    def _otherwise(
        self, sample: Sample, before: Sample | None, figures: Figures, previous: NDArray[Any] | None
    ) -> Figures | None:
        """Show a clip's frame in the other ways; returns the figures as a first frame."""
        if self._alone is None:
            return None
        clips = self._clips[sample.set]
        _, alone = self._alone.see(sample, before, afresh=True)
        steady = self._number >= STEADY
        if steady:
            clips.appearance.append((alone.iou, figures.iou))
        if self._number % STRIDE == 0:
            if self._number == 0:
                self._sparse.reset()
            sparse = iou(self._sparse(sample.picture), sample.truth)
            if steady:
                clips.fast.append((sparse, figures.iou))
        if self._misled:
            if self._number == 0:
                self._misled.stop()
            if self._number % PATIENCE == STEADY and previous is not None:
                self._misled.start(previous)
            waited = self._misled.see(sample, figures.iou)
            if waited is not None:
                clips.waits.append(waited)
        return alone

    def _previous(self) -> NDArray[Any] | None:
        return getattr(self._in_turn.peer, "previous", None)

    def _keep(self, shown: Shown) -> None:
        kept, clip = self._shown[shown.figures.set], shown.figures.clip
        rival = next((other for other in kept if clip is not None and other.figures.clip == clip), None)
        if rival and rival.figures.iou <= shown.figures.iou:
            return
        kept[:] = [other for other in kept if other is not rival]
        kept.append(shown)
        kept.sort(key=lambda one: one.figures.iou)
        del kept[WORST:]

    def _by_set(self) -> dict[str, list[Measured]]:
        by_set = defaultdict(list)
        for figures in self.measured:
            by_set[figures.set].append(figures)
        return dict(sorted(by_set.items()))


class _Lane:
    """A peer that is fed in one way, and its last alpha."""

    def __init__(self, name: str, peer: Peer) -> None:
        self.name, self.peer = name, peer
        self._last: Alpha | None = None

    def see(self, sample: Sample, before: Sample | None, *, afresh: bool) -> tuple[Alpha, Figures]:
        """Alpha and its figures; before: the frame before, to measure changes from; afresh: reset first."""
        if afresh:
            self.reset()
        alpha = np.array(self.peer(sample.picture))  # a copy: a peer may use its memory again
        _check(self.name, alpha, sample)
        changes = {}
        if before is not None and self._last is not None:
            pairs = (alpha, self._last, sample.truth, before.truth)
            changes = {"flicker": flicker(*pairs), "dtssd": dtssd(*pairs)}
        self._last = alpha
        soft = {"mad": mad(alpha, sample.truth), "mse": mse(alpha, sample.truth)} if sample.is_alpha else {}
        areas = {"iou": iou(alpha, sample.truth), "mean_iou": mean_iou(alpha, sample.truth)}
        return alpha, Figures(**areas, boundary_f=boundary_f(alpha, sample.truth), **soft, **changes)

    def reset(self) -> None:
        """Have the peer forget what it saw, if it can."""
        if hasattr(self.peer, "reset"):
            self.peer.reset()


def _check(name: str, alpha: NDArray[Any], sample: Sample) -> None:
    what = "alpha is float in 0..1 of the picture's height and width"
    if alpha.shape != sample.truth.shape or alpha.dtype.kind != "f":
        found = f"{alpha.dtype} {alpha.shape} for a picture of {sample.truth.shape}"
        raise OptionError(f"{name} returned {found}; {what}")
    low, high = float(alpha.min()), float(alpha.max())
    if not (low > -ROUNDING and high < 1 + ROUNDING):
        raise OptionError(f"{name} returned {low:g}..{high:g} for {sample.image}; {what}")


class _Misled:
    """A peer that is given a wrong previous mask now and then, and waited for until it has overcome it."""

    def __init__(self, peer: Peer) -> None:
        self._peer: Any = peer
        self._ious: list[float] | None = None
        self._steady: list[float] = []
        self._moved = False

    def start(self, previous: NDArray[Any]) -> None:
        """Give it the mask that it should have, but reversed or moved by half the width, in turn."""
        self._peer.reset()
        moved = np.roll(previous, previous.shape[1] // 2, axis=1)
        self._peer.previous = moved if self._moved else 1 - previous
        self._moved = not self._moved
        self._ious, self._steady = [], []

    def stop(self) -> None:
        """Give up waiting: the clip is over."""
        self._ious = None

    def see(self, sample: Sample, steady: float) -> int | None:
        """Show it the next frame; returns the frames that it took as soon as that is known.

        steady: the IoU of the frame in the undisturbed run.
        """
        if self._ious is None:
            return None
        self._ious.append(iou(self._peer(sample.picture), sample.truth))
        self._steady.append(steady)
        waited = frames_until_back(self._ious, self._steady)
        if waited == len(self._ious) < PATIENCE:
            return None
        self._ious = None
        return waited


class _Clips:
    """What was found on the clips of one set: pairs of IoU and steady IoU, and frames waited."""

    def __init__(self) -> None:
        self.appearance: list[tuple[float, float]] = []
        self.fast: list[tuple[float, float]] = []
        self.waits: list[int] = []

    def promises(self, network: str, of_set: str) -> Promises:
        return Promises(
            network=network,
            set=of_set,
            appearance=shortfall(*zip(*self.appearance, strict=True)) if self.appearance else None,
            fast=shortfall(*zip(*self.fast, strict=True)) if self.fast else None,
            distrust=mean_of(self.waits),
            distrust_worst=max(self.waits, default=None),
        )
