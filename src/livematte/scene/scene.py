"""Frame and matte in, the composed frame out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from os import PathLike
from typing import Protocol

from livematte.frame import Frame, Matte, Plane
from livematte.scene.backdrop import Backdrop
from livematte.scene.composite import composite
from livematte.scene.dye import Dyer
from livematte.scene.grade import Grade, Graded
from livematte.scene.grain import Grain
from livematte.scene.integrate import Matcher, shadowed, shaped, wrap_light
from livematte.scene.looks import look_of
from livematte.scene.moving import Video
from livematte.scene.people import Chooser
from livematte.scene.solid import solid
from livematte.scene.style import Style
from livematte.scene.words import make_backdrop


class Effect(Protocol):
    """Anything that changes a composed frame."""

    def apply(self, frame: Frame, matte: Matte) -> Frame:
        """The changed frame: this one with its planes written to, or another of its size and format.

        frame: people and background together; matte: where the people are.
        """
        ...


class Selection:
    """Which people of one clip's mattes, in order, stay, and the shape of their edges.

    Of the style: keep, solid, threshold, shrink and feather.
    """

    def __init__(self, style: Style) -> None:
        self._style = style
        self._chooser = Chooser(style.keep)

    def __call__(self, matte: Matte) -> Matte:
        """The matte of those who stay."""
        matte = self._chooser(matte)
        style = self._style
        levels = solid(matte) if style.solid else matte.levels
        levels = shaped(levels, style.threshold, style.shrink, style.feather)
        return matte if levels is matte.levels else replace(matte, levels=levels)


class People:
    """The people of one clip's frames, in order, as the style has them.

    Of the style: what Selection does, hair and lips.
    """

    def __init__(self, style: Style) -> None:
        self._select = Selection(style)
        self._dyers = [Dyer(dye) for dye in style.dyes]

    def __call__(self, frame: Frame, matte: Matte) -> tuple[Frame, Matte]:
        """The frame with people in their colours, and the matte of those who stay.

        Raises OptionError where hair or lips are asked for and the matte has no parts.
        """
        matte = self._select(matte)
        for dyer in self._dyers:
            frame = dyer.apply(frame, matte)
        return frame, matte


class Scene:
    """Puts the people of one clip's frames, in order, before a background.

    background: as `make_backdrop` takes it; the look's, or blur, where left out. look: the name of one of
    LOOKS; what `style` sets goes before it. effects: run in order on every composed frame.
    begin: the time of the clip's first frame, where that is left out: a background video runs from there.
    Raises OptionError or InputError.
    """

    def __init__(
        self,
        background: str | PathLike[str] | Plane | Backdrop | None = None,
        style: Style | None = None,
        *,
        look: str | None = None,
        effects: Sequence[Effect] = (),
        begin: Fraction | None = None,
    ) -> None:
        style = style or Style()
        chosen = background
        if look is not None:
            style = style.over(look_of(look).style)
            chosen = look_of(look).background if background is None else background
        backdrop = make_backdrop("blur" if chosen is None else chosen, style.placement, loop=style.loop)
        self._video = backdrop if isinstance(backdrop, Video) else None
        if self._video is not None:
            self._video.begin = begin
        self._closes = backdrop is not background
        self._backdrop = backdrop if style.grade == Grade() else Graded(backdrop, style.grade)
        self._style = style
        self._people = People(style)
        self._grain = Grain(style.grain) if style.grain else None
        self._matcher = Matcher(style.match) if style.match else None
        self._effects = effects

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """The composed frame: of the same size, format, tags, time and orientation.

        Raises OptionError where hair or lips are asked for and the matte has no parts.
        """
        style = self._style
        frame, matte = self._people(frame, matte)
        levels = matte.levels
        behind = self._backdrop.planes(frame, levels)
        if style.shadow:
            behind = shadowed(frame, levels, behind, style.shadow)
        if self._grain:
            behind = self._grain(frame, behind)
        people = self._matcher(frame, levels, behind) if self._matcher else None
        result = composite(frame, levels, behind, people)
        if style.light_wrap:
            wrap_light(result, levels, behind, style.light_wrap)
        for effect in self._effects:
            result = effect.apply(result, matte)
        return result

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the background; whole only after `close`."""
        return [] if self._video is None else self._video.warnings

    def close(self) -> None:
        """Close the background's file, if this scene opened it."""
        if self._video is not None and self._closes:
            self._video.close()
