"""The one size and format that a live output has, whatever the source does."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from livematte.errors import InputError
from livematte.frame import Frame, Matte, Orientation, is_hdr, matrix_of, tag_like
from livematte.media.formats import is_rgb, to_working_format, turned
from livematte.scene.convert import planes_like

FORMAT = "yuv420p"
TICK = Fraction(1, 90_000)
"""Seconds per unit of a live frame's timestamps."""

_LARGEST = 8192


class Canvas:
    """What every live frame is fitted to: 4:2:0 of 8 bits and limited range.

    neutral: a frame of it in plain dark grey.
    """

    def __init__(self, width: int, height: int, like: av.VideoFrame | None = None) -> None:
        """width, height: rounded down to even; like: a picture whose colour tags are taken over."""
        image = av.VideoFrame(max(2, width // 2 * 2), max(2, height // 2 * 2), FORMAT)
        if like is not None and not is_rgb(like) and not is_hdr(like):
            tag_like(image, like)
        else:
            image.colorspace = int(Colorspace.ITU709)
        image.color_range = int(ColorRange.MPEG)
        self.neutral = Frame(image, Fraction(0))
        luma, *chroma = self.neutral.planes()
        luma[:] = 48
        for plane in chroma:
            plane[:] = 128

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.neutral.width, self.neutral.height

    def fitted(self, frame: Frame) -> Frame:
        """A source's frame upright, at this size (cut off where its shape is another) and in this format.

        Raises InputError for what is no picture.
        """
        if not isinstance(frame, Frame) or not (0 < frame.width <= _LARGEST and 0 < frame.height <= _LARGEST):
            raise InputError("the source gave what is no picture")
        frame = to_working_format(frame, FORMAT, full_range=False)
        if frame.orientation != Orientation.UPRIGHT:
            frame = Frame(turned(frame.image, frame.orientation), frame.time)
        image = frame.image
        if (image.width, image.height) == self.size and matrix_of(image) == matrix_of(self.neutral.image):
            return frame
        result = self.neutral.blank_like()
        for plane, out in zip(planes_like(self.neutral, image), result.planes(), strict=True):
            out[:] = plane
        return replace(result, time=frame.time)

    def blank(self) -> tuple[Frame, Matte]:
        """The neutral frame, and a matte with nobody in it."""
        width, height = self.size
        return self.neutral, Matte(np.zeros((height, width), np.uint8), np.zeros((1, 1), np.float32))


def stamped(frame: Frame, seconds: float) -> Frame:
    """The frame at a time; its planes stay where they are."""
    ticks = round(seconds / float(TICK))
    frame.image.pts, frame.image.time_base = ticks, TICK
    return replace(frame, time=ticks * TICK)


def copied(frame: Frame) -> Frame:
    """A frame of its own with the same pixels."""
    result = frame.blank_like()
    for plane, out in zip(frame.planes(), result.planes(), strict=True):
        out[:] = plane
    return result
