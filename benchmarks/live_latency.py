"""Latency, processor time and memory of the live path, from a fake camera.

python benchmarks/live_latency.py [--minutes 1] [--rate 30] [--speed 1] [--background blur] [--target nowhere]
                                  [--settle 20] [--most 40]

The camera gives the clip that comes with livematte, scaled to fill 1280×720, `rate` times a second, and
`speed` times faster than that; its pictures are decoded before, as raw ones from a camera are. The latency is
the time from when it gives a picture until the target has taken the composed one: `nowhere` takes it as it
is, a file or a stream after encoding. Memory is read once a second. Exits with 1 where the 95th percentile is
above `most` milliseconds or memory grows by more than 20 MB after `settle` seconds. For a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
from compare import enlarged
from hour import MOST_GROWTH, resident

import livematte
from livematte.frame import Frame
from livematte.live import LivePipeline, Shot

PICTURES = 60  # of the clip, forwards and backwards: no jump, and 83 MB


class Camera:
    """Gives decoded pictures again and again, each when it is due."""

    def __init__(self, pictures: list[Frame], rate: float) -> None:
        self._pictures, self._rate = pictures + pictures[-2:0:-1], rate

    def __call__(self) -> Iterator[Shot]:
        """The shots."""
        begin, number = time.monotonic(), 0
        while True:
            time.sleep(max(0.0, begin + number / self._rate - time.monotonic()))
            yield Shot(self._pictures[number % len(self._pictures)], time.monotonic())
            number += 1


class Watch:
    """Ends the run after some seconds and reads memory meanwhile."""

    def __init__(self, seconds: float, settle: float) -> None:
        self._begin = time.monotonic()
        self._seconds, self._settle = seconds, settle
        self._next = 0.0
        self.early, self.latest = 0.0, 0.0

    def __call__(self, pipeline: LivePipeline) -> None:
        """Called again and again by the run."""
        passed = time.monotonic() - self._begin
        if passed >= self._next:
            self._next += 1
            memory = resident(os.getpid())
            if passed <= self._settle:
                self.early = memory
            self.latest = max(self.latest, memory) if passed > self._settle else memory
        if passed >= self._seconds:
            pipeline.stop.set()


def main() -> None:
    """Run, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--rate", type=float, default=30)
    parser.add_argument("--speed", type=float, default=1, help="frames of so many minutes in one")
    parser.add_argument("--background", default="blur")
    parser.add_argument("--target", default="nowhere", help="nowhere, a file or an address")
    parser.add_argument("--settle", type=float, default=20, help="seconds before memory has to be flat")
    parser.add_argument("--most", type=float, default=40, help="milliseconds of the 95th percentile")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    seconds = 60 * arguments.minutes / arguments.speed
    targets = () if arguments.target == "nowhere" else (arguments.target,)
    camera = Camera(pictures(), arguments.rate * arguments.speed)
    watch = Watch(seconds, arguments.settle)
    before = os.times()
    report = livematte.replace_live(
        camera,
        targets,
        arguments.background,
        threads=arguments.threads,
        options=livematte.Options(overwrite=True, rate=arguments.rate * arguments.speed),
        watch=watch,
    )
    after = os.times()
    spent = sum(after[:4]) - sum(before[:4])
    counts = report.live
    assert counts is not None
    p50, p95, p99 = counts.latency
    growth = watch.latest - watch.early
    print(f"frames captured, shown   {counts.captured:8d} {counts.composed:8d}")
    print(f"dropped late, unsent     {counts.late:8d} {counts.unsent:8d}")
    print(f"latency p50, p95, p99    {p50:8.1f} {p95:8.1f} {p99:8.1f} ms (95th at most {arguments.most:g})")
    print(
        f"processor                {100 * spent / report.seconds:8.0f} % of one core, {os.cpu_count()} there"
    )
    print(f"memory, growth later     {watch.early:8.1f} {growth:8.1f} MB (most allowed: {MOST_GROWTH:.0f})")
    print("stages, ms a frame       " + ", ".join(f"{name} {ms:.1f}" for name, ms in report.stages.items()))
    sys.exit(0 if p95 <= arguments.most and growth <= MOST_GROWTH else 1)


def pictures() -> list[Frame]:
    """The first pictures of the clip at 1280×720."""
    with tempfile.TemporaryDirectory() as folder, av.open(str(enlarged(Path(folder) / "big.mp4"))) as clip:
        found = []
        for image in clip.decode(video=0):
            found.append(Frame(image))
            if len(found) == PICTURES:
                break
    return found


if __name__ == "__main__":
    main()
