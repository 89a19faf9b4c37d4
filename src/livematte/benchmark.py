"""What each stage costs on this machine, on a clip or on frames made for it."""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import chain, islice, repeat
from os import fspath
from pathlib import Path
from threading import Event

import av
import cv2

from livematte.errors import OptionError
from livematte.frame import Frame, Picture
from livematte.media import AnyPath, Options, Reader, Writer, read
from livematte.pipeline import replace
from livematte.report import STAGES, Report, Stopwatch, timed
from livematte.scene import Backdrop, Scene
from livematte.scene.convert import planes_like
from livematte.segment import Segmenter
from livematte.threads import filter_threads

SIZE = "1280x720"
"""Of frames that are made, where nothing else is asked for."""

RATE = 30
"""Of frames that are made, a second."""

SIDES = (64, 8192)
"""The least and the most pixels of a side of frames that are made."""

ROUND = 8
"""Frames that go through one stage before they go to the next, so that codecs' threads rest meanwhile."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a frame of one stage.

    clock: the median on the clock; cpu: the mean of the processor's time, all threads together.
    """

    clock: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What a benchmark found.

    source: of the frames; width, height: as they are stored; frames: how many;
    stages: the cost of each, one after another, by name; rate: frames a second of `replace`, all stages side
    by side, codecs, reading and writing included;
    report: of that run: runtime, network and threads; filter_threads: of OpenCV; cores: of the machine.
    """

    source: str
    width: int
    height: int
    frames: int
    stages: dict[str, Cost]
    rate: float
    report: Report
    filter_threads: int
    cores: int

    def __str__(self) -> str:
        ran = self.report
        lines = [
            f"{self.source}, {self.width}×{self.height}, {self.frames} frames; {self.cores} cores",
            f"{ran.runtime}, network {ran.network}, threads {ran.threads}; OpenCV's {self.filter_threads}",
            "",
            f"{'stage':10} {'ms a frame':>12} {'CPU ms a frame':>16}",
        ]
        live = _sum(self.stages[name] for name in STAGES[1:-1])
        rows = {**self.stages, "all": _sum(self.stages.values()), "no codecs": live}
        lines += [f"{name:10} {cost.clock:12.2f} {cost.cpu:16.2f}" for name, cost in rows.items()]
        lines += ["", f"livematte replace, stages side by side: {self.rate:.1f} frames a second"]
        return "\n".join(lines)


def bench(
    source: AnyPath | None = None,
    *,
    size: str | None = None,
    frames: int = 120,
    background: AnyPath | Picture | Backdrop = "blur",
    network: AnyPath = "best",
    threads: int | None = None,
) -> Bench:
    """Measure what every stage costs here: decode, network, refine, composite and encode.

    source: a clip; left out, the clip that comes with livematte fills frames of `size`, such as 1280x720.
    frames: at most so many, again and again where those that are made are fewer. The stages run one after
    another; then `replace` does the same with the stages side by side, for its rate.
    background, network, threads: as for `replace`. Nothing is kept.
    Raises InputError or OptionError.
    """
    if background == "transparent":
        raise OptionError("bench measures what is put behind people; transparent is nothing")
    if source == "-":
        raise OptionError("bench reads a clip twice, which standard input cannot be; name a file")
    if frames < 1:
        raise OptionError(f"frames must be at least 1, not {frames}")
    if source is not None and size is not None:
        raise OptionError("size is of frames that are made; a clip has its own: leave one of both out")
    with tempfile.TemporaryDirectory() as folder:
        reading: AnyPath = Path(folder) / "in.mp4" if source is None else source
        if source is None:
            _make(Path(folder) / "in.mp4", *_sides(size or SIZE), frames)
        with ExitStack() as stack:
            stack.enter_context(filter_threads())
            filters = cv2.getNumThreads()
            scene = Scene(background)
            stack.callback(scene.close)
            segmenter = Segmenter(network, threads=threads)
            reader = stack.enter_context(Reader(reading))
            width, height = reader.width, reader.height
            stages, count = _measured(reader, Path(folder) / "stages.mkv", frames, scene, segmenter)
        report = _run(reading, Path(folder) / "out.mkv", count, background, network, threads)
    name = "synthetic frames" if source is None else fspath(source)
    cores = os.cpu_count() or 1
    return Bench(name, width, height, count, stages, report.rate, report, filters, cores)


class _Meter(Stopwatch):
    """Counts the clock and the processor's time, stage by stage and frame by frame."""

    def __init__(self) -> None:
        super().__init__()
        self._clock: dict[str, list[float]] = {name: [] for name in STAGES}
        self._cpu = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin, cpu = time.perf_counter(), time.process_time()
        yield
        self._cpu[stage] += time.process_time() - cpu
        self._clock[stage].append(time.perf_counter() - begin)

    def costs(self, frames: int) -> dict[str, Cost]:
        """What every stage cost a frame."""
        return {
            name: Cost(1000 * statistics.median(self._clock[name]), 1000 * self._cpu[name] / frames)
            for name in STAGES
        }


def _measured(
    reader: Reader, target: Path, most: int, scene: Scene, segmenter: Segmenter
) -> tuple[dict[str, Cost], int]:
    """The costs of all stages over the frames of a reader, `most` at the most, and how many there were."""
    meter, count = _Meter(), 0
    segmenter.watch = meter
    source = islice(timed(iter(reader), meter), most)
    with ExitStack() as stack:
        writer = stack.enter_context(Writer(target, reader, sound=False))
        while decoded := list(islice(source, ROUND)):
            count += len(decoded)
            mattes = [segmenter(frame) for frame in decoded]
            composed = []
            for frame, matte in zip(decoded, mattes, strict=True):
                with meter("composite"):
                    composed.append(scene(frame, matte))
            for frame in composed:
                with meter("encode"):
                    writer.write(frame)
        with meter("encode"):  # what the encoder still holds
            stack.close()
    return meter.costs(count), count


def _run(
    source: AnyPath,
    target: Path,
    frames: int,
    background: AnyPath | Picture | Backdrop,
    network: AnyPath,
    threads: int | None,
) -> Report:
    """The report of `replace` over so many frames."""
    stop = Event()

    def count(done: int, _: int | None) -> None:
        if done >= frames:
            stop.set()

    options = Options(audio="none")
    return replace(
        source,
        target,
        background,
        options=options,
        network=network,
        threads=threads,
        progress=count,
        stop=stop,
    )


def _make(target: Path, width: int, height: int, frames: int) -> None:
    """A clip of so many frames: the one that comes with livematte, over and over, fills them."""
    like = Frame(av.VideoFrame(width, height, "yuv420p"))
    with as_file(files("livematte.sample") / "clip.mp4") as clip, av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", RATE, {"preset": "veryfast", "crf": "20"})
        stream.width, stream.height = width, height
        endless = chain.from_iterable(read(clip) for _ in repeat(None))
        for number, frame in enumerate(islice(endless, frames)):
            made = like.blank_like()
            for plane, there in zip(planes_like(like, frame.image), made.planes(), strict=True):
                there[:] = plane
            made.image.pts = number
            output.mux(stream.encode(made.image))
        output.mux(stream.encode(None))


def _sides(size: str) -> tuple[int, int]:
    """Width and height of text such as 1280x720. Raises OptionError."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    width, height = (int(side) for side in found.groups()) if found else (0, 0)
    least, most = SIDES
    if not (least <= width <= most and least <= height <= most) or width % 2 or height % 2:
        raise OptionError(
            f"size is two even numbers from {least} to {most}, width and height, as in {SIZE}, not {size!r}"
        )
    return width, height


def _sum(costs: Iterable[Cost]) -> Cost:
    clock, cpu = (sum(times) for times in zip(*((cost.clock, cost.cpu) for cost in costs), strict=True))
    return Cost(clock, cpu)
