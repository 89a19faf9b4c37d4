"""Reading a video: pictures as frames with their own time, all else as packets."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from typing import Any, Self, TypeAlias

import av
from av.codec.context import ThreadType
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from livematte.errors import InputError
from livematte.frame import Frame, is_hdr
from livematte.media.clock import Clock
from livematte.media.filters import DEINTERLACE, TO_SDR, Filter
from livematte.media.formats import is_full_range, to_working_format, what_is_lost, working_format
from livematte.media.intake import Intake
from livematte.media.options import Options
from livematte.media.orientation import display_matrix, orientation_of
from livematte.media.photo import is_photo, read_photo
from livematte.media.source import (
    AnyPath,
    Source,
    is_cover,
    is_file,
    is_sequence,
    missing_numbers,
    open_source,
)
from livematte.media.window import Window

Item: TypeAlias = "Frame | Packet[Stream]"
_COPIED = ("audio", "subtitle", "data", "attachment")
_MOST_AHEAD = 20_000  # packets of sound kept while the first picture is looked for
_FAR = 2  # seconds from the start from which on seeking pays


class Reader:
    """An open video, read once from beginning to end.

    Frames come as planar YUV of 8 or 10 bits, whole pictures, in the order and at the times at which they are
    shown; with a start, the first of them at time 0.

    name: the source as it was given; path: the file, None for an address, a pipe or numbered pictures;
    width, height: of the stored planes; first: the first frame; working: their pixel format;
    orientation: how a player turns the planes; display_matrix: the nine numbers behind it, or None;
    pixel_aspect: width of a pixel by its height, or None; hdr: a picture with the HDR tags to keep, or None;
    container, video: the av container and stream; time_base: seconds per tick of the video's timestamps;
    rate: pictures a second, on average; duration: seconds of video as the file states them, or None;
    frame_count: an estimate, or None; sound_tracks: how many; covers: cover pictures by their streams;
    timecode: of the first frame, or None; threads: for decoding, 0 where FFmpeg chose;
    origin: the time in the file from which start and end count;
    last_duration: seconds for which the frame read last is shown;
    cut_off: whether the file, once read, turned out to end before the length that it states;
    warnings: sentences for the user, more of them as the video is read.
    """

    def __init__(self, source: AnyPath, threads: int = 0, options: Options | None = None) -> None:
        """Open a video and decode its first frame.

        source: a file, an address, `-` for standard input, or numbered pictures (`frames/%05d.png`);
        threads: for decoding; 0 lets FFmpeg choose.
        Raises InputError where the source is missing, empty, damaged or no video.
        """
        self.options = options or Options()
        self.threads = threads
        self.warnings: list[str] = []
        self.cut_off = False
        opened = open_source(source, self.options.rate)
        self.name, self.path = opened.name, opened.path
        self.container, self.video = opened.container, opened.video
        try:
            self._set_up(opened)
            if is_sequence(source) and (missing := missing_numbers(source)) is not None:
                self._warn(f"number {missing} is missing; read up to there")
            self._ahead = self._until_first_frame()
        except BaseException:
            self.container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """The frames alone."""
        return (item for item in self.items() if isinstance(item, Frame))

    def items(self) -> Iterator[Item]:
        """Frames, and the packets of sound, subtitles and data to copy, in the order of the file."""
        while self._ahead:
            item = self._ahead.popleft()
            if isinstance(item, Frame) or self._window.move(item):
                yield item
        for item in self._items:
            if isinstance(item, Frame) or self._window.move(item):
                yield item

    def others(self) -> Iterator[Packet[Stream]]:
        """The packets of `items` alone, instead of it: no further picture is decoded."""
        self._window.ended = True
        return (item for item in self.items() if not isinstance(item, Frame))

    def copied_streams(self) -> list[Stream]:
        """The streams whose packets `items` yields."""
        return [stream for stream in self.container.streams if stream.index in self._copied]

    def chapters(self) -> list[Any]:
        """The container's chapters, as av gives them, at their times in what is read."""
        chapters = []
        for chapter in self.container.chapters():
            tick, shift = Fraction(chapter["time_base"] or 1), self._window.shift
            start, end = max(chapter["start"] * tick, shift), chapter["end"] * tick
            if self._window.end is not None:
                end = min(end, self._window.end)
            if start < end:
                places = {"start": round((start - shift) / tick), "end": round((end - shift) / tick)}
                chapters.append({**chapter, **places})
        return chapters

    @property
    def shift(self) -> Fraction:
        """What is taken off every time in the file, in seconds: 0 but where a start was asked for."""
        return self._window.shift

    @property
    def woven(self) -> bool:
        """Whether pictures made of two fields were met, so that pictures depend on their neighbours."""
        return self._deinterlace is not None

    @property
    def lead_in(self) -> Fraction:
        """The time of the earliest packet before the first frame in the file, 0 at the most."""
        early = [_time(item) for item in self._ahead if not isinstance(item, Frame)]
        return min((time - self._window.shift for time in early if time is not None), default=Fraction(0))

    def close(self) -> None:
        """Close the file."""
        self._items.close()
        self.container.close()

    def _set_up(self, source: Source) -> None:
        self.time_base = Fraction(self.video.time_base or 0)
        self.origin = self.time_base * (self.video.start_time or 0)
        self._window = Window(self.options, self.origin)
        self.rate = _rate(self.video)
        stated = _stated_duration(source)
        self.frame_count = self._estimate_frames(stated)
        self.duration = self._inside(stated)
        self.sound_tracks = len(self.container.streams.audio)
        self.covers: dict[Stream, bytes] = {}
        self.timecode: str | None = None
        self.hdr: av.VideoFrame | None = None
        self._intake = Intake(source)
        decoder = self.video.codec_context
        decoder.thread_type, decoder.thread_count = ThreadType.AUTO, self.threads
        self._clock = Clock(self.time_base, round(1 / (self.rate * self.time_base)))
        self.last_duration = self._clock.step * self.time_base
        self._opened = False
        self._deinterlace: Filter | None = None
        self._tone_map: Filter | None = None
        self._copied = {stream.index for stream in self.container.streams if self._is_copied(stream)}
        self._sounds = {stream.index for stream in self.container.streams.audio} & self._copied
        self._seek()
        self._items = self._run()

    def _seek(self) -> None:
        """Go near a far start; where that is not possible, everything before it is decoded and dropped."""
        start = self._window.start
        if start is None or start < _FAR or self.path is None:
            return
        try:
            self.container.seek(int(start / self.time_base), stream=self.video)
            self._intake.is_whole = False
        except av.FFmpegError:
            return

    def _estimate_frames(self, duration: float | None) -> int | None:
        frames = self.video.frames or None
        if frames is None and duration:
            frames = round(duration * self.rate)
        inside = self._inside(duration)
        if frames is None or self._window.is_whole or not duration or inside is None:
            return frames
        return round(frames * inside / duration)

    def _inside(self, duration: float | None) -> float | None:
        if duration is None or self._window.is_whole:
            return duration
        start, end = self.options.span()
        return max(0.0, min(duration, duration if end is None else float(end)) - float(start or 0))

    def _is_copied(self, stream: Stream) -> bool:
        if stream.index == self.video.index or stream.discard == Discard.all:
            return False
        if isinstance(stream, VideoStream) and is_cover(stream):
            self.covers[stream] = b""
            return False
        if stream.type == "data" and stream.codec_context is None and "timecode" in stream.metadata:
            return False  # a timecode track, which writers make anew
        if stream.type not in _COPIED:
            self._warn(f"a further {stream.type} stream is left out")
            return False
        return True

    def _until_first_frame(self) -> deque[Item]:
        ahead: deque[Item] = deque()
        for item in self._items:
            ahead.append(item)
            if isinstance(item, Frame):
                return ahead
            if len(ahead) > _MOST_AHEAD:
                break
        if not self._window.is_whole and not self._intake.damaged:
            raise InputError(f"{self.name} has no picture between the start and the end asked for")
        raise InputError(f"{self.name} is damaged: none of its pictures can be decoded")

    def _run(self) -> Generator[Item, None, None]:
        covers = {stream.index: stream for stream in self.covers}
        for packet in self._intake.packets():
            if packet.stream_index in covers:
                self.covers[covers[packet.stream_index]] = bytes(packet)
            elif packet.stream_index == self.video.index:
                if not self._window.ended:
                    yield from self._frames(self._intake.decode(packet))
            elif packet.stream_index in self._copied:
                self._window.note(packet, self._sounds)
                yield packet
            if self._window.is_over(_time(packet), self._sounds):
                break
        else:
            yield from self._frames(self._intake.decode(None))
        if self._deinterlace is not None:
            yield from map(self._frame, self._mapped(self._deinterlace(None)))
        if self._clock.last is not None and not self._window.ended:
            self._conclude(self._clock.last)

    def _frames(self, images: Iterable[av.VideoFrame]) -> Iterator[Frame]:
        for image in images:
            ticks = self._clock.ticks(image)
            image.pts, image.time_base = ticks, self.time_base
            if not self._window.wants(ticks * self.time_base):
                continue
            self.last_duration = (image.duration or self._clock.step) * self.time_base
            yield from map(self._frame, self._mapped(self._woven(image)))

    def _woven(self, image: av.VideoFrame) -> Iterable[av.VideoFrame]:
        """Whole pictures: from the first that is made of two fields on, all pass through the filter."""
        if self._deinterlace is None:
            if not image.interlaced_frame:
                return (image,)
            self._warn("it is interlaced; its fields are woven into whole pictures")
            self._deinterlace = Filter(DEINTERLACE, image, self.time_base)
        return self._deinterlace(image)

    def _mapped(self, images: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        for image in images:
            if not (self.options.sdr and is_hdr(image)):
                yield image
                continue
            if self._tone_map is None:
                self._tone_map = Filter(TO_SDR, image, self.time_base)
                self._warn("its HDR is mapped to BT.709 of 8 bits")
            yield from self._tone_map(image)

    def _frame(self, image: av.VideoFrame) -> Frame:
        opening = not self._opened
        if opening:
            self._meet(image)
        elif (image.width, image.height) != self._source_size:
            self._warn(f"its picture size changes; every frame is scaled to {self.width}×{self.height}")
        image.pts = (image.pts or 0) - self._shift
        frame = Frame(image, image.pts * self.time_base, self.orientation)
        frame = to_working_format(frame, self.working, self.width, self.height, self._full_range)
        if opening:
            self.first = frame
        return frame

    def _meet(self, image: av.VideoFrame) -> None:
        """Note what holds for the whole clip."""
        self._opened = True
        self._source_size = image.width, image.height
        self._shift = 0 if self._window.is_whole else image.pts or 0
        self._window.shift = self._shift * self.time_base
        self.display_matrix = display_matrix(image)
        self.orientation, exact = orientation_of(self.display_matrix)
        if not exact:
            self._warn("it is turned by an odd angle; the nearest quarter turn is used")
        swapped = self.orientation.swaps_sides
        shown = self.options.shown_size(*(self._source_size[::-1] if swapped else self._source_size))
        self.width, self.height = shown[::-1] if swapped else shown
        self.pixel_aspect = self.video.sample_aspect_ratio if self.options.keeps_shape else None
        self._full_range = is_full_range(image)
        self.working = working_format(image, self.options.chroma)
        self.hdr = image if is_hdr(image) else None
        self.timecode = self._timecode()
        lost = what_is_lost(image, self.working)
        if lost is not None:
            self._warn(f"{lost} ({image.format.name} is worked on as {self.working})")

    def _timecode(self) -> str | None:
        tagged = [self.video.metadata, *(stream.metadata for stream in self.container.streams)]
        tagged.append(self.container.metadata)
        found = next((tags[key] for tags in tagged for key in ("timecode", "TIMECODE") if key in tags), None)
        if found is not None and self._shift:
            self._warn("its timecode is left out, because the clip begins later")
            return None
        return found

    def _conclude(self, last: int) -> None:
        """Say what was wrong with the clip, now that it has been read."""
        intake, clock = self._intake, self._clock
        self.cut_off = intake.is_cut_off()
        if self.cut_off:
            begin = self._shift if not self._window.is_whole else self.first.image.pts or 0
            seconds = float((last - begin) * self.time_base + self.last_duration)
            self._warn(f"it is damaged or cut off after {seconds:.1f} s: processed up to there")
        else:
            if intake.stated_end is not None and intake.stated_end > last:
                # the decoder knows a last duration in decoding order only
                self.last_duration = (intake.stated_end - last) * self.time_base
            if intake.damaged:
                self._warn(f"damaged packets skipped: {intake.damaged}")
        if clock.untimed:
            rate = f"{float(self.rate):g}"
            self._warn(f"frames without a time of their own: {clock.untimed}; placed at {rate} a second")
        if clock.moved:
            self._warn(
                f"frames whose time repeats or runs backwards: {clock.moved}; moved behind the one before"
            )

    def _warn(self, what: str) -> None:
        name = self.name if self.path is None else self.path.name
        sentence = f"{name}: {what}"
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def _rate(video: VideoStream) -> Fraction:
    """Pictures a second: the average, unless it is the file's ticks in disguise."""
    average, guessed = video.average_rate, video.guessed_rate
    if average and guessed and average > 4 * guessed:
        return Fraction(guessed)
    return Fraction(average or guessed or 25)


def _stated_duration(source: Source) -> float | None:
    if source.video.duration and source.video.time_base:
        return float(source.video.duration * Fraction(source.video.time_base))
    return source.container.duration / av.time_base if source.container.duration else None


def _time(packet: Packet[Stream]) -> Fraction | None:
    ticks = packet.pts if packet.dts is None else packet.dts
    return None if ticks is None or packet.time_base is None else ticks * Fraction(packet.time_base)


def read(source: AnyPath, options: Options | None = None) -> Iterator[Frame]:
    """The frames of a video, or a photo's one frame.

    source: a file, an address, `-` for standard input, or numbered pictures (`frames/%05d.png`).
    Raises InputError.
    """
    if is_file(source) and is_photo(source):
        yield read_photo(source)
        return
    with Reader(source, options=options) as reader:
        yield from reader
