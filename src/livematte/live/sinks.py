"""Where live pictures go: a file, a stream, or a folder of HLS."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from os import fspath
from pathlib import Path
from typing import IO, Protocol

import av
from av.codec.context import ThreadType
from av.container import OutputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream

from livematte.errors import OutputError
from livematte.frame import Frame
from livematte.live.canvas import FORMAT, TICK, Canvas
from livematte.media import relay
from livematte.media.codecs import CONTAINERS, Encoding, choose
from livematte.media.options import Options
from livematte.media.output import writing
from livematte.media.scheduling import usual_scheduling
from livematte.media.source import AnyPath
from livematte.media.srt import is_srt, to_srt
from livematte.media.target import find_target

KEY = 2.0
"""Seconds between two key pictures of a stream: who joins waits no longer."""

_FORMATS = {
    "rtmp": "flv",
    "rtmps": "flv",
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "srt": "mpegts",
    "udp": "mpegts",
    "tcp": "mpegts",
}
_ADDRESS = re.compile(r"([a-z]+)://", re.IGNORECASE)
_FILES = ("mp4", "mov", "matroska", "webm", "nut")
_CONNECTING = 10.0  # seconds that it may take until the first picture is sent
_CADENCE = 0.1  # seconds between two pictures meanwhile
_LAST_WORDS = 2.0  # seconds in which what was sent is passed on
_BITS = 0.11  # at most, per pixel and picture
_AT_ONCE = {"flush_packets": "1"}
_HLS = {
    "hls_time": f"{KEY:g}",
    "hls_list_size": "6",
    "hls_flags": "delete_segments+independent_segments+temp_file",
}


class Sink(Protocol):
    """Takes live frames."""

    def write(self, frame: Frame) -> bool:
        """Take one, later than the one before; whether it is on its way. Raises OutputError."""
        ...


@dataclass(frozen=True)
class Outlet:
    """A place to which frames go.

    name: as the user gave it; open: makes the sink for a canvas and a rate, raises OutputError;
    depth: frames that may wait for it; comes_back: whether it is opened again after an error.
    """

    name: str
    open: Callable[[Canvas, float], AbstractContextManager[Sink]]
    depth: int = 1
    comes_back: bool = True


class _Nothing:
    def write(self, frame: Frame) -> bool:
        return True


NOWHERE = Outlet("the preview", lambda canvas, rate: contextlib.nullcontext(_Nothing()))
"""Takes frames and does nothing with them."""


def outlet_for(target: AnyPath, options: Options) -> Outlet:
    """The outlet of a file, an address or a folder (for HLS). Raises OutputError or OptionError."""
    name = fspath(target)
    address = _ADDRESS.match(name)
    if address:
        format = _FORMATS.get(address[1].lower())
        if format is None:
            raise OutputError(f"{name}: streams go to {', '.join(f'{one}://' for one in _FORMATS)}")
        # as a file, not as a module: it needs nothing else of livematte, and starts in less time
        own = [sys.executable, "-P", relay.__file__, name, format]
        command = to_srt(name) if is_srt(name) else own
        return Outlet(name, lambda canvas, rate: _streamed(name, command, canvas, rate, options), depth=3)
    if Path(name).suffix == ".m3u8" or Path(name).is_dir():
        playlist = Path(name) / "live.m3u8" if Path(name).is_dir() else Path(name)
        if not playlist.parent.is_dir():
            raise OutputError(f"{name}: the folder {playlist.parent} does not exist; make it first")
        return Outlet(name, lambda canvas, rate: _hls(playlist, canvas, rate, options), depth=3)
    file = find_target(name, options.container, overwrite=options.overwrite)
    if file.container.format not in _FILES:
        raise OutputError(f"{name}: live pictures go into .mp4, .mov, .mkv, .webm or .nut")

    @contextlib.contextmanager
    def record(canvas: Canvas, rate: float) -> Iterator[Sink]:
        encoding = choose(file.container, FORMAT, canvas.size, "picture", options.codec, options.quality)
        with file.whole() as temporary, writing(name):
            boxes = file.container.format in ("mp4", "mov")
            settings = {"movflags": "+faststart"} if boxes else _AT_ONCE
            output = av.open(temporary, "w", format=file.container.format, container_options=settings)
            with _encoding(output, name, canvas, rate, _quick(encoding)) as sink:
                yield sink

    return Outlet(name, record, depth=8, comes_back=False)


@contextlib.contextmanager
def _streamed(name: str, command: list[str], canvas: Canvas, rate: float, options: Options) -> Iterator[Sink]:
    """A process of its own sends: its wait for a network must not hold up anything here."""
    with _process(command) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            output = av.open(_Pipe(process.stdin), "w", format="nut", container_options=_AT_ONCE)
            with _encoding(output, name, canvas, rate, _for_stream(canvas, rate, options)) as encoder:
                yield _Relayed(encoder, process, name)
            process.stdin.close()
            process.wait(_LAST_WORDS)
        except (OutputError, OSError, subprocess.TimeoutExpired) as error:
            process.kill()
            lines = process.stderr.read().decode(errors="replace").strip().splitlines()
            raise OutputError(f"{name}: {lines[-1] if lines else 'no answer'}") from error


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for end in (process.stdin, process.stderr):
            with contextlib.suppress(OSError):  # what could not be written any more
                assert end is not None
                end.close()


class _Relayed:
    """Encodes for a process that sends.

    While that connects it gets a few frames, for it wants to know what is coming; then a key picture first.
    """

    def __init__(self, encoder: Encoder, process: subprocess.Popen[bytes], name: str) -> None:
        self._encoder, self._process, self._name = encoder, process, name
        self._connected = threading.Event()
        self._sends = False
        self._begin = self._last = time.monotonic()
        threading.Thread(target=self._listen, name="livematte-relay", daemon=True).start()

    def write(self, frame: Frame) -> bool:
        if self._sends:
            return self._encoder.write(frame)
        now = time.monotonic()
        if self._connected.is_set():
            self._sends = True
            return self._encoder.write(frame, key=True)
        if self._process.poll() is not None or now - self._begin > _CONNECTING:
            raise OutputError(f"{self._name}: not connected")
        if now - self._last >= _CADENCE:
            self._encoder.write(frame, key=self._last == self._begin)
            self._last = now
        return False

    def _listen(self) -> None:
        """Read how much was sent, in lines as FFmpeg's `-progress` writes them, until the process ends."""
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line.startswith(b"total_size=") and line[11:12] in b"123456789":
                    self._connected.set()


@contextlib.contextmanager
def _hls(playlist: Path, canvas: Canvas, rate: float, options: Options) -> Iterator[Sink]:
    with writing(playlist):
        output = av.open(str(playlist), "w", format="hls", container_options=_HLS)
        with _encoding(output, str(playlist), canvas, rate, _for_stream(canvas, rate, options)) as sink:
            yield sink


@contextlib.contextmanager
def _encoding(
    output: OutputContainer, name: str, canvas: Canvas, rate: float, encoding: Encoding
) -> Iterator[Encoder]:
    with ExitStack() as stack:
        stack.callback(_close_quietly, output)
        with writing(name):
            encoder = Encoder(output, name, canvas, rate, encoding)
        yield encoder
        encoder.finish()


class Encoder:
    """Encodes frames into an open container as they come."""

    def __init__(
        self, output: OutputContainer, name: str, canvas: Canvas, rate: float, encoding: Encoding
    ) -> None:
        self._output, self._name = output, name
        stream = output.add_stream(encoding.encoder, round(rate), encoding.settings, time_base=TICK)
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._format = encoding.pixel_format
        coder = stream.codec_context
        coder.width, coder.height = canvas.size
        coder.pix_fmt = encoding.pixel_format
        like = canvas.neutral.image
        coder.color_range, coder.colorspace = like.color_range, like.colorspace
        coder.color_primaries, coder.color_trc = like.color_primaries, like.color_trc
        coder.thread_type = ThreadType.SLICE  # threads by frame would each hold one back
        with usual_scheduling():
            coder.open()
        self._key: float | None = None

    def write(self, frame: Frame, key: bool | None = None) -> bool:
        """Encode one frame; key: whether as a key picture, every KEY seconds when left out."""
        image, seconds = frame.image, float(frame.time or 0)
        if image.format.name != self._format:
            image = image.reformat(format=self._format, threads=1)
            image.pts, image.time_base = frame.image.pts, frame.image.time_base
        is_key = (self._key is None or seconds - self._key >= KEY) if key is None else key
        if is_key:
            self._key = seconds
        image.pict_type = PictureType.I if is_key else PictureType.NONE
        with writing(self._name):
            for packet in self._stream.encode(image):
                self._output.mux_one(packet)
        return True

    def finish(self) -> None:
        """Write what is still to be written."""
        with writing(self._name):
            for packet in self._stream.encode(None):
                self._output.mux_one(packet)
            self._output.close()


class _Pipe:
    """A pipe without a buffer of its own."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def write(self, data: bytes) -> int:
        written = self._pipe.write(data)
        self._pipe.flush()
        return written


def _for_stream(canvas: Canvas, rate: float, options: Options) -> Encoding:
    """H.264 that every player takes, with a bound on its bits."""
    encoding = choose(CONTAINERS[".mp4"], FORMAT, canvas.size, "picture", options.codec, options.quality)
    most = str(round(_BITS * canvas.size[0] * canvas.size[1] * rate))
    quick = _quick(encoding)
    return replace(quick, settings={**quick.settings, "maxrate": most, "bufsize": most})


def _quick(encoding: Encoding) -> Encoding:
    """The encoding without any delay of its own."""
    if encoding.codec != "h264":
        return encoding
    return replace(encoding, settings={**encoding.settings, "tune": "zerolatency", "forced-idr": "1"})


def _close_quietly(output: OutputContainer) -> None:
    with contextlib.suppress(av.FFmpegError, OSError):  # of what is thrown away anyway
        output.close()
