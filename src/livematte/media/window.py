"""The part of a clip that is read."""

from __future__ import annotations

from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

from livematte.media.options import Options

_SLACK = Fraction(3)
"""Seconds after the end for which sound is still looked for: files store it some time after its picture."""


class Window:
    """Which pictures and packets lie between the wanted times, and by how much they move to begin at 0.

    origin: the time of the clip's first picture, in seconds; shift: what is taken off every time.
    """

    def __init__(self, options: Options, origin: Fraction) -> None:
        start, end = options.span()
        self.start = None if start is None else origin + start
        self.end = None if end is None else origin + end
        self.is_whole = self.start is None and self.end is None
        self.shift = Fraction(0)
        self.ended = False
        self._waiting: set[int] | None = None

    def wants(self, time: Fraction) -> bool:
        """Whether a picture lies inside; one past the end ends the window."""
        if self.end is not None and time >= self.end:
            self.ended = True
        return not self.ended and (self.start is None or time >= self.start)

    def is_over(self, time: Fraction | None, sounds: set[int]) -> bool:
        """Whether nothing more can come: the pictures ended, and the sound too or long ago.

        time: of the packet read last, where known; sounds: the numbers of the streams of sound.
        """
        if not self.ended or self.end is None:
            return False
        waiting = sounds if self._waiting is None else self._waiting
        return not waiting or (time is not None and time > self.end + _SLACK)

    def move(self, packet: Packet[Stream]) -> bool:
        """Give a packet its time in the window; False where it lies outside."""
        if self.is_whole:
            return True
        if packet.pts is None or packet.time_base is None:
            return False
        tick = Fraction(packet.time_base)
        begin, end = packet.pts * tick, (packet.pts + (packet.duration or 0)) * tick
        if self.end is not None and begin >= self.end:
            return False
        if end <= self.shift and begin < self.shift:
            return False
        moved = round(self.shift / tick)
        if begin < self.shift and packet.stream.type == "subtitle":  # shown already: only what is left of it
            packet.duration = packet.pts + (packet.duration or 0) - moved
            packet.pts = packet.dts = moved
        packet.pts -= moved
        packet.dts = packet.pts if packet.dts is None else packet.dts - moved
        return True

    def note(self, packet: Packet[Stream], sounds: set[int]) -> None:
        """Remember which streams of sound have passed the end."""
        if self.end is None or packet.pts is None or packet.time_base is None:
            return
        if self._waiting is None:
            self._waiting = set(sounds)
        if packet.pts * Fraction(packet.time_base) >= self.end:
            self._waiting.discard(packet.stream_index)
