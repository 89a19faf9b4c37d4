"""The pixel formats that the video path works in, planar YUV of 8 or 10 bits, and the way into them."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from livematte.frame import Frame, Orientation, matrix_of, tag_like

_BT709 = 1  # ITU-T H.273's number of the matrix


def is_full_range(image: av.VideoFrame) -> bool:
    """Whether the working format of this picture has luma of 0..255, not 16..235."""
    if is_rgb(image):
        return False
    return image.format.name.startswith("yuvj") or image.color_range == ColorRange.JPEG


def is_rgb(image: av.VideoFrame) -> bool:
    """Whether a picture's samples are red, green and blue."""
    return image.format.is_rgb or image.format.has_palette


def working_format(image: av.VideoFrame, chroma: str | None = None) -> str:
    """The working format that holds most of a picture; RGB becomes 4:2:0, which every player shows.

    chroma: `420` where no finer one is wanted.
    """
    if chroma is None:
        chroma = "420" if is_rgb(image) else _chroma(image)
    if _bits(image) > 8:
        return f"yuv{chroma}p10le"
    return f"{'yuvj' if image.format.name.startswith('yuvj') else 'yuv'}{chroma}p"


def reformat(
    image: av.VideoFrame, format: str, width: int = 0, height: int = 0, full_range: bool | None = None
) -> av.VideoFrame:
    """Convert and scale with the matrix kept; RGB becomes limited BT.709, and what becomes RGB is full range.

    full_range: of the result; the picture's own where left out.
    """
    rgb, to_rgb = is_rgb(image), av.VideoFormat(format).is_rgb
    full = is_full_range(image) if full_range is None else full_range
    wanted = int(ColorRange.JPEG if full or to_rgb else ColorRange.MPEG)
    stored = int(ColorRange.JPEG if rgb or is_full_range(image) else ColorRange.MPEG)
    result = image.reformat(
        width=width or image.width,
        height=height or image.height,
        format=format,
        interpolation="BICUBIC",
        src_colorspace=matrix_of(image) if to_rgb and not rgb else None,
        src_color_range=stored,
        dst_color_range=wanted,
        dst_colorspace=int(Colorspace.ITU709) if rgb and not to_rgb else None,
        threads=1,
    )
    # swscale knows fewer matrices than there are tags: put the tags themselves back
    if not to_rgb:
        result.colorspace = _BT709 if rgb else image.colorspace
        untagged = image.color_range == ColorRange.UNSPECIFIED and wanted == ColorRange.MPEG and not rgb
        result.color_range = int(ColorRange.UNSPECIFIED) if untagged else wanted
    result.color_primaries, result.color_trc = image.color_primaries, image.color_trc
    result.pts, result.duration = image.pts, image.duration
    return result


def turned(image: av.VideoFrame, orientation: Orientation) -> av.VideoFrame:
    """A picture with its pixels turned upright; not for 4:2:2 where sides are swapped."""
    width, height = (image.height, image.width) if orientation.swaps_sides else (image.width, image.height)
    result = Frame(av.VideoFrame(width, height, image.format.name))
    for plane, out in zip(Frame(image).planes(), result.planes(), strict=True):
        np.copyto(out, orientation.upright(plane))
    tag_like(result.image, image)
    return result.image


def to_working_format(
    frame: Frame, format: str, width: int = 0, height: int = 0, full_range: bool | None = None
) -> Frame:
    """The frame in a working format with its range and matrix tags, itself if it is so already.

    width, height: of the stored planes, the frame's own when left out;
    full_range: the range to come out where frames of a clip differ, the frame's own when left out.
    """
    image = frame.image
    full = is_full_range(image) if full_range is None else full_range
    same_size = (width or image.width, height or image.height) == (image.width, image.height)
    if image.format.name == format and same_size and full == is_full_range(image):
        return frame
    if not full:
        format = format.replace("yuvj", "yuv")
    return replace(frame, image=reformat(image, format, width, height, full))


def what_is_lost(image: av.VideoFrame, format: str) -> str | None:
    """What a working format cannot hold of this picture, in words; None where it holds everything."""
    lost = []
    if _bits(image) > 8 + 2 * format.endswith("10le"):
        lost.append(f"{_bits(image)} bits a channel become {8 + 2 * format.endswith('10le')}")
    if any(part.is_alpha for part in image.format.components):
        lost.append("its own transparency is dropped")
    if is_rgb(image):
        lost.append("RGB becomes YUV with half the colour resolution")
    elif _chroma(image) > format.removeprefix("yuvj").removeprefix("yuv")[:3]:
        lost.append("colour resolution becomes half in each direction")
    return "; ".join(lost) or None


def _bits(image: av.VideoFrame) -> int:
    # a palette's one component counts the index, not the colours
    return 8 if image.format.has_palette else max(part.bits for part in image.format.components)


def _chroma(image: av.VideoFrame) -> str:
    """`420`, `422` or `444`: the least of them that holds a YUV picture's colour."""
    colour = [part for part in image.format.components if not (part.is_luma or part.is_alpha)]
    if not colour:
        return "420"
    if max(part.width for part in colour) > (image.width + 1) // 2:
        return "444"
    return "422" if max(part.height for part in colour) > (image.height + 1) // 2 else "420"
