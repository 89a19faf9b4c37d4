"""Damaged files through `livematte.info` and `replace`: no crash, hang, partial file or unclear error.

python benchmarks/fuzz.py [--files 2000] [--seed 1] [--timeout 30] [--only NUMBER] [--keep FOLDER]

Small clips with sound, of ten codecs in eight kinds of container, are made on the spot and damaged: bits
flipped, ends cut off, blocks shuffled, spans zeroed, one to three of these at a time. Every damaged file runs
in a worker process. Good is a result that opens and whose frames all decode, or one of livematte's own errors
and no file at all. Prints what happened per clip and the number of every file that failed; the same seed and
number give the same file. Exits with 1 on any failure.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path

import av
import numpy as np

Attempt = Callable[[Path, Path], tuple[str, str]]

SIZE = (96, 64)
FRAMES = 12
RATE = 25
SOUND_RATE = 48_000
BACKGROUNDS = {".mp4": "teal", ".mkv": "blur", ".mov": "transparent"}
GOOD = ("whole result", "clear refusal")


@dataclass(frozen=True, eq=False)
class Recipe:
    """How a clip is made: encoder, container, sound and their options."""

    codec: str
    format: str
    sound: str
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    rotation: int = 0

    def __str__(self) -> str:
        kind = "fragmented " if "movflags" in self.container else ""
        return f"{self.codec} {self.sound} {kind}{self.format}"


X265 = {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1"}
AV1 = {"preset": "12", "svtav1-params": "lp=1"}
VPX = {"deadline": "realtime", "cpu-used": "8"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
RECIPES = (
    Recipe("libx264", "mp4", "aac", options={"bf": "2"}),
    Recipe("libx264", "mp4", "aac", container=FRAGMENTS),
    Recipe("libx264", "mpegts", "aac", options={"x264-params": "tff=1"}),
    Recipe("libx264", "mov", "pcm_s16le", rotation=90),
    Recipe("libx264", "matroska", "flac", "yuv444p10le"),
    Recipe("libx264", "flv", "aac"),
    Recipe("libx265", "mp4", "aac", options=X265),
    Recipe("libx265", "matroska", "libopus", "yuv420p10le", X265),
    Recipe("libvpx", "webm", "libopus", options=VPX),
    Recipe("libvpx-vp9", "webm", "libopus", options=VPX),
    Recipe("libvpx-vp9", "mp4", "libopus", options=VPX),
    Recipe("libsvtav1", "mp4", "aac", options=AV1),
    Recipe("libsvtav1", "webm", "libopus", options=AV1),
    Recipe("mpeg4", "avi", "libmp3lame"),
    Recipe("mjpeg", "avi", "pcm_s16le", "yuvj420p"),
    Recipe("mjpeg", "mov", "pcm_s16le", "yuvj422p"),
    Recipe("prores_ks", "mov", "pcm_s16le", "yuv422p10le"),
    Recipe("ffv1", "matroska", "flac"),
    Recipe("ffv1", "nut", "pcm_s16le", "bgr0"),
    Recipe("mpeg2video", "mpegts", "mp2", options={"flags": "+ildct+ilme"}),
)


def main() -> None:
    """Make the clips, run the damaged files, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=30, help="seconds for one file")
    parser.add_argument("--only", type=int, help="run the file of this number alone")
    parser.add_argument("--keep", type=Path, help="a folder for the files that fail")
    arguments = parser.parse_args()
    numbers = range(arguments.files) if arguments.only is None else [arguments.only]
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    os.environ["SVT_LOG"] = "0"  # fatal errors only: its encoder is talkative
    outcomes: dict[Recipe, Counter[str]] = defaultdict(Counter)
    failures, slowest = [], 0.0
    with tempfile.TemporaryDirectory() as folder, Worker(arguments.timeout, replace) as worker:
        clips = [make_clip(Path(folder) / f"{n}.clip", recipe) for n, recipe in enumerate(RECIPES)]
        for number in numbers:
            chosen = number % len(RECIPES)
            content, kinds = damaged(clips[chosen], random.Random(f"{arguments.seed}/{number}"))
            begin = time.perf_counter()
            outcome, detail = run(worker, Path(folder) / "run", content, list(BACKGROUNDS)[number // 7 % 3])
            slowest = max(slowest, time.perf_counter() - begin)
            outcomes[RECIPES[chosen]][outcome] += 1
            if outcome not in GOOD:
                failures.append(number)
                short = detail if arguments.only is not None else detail.strip().rpartition("\n")[2]
                print(f"FAILED {number}: {RECIPES[chosen]}, {kinds}: {outcome}: {short}", flush=True)
                if arguments.keep:
                    (arguments.keep / f"{arguments.seed}-{number}.{RECIPES[chosen].format}").write_bytes(
                        content
                    )
    tell(outcomes, slowest, failures)
    sys.exit(1 if failures else 0)


def tell(outcomes: dict[Recipe, Counter[str]], slowest: float, failures: list[int]) -> None:
    """Print how many files of each clip ended in which way."""
    names = [*GOOD, *sorted({name for row in outcomes.values() for name in row} - {*GOOD})]
    print(f"{'':34}" + "".join(f"{name:>16}" for name in names))
    for recipe, row in outcomes.items():
        print(f"{recipe!s:34}" + "".join(f"{row[name]:16}" for name in names))
    total = sum(outcomes.values(), Counter())
    print(f"{f'all {total.total()}':34}" + "".join(f"{total[name]:16}" for name in names))
    print(f"slowest file: {slowest:.1f} s; failed: {', '.join(map(str, failures)) or 'none'}")


def run(worker: Worker, folder: Path, content: bytes, suffix: str) -> tuple[str, str]:
    """Run one damaged file in an empty folder: what happened, and the details of a failure."""
    folder.mkdir(exist_ok=True)
    for leftover in folder.iterdir():
        leftover.unlink()
    source, target = folder / "in.clip", folder / f"out{suffix}"
    source.write_bytes(content)
    outcome, detail = worker.ask(source, target)
    if outcome in GOOD:
        expected = {source, target} if outcome == "whole result" else {source}
        if (found := set(folder.iterdir())) != expected:
            return "wrong files", f"{sorted(path.name for path in found)} after: {outcome}"
        if source.read_bytes() != content:
            return "input touched", ""
    return outcome, detail


class Worker:
    """A process that runs files one by one, started anew when it dies or is too slow."""

    def __init__(self, timeout: float, attempt: Attempt) -> None:
        self._timeout = timeout
        self._attempt = attempt
        self._start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    def ask(self, source: Path, target: Path) -> tuple[str, str]:
        """Run one file: the outcome and its details."""
        try:
            self._line.send((source, target))
            if self._line.poll(self._timeout):
                answer: tuple[str, str] = self._line.recv()
                return answer
            outcome, detail = "hang", f"no end after {self._timeout:g} s"
        except (EOFError, ConnectionError):
            self._process.join()
            outcome, detail = "crash", f"exit code {self._process.exitcode}"
        self._stop()
        self._start()
        return outcome, detail

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=work, args=(other, self._attempt))
        self._process.start()
        other.close()

    def _stop(self) -> None:
        self._line.close()
        self._process.kill()
        self._process.join()


def work(line: Connection, attempt: Attempt) -> None:
    """Answer every (source, target) with what came of it, until the other side is gone."""
    faulthandler.enable()
    while True:
        try:
            source, target = line.recv()
        except EOFError:
            return
        try:
            line.send(attempt(source, target))
        except Exception:
            line.send(("traceback", traceback.format_exc()))


def replace(source: Path, target: Path) -> tuple[str, str]:
    """Tell of a file and put its people before another background: the outcome and its details."""
    import livematte

    with contextlib.suppress(livematte.LivematteError):
        str(livematte.info(source))
    try:
        report = livematte.replace(source, target, BACKGROUNDS[target.suffix], threads=1)
        frames = sum(1 for _ in livematte.read(target))
    except livematte.LivematteError as error:
        return "unreadable result" if target.exists() else "clear refusal", str(error)
    if 0 < report.frames_out == frames == report.frames_in:
        return "whole result", ""
    return "wrong result", f"{report.frames_in} read, {report.frames_out} written, {frames} found"


def make_clip(path: Path, recipe: Recipe) -> bytes:
    """The bytes of a clip with noise, movement and a tone."""
    noise = np.random.default_rng(1).integers(0, 60, (SIZE[1], SIZE[0], 3), np.uint8)
    with av.open(
        str(path), "w", format=recipe.format, container_options={"fflags": "+bitexact", **recipe.container}
    ) as output:
        video = output.add_stream(recipe.codec, RATE, {"g": "6", "threads": "1", **recipe.options})
        video.width, video.height, video.pix_fmt = *SIZE, recipe.pixels
        if recipe.rotation:
            video.set_display_rotation(recipe.rotation)
        sound = output.add_stream(recipe.sound, SOUND_RATE, layout="stereo")
        for number in range(FRAMES):
            picture = noise.copy()
            picture[20:44, 4 * number : 4 * number + 24] += 150
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        wave = np.sin(np.arange(SOUND_RATE * FRAMES // RATE) * 0.06).astype(np.float32) / 4
        form = sound.codec_context.format.name
        samples = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
        samples.sample_rate, samples.pts = SOUND_RATE, 0
        resampler = av.AudioResampler(form, "stereo", SOUND_RATE, sound.codec_context.frame_size or 1024)
        for part in [*resampler.resample(samples), *resampler.resample(None)]:
            output.mux(sound.encode(part))
        output.mux(sound.encode(None))
    return path.read_bytes()


def damaged(content: bytes, chance: random.Random) -> tuple[bytes, str]:
    """The content with one to three kinds of damage, and their names."""
    kinds = chance.choices(DAMAGES, k=chance.choice((1, 1, 2, 3)))
    spoilt = bytearray(content)
    for kind in kinds:
        spoilt = kind(spoilt, chance)
    return bytes(spoilt), ", ".join(kind.__name__ for kind in kinds)


def flip_bits(content: bytearray, chance: random.Random) -> bytearray:
    """Flip 1 to 200 bits; half of the time all of them among the headers."""
    region = chance.choice((len(content), min(len(content), 1500)))
    for _ in range(round(200 ** chance.random())):
        content[chance.randrange(region)] ^= 1 << chance.randrange(8)
    return content


def flip_tail_bits(content: bytearray, chance: random.Random) -> bytearray:
    """Flip 1 to 50 bits near the end, where many containers keep their index."""
    region = min(len(content), 1500)
    for _ in range(round(50 ** chance.random())):
        content[-1 - chance.randrange(region)] ^= 1 << chance.randrange(8)
    return content


def cut(content: bytearray, chance: random.Random) -> bytearray:
    """Drop the end, or now and then the beginning."""
    place = chance.randrange(1, len(content))
    return content[place:] if chance.random() < 0.15 else content[:place]


def shuffle_blocks(content: bytearray, chance: random.Random) -> bytearray:
    """Exchange some of the blocks that the file is divided into."""
    size = max(1, min(len(content) // 2, chance.choice((16, 188, 512, 4096))))
    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    for _ in range(chance.randint(1, 4)):
        one, other = chance.randrange(len(blocks)), chance.randrange(len(blocks))
        blocks[one], blocks[other] = blocks[other], blocks[one]
    return bytearray().join(blocks)


def zero_span(content: bytearray, chance: random.Random) -> bytearray:
    """Overwrite a span with zeroes."""
    start = chance.randrange(len(content))
    length = min(len(content) - start, round(len(content) ** chance.random()))
    content[start : start + length] = bytes(length)
    return content


DAMAGES: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    flip_bits,
    flip_bits,
    flip_tail_bits,
    cut,
    shuffle_blocks,
    zero_span,
)


if __name__ == "__main__":
    main()
