"""Reading a video: pictures as frames with their own time, all else as packets."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Self, TypeAlias

import av
from av.codec.context import ThreadType
from av.packet import Packet
from av.stream import Discard, Stream

from livematte.errors import InputError
from livematte.frame import Frame
from livematte.media.clock import Clock
from livematte.media.formats import is_full_range, to_working_format, what_is_lost
from livematte.media.intake import Intake
from livematte.media.orientation import display_matrix, orientation_of
from livematte.media.photo import is_photo, read_photo
from livematte.media.source import Source, open_source

Item: TypeAlias = "Frame | Packet[Stream]"
_COPIED = ("audio", "subtitle", "data", "attachment")
_MOST_AHEAD = 20_000  # packets of sound kept while the first picture is looked for


class Reader:
    """An open video, read once from beginning to end.

    Frames come as 8-bit yuv420p or yuvj420p, in the order and at the times at which they are shown.

    path: the file; width, height: of the stored planes; first: the first frame;
    orientation: how a player turns the planes; display_matrix: the nine numbers behind it, or None;
    container, video: the av container and stream; time_base: seconds per tick of the video's timestamps;
    duration: seconds of video as the file states them, or None; frame_count: an estimate, or
    None; sound_tracks: how many; last_duration: seconds for which the frame read last is shown;
    cut_off: whether the file, once read, turned out to end before the length that it states;
    warnings: sentences for the user, more of them as the video is read.
    """

    def __init__(self, path: str | PathLike[str], threads: int = 0) -> None:
        """Open a video and decode its first frame.

        threads: for decoding; 0 lets FFmpeg choose.
        Raises InputError where the file is missing, empty, damaged or no video.
        """
        self.path = Path(path)
        self.warnings: list[str] = []
        self.cut_off = False
        source = open_source(self.path)
        self.container, self.video = source.container, source.video
        try:
            self.time_base = Fraction(self.video.time_base or 0)
            self.duration = _stated_duration(source)
            self.frame_count = self._estimate_frames()
            self.sound_tracks = len(self.container.streams.audio)
            self._intake = Intake(source)
            self._set_up(threads)
            self._items = self._run()
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
            yield self._ahead.popleft()
        yield from self._items

    def copied_streams(self) -> list[Stream]:
        """The streams whose packets `items` yields."""
        return [stream for stream in self.container.streams if stream.index in self._copied]

    def close(self) -> None:
        """Close the file."""
        self._items.close()
        self.container.close()

    def _set_up(self, threads: int) -> None:
        decoder = self.video.codec_context
        decoder.thread_type, decoder.thread_count = ThreadType.AUTO, threads
        self._rate = Fraction(self.video.average_rate or self.video.guessed_rate or 25)
        self._clock = Clock(self.time_base, round(1 / (self._rate * self.time_base)))
        self.last_duration = self._clock.step * self.time_base
        self._copied = {stream.index for stream in self.container.streams if self._is_copied(stream)}

    def _estimate_frames(self) -> int | None:
        rate = self.video.average_rate
        if self.video.frames or not rate or not self.duration:
            return self.video.frames or None
        return round(self.duration * Fraction(rate))

    def _is_copied(self, stream: Stream) -> bool:
        if stream.index == self.video.index or stream.discard == Discard.all:
            return False
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
        raise InputError(f"{self.path} is damaged: none of its pictures can be decoded")

    def _run(self) -> Generator[Item, None, None]:
        for packet in self._intake.packets():
            if packet.stream_index == self.video.index:
                yield from map(self._frame, self._intake.decode(packet))
            elif packet.stream_index in self._copied:
                yield packet
        yield from map(self._frame, self._intake.decode(None))
        if self._clock.last is not None:
            self._conclude(self._clock.last)

    def _frame(self, image: av.VideoFrame) -> Frame:
        opening = self._clock.last is None
        ticks = self._clock.ticks(image)
        image.pts, image.time_base = ticks, self.time_base
        self.last_duration = (image.duration or self._clock.step) * self.time_base
        if opening:
            self._meet(image)
        elif (image.width, image.height) != (self.width, self.height):
            self._warn(f"its picture size changes; every frame is scaled to {self.width}×{self.height}")
        frame = Frame(image, ticks * self.time_base, self.orientation)
        frame = to_working_format(frame, self.width, self.height, self._full_range)
        if opening:
            self.first = frame
        return frame

    def _meet(self, image: av.VideoFrame) -> None:
        """Note what holds for the whole clip."""
        self.width, self.height = image.width, image.height
        self.display_matrix = display_matrix(image)
        self.orientation, exact = orientation_of(self.display_matrix)
        if not exact:
            self._warn("it is turned by an odd angle; the nearest quarter turn is used")
        self._full_range = is_full_range(image)
        lost = what_is_lost(image)
        if lost is not None:
            self._warn(f"{lost} ({image.format.name} is encoded as yuv420p)")

    def _conclude(self, last: int) -> None:
        """Say what was wrong with the clip, now that it has been read."""
        intake, clock = self._intake, self._clock
        self.cut_off = intake.is_cut_off()
        if self.cut_off:
            seconds = float((last - (self.first.image.pts or 0)) * self.time_base + self.last_duration)
            self.warnings.append(
                f"{self.path.name} is damaged or cut off after {seconds:.1f} s: processed up to there"
            )
        else:
            if intake.stated_end is not None and intake.stated_end > last:
                # the decoder knows a last duration in decoding order only
                self.last_duration = (intake.stated_end - last) * self.time_base
            if intake.damaged:
                self._warn(f"damaged packets skipped: {intake.damaged}")
        if clock.untimed:
            rate = f"{float(self._rate):g}"
            self._warn(f"frames without a time of their own: {clock.untimed}; placed at {rate} a second")
        if clock.moved:
            self._warn(
                f"frames whose time repeats or runs backwards: {clock.moved}; moved behind the one before"
            )

    def _warn(self, what: str) -> None:
        sentence = f"{self.path.name}: {what}"
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def _stated_duration(source: Source) -> float | None:
    if source.video.duration and source.video.time_base:
        return float(source.video.duration * Fraction(source.video.time_base))
    return source.container.duration / av.time_base if source.container.duration else None


def read(path: str | PathLike[str]) -> Iterator[Frame]:
    """The frames of a video, or a photo's one frame. Raises InputError."""
    if is_photo(path):
        yield read_photo(path)
        return
    with Reader(path) as reader:
        yield from reader
