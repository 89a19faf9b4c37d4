"""Pictures in any format, turned into planes like those of the frame that they go with."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from livematte.frame import Frame, Picture
from livematte.media.formats import is_full_range

Plane = NDArray[np.uint8]

_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
"""The matrices of ITU-T H.273 that swscale knows, by its numbers: 6 is the same matrix as 5."""


def cover(picture: Picture, width: int, height: int) -> Picture:
    """Scale an RGB picture to fill width×height, cutting off what is too wide or too high."""
    high, wide = picture.shape[:2]
    scale = max(width / wide, height / high)
    cut_wide, cut_high = min(wide, max(1, round(width / scale))), min(high, max(1, round(height / scale)))
    left, top = (wide - cut_wide) // 2, (high - cut_high) // 2
    inside = picture[top : top + cut_high, left : left + cut_wide]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(inside, (width, height), interpolation=how).astype(np.uint8, copy=False)


def planes_like(frame: Frame, image: av.VideoFrame) -> list[Plane]:
    """An upright image of any format, filling the frame, as stored planes of its format, matrix and range."""
    width, height = frame.upright_size
    scale = max(width / image.width, height / image.height)
    wide, high = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    rgb = image.format.is_rgb
    converted = image.reformat(
        width=wide,
        height=high,
        format=frame.format,
        interpolation="BICUBIC" if scale >= 1 else "AREA",
        src_colorspace=None if rgb else int(_matrix(image)),
        dst_colorspace=None if frame.image.format.is_rgb else int(_matrix(frame.image)),
        src_color_range=int(ColorRange.JPEG if rgb or is_full_range(image) else ColorRange.MPEG),
        dst_color_range=int(
            ColorRange.JPEG if frame.image.format.is_rgb or is_full_range(frame.image) else ColorRange.MPEG
        ),
        threads=1,
    )
    left, top = (wide - width) // 2, (high - height) // 2
    planes = []
    for plane, own in zip(Frame(converted).planes(), frame.planes(), strict=True):
        stored = own.shape[:2][::-1] if frame.orientation.swaps_sides else own.shape[:2]
        y, x = top * plane.shape[0] // high, left * plane.shape[1] // wide
        inside = plane[y : y + stored[0], x : x + stored[1]]
        planes.append(np.ascontiguousarray(frame.orientation.stored(inside)))
    return planes


def _matrix(image: av.VideoFrame) -> int:
    """The picture's matrix; where it is not tagged, what players take: BT.709 from 720 lines on."""
    if image.colorspace in _MATRICES:
        return _MATRICES[image.colorspace]
    return int(Colorspace.ITU709 if min(image.width, image.height) >= 720 else Colorspace.ITU601)
