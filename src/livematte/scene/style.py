"""How people are put before a background, beyond what the background is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from livematte.errors import OptionError
from livematte.labels import Label
from livematte.scene.dye import Dye
from livematte.scene.grade import Grade
from livematte.scene.placement import Placement

_RANGES = {
    "threshold": (0, 1),
    "shrink": (-0.05, 0.05),
    "feather": (0, 0.05),
    "light_wrap": (0, 1),
    "match": (0, 1),
    "shadow": (0, 1),
    "grain": (0, 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Options of the picture; left out, each but `solid` does nothing. Raises OptionError where one is wrong.

    Parameters
    ----------
    fit
        How a photo or video fills a frame of another shape: cover it and be cut off, be contained in it
        between bars, or stretch.
    position
        Which part of it stays, or where it goes: centre, top, bottom-left, ... or two shares, 0.5,0.2.
    loop
        A video begins again when it ends; else its last picture stays.
    saturation
        Of the background: 0 grey, 1 as it is, up to 2.
    exposure
        Of the background, in stops, -4 to 4.
    warmth
        Of the background, -1 blue to 1 amber.
    keep
        Whom to keep: all, the largest, or whoever is nearest to the middle; followed through the clip.
    threshold
        The alpha, 0 to 1, at which somebody begins, for hard edges.
    shrink
        How far people are cut in at their edge, -0.05 (grown) to 0.05 of the frame's longer side.
    feather
        How far their edge is softened, 0 to 0.05 of the longer side.
    light_wrap
        How much of the background's light spills over people's edges, 0 to 1.
    match
        How far people's light and white balance follow the background's, 0 to 1.
    shadow
        How dark a shadow they cast on the background, 0 to 1.
    grain
        Film grain on the background, 0 to 1.
    hair
        A colour for their hair, a CSS name or #rrggbb, and how much of it, 0 to 1: #6b2d1a:0.8. Needs a
        network that tells the parts of a person apart, as lips does.
    lips
        A colour for their lips, and how much of it.
    solid
        Glasses and headphones have no holes, where the network tells them apart.
    """

    fit: Literal["cover", "contain", "stretch"] = "cover"
    position: str = "centre"
    loop: bool = True
    saturation: float = 1.0
    exposure: float = 0.0
    warmth: float = 0.0
    keep: Literal["all", "largest", "middle"] = "all"
    threshold: float | None = None
    shrink: float = 0.0
    feather: float = 0.0
    light_wrap: float = 0.0
    match: float = 0.0
    shadow: float = 0.0
    grain: float = 0.0
    hair: str | None = None
    lips: str | None = None
    solid: bool = True

    def __post_init__(self) -> None:
        _ = self.grade, self.placement, self.dyes  # which refuse what is out of range
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise OptionError(f"{name.replace('_', '-')} is between {least} and {most}, not {value}")

    @property
    def grade(self) -> Grade:
        """What is done to the background's colours."""
        return Grade(self.saturation, self.exposure, self.warmth)

    @property
    def placement(self) -> Placement:
        """Where a photo or video goes."""
        return Placement.of(self.fit, self.position)

    @property
    def dyes(self) -> list[Dye]:
        """The colours of parts of people."""
        parts = {Label.HAIR: self.hair, Label.LIPS: self.lips}
        return [Dye.of(part, text) for part, text in parts.items() if text is not None]

    def over(self, other: Style) -> Style:
        """The other style, with all that is not left out in this one."""
        plain = Style()
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        theirs = {field.name: getattr(other, field.name) for field in fields(self)}
        return Style(
            **theirs | {name: value for name, value in chosen.items() if value != getattr(plain, name)}
        )
