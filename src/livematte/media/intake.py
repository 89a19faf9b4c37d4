"""Packets out of a file and pictures out of packets, with a note of all that was damaged."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.packet import Packet
from av.stream import Stream

from livematte.media.length import is_shorter_than_stated
from livematte.media.source import Source


class Intake:
    """Reads a source's packets once and decodes its video.

    damaged: packets that were skipped; video_end: where the video read so far ends, in its ticks;
    is_whole: whether it is read from its beginning.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.damaged = 0
        self.video_end = 0
        self.is_whole = True
        self._seen = 0
        self._broke_off = False

    def packets(self) -> Iterator[Packet[Stream]]:
        """Every whole packet in the order of the file; an unreadable rest ends it without an error."""
        try:
            for packet in self.source.container.demux():
                if packet.size == 0:  # PyAV's own end marks
                    continue
                if packet.is_corrupt:
                    self.damaged += 1
                    continue
                self._note(packet)
                yield packet
        except av.FFmpegError:
            self._broke_off = True

    def decode(self, packet: Packet[Stream] | None) -> list[av.VideoFrame]:
        """The pictures that a video packet completes; None empties the decoder at the end."""
        try:
            return self.source.video.codec_context.decode(packet)
        except av.FFmpegError:
            self.damaged += packet is not None
            return []

    def is_cut_off(self) -> bool:
        """Whether the file ended before the length that it states, or could not be read to its end."""
        if not self.source.states_its_length:
            return self._broke_off
        frames, end = self.source.video.frames, self.stated_end
        if self.is_whole and frames and end is not None:
            frame = Fraction(end - (self.source.video.start_time or 0), frames)
            if self._seen < frames and end - self.video_end > frame / 2:
                return True
        return self.source.path is not None and is_shorter_than_stated(self.source.path)

    @property
    def stated_end(self) -> int | None:
        """Where the video ends according to the file, in its ticks; None where that cannot be trusted."""
        video = self.source.video
        if not self.source.states_its_length or not video.duration:
            return None
        return (video.start_time or 0) + video.duration

    def _note(self, packet: Packet[Stream]) -> None:
        if packet.stream_index == self.source.video.index:
            self._seen += 1
            if packet.pts is not None:
                self.video_end = max(self.video_end, packet.pts + (packet.duration or 0))
