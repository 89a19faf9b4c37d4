"""What flows through livematte: frames with their own time, and mattes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from fractions import Fraction
from typing import Any, TypeAlias, TypeVar

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.errors import OptionError

Pixel = TypeVar("Pixel", bound=np.generic)

Picture = NDArray[np.uint8]
"""H×W×3 RGB or one plane H×W, uint8 in 0..255."""

Sample: TypeAlias = np.uint8 | np.uint16
Plane: TypeAlias = NDArray[Sample]
"""One plane of a frame: H×W, or H×W×3 for a still."""

Alpha = NDArray[np.float32]
"""H×W float32 in 0..1, 1 where the person is."""


PQ, HLG = 16, 18
"""The transfer functions of HDR, by ITU-T H.273's numbers."""

_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
"""The matrices of ITU-T H.273 that swscale knows, by its numbers: 6 is the same matrix as 5."""

_BT601, _BT709, _BT2020 = 5, 1, 9

_FLOOR = 64
"""The longer side, at least, to which a frame's planes are halved in advance."""


class Orientation(IntEnum):
    """How stored pixels must be turned to stand upright; the numbers are EXIF's."""

    UPRIGHT = 1
    MIRRORED = 2
    TURNED_180 = 3
    FLIPPED = 4
    TRANSPOSED = 5
    TURNED_RIGHT = 6  # a quarter turn clockwise makes it upright
    TRANSVERSED = 7
    TURNED_LEFT = 8

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places when the picture is made upright."""
        return self >= Orientation.TRANSPOSED

    def upright(self, stored: NDArray[Pixel]) -> NDArray[Pixel]:
        """Turn a stored H×W or H×W×C array the way a player shows it (a view)."""
        match self:
            case Orientation.MIRRORED:
                return stored[:, ::-1]
            case Orientation.TURNED_180:
                return stored[::-1, ::-1]
            case Orientation.FLIPPED:
                return stored[::-1]
            case Orientation.TRANSPOSED:
                return stored.swapaxes(0, 1)
            case Orientation.TURNED_RIGHT:
                return stored.swapaxes(0, 1)[:, ::-1]
            case Orientation.TRANSVERSED:
                return stored[::-1, ::-1].swapaxes(0, 1)
            case Orientation.TURNED_LEFT:
                return stored.swapaxes(0, 1)[::-1]
        return stored

    def stored(self, upright: NDArray[Pixel]) -> NDArray[Pixel]:
        """Undo `upright` (a view)."""
        inverse = {
            Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT,
            Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT,
        }
        return inverse.get(self, self).upright(upright)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture as it was decoded, with its own time.

    `image` holds the stored planes (yuv420p stays yuv420p; a still is one rgb24 plane);
    `time` is in seconds on the clip's own clock, None for a still;
    `orientation` says how a player turns the stored planes before it shows them.
    """

    image: av.VideoFrame
    time: Fraction | None = None
    orientation: Orientation = Orientation.UPRIGHT
    _steps: dict[int, list[Plane]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def from_rgb(cls, picture: Picture, time: Fraction | None = None) -> Frame:
        """Wrap an upright uint8 RGB H×W×3 array. Raises OptionError for any other."""
        check_picture(picture)
        return cls(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"), time)

    @property
    def width(self) -> int:
        """Stored width in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Stored height in pixels."""
        return self.image.height

    @property
    def format(self) -> str:
        """FFmpeg's name of the pixel format."""
        return self.image.format.name

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) as a player shows it."""
        sides = (self.width, self.height)
        return sides[::-1] if self.orientation.swaps_sides else sides

    @property
    def bits(self) -> int:
        """Bits a sample: 8, or more, and then a plane's samples are uint16 in 0..2^bits - 1."""
        return max(part.bits for part in self.image.format.components)

    def planes(self) -> list[Plane]:
        """The stored planes as views, H×W (or H×W×3 for a still), uint8 or, above 8 bits, uint16.

        The views share memory with the frame: write only to one that `blank_like` made.
        """
        channels = len(self.image.format.components) if len(self.image.planes) == 1 else 1
        dtype = np.uint8 if self.bits == 8 else np.uint16
        return [_view(plane, channels, dtype) for plane in self.image.planes]

    def halved(self, number: int, least: int) -> Plane:
        """What `halve` makes of one of the planes.

        It is made once for all who ask: pixels must not change after that.
        """
        steps = self._halves(number)
        fitting = (step for step in reversed(steps) if max(step.shape[:2]) >= least)
        return halve(next(fitting, steps[0]), least)

    def blank_like(self) -> Frame:
        """A new frame of the same size, format, tags, time and orientation; pixels undefined."""
        image = av.VideoFrame(self.width, self.height, self.format)
        tag_like(image, self.image)
        if self.image.time_base is not None:
            image.pts, image.time_base = self.image.pts, self.image.time_base
            image.duration = self.image.duration
        return replace(self, image=image)

    def rgb(self, width: int | None = None, height: int | None = None) -> Picture:
        """Upright uint8 RGB H×W×3, scaled by swscale straight from the stored planes, or from their halves.

        width, height: of the upright result; the frame's own when left out.
        """
        own_width, own_height = self.upright_size
        size = (width or own_width, height or own_height)
        if self.orientation.swaps_sides:
            size = size[::-1]
        small = self._at_least(2 * size[0], 2 * size[1]).reformat(
            width=size[0],
            height=size[1],
            format="rgb24",
            interpolation="AREA",
            src_colorspace=None if self.image.format.is_rgb else matrix_of(self.image),
            threads=1,
        )
        return np.ascontiguousarray(self.orientation.upright(small.to_ndarray()))

    def _halves(self, number: int) -> list[Plane]:
        if number not in self._steps:
            self._steps[number] = halves(self.planes()[number], _FLOOR)
        return self._steps[number]

    def _at_least(self, width: int, height: int) -> av.VideoFrame:
        """The planes halved as often as they stay as large as this: most of swscale's work is done then."""
        times, wide, high = 0, self.width, self.height
        while wide % 4 == 0 and high % 4 == 0 and wide >= 2 * width and high >= 2 * height:
            times, wide, high = times + 1, wide // 2, high // 2
        if not times or len(self.image.planes) != 3:
            return self.image
        image = av.VideoFrame(wide, high, self.format)
        tag_like(image, self.image)
        for number, out in enumerate(Frame(image).planes()):
            out[:] = self._halves(number)[times]
        return image


@dataclass(frozen=True, slots=True, eq=False)
class Matte:
    """The person's mask for one frame.

    levels: uint8 H×W in 0..255 at the frame's stored size, 255 where the person is;
    mask: float32 h×w in 0..1, upright, the network's own small output that the levels were refined from;
    orientation: the frame's;
    parts: float32 h×w×8 in 0..1, upright, how far each pixel is of each class 1 to 8 of `labels.Label`, which
    sum up to the mask; None from a network that does not tell them apart;
    begins: whether a shot begins here, so that nothing of the frames before is to be carried on.
    """

    levels: NDArray[np.uint8]
    mask: Alpha
    orientation: Orientation = Orientation.UPRIGHT
    parts: Alpha | None = None
    begins: bool = False

    @property
    def alpha(self) -> Alpha:
        """Alpha at the frame's upright size, float32 H×W in 0..1."""
        return self.orientation.upright(self.levels).astype(np.float32) / np.float32(255)


def is_hdr(image: av.VideoFrame) -> bool:
    """Whether a picture's transfer function is PQ or HLG."""
    return image.color_trc in (PQ, HLG)


def tag_like(image: av.VideoFrame, other: av.VideoFrame) -> None:
    """Give a picture the colour tags of another."""
    for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
        setattr(image, name, getattr(other, name))


def matrix_of(image: av.VideoFrame) -> int:
    """The matrix of a YUV picture, as swscale counts.

    Where it is not tagged, what players take: BT.2020 for HDR, else BT.709 from 720 lines on.
    """
    if image.colorspace in _MATRICES:
        return _MATRICES[image.colorspace]
    if is_hdr(image):
        return _BT2020
    return _BT709 if min(image.width, image.height) >= 720 else _BT601


def check_picture(picture: NDArray[Any]) -> None:
    """Refuse an array that is not uint8 RGB H×W×3. Raises OptionError."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise OptionError(f"a picture is uint8 RGB H×W×3, not {picture.dtype} {picture.shape}")


def halve(plane: Plane, least: int) -> Plane:
    """Halve an H×W or H×W×C plane while its longer side stays at least `least`; exact halves are cheap."""
    return halves(plane, least)[-1]


def halves(plane: Plane, least: int) -> list[Plane]:
    """A plane and what it is on the way, each half the one before, to what `halve` makes of it."""
    steps = [plane]
    while max(plane.shape[:2]) >= 2 * least and min(plane.shape[:2]) > 1:
        size = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(plane.dtype, copy=False)
        steps.append(plane)
    return steps


def _view(plane: av.video.plane.VideoPlane, channels: int, dtype: type[Sample]) -> Plane:
    samples: Plane = np.frombuffer(memoryview(plane), dtype)
    rows = samples.reshape(plane.height, plane.line_size // samples.itemsize)[:, : plane.width * channels]
    return rows.reshape(plane.height, plane.width, channels) if channels > 1 else rows
