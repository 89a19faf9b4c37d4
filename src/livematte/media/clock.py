"""Timestamps that always rise, whatever the file says."""

from __future__ import annotations

from fractions import Fraction

import av


class Clock:
    """Gives every decoded picture a time later than the one before.

    tick: seconds per unit of the stream's timestamps; step: the usual distance of two frames in ticks.
    A stored time is kept as it is. A picture without one takes its decoding time where that is later
    than the picture before, else it follows one step later. A time that repeats or runs backwards is
    moved to the next tick, or one step on where the jump back is longer than a second.
    """

    def __init__(self, tick: Fraction, step: int) -> None:
        self.tick = tick
        self.step = max(1, step)
        self.last: int | None = None
        self.untimed = 0
        self.moved = 0

    def ticks(self, image: av.VideoFrame) -> int:
        """The picture's time in ticks."""
        ticks = self._stored(image)
        if self.last is not None and ticks <= self.last:
            self.moved += 1
            ticks = self.last + (self.step if (self.last - ticks) * self.tick > 1 else 1)
        self.last = ticks
        return ticks

    def _stored(self, image: av.VideoFrame) -> int:
        if image.pts is not None:
            return image.pts
        self.untimed += 1
        if image.dts is not None and (self.last is None or image.dts > self.last):
            return image.dts
        return 0 if self.last is None else self.last + self.step
