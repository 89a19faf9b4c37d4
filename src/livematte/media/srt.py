"""SRT, which PyAV's own FFmpeg is built without: its packets pass through an FFmpeg that has it."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

from livematte.errors import MissingExtraError

_QUIET = ["-hide_banner", "-loglevel", "error"]


def is_srt(address: str) -> bool:
    """Whether an address is one of SRT."""
    return address.lower().startswith("srt://")


def to_srt(address: str) -> list[str]:
    """The command that sends NUT from its standard input and tells how much. Raises MissingExtraError."""
    given = ["-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0", "-f", "nut", "-i", "pipe:0"]
    packed = ["-c", "copy", "-f", "mpegts", "-muxdelay", "0", "-muxpreload", "0", "-flush_packets", "1"]
    told = ["-progress", "pipe:1", "-stats_period", "0.2"]
    return [_ffmpeg(), *_QUIET, *told, *given, *packed, address]


def from_srt(address: str) -> list[str]:
    """The command that writes what it receives as NUT to its standard output. Raises MissingExtraError."""
    given = ["-analyzeduration", "1000000", "-fpsprobesize", "0", "-i", address]
    return [_ffmpeg(), "-nostdin", *_QUIET, *given, "-map", "0:v:0", "-map", "0:a:0?", *_AS_NUT]


_AS_NUT = ["-c", "copy", "-copyts", "-f", "nut", "-flush_packets", "1", "pipe:1"]


@cache
def _ffmpeg() -> str:
    """An FFmpeg that knows SRT: the machine's own, or the one that the extra brings."""
    own = shutil.which("ffmpeg")
    if own is not None and _knows_srt(own):
        return own
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ModuleNotFoundError:
        raise MissingExtraError("SRT", "srt") from None
    return str(get_ffmpeg_exe())


def _knows_srt(ffmpeg: str) -> bool:
    told = subprocess.run([ffmpeg, "-protocols"], capture_output=True, text=True, check=False).stdout
    return "srt" in told.split()
