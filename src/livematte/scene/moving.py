"""Backdrops that move: videos and animated pictures."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from os import PathLike
from pathlib import Path

import av
import numpy as np
from PIL import Image

from livematte.errors import InputError
from livematte.frame import Frame, Orientation, Plane, is_hdr
from livematte.media import Reader
from livematte.scene.backdrop import kind
from livematte.scene.composite import Levels
from livematte.scene.convert import planes_like
from livematte.scene.placement import COVER, Placement

_ANIMATED = frozenset({"GIF", "WEBP", "PNG", "AVIF"})


class Video:
    """A video or animated picture placed in the frame, at its own pace.

    loop: from the start again when it ends; else its last picture stays. One that is damaged or cut off
    holds its last good picture.
    begin: the time at which its first picture is shown, the first frame's when left out;
    warnings: sentences about what is wrong with it, more of them as it is read.
    """

    def __init__(self, path: str | PathLike[str], placement: Placement = COVER, *, loop: bool = True) -> None:
        self._path = Path(path)
        self._placement = placement
        self._loop = loop
        self._animated = is_animated(self._path)
        self.warnings: list[str] = []
        self._key: tuple[object, ...] = ()
        self._planes: list[Plane] = []
        self.begin: Fraction | None = None
        self._open(Fraction(0))

    def planes(self, frame: Frame, levels: Levels) -> list[Plane]:
        """The planes of the picture that is shown at the frame's time."""
        time = frame.time or Fraction(0)
        self.begin = time if self.begin is None else self.begin
        self._advance(time - self.begin)
        key = (self._now, *kind(frame))
        if key != self._key:  # a slow backdrop shows one picture for several frames
            if is_hdr(self._now.image) and not is_hdr(frame.image):
                self._warn("it is HDR and the clip is not: its colours will look pale")
            self._key, self._planes = key, planes_like(frame, _upright(self._now), self._placement)
        return self._planes

    def close(self) -> None:
        """Close the file."""
        self.warnings += [warning for warning in self._reader.warnings if warning not in self.warnings]
        self._reader.close()

    def _open(self, start: Fraction) -> None:
        self._reader = Animation(self._path) if self._animated else Reader(self._path)
        self._frames = iter(self._reader)
        self._now = next(self._frames)
        # where on the backdrop's endless clock this round began
        self._start = start
        self._shift = start - (self._now.time or 0)
        self._next = next(self._frames, None)

    def _advance(self, time: Fraction) -> None:
        while True:
            end = self._end()
            if time < end:
                return
            if self._next is not None:
                self._now, self._next = self._next, next(self._frames, None)
            elif self._reader.cut_off:
                self._warn("its last good picture is held")
                return
            elif not self._loop:
                return
            else:
                rounds = (time - end) // (end - self._start)  # that nobody sees
                self.close()
                self._open(end + rounds * (end - self._start))

    def _end(self) -> Fraction:
        """When the picture shown now is followed by another, on the backdrop's endless clock."""
        if self._next is not None:
            return (self._next.time or Fraction(0)) + self._shift
        return (self._now.time or Fraction(0)) + self._reader.last_duration + self._shift

    def _warn(self, what: str) -> None:
        sentence = f"{self._path.name}: {what}"
        if sentence not in self.warnings:
            self.warnings.append(sentence)


class Animation:
    """The pictures of an animated GIF, WebP, PNG or AVIF with their times; what is transparent is white.

    FFmpeg reads only some of these. Read once; attributes are those of a Reader.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._image = Image.open(path)
        self.warnings: list[str] = []
        self.cut_off = False
        self.last_duration = Fraction(1, 10)

    def __iter__(self) -> Iterator[Frame]:
        time = Fraction(0)
        for number in range(getattr(self._image, "n_frames", 1)):
            try:
                self._image.seek(number)
                picture = self._image.convert("RGBA")
            except (OSError, EOFError, SyntaxError, ValueError) as error:
                self._break_off(number, time, error)
                return
            white = Image.new("RGBA", picture.size, "white")
            flat = np.asarray(Image.alpha_composite(white, picture).convert("RGB"))
            # players show a picture without a duration for a tenth of a second
            self.last_duration = Fraction(round(self._image.info.get("duration") or 100), 1000)
            yield Frame.from_rgb(flat, time)
            time += self.last_duration

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def _break_off(self, number: int, time: Fraction, error: Exception) -> None:
        if number == 0:
            raise InputError(f"{self._path} is damaged: none of its pictures can be decoded") from error
        self.cut_off = True
        self.warnings.append(
            f"{self._path.name} is damaged or cut off after {float(time):.1f} s: used up to there"
        )


def is_animated(path: Path) -> bool:
    """Whether a file is a picture of several frames that Pillow reads."""
    try:
        with Image.open(path) as image:
            return image.format in _ANIMATED and getattr(image, "n_frames", 1) > 1
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def _upright(frame: Frame) -> av.VideoFrame:
    if frame.orientation == Orientation.UPRIGHT:
        return frame.image
    return av.VideoFrame.from_ndarray(frame.rgb(), format="rgb24")
