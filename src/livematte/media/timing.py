"""When a clip's pictures are shown, from its packets alone: nothing is decoded."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

_GAP = 2
"""A distance of at least so many usual ones is a gap: a picture is missing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a new picture: from the picture before to the one after, in seconds."""

    start: Fraction
    length: Fraction


@dataclass(frozen=True, slots=True)
class Timing:
    """The true times of a video's pictures, in seconds.

    frames: how many there are; start: when the first is shown; end: when the last ends;
    constant: whether every picture stands where a constant rate would put it, to within one tick of the
    file's clock; rate: pictures a second, the mean where it is not constant, None for one picture;
    shortest, usual, longest: distances of two pictures, usual is the median;
    gaps: distances of two usual ones or more;
    untimed: pictures without a time of their own; repeated: pictures at the time of another.
    """

    frames: int
    start: Fraction
    end: Fraction
    constant: bool
    rate: Fraction | None
    shortest: Fraction | None
    usual: Fraction | None
    longest: Fraction | None
    gaps: tuple[Gap, ...] = ()
    untimed: int = 0
    repeated: int = 0

    @property
    def duration(self) -> Fraction:
        """From the first picture to the end of the last."""
        return self.end - self.start


def timing_of(
    ticks: Sequence[int], end: int, tick: Fraction, stated: Fraction | None = None, untimed: int = 0
) -> Timing:
    """The timing of pictures shown at `ticks`, in any order, the last of them until `end`.

    tick: seconds per unit; stated: the rate that the file states, taken where its times agree with it.
    """
    times = sorted(ticks)
    distances = [later - earlier for earlier, later in pairwise(times)]
    start, last = times[0], times[-1]
    if last == start:  # nothing to measure
        return Timing(
            len(times),
            start * tick,
            end * tick,
            True,
            None,
            None,
            None,
            None,
            untimed=untimed,
            repeated=len(distances),
        )
    step = Fraction(last - start, len(distances))
    if stated and abs(1 / (stated * tick) - step) * len(distances) <= 1:
        step = 1 / (stated * tick)
    usual = Fraction(statistics.median(distances))
    limit = max(Fraction(1), _GAP * usual - 1)  # times are rounded to ticks
    return Timing(
        frames=len(times),
        start=start * tick,
        end=(end if end > last else last + usual) * tick,  # some files do not say how long the last one stays
        constant=all(abs(time - start - number * step) <= 1 for number, time in enumerate(times)),
        rate=1 / (step * tick),
        shortest=min(distances) * tick,
        usual=usual * tick,
        longest=max(distances) * tick,
        gaps=tuple(
            Gap(earlier * tick, (later - earlier) * tick)
            for earlier, later in pairwise(times)
            if later - earlier > limit
        ),
        untimed=untimed,
        repeated=distances.count(0),
    )
