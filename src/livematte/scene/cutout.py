"""People on nothing: straight alpha, and no trace of the room in the colours beneath it."""

from __future__ import annotations

from dataclasses import replace

import av
import cv2
import numpy as np

from livematte.frame import Frame, Plane, halve
from livematte.scene.composite import LEAST_SIDE, REACH, Edge, fit

_LEAST = 1e-3  # of a person near by: below it a clear pixel is black


def cut_out_planes(frame: Frame, levels: Plane) -> Frame:
    """The frame's person on nothing: the same planar YUV with a plane of straight alpha.

    levels: uint8 H×W in 0..255 at the frame's stored size. Half-transparent pixels have the person's own
    colour (blur fusion); clear ones near by continue it, so that scaling makes no dark rim; the rest is black.
    """
    image = av.VideoFrame(frame.width, frame.height, _with_alpha(frame.format))
    for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
        setattr(image, name, getattr(frame.image, name))
    if frame.format.startswith("yuvj"):
        image.color_range = 2
    result = replace(frame, image=image)
    *colours, alpha = result.planes()
    top = (1 << frame.bits) - 1
    edges: dict[tuple[int, ...], Edge] = {}
    for number, (plane, out) in enumerate(zip(frame.planes(), colours, strict=True)):
        size = plane.shape[:2]
        if size not in edges:  # both chroma planes share one
            edges[size] = Edge.of(fit(levels, size))
        edge = edges[size]
        nothing = (top + 1) // 2 if number else 0 if image.color_range == 2 else 16 << frame.bits - 8
        whole = _continued(plane, edge.weight, nothing)
        cv2.copyTo(plane, edge.solid, whole)
        whole.reshape(-1)[edge.places] = np.rint(edge.own_colour(plane))
        np.copyto(out, whole)
    np.copyto(alpha, levels if frame.bits == 8 else np.rint(levels * (top / 255)), casting="unsafe")
    return result


def _continued(plane: Plane, weight: np.ndarray, nothing: int) -> Plane:
    """The plane's colours carried outwards from where the weight is; `nothing` where there is none near."""
    small = halve(plane, LEAST_SIDE).astype(np.float32)
    window = (2 * REACH + 1, 2 * REACH + 1)
    around = cv2.blur(weight, window)
    colour = cv2.blur(small * weight, window) / np.maximum(around, _LEAST)
    filled = np.where(around > _LEAST, colour, np.float32(nothing))
    size = plane.shape[1], plane.shape[0]
    return np.rint(cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR)).astype(plane.dtype)


def _with_alpha(format: str) -> str:
    return format.replace("yuvj", "yuv").replace("yuv", "yuva", 1)
