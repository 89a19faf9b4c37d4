"""What ran: the honest account that every run ends with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TypeVar

Item = TypeVar("Item")

STAGES = ("decode", "network", "refine", "composite", "encode")
"""The stages of a run, in the order in which a frame passes them."""


class Stopwatch:
    """Seconds spent in each stage, by name; each stage belongs to one thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def per_frame(self, frames: int) -> dict[str, float]:
        """Milliseconds per frame by stage, in the order of STAGES."""
        return {name: 1000 * self.seconds[name] / frames for name in STAGES if name in self.seconds}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count the block's time towards a stage."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin


def timed(items: Iterator[Item], watch: Stopwatch) -> Iterator[Item]:
    """The same items, the wait for each counted as decoding."""
    while True:
        with watch("decode"):
            item = next(items, None)
        if item is None:
            return
        yield item
        del item  # it would be held until the next one is there


def runtime() -> str:
    """What computes the masks, with its version."""
    return f"LiteRT {version('ai-edge-litert')}"


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """What a live run counted.

    captured: frames that came; late: of those, dropped for newer ones; failed: of those, where a stage
    failed; composed: of those, with people before the background;
    repeated, alone: frames sent on time that showed the one before again, or the background without anybody;
    source_reopened, target_reopened: how often either was opened again; unsent: frames that a target had no
    time for; latency: 50th, 95th and 99th percentile, in milliseconds, of the time from capture until the
    first target has taken the frame.
    """

    captured: int
    late: int
    failed: int
    composed: int
    repeated: int
    alone: int
    source_reopened: int
    target_reopened: int
    unsent: int
    latency: tuple[float, float, float]

    def __str__(self) -> str:
        p50, p95, p99 = self.latency
        opened = f"opened again: source {self.source_reopened}, target {self.target_reopened}"
        return (
            f"{self.captured} captured, {self.composed} shown, {self.late} dropped late, "
            f"{self.failed} failed, {self.repeated} repeated, {self.alone} background alone, "
            f"{self.unsent} unsent; {opened}; "
            f"latency p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did.

    source, target: as they were given; frames_in, frames_out: decoded and written;
    seconds: on the clock, start to end;
    stages: milliseconds per frame by stage (decode and encode run beside the others, so they do not add up);
    runtime, network, threads: what computed the masks;
    sound_tracks: copied into the target, None for a photo;
    warnings: sentences about what was not as it should be;
    stopped: whether it was ended early on request; live: what a live run counted.
    """

    source: str
    target: str
    frames_in: int
    frames_out: int
    seconds: float
    runtime: str
    network: str
    threads: int
    sound_tracks: int | None = None
    stages: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    stopped: bool = False
    live: LiveCounts | None = None

    @property
    def rate(self) -> float:
        """Frames written per second of the clock."""
        return self.frames_out / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        stages = ", ".join(f"{name} {value:.1f}" for name, value in self.stages.items())
        kept = {None: "", 0: ", no sound", 1: ", sound kept"}
        sound = kept.get(self.sound_tracks, f", {self.sound_tracks} sound tracks kept")
        frames = f"{self.frames_out} frame{'s' if self.frames_out != 1 else ''}"
        if self.live is None and self.frames_in != self.frames_out:
            frames += f" of {self.frames_in}"
        counted = f"; {self.live}" if self.live else ""
        return (
            f"{self.target}: {frames} in {self.seconds:.1f} s ({self.rate:.0f} a second){sound}; "
            f"{self.runtime}, network {self.network}, threads {self.threads}; ms a frame: {stages}{counted}"
        )
