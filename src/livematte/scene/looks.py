"""Ready looks: each a background and a style under one name."""

from __future__ import annotations

from dataclasses import dataclass

from livematte.errors import OptionError
from livematte.scene.style import Style


@dataclass(frozen=True, slots=True)
class Look:
    """A background, as `make_backdrop` reads it, and the style that goes with it."""

    background: str
    style: Style


LOOKS = {
    "portrait": Look("bokeh:0.02", Style()),
    "noir": Look("grey", Style(exposure=-1.5)),
    "spotlight": Look("blur:0.008", Style(exposure=-2.0)),
    "golden": Look("blur:0.012", Style(warmth=0.7, exposure=0.3, light_wrap=0.5, match=0.6)),
    "midnight": Look("blur:0.012", Style(warmth=-0.8, exposure=-1.2, saturation=0.7, match=0.6)),
    "studio": Look("gradient:#8d9399,#3c4148", Style(shadow=0.35, light_wrap=0.25)),
    "mosaic": Look("pixelate:0.03", Style(saturation=1.4)),
}
"""portrait: a wide lens; noir: a dark grey room; spotlight: the room dimmed; golden: evening sun;
midnight: blue night; studio: before grey paper; mosaic: the room in squares."""


def look_of(name: str) -> Look:
    """The look of a name. Raises OptionError."""
    if name not in LOOKS:
        raise OptionError(f"look {name!r} is unknown; there is: {', '.join(LOOKS)}")
    return LOOKS[name]
