"""What is put behind the people."""

from __future__ import annotations

from fractions import Fraction
from os import PathLike, fspath
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
from PIL import ImageColor

from livematte.errors import InputError, OptionError
from livematte.frame import Frame, Orientation, Picture, Plane, check_picture, halve
from livematte.media import Reader, is_photo, read_photo
from livematte.scene.composite import LEAST_SIDE, Levels, Values, fit, reduced_alpha, spread
from livematte.scene.convert import fitted, planes_like


class Backdrop(Protocol):
    """Anything that gives the background for a frame."""

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """Planes like the frame's own: same number, shapes and dtype, stored orientation.

        levels: the frame's alpha, uint8 H×W in 0..255 at its stored size.
        """
        ...


class Photo:
    """A picture that fills the frame; what does not fit is cut off evenly. uint8 RGB H×W×3."""

    def __init__(self, picture: Picture) -> None:
        check_picture(picture)
        self._picture = picture
        self._key: tuple[object, ...] = ()
        self._planes: list[Plane] = []

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The same planes for every frame of one size and format."""
        key = _kind(frame)
        if key != self._key:
            picture = np.ascontiguousarray(fitted(self._picture, *frame.upright_size), np.uint8)
            image = av.VideoFrame.from_ndarray(picture, format="rgb24")
            self._key, self._planes = key, planes_like(frame, image)
        return self._planes


class Colour(Photo):
    """One colour: a CSS name or `#rrggbb`."""

    def __init__(self, colour: str) -> None:
        try:
            rgb = ImageColor.getrgb(colour)[:3]
        except ValueError:
            raise OptionError(
                f"{colour!r} is not a colour; use a CSS name such as teal, or #rrggbb"
            ) from None
        super().__init__(np.full((2, 2, 3), rgb, np.uint8))


class Video:
    """A video that fills the frame, at its own pace, from the start again when it ends.

    warnings: sentences about what is wrong with it, more of them as it is read.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = path
        self.warnings: list[str] = []
        self._key: tuple[object, ...] = ()
        self._planes: list[Plane] = []
        self._begin: Fraction | None = None
        self._open(Fraction(0))

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The planes of the picture that is shown at the frame's time."""
        time = frame.time or Fraction(0)
        self._begin = time if self._begin is None else self._begin
        self._advance(time - self._begin)
        key = (self._now, *_kind(frame))
        if key != self._key:  # a slow backdrop shows one picture for several frames
            self._key, self._planes = key, planes_like(frame, _upright(self._now))
        return self._planes

    def close(self) -> None:
        """Close the file."""
        self.warnings += [warning for warning in self._reader.warnings if warning not in self.warnings]
        self._reader.close()

    def _open(self, start: Fraction) -> None:
        self._reader = Reader(self._path)
        self._frames = iter(self._reader)
        self._now = next(self._frames)
        # where on the backdrop's endless clock this round began
        self._shift = start - (self._now.time or 0)
        self._next = next(self._frames, None)

    def _advance(self, time: Fraction) -> None:
        while True:
            end = self._end()
            if time < end:
                return
            if self._next is None:
                self.close()
                self._open(end)
            else:
                self._now, self._next = self._next, next(self._frames, None)

    def _end(self) -> Fraction:
        """When the picture shown now is followed by another, on the backdrop's endless clock."""
        if self._next is not None:
            return (self._next.time or Fraction(0)) + self._shift
        return (self._now.time or Fraction(0)) + self._reader.last_duration + self._shift


class Blur:
    """The frame's own background, out of focus; the people do not bleed into it.

    strength: the blur's reach as a share of the frame's longer side, 0.001 to 0.2.
    """

    def __init__(self, strength: float = 0.03) -> None:
        if not 0.001 <= strength <= 0.2:
            raise OptionError(f"the blur's strength is between 0.001 and 0.2, not {strength}")
        self._strength = strength

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The frame's planes, each blurred with the people left out and the gap filled from around."""
        weights: dict[tuple[int, ...], Values] = {}
        blurred = []
        for plane in frame.planes():
            size = plane.shape[:2]
            if size not in weights:  # both chroma planes share one
                # a pixel that is part person is hardly background: its colour must not be smeared
                weights[size] = np.square(np.square(1 - reduced_alpha(fit(levels, size))))
            blurred.append(self._blurred(plane, weights[size]))
        return blurred

    def _blurred(self, plane: Plane, weight: Values) -> Plane:
        small = halve(plane, LEAST_SIDE).astype(np.float32)
        radius = max(1, round(max(small.shape[:2]) * self._strength))
        # three boxes are nearly a Gaussian
        rounded = np.rint(spread(small, weight, radius, times=3)).astype(plane.dtype)
        size = plane.shape[1], plane.shape[0]
        return cv2.resize(rounded, size, interpolation=cv2.INTER_LINEAR).astype(plane.dtype, copy=False)


def make_backdrop(background: str | PathLike[str] | Picture | Backdrop) -> Backdrop:
    """The backdrop that a word, a path or a picture names.

    background: `blur`; a colour's CSS name or `#rrggbb`; the path of a photo or a video; uint8 RGB H×W×3;
    or anything with a `planes` method. Raises OptionError or InputError.
    """
    if isinstance(background, np.ndarray):
        return Photo(background)
    if not isinstance(background, str | PathLike):
        return background
    name = fspath(background)
    if name.lower() == "blur":
        return Blur()
    if _is_colour(name):
        return Colour(name)
    if not Path(name).exists():
        raise InputError(
            f"background {name!r} is neither a file nor a colour (a CSS name or #rrggbb), blur or transparent"
        )
    return Photo(read_photo(name).rgb()) if is_photo(name) else Video(name)


def _kind(frame: Frame) -> tuple[object, ...]:
    """All of a frame that decides what planes like its own are."""
    image = frame.image
    tags = image.colorspace, image.color_range, image.color_trc
    return frame.upright_size, frame.format, frame.orientation, *tags


def _upright(frame: Frame) -> av.VideoFrame:
    if frame.orientation == Orientation.UPRIGHT:
        return frame.image
    return av.VideoFrame.from_ndarray(frame.rgb(), format="rgb24")


def _is_colour(name: str) -> bool:
    try:
        ImageColor.getrgb(name)
    except ValueError:
        return False
    return True
