"""The pixel formats that the video path works in, and the way into them."""

from __future__ import annotations

from dataclasses import replace

import av
from av.video.reformatter import ColorRange, Colorspace

from livematte.frame import Frame

WORKING = frozenset({"yuv420p", "yuvj420p"})
"""8-bit 4:2:0; the second is its old name for full range."""

_BT709 = 1  # ITU-T H.273's number of the matrix


def is_full_range(image: av.VideoFrame) -> bool:
    """Whether the working format of this picture has luma of 0..255, not 16..235."""
    if _is_rgb(image):
        return False
    return image.format.name.startswith("yuvj") or image.color_range == ColorRange.JPEG


def _is_rgb(image: av.VideoFrame) -> bool:
    return image.format.is_rgb or image.format.has_palette


def reformat(
    image: av.VideoFrame, format: str, width: int = 0, height: int = 0, full_range: bool | None = None
) -> av.VideoFrame:
    """Convert and scale between YUV formats with the matrix kept; RGB becomes limited BT.709.

    full_range: of the result; the picture's own where left out.
    """
    rgb = _is_rgb(image)
    full = is_full_range(image) if full_range is None else full_range
    wanted = int(ColorRange.JPEG if full else ColorRange.MPEG)
    stored = int(ColorRange.JPEG if rgb or is_full_range(image) else ColorRange.MPEG)
    result = image.reformat(
        width=width or image.width,
        height=height or image.height,
        format=format,
        interpolation="BICUBIC",
        src_color_range=stored,
        dst_color_range=wanted,
        dst_colorspace=int(Colorspace.ITU709) if rgb else None,
        threads=1,
    )
    # swscale knows fewer matrices than there are tags: put the tags themselves back
    result.colorspace = _BT709 if rgb else image.colorspace
    untagged = image.color_range == ColorRange.UNSPECIFIED and wanted == ColorRange.MPEG and not rgb
    result.color_range = int(ColorRange.UNSPECIFIED) if untagged else wanted
    result.pts, result.duration = image.pts, image.duration
    return result


def to_working_format(frame: Frame, width: int = 0, height: int = 0, full_range: bool | None = None) -> Frame:
    """The frame as 8-bit yuv420p or yuvj420p with its range and matrix tags, itself if it is so already.

    width, height: of the stored planes, the frame's own when left out;
    full_range: the range to come out where frames of a clip differ, the frame's own when left out.
    """
    image = frame.image
    full = is_full_range(image) if full_range is None else full_range
    same_size = (width or image.width, height or image.height) == (image.width, image.height)
    if image.format.name in WORKING and same_size and full == is_full_range(image):
        return frame
    name = "yuvj420p" if full and image.format.name.startswith("yuvj") else "yuv420p"
    return replace(frame, image=reformat(image, name, width, height, full))


def what_is_lost(image: av.VideoFrame) -> str | None:
    """What 8-bit 4:2:0 cannot hold of this picture, in words; None where it holds everything."""
    format = image.format
    parts = format.components
    if max(part.bits for part in parts) > 8:
        return f"{max(part.bits for part in parts)} bits a channel become 8"
    if any(part.is_alpha for part in parts):
        return "transparency is dropped"
    if _is_rgb(image):
        return "RGB becomes YUV with half the colour resolution"
    colour = [part for part in parts if not part.is_luma]
    if any(part.width > (image.width + 1) // 2 or part.height > (image.height + 1) // 2 for part in colour):
        return "colour resolution becomes half in each direction"
    return None
