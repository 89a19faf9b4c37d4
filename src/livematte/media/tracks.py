"""All that goes into a video beside its pictures: sound, subtitles, data, covers, chapters and metadata."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from livematte.media.codecs import Container
from livematte.media.reader import Reader
from livematte.media.sound import OpusTrack

_STALE = (
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "DURATION",
    "BPS",
    "NUMBER_OF_",
    "_STATISTICS",
    "timecode",
    "TIMECODE",
)
_COVERS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


class Tracks:
    """What a result takes over of a clip beside its pictures, packet by packet.

    warn: told what the container cannot hold.
    """

    def __init__(
        self, output: OutputContainer, container: Container, reader: Reader, warn: Callable[[str], None]
    ) -> None:
        self._output, self._container, self._reader, self._warn = output, container, reader, warn
        self._streams: dict[Stream, Stream] = {}
        self._remade: dict[Stream, OpusTrack] = {}
        self._last_dts: dict[int, int] = {}
        self._late = 0

    @property
    def sound(self) -> int:
        """How many tracks of sound there are."""
        return sum(stream.type == "audio" for stream in self._streams.values())

    def tell_about(self) -> None:
        """Write chapters and metadata of the whole."""
        kept = _kept(self._reader.container.metadata)
        if self._container.tags:
            self._output.metadata.update(kept)
            self._output.set_chapters(self._reader.chapters())
        elif kept or self._reader.timecode or self._reader.chapters():
            self._warn("its format holds no chapters and metadata; left out")

    def add(self, streams: Iterable[Stream]) -> None:
        """Take over streams, each as it is where the container can hold it."""
        for stream in streams:
            if _takes(self._container.format, stream):
                copy = self._output.add_stream_from_template(stream, opaque=True)
            elif isinstance(stream, AudioStream) and self._container.format == "webm":
                copy = self._remake(stream)
            else:
                self._warn(f"its format cannot hold the {stream.type} stream ({_codec(stream)}); left out")
                continue
            describe(copy, stream)
            self._streams[stream] = copy

    def add_covers(self) -> None:
        """Take over the cover pictures; after this no stream can be added."""
        packets = []
        for stream, picture in self._reader.covers.items():
            named = _COVERS.get(_codec(stream))
            if picture and named and self._container.format == "matroska":
                self._output.add_attachment(*named, picture)
            elif picture and self._container.format == "mp4":
                packets.append(Packet(picture))
                packets[-1].stream = self._output.add_stream_from_template(stream, opaque=True)
                packets[-1].stream.disposition = Disposition.attached_pic
            else:
                self._warn("its format cannot hold the cover picture; left out")
        if packets:
            self._output.start_encoding()
        for packet in packets:
            packet.pts = packet.dts = 0
            packet.is_keyframe = True
            self._output.mux_one(packet)

    def copy(self, packet: Packet[Stream]) -> None:
        """Pass on a packet of a stream that was added; any other is left out."""
        stream = self._streams.get(packet.stream)
        if stream is None:
            return
        if packet.stream in self._remade:
            for made in self._remade[packet.stream](packet):
                self._output.mux_one(made)
            return
        if packet.dts is not None:
            if packet.dts <= self._last_dts.get(stream.index, packet.dts - 1):
                self._late += 1
                return
            self._last_dts[stream.index] = packet.dts
        packet.stream = stream
        self._output.mux_one(packet)

    def finish(self) -> None:
        """Write what is still to be written."""
        for track in self._remade.values():
            for packet in track(None):
                self._output.mux_one(packet)
        if self._late:
            self._warn(f"packets out of order left out: {self._late}")

    def _remake(self, stream: AudioStream) -> AudioStream:
        track = self._output.add_stream("libopus", 48_000)
        assert isinstance(track, AudioStream)
        track.codec_context.layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        self._remade[stream] = OpusTrack(stream, track)
        self._warn(f"WebM does not take {_codec(stream)}; that track of sound is encoded anew as Opus")
        return track


def describe(stream: Stream, source: Stream) -> None:
    """Give a stream the tags and the disposition of another."""
    stream.metadata.update(_kept(source.metadata))
    stream.disposition = source.disposition


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    """The tags that still hold for the result."""
    return {key: value for key, value in metadata.items() if not key.startswith(_STALE)}


def _codec(stream: Stream) -> str:
    return stream.codec_context.name if stream.codec_context else stream.type


def _takes(format: str, stream: Stream) -> bool:
    """Whether a container format can hold a stream: try it on a file in memory."""
    with contextlib.suppress(av.FFmpegError, ValueError):
        with av.open(io.BytesIO(), "w", format=format) as probe:
            probe.add_stream_from_template(stream, opaque=True)
            probe.start_encoding()
        return True
    return False
