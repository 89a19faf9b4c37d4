"""Frames and planes made on the spot."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from livematte.frame import Frame, Plane


def flat(size: tuple[int, int], rgb: tuple[int, int, int]) -> np.ndarray:
    """An RGB picture of one colour; size: (width, height)."""
    return np.full((*size[::-1], 3), rgb, np.uint8)


def as_format(rgb: np.ndarray, format: str) -> Frame:
    """An RGB picture as a frame of another pixel format, at time 0."""
    image = Frame.from_rgb(rgb).image
    # swscale in several threads spoils the first pixels of its slices
    return Frame(image if format == "rgb24" else image.reformat(format=format, threads=1), Fraction(0))


def filled(like: Frame, planes: list[Plane]) -> Frame:
    """A frame like another with these planes."""
    frame = like.blank_like()
    for plane, content in zip(frame.planes(), planes, strict=True):
        assert plane.dtype == content.dtype
        plane[:] = content
    return frame


def decoded(planes: list[Plane], like: Frame) -> np.ndarray:
    """What a player shows of planes like a frame's own."""
    return filled(like, planes).rgb()


def nobody(frame: Frame) -> np.ndarray:
    """Levels where no person is."""
    return np.zeros((frame.height, frame.width), np.uint8)


def red_square(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A red person in the middle of a grey room, as RGB, and the levels."""
    rgb, levels = flat(size, (90, 90, 90)), np.zeros(size[::-1], np.uint8)
    middle = np.s_[size[1] // 4 : size[1] * 3 // 4, size[0] // 4 : size[0] * 3 // 4]
    rgb[middle], levels[middle] = (255, 0, 0), 255
    return rgb, levels
