"""People on nothing: straight alpha, and no trace of the room in the colours beneath it."""

from __future__ import annotations

from dataclasses import replace

import av
import cv2
import numpy as np

from livematte.frame import Frame, Plane, tag_like
from livematte.media.formats import is_full_range
from livematte.scene.composite import REACH, Levels, Reduced, Values, edges_of, halved

_NEARLY = np.float32(0.85)  # what is less of a person than this shows the room, too
_LEAST = 1e-4  # of a person near by: below it a clear pixel is black


def cut_out(frame: Frame, levels: Levels) -> list[Plane]:
    """The frame's planes with the person alone in them, and a plane of straight alpha.

    levels: uint8 H×W in 0..255 at the frame's stored size. Half-transparent pixels have the person's own
    colour (blur fusion); clear ones near by continue it, so that scaling makes no dark rim; the rest is
    black.
    """
    planes, result = frame.planes(), []
    parts = zip(planes, halved(frame), edges_of(levels, planes), _black(frame), strict=True)
    for plane, reduced, edge, black in parts:
        small = edge.reduced.like(reduced)
        whole = _continued(plane, small, edge.reduced, black)
        cv2.copyTo(plane, edge.alpha, whole)
        edge.put(edge.own_colour(plane, small, frame.bits), whole)
        result.append(whole)
    if frame.bits == 8:
        return [*result, levels]
    return [*result, np.rint(levels * (((1 << frame.bits) - 1) / 255)).astype(np.uint16)]


def with_alpha(frame: Frame, levels: Levels) -> Frame:
    """What `cut_out` gives of a planar YUV frame, as a frame of the same format with alpha."""
    image = av.VideoFrame(
        frame.width, frame.height, frame.format.replace("yuvj", "yuv").replace("yuv", "yuva")
    )
    tag_like(image, frame.image)
    if is_full_range(frame.image):  # the name with `j` said so
        image.color_range = 2
    result = replace(frame, image=image)
    for plane, out in zip(cut_out(frame, levels), result.planes(), strict=True):
        np.copyto(out, plane)
    return result


def _black(frame: Frame) -> list[int]:
    """Black, plane by plane."""
    if frame.image.format.is_rgb:
        return [0]
    luma = 0 if is_full_range(frame.image) else 16 << (frame.bits - 8)
    return [luma, 1 << (frame.bits - 1), 1 << (frame.bits - 1)]


def _continued(plane: Plane, small: Values, reduced: Reduced, black: int) -> Plane:
    """The plane's colours carried outwards from where people are; black where there is none near."""
    window = (2 * REACH + 1, 2 * REACH + 1)
    own = np.maximum(reduced.alpha - _NEARLY, 0)
    around = cv2.blur(own, window)
    if plane.ndim == 3:
        own, around = own[..., None], around[..., None]
    colour = cv2.blur(small * own, window) / np.maximum(around, _LEAST)
    filled = np.where(around > _LEAST, colour, np.float32(black))
    size = plane.shape[1], plane.shape[0]
    enlarged = cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR)
    return np.rint(enlarged).astype(plane.dtype)
