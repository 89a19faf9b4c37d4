"""What is shown: people before a background, or that background alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Protocol

import numpy as np

from livematte.frame import Frame, Matte, Picture
from livematte.live.canvas import Canvas
from livematte.media import AnyPath
from livematte.report import Stopwatch
from livematte.scene import Backdrop, Effect, Scene, Style


@dataclass(frozen=True, eq=False)
class Choice:
    """What may be changed while it runs, each as in `livematte.replace`."""

    background: AnyPath | Picture | Backdrop | None = None
    look: str | None = None
    style: Style = field(default_factory=Style)
    effects: Sequence[Effect] = ()


class Stage(Protocol):
    """Composes live frames."""

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """The people of a frame before the background."""
        ...

    def alone(self, canvas: Canvas) -> Frame:
        """The background alone, made without any frame of the source."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class SceneStage:
    """A Scene on live frames. Raises OptionError or InputError."""

    def __init__(self, choice: Choice, watch: Stopwatch) -> None:
        """watch: counts the seconds spent."""
        self._choice, self._watch = choice, watch
        self._scene = Scene(choice.background, choice.style, look=choice.look, effects=choice.effects)

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """The people of a frame before the background."""
        with self._watch("composite"):
            return self._scene(frame, matte)

    def alone(self, canvas: Canvas) -> Frame:
        """The background alone: of a video its first picture, of one made from the room plain grey.

        A background of somebody else's making is not asked: it might remember the room.
        """
        choice = self._choice
        if choice.background is not None and not isinstance(choice.background, str | PathLike | np.ndarray):
            return canvas.neutral
        scene = Scene(choice.background, choice.style, look=choice.look)
        try:
            return scene(*canvas.blank())
        finally:
            scene.close()

    def close(self) -> None:
        """Close the background's file."""
        self._scene.close()
