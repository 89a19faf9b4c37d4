"""Sound from another file, and sound made anew where a container does not take the old one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from itertools import count
from typing import Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from livematte.errors import InputError
from livematte.media.source import AnyPath, open_container


class SoundFile:
    """The tracks of a file whose sound replaces that of a clip; both begin at 0.

    warnings: sentences for the user.
    """

    def __init__(self, path: AnyPath) -> None:
        """Open it. Raises InputError where there is no sound in it."""
        self._container = open_container(path)
        self.tracks: list[Stream] = list(self._container.streams.audio)
        if not self.tracks:
            self._container.close()
            raise InputError(f"{path} holds no sound")
        self._packets: Generator[tuple[Fraction, Packet[Stream]], None, None] | None = None
        self._next: tuple[Fraction, Packet[Stream]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._packets is not None:
            self._packets.close()
        self._container.close()

    def until(self, time: Fraction) -> Iterator[Packet[Stream]]:
        """The packets that begin before the time of a picture, in seconds, and were not given yet."""
        if self._packets is None:
            self._packets = self._timed(time)
            self._next = next(self._packets, None)
        while self._next is not None and self._next[0] < time:
            yield self._next[1]
            self._next = next(self._packets, None)

    def _timed(self, first: Fraction) -> Generator[tuple[Fraction, Packet[Stream]], None, None]:
        """Packets with their times; first: that of the clip's first picture."""
        try:
            for packet in self._container.demux(self.tracks):
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    yield packet.pts * Fraction(packet.time_base), packet
        except av.FFmpegError:
            return  # a damaged rest is silence


class BackdropSound(SoundFile):
    """The tracks of a video that stands behind a clip, in step with its pictures.

    They begin with the clip's first picture and, if it loops, again whenever the video does.
    """

    def __init__(self, path: AnyPath, *, loop: bool) -> None:
        """Open it. Raises InputError where there is no sound or no video in it."""
        super().__init__(path)
        self._loop = loop
        if not self._container.streams.video:
            self._container.close()
            raise InputError(f"{path} holds no video that its sound could be in step with")
        self._begin, self._end = _span(self._container)

    def _timed(self, first: Fraction) -> Generator[tuple[Fraction, Packet[Stream]], None, None]:
        length = self._end - self._begin
        for number in count() if self._loop and length > 0 else (0,):
            self._container.seek(0)
            shift = first - self._begin + number * length
            for time, packet in super()._timed(first):
                middle = time + (packet.duration or 0) * packet.time_base / 2
                # a decoder's lead-in is needed once; what goes on after the last picture would be in the way
                if (middle >= self._begin or number == 0) and (middle < self._end or not self._loop):
                    ticks = round(shift / packet.time_base)
                    assert packet.pts is not None
                    packet.pts += ticks
                    packet.dts = packet.pts
                    yield time + shift, packet


def _span(container: InputContainer) -> tuple[Fraction, Fraction]:
    """When the first picture of a video begins and the last one ends, in seconds."""
    video = container.streams.video[0]
    times = [
        (packet.pts, packet.duration or 0) for packet in container.demux(video) if packet.pts is not None
    ]
    tick = Fraction(video.time_base or 0)
    return min(pts for pts, _ in times) * tick, max(pts + length for pts, length in times) * tick


class OpusTrack:
    """A track encoded anew as Opus, each piece at its old time."""

    def __init__(self, source: Stream, target: AudioStream) -> None:
        """source: the track as it is; target: a stream of libopus in the result."""
        assert isinstance(source, AudioStream)
        self._source, self._target = source.codec_context, target
        self._resampler = av.AudioResampler(format="s16", layout=target.layout.name, rate=48_000)

    def __call__(self, packet: Packet[Stream] | None) -> Iterator[Packet[Stream]]:
        """The packets that one of the source completes; None at the end gives the rest."""
        try:
            decoded = self._source.decode(packet)
        except av.FFmpegError:
            decoded = []
        for frame in decoded:
            for piece in self._resampler.resample(frame):
                yield from self._target.encode(piece)
        if packet is None:
            for piece in self._resampler.resample(None):
                yield from self._target.encode(piece)
            yield from self._target.encode(None)
