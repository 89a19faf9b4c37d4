"""Where live pictures come from: a camera, a stream, or a clip that stands in for a camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from livematte.errors import InputError
from livematte.frame import Frame
from livematte.media import AnyPath, Reader
from livematte.media.camera import open_camera
from livematte.media.orientation import display_matrix, orientation_of
from livematte.media.source import open_stream

LATE = 0.3
"""Seconds after its capture from which on a picture is not worth showing."""

FAR_TOO_LATE = 1.0
"""Seconds from which on it is not worth decoding."""

_JUMP = 1.0
"""A timestamp that is off by more seconds than this is of a clock that was set."""

_NONE_YET = 0.003  # seconds until a camera is asked again

_DRIFT = 0.02
"""How much slower than ours a source's clock is taken to run: a longer way is forgiven in time."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame and when it was captured, in seconds of `time.monotonic`."""

    frame: Frame
    captured: float


Feed: TypeAlias = Callable[[], Iterator[Shot | None]]
"""Opens a source and gives its shots as they come, and None for each picture that comes too late; ends when
the source does. May raise anything: it is opened again."""


class Clip:
    """A clip in place of a camera: its frames come at their own pace, from the start again at its end.

    speed: how many times faster than it plays.
    """

    def __init__(self, path: AnyPath, *, speed: float = 1.0, loop: bool = True) -> None:
        self._path, self._speed, self._loop = path, speed, loop

    def __call__(self) -> Iterator[Shot | None]:
        """The shots of one run."""
        due = time.monotonic()
        while True:
            with Reader(self._path, threads=1) as reader:
                begin = due
                for frame in reader:
                    due = begin + float((frame.time or 0) - (reader.first.time or 0)) / self._speed
                    time.sleep(max(0.0, due - time.monotonic()))
                    yield Shot(frame, time.monotonic())
                due += float(reader.last_duration) / self._speed
            if not self._loop:
                return


class Webcam:
    """A camera of this machine. Raises InputError where it cannot be opened.

    device: its number or name as `devices` lists them, the first one when left out.
    size: (width, height) and rate: pictures a second, that are asked for; it may give others.
    """

    def __init__(
        self, device: str | None = None, size: tuple[int, int] = (1280, 720), rate: float = 30.0
    ) -> None:
        self._device, self._size, self._rate = device, size, rate
        self._opened: InputContainer | None = None

    def open(self) -> None:
        """Open it now rather than with the first run."""
        self._opened = open_camera(self._device, self._size, self._rate)

    def __call__(self) -> Iterator[Shot | None]:
        """The shots of one run."""
        opened, self._opened = self._opened, None
        with closing(opened or open_camera(self._device, self._size, self._rate)) as container:
            yield from _shots(container, container.streams.video[0])


class Address:
    """A stream by its address.

    warnings: sentences about what of it is left out.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self.warnings: list[str] = []

    def __call__(self) -> Iterator[Shot | None]:
        """The shots of one connection."""
        with open_stream(self._address) as source:
            if source.container.streams.audio and not self.warnings:
                self.warnings.append(f"{self._address}: its sound is left out")
            yield from _shots(source.container, source.video)


class SourceClock:
    """From a source's timestamps to our clock: the packet that was quickest on its way came without delay."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._before = 0.0, 0.0

    def captured(self, stamp: float, now: float) -> float:
        """When a packet stamped `stamp` seconds that arrives `now` was captured."""
        offset, (last_stamp, last_now) = now - stamp, self._before
        passed = now - last_now
        if self._offset is None or abs(stamp - last_stamp - passed) > _JUMP:
            self._offset = offset
        self._offset = min(offset, self._offset + _DRIFT * passed)
        self._before = stamp, now
        return stamp + self._offset

    def at(self, stamp: float) -> float:
        """When what is stamped `stamp` seconds was captured, after a packet has come."""
        return stamp + (self._offset or 0.0)


def _shots(container: InputContainer, video: VideoStream) -> Iterator[Shot | None]:
    """The pictures of an open source, None for each that comes too late.

    What is far too late is not decoded, up to the next key picture that is not.
    """
    decoder = video.codec_context
    if decoder is None:
        raise InputError(f"{container.name}: no decoder for its video")
    decoder.thread_type, decoder.thread_count = ThreadType.SLICE, 0
    tick = Fraction(video.time_base or 1)
    clock, skipping = SourceClock(), False
    try:
        for packet in _packets(container, video):
            now = time.monotonic()
            stamp = packet.pts if packet.dts is None else packet.dts
            captured = now if stamp is None else clock.captured(float(stamp * tick), now)
            if skipping and packet.is_keyframe and now - captured <= LATE:
                skipping = False
                decoder.flush_buffers()
            if skipping or now - captured > FAR_TOO_LATE:
                skipping = True
                yield None
                continue
            for image in _decoded(decoder, packet):
                captured = now if image.pts is None else min(now, clock.at(float(image.pts * tick)))
                orientation, _ = orientation_of(display_matrix(image))
                late = time.monotonic() - captured > LATE
                yield None if late else Shot(Frame(image, None, orientation), captured)
    except av.FFmpegError as error:
        raise InputError(f"{container.name}: {error.strerror or error}") from error


def _packets(container: InputContainer, video: VideoStream) -> Iterator[Packet[VideoStream]]:
    """The packets as they come; some systems' cameras say that there is none yet rather than wait."""
    while True:
        try:
            yield from container.demux(video)
            return
        except av.BlockingIOError:
            time.sleep(_NONE_YET)


def _decoded(decoder: VideoCodecContext, packet: Packet[VideoStream]) -> Iterator[av.VideoFrame]:
    """The whole pictures that a packet completes; damaged ones are left out."""
    try:
        yield from (image for image in decoder.decode(packet) if not image.is_corrupt)
    except av.FFmpegError:
        return
