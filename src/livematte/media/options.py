"""What may be chosen about reading and writing a video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from livematte.errors import OptionError

_SIZE = re.compile(r"(\d*)x(\d*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a video is read and written. What is left out stays as it is in the source. Raises OptionError."""

    start: float | str | None = None
    """Seconds after the first picture, or h:mm:ss, from which on the video is read."""

    end: float | str | None = None
    """Seconds after the first picture, or h:mm:ss, up to which it is read."""

    size: str | None = None
    """Of the result as a player shows it: 1280x720, or 1280x or x720 to keep the shape."""

    rate: float | None = None
    """Pictures a second of numbered pictures, which state none; 25 when left out."""

    sdr: bool = False
    """Map HDR video (PQ, HLG) to BT.709 of 8 bits."""

    chroma: str | None = None
    """420 for a result that every player shows, where the source has finer colour."""

    codec: str | None = None
    """h264, hevc, av1, vp9, prores, ffv1, raw, or FFmpeg's name of a hardware encoder such as h264_nvenc."""

    quality: int | None = None
    """The codec's rate factor, lower is better: 0 to 51 for h264 and hevc, 0 to 63 for av1 and vp9."""

    audio: str = "copy"
    """copy, none, background (the sound of a background video), or the path of a file whose sound is used."""

    container: str | None = None
    """matroska, nut or y4m: what is written to standard output."""

    overwrite: bool = False
    """Replace a result that is there already."""

    def __post_init__(self) -> None:
        """Refuse what no video could be read or written with."""
        start, end = self.span()
        if start is not None and start < 0:
            raise OptionError(f"start must be 0 or more seconds, not {self.start}")
        if end is not None and end <= (start or 0):
            raise OptionError(f"end must be later than {float(start or 0):g} s, not {self.end}")
        if self.rate is not None and not 0 < self.rate <= 1000:
            raise OptionError(f"rate must be above 0 and at most 1000 pictures a second, not {self.rate:g}")
        if self.chroma not in (None, "420"):
            raise OptionError(f"chroma must be 420, not {self.chroma!r}")
        if self.size is not None:
            _sides(self.size)

    def span(self) -> tuple[Fraction | None, Fraction | None]:
        """Start and end in seconds."""
        return _seconds(self.start), _seconds(self.end)

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) that a picture shown at width×height is scaled to."""
        if self.size is None:
            return width, height
        wide, high = _sides(self.size)
        if wide and high:
            return wide, high
        # even sides, which every codec takes
        if wide:
            return wide, max(2, 2 * round(height * wide / width / 2))
        assert high
        return max(2, 2 * round(width * high / height / 2)), high

    def both_sides(self) -> tuple[int, int] | None:
        """The size as (width, height), None where left out. Raises OptionError where a side is missing."""
        if self.size is None:
            return None
        wide, high = _sides(self.size)
        if not (wide and high):
            raise OptionError(f"size is WIDTHxHEIGHT here, both sides, not {self.size!r}")
        return wide, high

    @property
    def keeps_shape(self) -> bool:
        """Whether the picture keeps its proportions."""
        return self.size is None or not all(_sides(self.size))


def _sides(size: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(size.lower())
    if found is None or found[0] == "x":
        raise OptionError(f"size is WIDTHxHEIGHT, WIDTHx or xHEIGHT in pixels, not {size!r}")
    wide, high = int(found[1] or 0), int(found[2] or 0)
    if not all(2 <= side <= 16384 for side in (wide, high) if side) or not (wide or high):
        raise OptionError(f"size is from 2 to 16384 pixels a side, not {size!r}")
    return wide, high


def _seconds(time: float | str | None) -> Fraction | None:
    if time is None:
        return None
    try:
        total = Fraction(0)
        for part in str(time).split(":"):
            total = total * 60 + Fraction(part)
    except (ValueError, ZeroDivisionError):
        raise OptionError(f"{time!r} is not a time; write seconds (90.5) or h:mm:ss (0:01:30.5)") from None
    return total
