"""From what a user writes to a backdrop."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from PIL import ImageColor

from livematte.errors import InputError, OptionError
from livematte.frame import Plane
from livematte.media import is_photo, read_photo
from livematte.scene.backdrop import Backdrop, Colour, Gradient, Own, Photo
from livematte.scene.blur import LEAST, MOST, Blur, Bokeh, Pixelate
from livematte.scene.grade import Grade, Graded
from livematte.scene.moving import Video
from livematte.scene.placement import COVER, Placement

GREEN = "#00b140"
"""The green of chroma-key cloth."""

_BLURS: dict[str, Callable[..., Backdrop]] = {"blur": Blur, "bokeh": Bokeh, "pixelate": Pixelate}


def make_backdrop(
    background: str | PathLike[str] | Plane | Backdrop, placement: Placement = COVER, *, loop: bool = True
) -> Backdrop:
    """The backdrop that a word, a path or a picture names.

    background: `blur`, `bokeh` or `pixelate`, each with a strength as in `blur:0.05`; `grey` or `own`;
    `gradient:COLOUR,COLOUR`; `green`; a colour's CSS name or `#rrggbb`; the path of a photo, a video or an
    animated picture; uint8 or uint16 RGB H×W×3; or anything with a `planes` method.
    placement: of photos and videos; loop: whether a video begins again.
    Raises OptionError or InputError.
    """
    if isinstance(background, np.ndarray):
        return Photo(background, placement)
    if not isinstance(background, str | PathLike):
        return background
    name = fspath(background)
    named = named_backdrop(name)
    if named is not None:
        return named
    if not Path(name).exists():
        raise InputError(
            f"background {name!r} is neither a file nor a colour (a CSS name or #rrggbb), nor blur, bokeh, "
            "pixelate, grey, own, green, gradient:COLOUR,COLOUR or transparent"
        )
    if is_photo(name):
        return Photo(read_photo(name).planes()[0], placement)
    return Video(name, placement, loop=loop)


def named_backdrop(name: str) -> Backdrop | None:
    """The backdrop that a word stands for, None where it is no such word. Raises OptionError."""
    word, _, value = name.partition(":")
    word = word.lower()
    if word in _BLURS:
        return _BLURS[word](_strength(word, value)) if value else _BLURS[word]()
    if word == "gradient":
        return Gradient(*filter(None, value.split(",")))
    if name.lower() in ("own", "grey", "gray"):
        return Own() if word == "own" else Graded(Own(), Grade(saturation=0))
    if word == "green" or _is_colour(name):
        return Colour(GREEN if word == "green" else name)
    return None


def _strength(word: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise OptionError(
            f"{word}:{value}: the strength is a number between {LEAST} and {MOST}, as in {word}:0.03"
        ) from None


def _is_colour(name: str) -> bool:
    try:
        ImageColor.getrgb(name)
    except ValueError:
        return False
    return True
