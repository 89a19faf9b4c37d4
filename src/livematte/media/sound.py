"""Sound from another file, and sound made anew where a container does not take the old one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import Self

import av
from av.audio.stream import AudioStream
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
        self._packets = self._timed()
        self._next = next(self._packets, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._packets.close()
        self._container.close()

    def until(self, time: Fraction) -> Iterator[Packet[Stream]]:
        """The packets that begin before a time, in seconds, and were not given yet."""
        while self._next is not None and self._next[0] < time:
            yield self._next[1]
            self._next = next(self._packets, None)

    def _timed(self) -> Generator[tuple[Fraction, Packet[Stream]], None, None]:
        try:
            for packet in self._container.demux(self.tracks):
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    yield packet.pts * Fraction(packet.time_base), packet
        except av.FFmpegError:
            return  # a damaged rest is silence


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
