"""What is put behind the people: the protocol, and backdrops that stand still."""

from __future__ import annotations

from typing import Protocol

import av
import numpy as np
from PIL import ImageColor

from livematte.errors import OptionError
from livematte.frame import Frame, Plane, check_picture
from livematte.scene.composite import Levels
from livematte.scene.convert import fitted, planes_like
from livematte.scene.placement import COVER, Placement


class Backdrop(Protocol):
    """Anything that gives the background for a frame."""

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """Planes like the frame's own: same number, shapes and dtype, stored orientation.

        levels: the frame's alpha, uint8 H×W in 0..255 at its stored size.
        """
        ...


class Own:
    """The frame's own background, as it is."""

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The frame's own planes."""
        return frame.planes()


class Photo:
    """A picture, uint8 or uint16 RGB H×W×3, placed in the frame; what it leaves free is black."""

    def __init__(self, picture: Plane, placement: Placement = COVER) -> None:
        if picture.dtype != np.uint16 or picture.ndim != 3 or picture.shape[2] != 3:
            check_picture(picture)
        self._picture = picture
        self._placement = placement
        self._key: tuple[object, ...] = ()
        self._planes: list[Plane] = []

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The same planes for every frame of one size and format."""
        key = kind(frame)
        if key != self._key:
            picture = np.ascontiguousarray(self._sized(*frame.upright_size))
            self._key, self._planes = key, planes_like(frame, _image(picture))
        return self._planes

    def _sized(self, width: int, height: int) -> Plane:
        return fitted(self._picture, width, height, self._placement)


class Colour(Photo):
    """One colour: a CSS name or `#rrggbb`."""

    def __init__(self, colour: str) -> None:
        super().__init__(np.full((2, 2, 3), rgb(colour), np.uint8))


class Gradient(Photo):
    """Two or more colours that run into each other from top to bottom."""

    def __init__(self, *colours: str) -> None:
        if len(colours) < 2:
            raise OptionError("a gradient has two or more colours, as in gradient:#203040,teal")
        super().__init__(np.array([[rgb(colour)] for colour in colours], np.uint8))

    def _sized(self, width: int, height: int) -> Plane:
        stops = self._picture[:, 0].astype(np.float64) * 257
        where = np.linspace(0, len(stops) - 1, height)
        column = np.stack([np.interp(where, np.arange(len(stops)), channel) for channel in stops.T], axis=-1)
        # noise of one 8-bit step: without it 8 bits show bands
        noise = np.random.default_rng(0).uniform(-128, 128, (height, width, 1))
        picture: Plane = np.clip(column[:, None] + noise, 0, 65535).astype(np.uint16)
        return picture


def rgb(colour: str) -> tuple[int, ...]:
    """Red, green and blue, 0..255, of a CSS name or `#rrggbb`. Raises OptionError."""
    try:
        return ImageColor.getrgb(colour)[:3]
    except ValueError:
        raise OptionError(f"{colour!r} is not a colour; use a CSS name such as teal, or #rrggbb") from None


def kind(frame: Frame) -> tuple[object, ...]:
    """All of a frame that decides what planes like its own are."""
    image = frame.image
    tags = image.colorspace, image.color_range, image.color_trc
    return frame.upright_size, frame.format, frame.orientation, *tags


def _image(picture: Plane) -> av.VideoFrame:
    if picture.dtype == np.uint8:
        return av.VideoFrame.from_ndarray(picture.astype(np.uint8, copy=False), format="rgb24")
    return av.VideoFrame.from_ndarray(picture.astype(np.uint16, copy=False), format="rgb48le")
