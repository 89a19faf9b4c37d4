"""The control desk of a live run: keys, a panel in the terminal, a preview window."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from livematte.live.keys import Keys, typed_keys
from livematte.live.pipeline import LivePipeline
from livematte.live.window import Window
from livematte.scene import LOOKS
from livematte.scene.people import KEEP

BACKGROUNDS = ("blur", "bokeh:0.02", "pixelate", "gradient:#8d9399,#3c4148", "green")
"""What the key b goes through, after the background that was asked for."""

_OF_THE_ROOM = ("blur", "bokeh", "pixelate", "grey", "gray", "own")

HELP = "b background  l look  k keep  space hide me  q quit"

_EVERY = 0.25  # seconds between two panels
_LINE_EVERY = 10.0  # seconds between two lines where there is no terminal


class Desk:
    """Called with the pipeline again and again: obeys keys, shows the picture and how the run is going."""

    def __init__(self, keys: Keys, show: Any, window: Window | None, background: str) -> None:
        """show: called with the lines of the panel; background: what the run begins with.

        Where that shows nothing of the room, no key leads to one that does; none shows it as it is.
        """
        self._keys, self._show, self._window = keys, show, window
        others = [one for one in BACKGROUNDS if one != background]
        looks = {name: look.background for name, look in LOOKS.items() if look.background != "grey"}
        if not of_the_room(background):
            others = [one for one in others if not of_the_room(one)]
            looks = {name: behind for name, behind in looks.items() if not of_the_room(behind)}
        self.backgrounds, self.looks = [background, *others], list(looks)
        self._told = 0.0
        self._before = (time.monotonic(), 0)
        self._rate = 0.0

    def __call__(self, pipeline: LivePipeline) -> None:
        """Look at the keys, and show what is new."""
        typed = self._keys()
        if self._window:
            typed += self._window.keys()
            frame = pipeline.preview.get(0)
            if frame is not None:
                self._window.show(frame)
            if self._window.closed:
                pipeline.stop.set()
        for key in typed:
            self.obey(key, pipeline)
        now = time.monotonic()
        if now - self._told >= _EVERY or typed:
            self._told = now
            self._show(self.lines(pipeline))

    def obey(self, key: str, pipeline: LivePipeline) -> None:
        """Do what a key stands for; any other does nothing."""
        choice = pipeline.choice
        match key.lower():
            case "b":
                self.backgrounds.append(self.backgrounds.pop(0))
                pipeline.change(background=self.backgrounds[0], look=None)
            case "l":
                pipeline.change(background=None, look=self.looks[0])
                self.looks.append(self.looks.pop(0))
            case "k":
                keep: Any = KEEP[(KEEP.index(choice.style.keep) + 1) % len(KEEP)]
                pipeline.change(style=dataclasses.replace(choice.style, keep=keep))
            case " ":
                pipeline.hidden = not pipeline.hidden
            case "q":
                pipeline.stop.set()

    def lines(self, pipeline: LivePipeline) -> list[str]:
        """State, what is shown, how fast, how late, and what was dropped."""
        tally, choice, now = pipeline.tally, pipeline.choice, time.monotonic()
        then, sent = self._before
        if now - then >= 1:
            self._rate, self._before = (tally.sent - sent) / (now - then), (now, tally.sent)
        p50, p95, p99 = pipeline.latencies.percentiles()
        shown = choice.look or (choice.background if isinstance(choice.background, str) else None) or "blur"
        opened = tally.reopened + sum(sender.reopened for sender in pipeline.senders)
        counted = f"{tally.captured} captured, {tally.late} dropped late, {tally.failed} failed"
        return [
            state(pipeline),
            f"background {shown}, keep {choice.style.keep}",
            f"{self._rate:.0f} pictures a second; latency p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms",
            f"{counted}, {opened} times opened again",
        ]


def of_the_room(background: str) -> bool:
    """Whether a background is made from the room itself."""
    return background.partition(":")[0].lower() in _OF_THE_ROOM


def state(pipeline: LivePipeline) -> str:
    """What the outlets get now, and what is wrong."""
    faults = "; ".join(pipeline.faults)
    if not pipeline.is_alone:
        return f"on air ({faults})" if faults else "on air"
    why = "as asked for" if pipeline.hidden else faults or "no picture from the source"
    return f"background alone: {why}"


@contextmanager
def desk(background: str | None, look: str | None, preview: bool) -> Iterator[Desk]:
    """A desk on this terminal; where it is none, a line now and then on standard error."""
    if background is None:
        background = LOOKS[look].background if look in LOOKS else "blur"
    with ExitStack() as stack:
        window = stack.enter_context(Window()) if preview else None
        keys = stack.enter_context(typed_keys())
        show = stack.enter_context(_panel()) if sys.stderr.isatty() else _Lines()
        yield Desk(keys, show, window, background)


@contextmanager
def _panel() -> Iterator[Any]:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.panel import Panel
    from rich.text import Text

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as screen:

        def show(lines: list[str]) -> None:
            first, *rest = lines
            style = "bold green" if first.startswith("on air") else "bold red"
            rows = [Text(first, style), *map(Text, rest), Text(HELP, "dim")]
            screen.update(Panel(Group(*rows), title="livematte", expand=False), refresh=True)

        yield show


class _Lines:
    """Plain lines: at each change of state, and now and then."""

    def __init__(self) -> None:
        self._state = ""
        self._told = time.monotonic()

    def __call__(self, lines: list[str]) -> None:
        now = time.monotonic()
        if lines[0] != self._state:
            print(f"livematte: {lines[0]}", file=sys.stderr, flush=True)
        elif now - self._told >= _LINE_EVERY:
            print(f"livematte: {'; '.join(lines)}", file=sys.stderr, flush=True)
        else:
            return
        self._state, self._told = lines[0], now
