"""Pictures in any format, turned into planes like those of the frame that they go with."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange

from livematte.frame import Frame, Plane, is_hdr, matrix_of
from livematte.media.formats import is_full_range
from livematte.scene.hdr import lift
from livematte.scene.placement import COVER, Box, Placement


def fitted(picture: Plane, width: int, height: int, placement: Placement = COVER) -> Plane:
    """An RGB picture H×W×3 placed in width×height; what it leaves free is black."""
    inside, there = placement.boxes((picture.shape[1], picture.shape[0]), (width, height))
    how = cv2.INTER_AREA if there.width < inside.width else cv2.INTER_CUBIC
    scaled = cv2.resize(
        picture[inside.rows, inside.columns], (there.width, there.height), interpolation=how
    ).astype(picture.dtype, copy=False)
    return _padded(scaled, there, (width, height), (height, width), 0)


def planes_like(frame: Frame, image: av.VideoFrame, placement: Placement = COVER) -> list[Plane]:
    """An upright image placed in the frame, as planes like the frame's own; what it leaves free is black.

    image: in a working format or RGB. Format, matrix, range and orientation become the frame's; among HDR
    frames an ordinary picture is shown as ITU-R BT.2408 says.
    """
    size = frame.upright_size
    inside, there = placement.boxes((image.width, image.height), size)
    converted = Frame(_converted(_cut(image, inside), there.width, there.height, frame))
    planes = []
    # a grey frame takes the luma alone
    for number, (plane, own) in enumerate(zip(converted.planes(), frame.planes(), strict=False)):
        shape = own.shape[:2][::-1] if frame.orientation.swaps_sides else own.shape[:2]
        whole = _padded(plane, there, size, shape, zero_level(frame, number))
        planes.append(np.ascontiguousarray(frame.orientation.stored(whole)))
    return planes


def _converted(image: av.VideoFrame, width: int, height: int, frame: Frame) -> av.VideoFrame:
    """The upright image at a size, in the frame's format, matrix, range and transfer function."""
    like = frame.image
    # swscale takes every grey picture for full range
    format = frame.format.replace("gray", "yuv420p")
    if frame.orientation.swaps_sides:
        format = format.replace("422", "440")
    if is_hdr(like) and not is_hdr(image):
        rgb = _reformatted(image, width, height, "rgb24", full=True, matrix=None)
        image = av.VideoFrame.from_ndarray(lift(Frame(rgb).planes()[0], like.color_trc), format="rgb48le")
    elif image.format.name.startswith("gray") and not is_full_range(image):
        image = _coloured(image)
    if image.format.name == "rgb48le" and not like.format.is_rgb:
        image = _as_swscale_has_it(image)
    matrix = None if like.format.is_rgb else matrix_of(like)
    full = like.format.is_rgb or is_full_range(like)
    return _reformatted(image, width, height, format, full, matrix)


def _reformatted(
    image: av.VideoFrame, width: int, height: int, format: str, full: bool, matrix: int | None
) -> av.VideoFrame:
    rgb = image.format.is_rgb
    return image.reformat(
        width=width,
        height=height,
        format=format,
        interpolation="BICUBIC" if width >= image.width else "AREA",
        src_colorspace=None if rgb else matrix_of(image),
        dst_colorspace=matrix,
        src_color_range=int(ColorRange.JPEG if rgb or is_full_range(image) else ColorRange.MPEG),
        dst_color_range=int(ColorRange.JPEG if full else ColorRange.MPEG),
        threads=1,
    )


def _cut(image: av.VideoFrame, box: Box) -> av.VideoFrame:
    """The part of an image in a box, moved by a pixel where it would begin inside a chroma sample."""
    if (box.width, box.height) == (image.width, image.height):
        return image
    part = av.VideoFrame(box.width, box.height, image.format.name)
    part.colorspace, part.color_range, part.color_trc = image.colorspace, image.color_range, image.color_trc
    for plane, there in zip(Frame(image).planes(), Frame(part).planes(), strict=True):
        high, wide = there.shape[:2]
        top = box.top // 2 * 2 * plane.shape[0] // image.height
        left = box.left // 2 * 2 * plane.shape[1] // image.width
        there[:] = plane[top : top + high, left : left + wide]
    return part


def _as_swscale_has_it(deep: av.VideoFrame) -> av.VideoFrame:
    """16-bit RGB for swscale's way into YUV, where white is 255 · 256."""
    picture = Frame(deep).planes()[0]
    return av.VideoFrame.from_ndarray((picture - (picture >> 8)).astype(np.uint16), format="rgb48le")


def _coloured(grey: av.VideoFrame) -> av.VideoFrame:
    """A grey picture as 4:2:0 without colour."""
    image = av.VideoFrame(grey.width, grey.height, grey.format.name.replace("gray", "yuv420p", 1))
    image.color_range, image.colorspace = grey.color_range, grey.colorspace
    luma, *chroma = Frame(image).planes()
    luma[:] = Frame(grey).planes()[0]
    for plane in chroma:
        plane[:] = 1 << (Frame(image).bits - 1)
    return image


def _padded(plane: Plane, box: Box, size: tuple[int, int], shape: tuple[int, ...], empty: int) -> Plane:
    """A plane of the part in a box of a picture of `size`, in one of the whole picture's `shape`."""
    if (box.width, box.height) == size:
        return plane
    width, height = size
    whole = np.full((*shape[:2], *plane.shape[2:]), empty, plane.dtype)
    top, left = box.top * shape[0] // height, box.left * shape[1] // width
    there = whole[top : top + plane.shape[0], left : left + plane.shape[1]]
    there[:] = plane[: there.shape[0], : there.shape[1]]
    return whole


def zero_level(frame: Frame, number: int) -> int:
    """What stands for no light or no colour in one of the frame's planes."""
    if frame.image.format.is_rgb:
        return 0
    if number:
        return 1 << (frame.bits - 1)
    return 0 if is_full_range(frame.image) else 16 << (frame.bits - 8)


def white_level(frame: Frame, number: int) -> int:
    """What stands for white in one of the frame's planes."""
    if number and not frame.image.format.is_rgb:
        return 1 << (frame.bits - 1)
    full = frame.image.format.is_rgb or is_full_range(frame.image)
    return (1 << frame.bits) - 1 if full else 235 << (frame.bits - 8)
