"""Writing a video: encoded frames and copied packets, each at its own time."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from os import fspath
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from livematte.errors import OutputError
from livematte.frame import Frame, Orientation
from livematte.media.codecs import Kind, choose, hdr_settings
from livematte.media.formats import reformat, turned
from livematte.media.output import writing
from livematte.media.reader import Reader
from livematte.media.scheduling import usual_scheduling
from livematte.media.source import AnyPath
from livematte.media.target import find_target
from livematte.media.tracks import Tracks, describe

_LARGEST_TIMESCALE = 2**31 - 1
_IN_BOXES = ("mp4", "mov")
_LIMITED_RANGE = 1
_UNSPECIFIED = 2
_LIMITED = np.rint(16 + np.arange(256) * (219 / 255)).astype(np.uint8)


class Writer:
    """A video being written: encoded pictures, and the other streams of `reader` packet by packet.

    The result appears under its name, whole, when the `with` block ends without an error.
    MP4, MOV and NUT keep every timestamp exactly; MKV and WebM keep milliseconds.

    name: the target as it was given; codec: what encodes;
    warnings: sentences for the user about what the target cannot hold.
    """

    def __init__(
        self,
        target: AnyPath,
        reader: Reader,
        *,
        kind: Kind = "picture",
        codec: str | None = None,
        quality: int | None = None,
        container: str | None = None,
        sound: bool = True,
        other_sound: Iterable[Stream] = (),
        overwrite: bool = True,
        threads: int = 0,
    ) -> None:
        """Check the target; nothing is written yet.

        target: a file (.mp4, .m4v, .mov, .mkv, .webm, .nut, .y4m, .apng, .webp), numbered pictures
        (`out/%05d.png`), or `-` for standard output;
        reader: the clip whose size, times, tags and other streams the result takes over;
        kind: of the frames: a matte's are one plane of 0..255 and come without sound, those with alpha are
        planar YUV with alpha;
        codec, quality, container: as in `Options`; sound: whether the clip's tracks are copied;
        other_sound: tracks of another file, to be copied beside;
        threads: for encoding; 0 lets FFmpeg choose. Raises OutputError or OptionError.
        """
        self.name = fspath(target)
        self._target = find_target(target, container, source=reader.path, overwrite=overwrite)
        self.warnings: list[str] = []
        # no method: a writer that its tracks hold would keep its codecs until garbage is collected
        self._warn = partial(_add_warning, self.warnings, Path(self.name).name)
        self._reader, self._kind, self._threads = reader, kind, threads
        self._container = self._target.container
        # where the container cannot say how pictures are turned, they are turned
        self._turn = Orientation.UPRIGHT if self._container.turns else reader.orientation
        self._size, working = (reader.width, reader.height), reader.working
        if self._turn.swaps_sides:
            self._size, working = self._size[::-1], working.replace("422", "444")
        self._encoding = choose(self._container, working, self._size, kind, codec, quality)
        self.codec = self._encoding.codec
        self._with_others = kind != "grey"
        self._with_sound = sound
        self._other_sound = list(other_sound)
        self._written = 0
        self._tick = reader.time_base if self._container.times else 1 / reader.rate
        self._held: Packet[VideoStream] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(self._target.whole())
            with writing(self.name):
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
        with self._cleanup, writing(self.name):
            self._finish()

    @property
    def sound_tracks(self) -> int:
        """How many tracks of sound the file holds."""
        return self._tracks.sound

    def write(self, frame: Frame) -> None:
        """Encode one frame of the reader's stored size; its time must be later than the one before.

        Raises OutputError where the file cannot be written.
        """
        if frame.time is None:
            raise ValueError("a frame of a video needs a time")
        image = self._encodable(frame)
        image.pts = round(frame.time / self._tick) if self._container.times else self._written
        image.time_base = self._tick
        self._written += 1
        image.pict_type = 0  # else x264 would repeat the input's choice of key frames
        with writing(self.name):
            self._pass_on(self._video.encode(image))

    def copy_picture(self, picture: Packet[Stream]) -> None:
        """Pass on a picture that a PartWriter encoded for the same target, reader and settings."""
        packet = cast("Packet[VideoStream]", picture)
        packet.stream, packet.time_base = self._video, self._tick
        self._written += 1
        with writing(self.name):
            self._pass_on([packet])

    def copy(self, packet: Packet[Stream]) -> None:
        """Pass on a packet of another stream as it is; one that the file cannot hold is left out."""
        with writing(self.name):
            self._tracks.copy(packet)

    def _open(self, temporary: str) -> OutputContainer:
        format, reader = self._container.format, self._reader
        options = {}
        if format in _IN_BOXES:
            options = {
                "movflags": "+faststart",
                "video_track_timescale": str(reader.time_base.denominator),
                "movie_timescale": str(self._movie_timescale()),
            }
            if reader.timecode:
                options["write_tmcd"] = "1"
            if any(key.startswith("com.") for key in reader.container.metadata):
                options["movflags"] += "+use_metadata_tags"  # a phone's own tags have no other place
        if (reader.first.time or 0) < 0:
            options["avoid_negative_ts"] = "make_non_negative"  # else players would drop the first frames
            self._warn("the clip starts before 0; all times are shifted to start at 0")
        elif format in ("matroska", "webm"):
            # sound may begin before 0, where its encoder's lead-in lies: pictures must not move for it
            options["avoid_negative_ts"] = "disabled"
        elif format == "nut" and reader.lead_in < 0:
            self._warn(f"its format begins at 0: all times move by {float(-reader.lead_in):.3f} s")
        return av.open(temporary, "w", format=format, container_options=options)

    def _movie_timescale(self) -> int:
        """Ticks per second in which every track's start is a whole number, so that no start is rounded."""
        ticks = [self._reader.time_base.denominator]
        ticks += [Fraction(stream.time_base or 1).denominator for stream in self._reader.copied_streams()]
        exact = math.lcm(*ticks)
        return exact if exact <= _LARGEST_TIMESCALE else ticks[0]

    def _add_streams(self) -> None:
        reader = self._reader
        self._tracks = Tracks(self._output, self._container, reader, self._warn)
        self._tracks.tell_about()
        others = reader.copied_streams() if self._with_others else []
        others = [one for one in others if self._with_sound or one.type != "audio"]
        self._tracks.add(one for one in others if one.index < reader.video.index)
        self._video = self._add_video()
        self._tracks.add(one for one in others if one.index > reader.video.index)
        if self._with_others:
            self._tracks.add(self._other_sound)
            self._tracks.add_covers()
        if not self._container.times:
            self._warn(f"{self._container.format} holds no times: the pictures follow at one rate")

    def _add_video(self) -> VideoStream:
        reader, first, encoding = self._reader, self._reader.first.image, self._encoding
        settings = encoding.settings
        if reader.hdr is not None and self._kind == "picture":
            settings = {**settings, **hdr_settings(encoding.codec, reader.hdr)}
        stream = self._output.add_stream(encoding.encoder, reader.rate, settings, time_base=self._tick)
        assert isinstance(stream, VideoStream)
        encoder = stream.codec_context
        encoder.width, encoder.height = self._size
        encoder.pix_fmt = encoding.pixel_format
        if not av.VideoFormat(encoding.pixel_format).is_rgb:
            limited = self._kind == "grey" or encoding.limited
            encoder.color_range = _LIMITED_RANGE if limited else first.color_range
            encoder.colorspace = first.colorspace
        if self._kind != "grey":  # a matte is no light
            encoder.color_primaries, encoder.color_trc = first.color_primaries, first.color_trc
        encoder.thread_type = ThreadType.FRAME if encoding.codec == "h264" else ThreadType.AUTO
        encoder.thread_count = self._threads
        if encoding.codec == "hevc" and self._container.format in _IN_BOXES:
            encoder.codec_tag = "hvc1"  # the only one that Apple's players take
        if reader.pixel_aspect:
            aspect = reader.pixel_aspect
            encoder.sample_aspect_ratio = 1 / aspect if self._turn.swaps_sides else aspect
        with _encoder_errors(encoding.encoder), usual_scheduling():
            encoder.open()
        if self._container.turns:
            stream.set_display_matrix(reader.display_matrix)
        self._say_what_is_lost()
        describe(stream, reader.video)
        if reader.timecode:
            stream.metadata["timecode"] = reader.timecode
        return stream

    def _say_what_is_lost(self) -> None:
        lost = self._encoding.loses(self._reader.working)
        if lost and self._kind != "grey":
            self._warn(f"{lost} in {self._encoding.pixel_format} ({self.codec})")
        first = self._reader.first.image
        bare = self._container.format in ("nut", "yuv4mpegpipe") and self.codec in ("raw", "ffv1")
        if bare and {first.colorspace, first.color_primaries, first.color_trc} != {_UNSPECIFIED}:
            self._warn("its format holds no matrix, primaries and transfer of colour; left out")

    def _encodable(self, frame: Frame) -> av.VideoFrame:
        if (frame.width, frame.height) != (self._reader.width, self._reader.height):
            raise ValueError(f"a frame of {frame.width}×{frame.height} where the video has another size")
        if self._kind == "grey":
            image = self._from_grey(frame)
        elif frame.format == self._encoding.pixel_format:
            image = frame.image
        else:
            full = False if self._encoding.limited else None
            image = reformat(frame.image, self._encoding.pixel_format, full_range=full)
        return image if self._turn == Orientation.UPRIGHT else turned(image, self._turn)

    def _from_grey(self, frame: Frame) -> av.VideoFrame:
        (levels,) = frame.planes()
        result = Frame(av.VideoFrame(frame.width, frame.height, self._encoding.pixel_format))
        if result.image.format.is_rgb:
            result.planes()[0][:] = levels[..., None]
            return result.image
        luma, *chroma = result.planes()
        more = result.bits - 8
        luma[:] = _LIMITED[levels].astype(np.uint16) << more
        for plane in chroma:
            plane[:] = 128 << more
        return result.image

    def _pass_on(self, packets: Iterable[Packet[VideoStream]]) -> None:
        """Mux all packets but the newest, whose duration is known when another follows or the clip ends."""
        for packet in packets:
            if self._held is not None:
                self._output.mux_one(self._held)
            self._held = packet

    def _finish(self) -> None:
        if not self._written:
            raise OutputError(f"{self.name}: not written, for there was no frame")
        self._pass_on(self._video.encode(None))
        if self._held is not None:
            self._held.duration = round(self._reader.last_duration / self._tick)
            self._output.mux_one(self._held)
        self._tracks.finish()
        self._output.close()

    def _close_quietly(self) -> None:
        with contextlib.suppress(av.FFmpegError):  # of a file that is thrown away anyway
            self._output.close()


def _add_warning(warnings: list[str], name: str, what: str) -> None:
    warnings.append(f"{name}: {what}")


@contextlib.contextmanager
def _encoder_errors(name: str) -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise OutputError(f"the encoder {name} cannot be used here: {error.strerror or error}") from error
