"""From a source's frame to what is shown; nothing is shown that was not checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from livematte.errors import LivematteError
from livematte.frame import Frame, Matte
from livematte.live.canvas import Canvas
from livematte.live.stage import Choice, Stage

Segment: TypeAlias = Callable[[Frame], Matte]

WHOLE = 0.97
"""A mask that takes more than this share of the picture for people is not believed."""


class StageError(Exception):
    """A stage failed; the message says which and why."""


class Maker:
    """Cuts out and composes, frame by frame. What fails is made anew before the next frame.

    cover: the background alone, made without any frame of the source; asked: the newest choice, and
    warning: why it could not be followed, if it could not.
    """

    def __init__(
        self, canvas: Canvas, segmenter: Callable[[], Segment], stage: Callable[[Choice], Stage]
    ) -> None:
        self.canvas = canvas
        self.cover = canvas.neutral
        self.asked: Choice | None = None
        self.warning: str | None = None
        self._make_segment, self._make_stage = segmenter, stage
        self._segment: Segment | None = None
        self._stage: Stage | None = None
        self._choice = Choice()

    def choose(self, choice: Choice) -> None:
        """Show this from now on; where it cannot be made, what was shown before stays."""
        self.asked = choice
        try:
            stage = self._make_stage(choice)
        except Exception as error:  # a background that is gone must not end the show
            self.warning = f"background: {said(error)}"
            return
        self.warning = None
        self._close_stage()
        self._choice, self._stage = choice, stage
        self.cover = self._alone(stage)

    def __call__(self, frame: Frame, time: Fraction) -> Frame:
        """The composed frame at a time. Raises StageError, whatever went wrong."""
        try:
            with _called("source"):
                fitted = replace(self.canvas.fitted(frame), time=time)
            with _called("network"):
                self._segment = self._segment or self._make_segment()
                matte = _trusted(self._segment(fitted), fitted)
            with _called("composite"):
                self._stage = self._stage or self._make_stage(self._choice)
                return self._checked(self._stage(fitted, matte))
        except StageError:
            self._segment = None
            self._close_stage()
            raise

    def close(self) -> None:
        """Close what was opened."""
        self._close_stage()

    def _alone(self, stage: Stage) -> Frame:
        """The background alone; plain grey where even that fails."""
        try:
            return self._checked(stage.alone(self.canvas))
        except Exception:
            return self.canvas.neutral

    def _checked(self, frame: Frame) -> Frame:
        like = self.canvas.neutral
        if (frame.width, frame.height, frame.format) != (like.width, like.height, like.format):
            raise ValueError(f"a frame of {frame.width}×{frame.height} in {frame.format} was composed")
        return frame

    def _close_stage(self) -> None:
        stage, self._stage = self._stage, None
        if stage is not None:
            with suppress(Exception):  # of what is thrown away
                stage.close()


def said(error: BaseException) -> str:
    """An error in one line."""
    first = str(error).strip().splitlines()[:1]
    if first and isinstance(error, LivematteError):
        return first[0]
    return ": ".join([type(error).__name__, *first])


@contextmanager
def _called(stage: str) -> Iterator[None]:
    """Name the stage in which anything goes wrong."""
    try:
        yield
    except Exception as error:
        raise StageError(f"{stage}: {said(error)}") from error


def _trusted(matte: Matte, frame: Frame) -> Matte:
    """The matte, unless showing people by it could show the room."""
    if matte.levels.shape != (frame.height, frame.width) or matte.levels.dtype != np.uint8:
        raise ValueError(f"a matte of {matte.levels.shape} for a frame of {frame.width}×{frame.height}")
    if not np.isfinite(matte.mask).all():
        raise ValueError("the mask holds what are no numbers")
    if np.count_nonzero(matte.levels[::8, ::8] > 127) > WHOLE * matte.levels[::8, ::8].size:
        raise ValueError("the mask takes the whole picture for people")
    return matte
