"""Opening a video, with one clear line for each way in which it can be unfit."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from os import PathLike, fspath
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from livematte.errors import InputError
from livematte.media.srt import from_srt, is_srt

AnyPath: TypeAlias = str | PathLike[str]

STANDARD_INPUT = "-"

_STATES_ITS_LENGTH = ("mov", "matroska")
_NOT_A_VIDEO = {"tty": "a text file", "image2": "a picture", "ico": "a picture"}
_ADDRESS = re.compile(r"(https?|rtsps?|rtmps?|srt|tcp|udp|ftp)://", re.IGNORECASE)
_NUMBER = re.compile(r"%0?(\d*)d")
_SEQUENCE_RATE = 25
_PATIENCE = 20.0
"""Seconds for which an address may stay silent."""
_OPENING, _SILENCE = 8.0, 4.0
"""Seconds that a live stream may take to open, and may stay silent before it is opened anew."""
_CONFINED = {"protocol_whitelist": "file", "format_whitelist": "mov,matroska,avi"}

_always: dict[str, str] = {}  # FFmpeg's options for whatever is opened


class Source(NamedTuple):
    """An open clip and the one video stream in it that matters.

    name: as the user gave it; path: the file, None for an address, a pipe or a sequence.
    """

    name: str
    path: Path | None
    container: InputContainer
    video: VideoStream

    @property
    def states_its_length(self) -> bool:
        """Whether the container's stated length can be trusted to tell a cut-off file."""
        return self.path is not None and self.container.format.name.startswith(_STATES_ITS_LENGTH)


def is_file(source: AnyPath) -> bool:
    """Whether a source is named by a path: neither an address, nor a pipe, nor a numbered sequence."""
    name = fspath(source)
    return not (name == STANDARD_INPUT or _ADDRESS.match(name) or is_sequence(source))


def is_sequence(source: AnyPath) -> bool:
    """Whether a path stands for numbered pictures, as `frames/%05d.png`."""
    return _NUMBER.search(Path(source).name) is not None and not Path(source).exists()


def check_input(path: Path) -> None:
    """Refuse what cannot be a media file: missing, a folder, empty, not readable. Raises InputError."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes)")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read; check its permissions")


def confine() -> None:
    """From now on, open MP4, MOV, Matroska, WebM and AVI only, and nothing that they refer to.

    For a process that works on what strangers sent: playlists name other files and addresses.
    """
    _always.update(_CONFINED)


def open_source(source: AnyPath, rate: float | None = None) -> Source:
    """Open a file, an address, standard input (`-`) or numbered pictures, and choose the video in it.

    rate: pictures a second of numbered pictures. Raises InputError.
    """
    name = fspath(source)
    path = Path(name) if is_file(source) else None
    container = open_container(source, rate)
    try:
        return Source(name, path, container, _choose_video(name, container, is_sequence(source)))
    except InputError:
        container.close()
        raise


@contextlib.contextmanager
def open_stream(address: str) -> Iterator[Source]:
    """Open a stream for what is newest in it, not for all that is in it. Raises InputError."""
    options = {"flags": "low_delay", "analyzeduration": "1000000", "fpsprobesize": "0"}
    if address.lower().startswith("rtsp"):
        options["rtsp_transport"] = "tcp"
    with ExitStack() as stack:
        where: str | IO[bytes] = address
        if is_srt(address) and not _always:  # what is confined starts no other program
            where = stack.enter_context(_output_of(from_srt(address)))
            options |= {"probesize": "32", "analyzeduration": "0"}
        try:
            container = av.open(where, "r", container_options=options | _always, timeout=(_OPENING, _SILENCE))
        except (av.FFmpegError, OSError) as error:
            why = "does not answer" if is_srt(address) else _why_not_opened(Path(address), error)
            raise InputError(f"{address} {why}") from error
        stack.callback(container.close)
        yield Source(address, None, container, _choose_video(address, container, sequence=False))


@contextlib.contextmanager
def _output_of(command: list[str]) -> Iterator[IO[bytes]]:
    """What a command writes to its standard output while it runs."""
    # without a buffer a read gives what there is, and does not wait for more
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.kill()


def open_container(source: AnyPath, rate: float | None = None) -> InputContainer:
    """Open what holds the streams. Raises InputError."""
    name = fspath(source)
    options: dict[str, str] = {}
    if name == STANDARD_INPUT:
        where = "pipe:0"
    elif is_sequence(source):
        where = str(Path(name).absolute())
        options = {
            "framerate": f"{rate or _SEQUENCE_RATE:g}",
            "start_number": str(_numbers(Path(name))[0]),
            "f": "image2",
        }
    elif is_file(source):
        check_input(Path(name))
        # the absolute path keeps a colon in the name from being taken for a protocol
        where = str(Path(name).absolute())
    else:
        where = name
        if name.lower().startswith("rtsp"):
            options = {"rtsp_flags": "prefer_tcp"}  # pictures whole, not quick
    try:
        return av.open(
            where,
            format=options.pop("f", None),
            container_options=options | _always,
            metadata_errors="replace",
            timeout=None if is_file(source) else _PATIENCE,
        )
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{name} {_why_not_opened(Path(name), error)}") from error


def missing_numbers(source: AnyPath) -> int | None:
    """The first number that a sequence lacks although higher ones are there, None where it is whole."""
    numbers = _numbers(Path(source))
    whole = range(numbers[0], numbers[0] + len(numbers))
    return next((number for number, own in zip(whole, numbers, strict=True) if number != own), None)


def _numbers(pattern: Path) -> list[int]:
    """The numbers of the pictures that a pattern stands for, in order. Raises InputError."""
    before, after = _NUMBER.split(pattern.name)[::2][:2]
    one = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
    folder = pattern.parent
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    numbers = sorted(int(found[1]) for name in names if (found := one.fullmatch(name)))
    if not numbers:
        raise InputError(f"{pattern}: no picture of that name in {folder}")
    return numbers


def _why_not_opened(path: Path, error: Exception) -> str:
    head = b""
    if path.is_file():  # a pipe could not be read a second time
        with path.open("rb") as file:
            head = file.read(12)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return "is cut off or damaged: its index (moov) is missing, as when a recording was not finished"
    if isinstance(error, av.InvalidDataError):
        return "is not a video that FFmpeg can read"
    return f"cannot be opened: {getattr(error, 'strerror', None) or error}"


def _choose_video(name: str, container: InputContainer, sequence: bool) -> VideoStream:
    kind = container.format.name
    if not sequence and (kind in _NOT_A_VIDEO or (kind.endswith("_pipe") and kind != "yuv4mpegpipe")):
        raise InputError(f"{name} is {_NOT_A_VIDEO.get(kind, 'a picture')}, not a video")
    videos = [stream for stream in container.streams.video if not is_cover(stream)]
    if not videos:
        found = "only sound" if container.streams.audio else "no pictures"
        raise InputError(f"{name} holds {found}; a video is needed")
    video = max(videos, key=lambda stream: bool(stream.disposition & Disposition.default))
    if video.codec_context is None:
        raise InputError(f"{name}: no decoder for its video; convert it to H.264 first")
    if video.time_base is None:
        raise InputError(f"{name}: its video has no time base")
    return video


def is_cover(stream: VideoStream) -> bool:
    """Whether a video stream is a cover picture or thumbnails."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))
