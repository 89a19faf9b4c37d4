"""What a client asks for: words and numbers, never a path or an address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from livematte.errors import OptionError
from livematte.media import Options
from livematte.scene import LOOKS, Style, named_backdrop

PHOTO = "photo"
"""The background that is uploaded beside the clip."""

RESULTS = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
}
"""Suffixes of results, and what HTTP calls them."""

_LONGEST = 200  # letters of a word
_LARGEST = 1e6
_STYLE: dict[str, type] = {
    **dict.fromkeys(("fit", "position", "keep"), str),
    **dict.fromkeys(("saturation", "exposure", "warmth", "threshold", "shrink", "feather"), float),
    **dict.fromkeys(("light_wrap", "match", "shadow"), float),
}
_OPTIONS: dict[str, type] = {
    **dict.fromkeys(("size", "chroma", "audio"), str),
    **dict.fromkeys(("start", "end"), float),
    "quality": int,
    "sdr": bool,
}
KEYS: dict[str, type] = {**dict.fromkeys(("background", "look", "format"), str), **_STYLE, **_OPTIONS}
"""All that may be asked for, and its types; the names are those of `livematte replace`'s options."""

_NAMES = {str: f"a string of at most {_LONGEST} letters", float: "a number", int: "a whole number"}


@dataclass(frozen=True)
class Order:
    """How a clip is to be changed; the fields are arguments of `livematte.replace`."""

    background: str | None
    look: str | None
    style: Style
    options: Options
    format: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Order:
        """From KEYS and their values. Raises OptionError."""
        for key, value in given.items():
            _check(key, value)
        background, look = given.get("background"), given.get("look")
        if background is not None and background not in (PHOTO, "transparent"):
            _check_background(background)
        if look is not None and look not in LOOKS:
            raise OptionError(f"look {look!r} is unknown; there is: {', '.join(LOOKS)}")
        transparent = background == "transparent"
        format = given.get("format", "mov" if transparent else "mp4")
        if format not in RESULTS:
            raise OptionError(f"format {format!r} is unknown; there is: {', '.join(RESULTS)}")
        if transparent and format == "mp4":
            raise OptionError("format mp4 cannot hold transparency; use mov, webm or mkv")
        if given.get("audio", "copy") not in ("copy", "none"):
            raise OptionError("audio is copy or none")
        if given.get("keep", "all") not in ("all", "largest", "middle"):
            raise OptionError("keep is all, largest or middle")
        style = {key: given[key] for key in _STYLE if key in given}
        options = {key: given[key] for key in _OPTIONS if key in given}
        return cls(background, look, Style(**style), Options(**options), format)


def parse_json(text: bytes) -> dict[str, Any]:
    """An object in JSON. Raises OptionError."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise OptionError("the request's body is not JSON") from None
    if not isinstance(found, dict):
        raise OptionError("the request's body is not an object in JSON")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _check(key: str, value: object) -> None:
    if key not in KEYS:
        raise OptionError(f"{key[:_LONGEST]!r} is unknown; there is: {', '.join(KEYS)}")
    kind = KEYS[key]
    good = type(value) is kind or (kind is float and type(value) is int)
    if isinstance(value, str):
        good = good and len(value) <= _LONGEST
    if isinstance(value, int | float):
        good = good and abs(value) <= _LARGEST  # no NaN either
    if not good:
        raise OptionError(f"{key} must be {_NAMES.get(kind, 'true or false')}")


def _check_background(background: str) -> None:
    if named_backdrop(background) is None:
        raise OptionError(
            f"background {background!r} is neither a colour (a CSS name or #rrggbb), nor blur, bokeh, "
            f"pixelate, grey, own, green, gradient:COLOUR,COLOUR, transparent or {PHOTO}"
        )
