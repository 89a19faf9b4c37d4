"""Capture, cut out, compose, send: each in a thread of its own, each with the newest frame only."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median
from typing import Any, Self

from livematte.frame import Frame
from livematte.live.canvas import TICK, Canvas, copied, stamped
from livematte.live.feeds import Feed, Shot
from livematte.live.latency import Latencies
from livematte.live.latest import Backoff, Latest
from livematte.live.maker import Maker, Segment, StageError, said
from livematte.live.sender import Sender, Sent
from livematte.live.sinks import Outlet
from livematte.live.stage import Choice, Stage

HOLD = 0.5
"""Seconds for which the last good picture is shown when none follows; then the background alone."""

START = 3.0
"""Seconds that the first frame may take before the background alone is sent, at DEFAULT_SIZE."""

DEFAULT_SIZE = (1280, 720)

_LOOK = 0.1
"""Seconds after which a thread that waits looks whether it is still wanted."""

_LEAST_STEP = 0.001
"""Seconds between two frames sent, at the least."""


@dataclass
class Tally:
    """What was counted; each field by one thread only.

    captured: frames that came from the source, decoded or not;
    late: of those, dropped because newer ones were there; failed: of those, where a stage failed;
    composed: of those, shown with people before the background;
    sent: frames handed to every outlet; repeated: of those, the picture before once more;
    alone: of those, the background without anybody;
    reopened: how often the source was opened again.
    """

    captured: int = 0
    late: int = 0
    failed: int = 0
    composed: int = 0
    sent: int = 0
    repeated: int = 0
    alone: int = 0
    reopened: int = 0


@dataclass(frozen=True, slots=True)
class _Picture:
    """A composed frame, None where the background alone is to be shown, and when it was captured."""

    frame: Frame | None
    captured: float


class LivePipeline:
    """From a feed to outlets, for as long as the `with` block lasts.

    The outlets get a frame whenever one is composed; where none follows in time, the last one again, and
    after HOLD seconds, or at once where a stage fails, the background alone.

    choice: what is shown, and hidden: whether only the background is; both may be set while it runs;
    preview: the newest frame sent, for a window; senders: one for each outlet;
    is_alone: whether the background is shown without anybody now;
    stop: set it to end; an outlet that fails and does not come back sets it, too.
    """

    def __init__(
        self,
        feed: Feed,
        outlets: Sequence[Outlet],
        segmenter: Callable[[], Segment],
        stage: Callable[[Choice], Stage],
        choice: Choice | None = None,
        *,
        size: tuple[int, int] | None = None,
        rate: float = 30.0,
    ) -> None:
        """feed: where frames come from; segmenter, stage: make what cuts out and what composes.

        Both are called anew after a failure. size: (width, height) of what is sent, the first frame's when
        left out; rate: pictures a second that are sent until the source's own is known.
        """
        self._feed, self._segmenter, self._stage = feed, segmenter, stage
        self.choice = choice or Choice()
        self._size, self._rate = size, rate
        self.stop = threading.Event()
        self.preview: Latest[Frame] = Latest()
        self.senders = [Sender(outlet, self.stop) for outlet in outlets]
        self.hidden, self.is_alone = False, True
        self._shots: Latest[Shot] = Latest()
        self._pictures: Latest[_Picture] = Latest()
        self._intervals: deque[float] = deque([1 / rate], 30)
        self._faults: dict[str, str] = {}
        self._maker: Maker | None = None
        self._tally, self._late = Tally(), 0
        self._begin = time.monotonic()
        self._threads = [
            threading.Thread(target=work, name=f"livematte-{work.__name__.strip('_')}", daemon=True)
            for work in (self._capture, self._make, self._pace)
        ]

    def __enter__(self) -> Self:
        self._begin = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(2)
        for sender in self.senders:
            sender.join()

    def change(self, **fields: Any) -> None:
        """Show something else from the next frame on: fields of the Choice."""
        self.choice = replace(self.choice, **fields)

    @property
    def tally(self) -> Tally:
        """What was counted so far."""
        captured, dropped = self._tally.captured + self._late, self._shots.dropped
        return replace(self._tally, captured=captured, late=self._late + dropped)

    @property
    def latencies(self) -> Latencies:
        """From capture to where the first outlet has taken the frame."""
        return self.senders[0].latencies if self.senders else Latencies()

    @property
    def faults(self) -> list[str]:
        """What is wrong at the moment."""
        warning = self._maker.warning if self._maker else None
        theirs = [sender.fault for sender in self.senders]
        return [fault for fault in (*self._faults.values(), warning, *theirs) if fault]

    @property
    def period(self) -> float:
        """Seconds from one picture of the source to the next, lately."""
        return min(0.5, max(1 / 240, median(tuple(self._intervals))))

    def _capture(self) -> None:
        """Open the source, take its newest frames, and open it again when it ends or fails."""
        pause = Backoff(0.25, 5.0)
        while not self.stop.is_set():
            try:
                self._take(self._feed(), pause)
                problem = "has ended"
            except Exception as error:  # whatever it is, the source is tried again
                problem = said(error)
            if not self.stop.is_set():
                self._faults["source"] = f"source: {problem}"
                pause.wait(self.stop)
                self._tally.reopened += 1

    def _take(self, shots: Iterator[Shot | None], pause: Backoff) -> None:
        before: float | None = None
        for shot in shots:
            if self.stop.is_set():
                return
            if shot is None:
                self._late += 1
                continue
            self._tally.captured += 1
            self._faults.pop("source", None)
            pause.reset()
            if before is not None and shot.captured > before:
                self._intervals.append(shot.captured - before)
            before = shot.captured
            self._shots.put(shot)

    def _make(self) -> None:
        """Cut out and compose the newest frame."""
        pause = Backoff(0.05, 5.0)
        while not self.stop.is_set():
            shot = self._shots.get(_LOOK)
            try:
                self._maker = maker = self._maker or self._opened(shot)
            except Exception as error:  # a first picture that no canvas can be made for
                self._faults["stage"] = f"source: {said(error)}"
                continue
            if maker is None:
                continue
            if maker.asked is not self.choice:
                maker.choose(self.choice)
            if shot is None:
                continue
            try:
                frame = maker(shot.frame, self._since_begin(shot.captured))
            except StageError as error:
                self._faults["stage"] = str(error)
                self._pictures.put(_Picture(None, shot.captured))
                self._tally.failed += 1
                pause.wait(self.stop)
                continue
            self._faults.pop("stage", None)
            pause.reset()
            self._pictures.put(_Picture(frame, shot.captured))
            self._tally.composed += 1
        if self._maker:
            self._maker.close()

    def _opened(self, shot: Shot | None) -> Maker | None:
        """A maker for the size asked for or the first frame's, or after START seconds for the usual one."""
        size, like = self._size, None
        if size is None and shot is not None and isinstance(shot.frame, Frame):
            size, like = shot.frame.upright_size, shot.frame.image
        if size is None and time.monotonic() - self._begin >= START:
            size = DEFAULT_SIZE
        if size is None:
            return None
        maker = Maker(Canvas(*size, like), self._segmenter, self._stage)
        maker.choose(self.choice)
        return maker

    def _pace(self) -> None:
        """Send what is composed when it is, and on time where nothing is."""
        while self._maker is None:
            if self.stop.wait(_LOOK / 10):
                return
        maker = self._maker
        for sender in self.senders:
            sender.start(maker.canvas, self._rate)
        good: Frame | None = None
        seen = behind = last = 0.0
        due = time.monotonic()
        while not self.stop.is_set():
            picture = self._pictures.get(min(_LOOK, max(0.0, due - time.monotonic())))
            now = time.monotonic()
            if picture is None and now < due:
                continue
            if picture is not None:
                good, seen, behind = picture.frame, now, now - picture.captured
            elif now - seen > HOLD:
                good = None
            shown = None if self.hidden else good
            # what shows nothing new is timed as if it had been captured and composed
            last = max(now - behind - self._begin, last + _LEAST_STEP)
            self.is_alone = shown is None
            self._tally.sent += 1
            if picture is not None and shown is not None:
                self._hand_out(stamped(shown, last), picture.captured)
            else:
                self._tally.alone += shown is None
                self._tally.repeated += shown is not None
                self._hand_out(stamped(copied(shown or maker.cover), last), None)
            due = now + self.period * (1.5 if picture else 1)

    def _hand_out(self, frame: Frame, captured: float | None) -> None:
        for sender in self.senders:
            sender.put(Sent(frame, captured))
        self.preview.put(frame)

    def _since_begin(self, moment: float) -> Fraction:
        return round((moment - self._begin) / float(TICK)) * TICK
