"""Opening a video file, with one clear line for each way in which it can be unfit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from livematte.errors import InputError

_STATES_ITS_LENGTH = ("mov", "matroska")
_NOT_A_VIDEO = {"tty": "a text file", "image2": "a picture", "ico": "a picture"}


class Source(NamedTuple):
    """An open file and the one video stream in it that matters."""

    path: Path
    container: InputContainer
    video: VideoStream

    @property
    def states_its_length(self) -> bool:
        """Whether the container's stated length can be trusted to tell a cut-off file."""
        return self.container.format.name.startswith(_STATES_ITS_LENGTH)


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


def open_source(path: Path) -> Source:
    """Open a file and choose its video stream. Raises InputError."""
    check_input(path)
    try:
        # the absolute path keeps a colon in the name from being taken for a protocol
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(f"{path} {_why_not_opened(path, error)}") from error
    try:
        return Source(path, container, _choose_video(path, container))
    except InputError:
        container.close()
        raise


def _why_not_opened(path: Path, error: av.FFmpegError) -> str:
    head = b""
    if path.is_file():  # a pipe could not be read a second time
        with path.open("rb") as file:
            head = file.read(12)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return "is cut off or damaged: its index (moov) is missing, as when a recording was not finished"
    if isinstance(error, av.InvalidDataError):
        return "is not a video that FFmpeg can read"
    return f"cannot be opened: {error.strerror}"


def _choose_video(path: Path, container: InputContainer) -> VideoStream:
    kind = container.format.name
    if kind in _NOT_A_VIDEO or kind.endswith("_pipe"):
        raise InputError(f"{path} is {_NOT_A_VIDEO.get(kind, 'a picture')}, not a video")
    videos = [stream for stream in container.streams.video if not is_cover(stream)]
    if not videos:
        found = "only sound" if container.streams.audio else "no pictures"
        raise InputError(f"{path} holds {found}; a video is needed")
    video = max(videos, key=lambda stream: bool(stream.disposition & Disposition.default))
    if video.codec_context is None:
        raise InputError(f"{path}: no decoder for its video; convert it to H.264 first")
    if video.time_base is None:
        raise InputError(f"{path}: its video has no time base")
    return video


def is_cover(stream: VideoStream) -> bool:
    """Whether a video stream is a cover picture or thumbnails."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))
