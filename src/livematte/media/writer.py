"""Writing a video: encoded frames and copied packets, each at its own time."""

from __future__ import annotations

import contextlib
import io
import math
from contextlib import ExitStack
from fractions import Fraction
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from livematte.errors import OutputError
from livematte.frame import Frame
from livematte.media.formats import reformat
from livematte.media.output import check_target, whole_file, writing
from livematte.media.reader import Reader

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
_QUALITY = 20  # x264's constant rate factor
_LARGEST_TIMESCALE = 2**31 - 1
_STALE = (
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "DURATION",
    "BPS",
    "NUMBER_OF_",
    "_STATISTICS",
)
_LIMITED_RANGE = 1
_LIMITED = np.rint(16 + np.arange(256) * (219 / 255)).astype(np.uint8)


class Writer:
    """A video being written: H.264 pictures, and the other streams of `reader` packet by packet.

    The file appears under its name, whole, when the `with` block ends without an error.
    MP4 and MOV keep every timestamp exactly; MKV keeps milliseconds.

    path: the target; warnings: sentences for the user about streams that it cannot hold.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        reader: Reader,
        *,
        grey: bool = False,
        quality: int | None = None,
        sound: bool = True,
        overwrite: bool = True,
    ) -> None:
        """Check the target; nothing is written yet.

        reader: the clip whose size, times, tags and other streams the result takes over;
        grey: frames are one plane of 0..255, a matte, and come without sound;
        quality: x264's rate factor, 0 (lossless) to 51, 20 when left out;
        sound: whether other streams are copied. Raises OutputError.
        """
        self.path = Path(path)
        check_target(self.path, _FORMATS, source=reader.path, overwrite=overwrite)
        self.warnings: list[str] = []
        self._reader = reader
        self._grey = grey
        self._quality = _QUALITY if quality is None else quality
        self._with_others = sound and not grey
        self._format = _FORMATS[self.path.suffix.lower()]
        self._streams: dict[int, Stream] = {}
        self._last_dts: dict[int, int] = {}
        self._late = 0
        self._held: Packet[VideoStream] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(whole_file(self.path))
            with writing(self.path):
                self._output = self._open(temporary)
                stack.callback(self._close_quietly)
                self._add_streams()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._cleanup.__exit__(kind, error, traceback)
            return
        with self._cleanup, writing(self.path):
            self._finish()

    @property
    def sound_tracks(self) -> int:
        """How many of the reader's sound tracks the file holds."""
        return sum(stream.type == "audio" for stream in self._streams.values())

    def write(self, frame: Frame) -> None:
        """Encode one frame of the reader's stored size; its time must be later than the one before.

        Raises OutputError where the file cannot be written.
        """
        if frame.time is None:
            raise ValueError("a frame of a video needs a time")
        image = self._encodable(frame)
        image.pts, image.time_base = round(frame.time / self._reader.time_base), self._reader.time_base
        image.pict_type = 0  # else x264 would repeat the input's choice of key frames
        with writing(self.path):
            self._pass_on(self._video.encode(image))

    def copy(self, packet: Packet[Stream]) -> None:
        """Pass on a packet of another stream as it is; one that the file cannot hold is left out."""
        stream = self._streams.get(packet.stream_index)
        if stream is None:
            return
        if packet.dts is not None:
            if packet.dts <= self._last_dts.get(stream.index, packet.dts - 1):
                self._late += 1
                return
            self._last_dts[stream.index] = packet.dts
        packet.stream = stream
        with writing(self.path):
            self._output.mux_one(packet)

    def _open(self, temporary: Path) -> OutputContainer:
        options = {}
        if self._format != "matroska":
            options = {
                "movflags": "+faststart",
                "video_track_timescale": str(self._reader.time_base.denominator),
                "movie_timescale": str(self._movie_timescale()),
            }
            if any(key.startswith("com.") for key in self._reader.container.metadata):
                options["movflags"] += "+use_metadata_tags"  # a phone's own tags have no other place
        if (self._reader.first.time or 0) < 0:
            options["avoid_negative_ts"] = "make_non_negative"  # else players would drop the first frames
            self.warnings.append(
                f"{self.path.name}: the clip starts before 0; all times are shifted to start at 0"
            )
        return av.open(str(temporary), "w", format=self._format, container_options=options)

    def _movie_timescale(self) -> int:
        """Ticks per second in which every track's start is a whole number, so that no start is rounded."""
        ticks = [self._reader.time_base.denominator]
        ticks += [Fraction(stream.time_base or 1).denominator for stream in self._reader.copied_streams()]
        exact = math.lcm(*ticks)
        return exact if exact <= _LARGEST_TIMESCALE else ticks[0]

    def _add_streams(self) -> None:
        source = self._reader.container
        self._output.metadata.update(_kept(source.metadata))
        self._output.set_chapters(source.chapters())
        others = {stream.index for stream in self._reader.copied_streams()} if self._with_others else set()
        for stream in source.streams:
            if stream.index == self._reader.video.index:
                self._video = self._add_video()
            elif stream.index in others:
                self._add_copy(stream)

    def _add_video(self) -> VideoStream:
        reader, first = self._reader, self._reader.first.image
        rate = reader.video.average_rate or 30
        # without B-frames the order of decoding is that of showing, and so every stored duration is exact
        options = {"preset": "veryfast", "crf": str(self._quality), "bf": "0"}
        stream = self._output.add_stream("libx264", rate, options, time_base=reader.time_base)
        encoder = stream.codec_context
        encoder.width, encoder.height = reader.width, reader.height
        encoder.pix_fmt = self._pixel_format()
        encoder.color_range = _LIMITED_RANGE if self._grey else first.color_range
        encoder.colorspace, encoder.color_primaries = first.colorspace, first.color_primaries
        encoder.color_trc = first.color_trc
        encoder.thread_type = ThreadType.FRAME  # x264's slices would cost quality
        if reader.video.sample_aspect_ratio:
            encoder.sample_aspect_ratio = reader.video.sample_aspect_ratio
        stream.set_display_matrix(reader.display_matrix)
        _describe(stream, reader.video)
        return stream

    def _pixel_format(self) -> str:
        full = self._reader.first.format.startswith("yuvj") and not self._grey
        # H.264 with halved colour planes has even sizes only
        odd = self._reader.width % 2 or self._reader.height % 2
        return ("yuvj" if full else "yuv") + ("444p" if odd else "420p")

    def _add_copy(self, stream: Stream) -> None:
        if not _takes(self._format, stream):
            name = stream.codec_context.name if stream.codec_context else stream.type
            self.warnings.append(
                f"{self.path.name}: its format cannot hold the {stream.type} stream ({name}); left out"
            )
            return
        copy = self._output.add_stream_from_template(stream, opaque=True)
        _describe(copy, stream)
        self._streams[stream.index] = copy

    def _encodable(self, frame: Frame) -> av.VideoFrame:
        if (frame.width, frame.height) != (self._reader.width, self._reader.height):
            raise ValueError(f"a frame of {frame.width}×{frame.height} where the video has another size")
        if self._grey:
            return self._from_grey(frame)
        if frame.format == self._video.codec_context.pix_fmt:
            return frame.image
        return reformat(frame.image, str(self._video.codec_context.pix_fmt))

    def _from_grey(self, frame: Frame) -> av.VideoFrame:
        image = av.VideoFrame(frame.width, frame.height, str(self._video.codec_context.pix_fmt))
        luma, *chroma = Frame(image).planes()
        np.take(_LIMITED, frame.planes()[0], out=luma)
        for plane in chroma:
            plane[:] = 128
        return image

    def _pass_on(self, packets: list[Packet[VideoStream]]) -> None:
        """Mux all packets but the newest, whose duration is known when another follows or the clip ends."""
        for packet in packets:
            if self._held is not None:
                self._output.mux_one(self._held)
            self._held = packet

    def _finish(self) -> None:
        if not self._video.codec_context.is_open:
            raise OutputError(f"{self.path}: not written, for there was no frame")
        self._pass_on(self._video.encode(None))
        if self._held is not None:
            self._held.duration = round(self._reader.last_duration / self._reader.time_base)
            self._output.mux_one(self._held)
        if self._late:
            self.warnings.append(f"{self.path.name}: packets out of order left out: {self._late}")
        self._output.close()

    def _close_quietly(self) -> None:
        with contextlib.suppress(av.FFmpegError):  # of a file that is thrown away anyway
            self._output.close()


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    """The tags that still hold for the result."""
    return {key: value for key, value in metadata.items() if not key.startswith(_STALE)}


def _describe(stream: Stream, source: Stream) -> None:
    stream.metadata.update(_kept(source.metadata))
    stream.disposition = source.disposition


def _takes(format: str, stream: Stream) -> bool:
    """Whether a container format can hold a stream: try it on a file in memory."""
    with contextlib.suppress(av.FFmpegError, ValueError):
        with av.open(io.BytesIO(), "w", format=format) as probe:
            probe.add_stream_from_template(stream, opaque=True)
            probe.start_encoding()
        return True
    return False
