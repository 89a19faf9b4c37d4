"""One outlet's thread: it opens it, hands on what comes, and opens it again when it goes away."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from livematte.errors import OutputError
from livematte.frame import Frame
from livematte.live.canvas import Canvas
from livematte.live.latency import Latencies
from livematte.live.latest import Backoff, Latest
from livematte.live.maker import said
from livematte.live.sinks import Outlet, Sink

_LOOK = 0.1  # seconds after which a thread that waits looks whether it is still wanted
_PATIENCE = 10.0
_SETTLED = 30
"""Frames after which an outlet works: the first ones fit into buffers even where nobody reads."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame on its way out, and when it was captured; None for one that shows nothing new."""

    frame: Frame
    captured: float | None


class Sender:
    """Hands frames to an outlet in a thread of its own; what it has no time for is dropped.

    written: frames that it took; reopened: how often it was opened again; fault: what is wrong with it now;
    error: why it is given up; latencies: from capture to where the outlet has taken the frame.
    """

    def __init__(self, outlet: Outlet, stop: threading.Event) -> None:
        """stop: ends it; it sets that itself where the outlet is given up."""
        self.outlet = outlet
        self.written = self.reopened = 0
        self.fault: str | None = None
        self.error: OutputError | None = None
        self.latencies = Latencies()
        self._stop = stop
        self._line: Latest[Sent] = Latest(outlet.depth)
        self._thread = threading.Thread(target=self._run, name="livematte-send", daemon=True)

    @property
    def dropped(self) -> int:
        """Frames that it had no time for."""
        return self._line.dropped

    def start(self, canvas: Canvas, rate: float) -> None:
        """Begin; what is sent are frames of this canvas."""
        self._canvas, self._rate = canvas, rate
        self._thread.start()

    def put(self, sent: Sent) -> None:
        """Hand over a frame; never waits."""
        self._line.put(sent)

    def join(self) -> None:
        """Wait for its end, after `stop` is set: for a file until it is whole, for a stream some seconds."""
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE if self.outlet.comes_back else None)

    def _run(self) -> None:
        pause = Backoff(0.25, 5.0)
        while not self._stop.is_set():
            try:
                with self.outlet.open(self._canvas, self._rate) as sink:
                    self._line.clear()  # what waited meanwhile is old
                    self._serve(sink, pause)
            except Exception as error:  # whatever it is, the others go on
                self.fault = said(error)
                if not self.outlet.comes_back:
                    self.error = error if isinstance(error, OutputError) else OutputError(self.fault)
                    self._stop.set()
                    return
                pause.wait(self._stop)
                self.reopened += 1

    def _serve(self, sink: Sink, pause: Backoff) -> None:
        while not self._stop.is_set():
            sent = self._line.get(_LOOK)
            if sent is None:
                continue
            if not sink.write(sent.frame):
                continue
            self.written += 1
            self.fault = None
            if sent.captured is not None:
                self.latencies.add(time.monotonic() - sent.captured)
            if self.written % _SETTLED == 0:
                pause.reset()
