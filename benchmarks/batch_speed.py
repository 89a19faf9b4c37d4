"""Two workers of a batch against one, on clips of 1280×720.

python benchmarks/batch_speed.py [--clips 8] [--rounds 3] [--workers 2] [--background blur]

The clips are the one that comes with livematte, six seconds long, scaled up. Runs change over between one
worker, the same kept to one core, and several workers, as often as asked for; the median of each counts, the
start of the processes included. Prints the ratios on the clock, and the processor's seconds, which tell how
many cores one worker already keeps busy: its stages run side by side, so that the gain on as many cores as
workers is the less, the more of a second core one worker uses. Run it on a machine where nothing else runs.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import enlarged

MAIN = [sys.executable, "-c", "from livematte.cli import main; main()"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--background", default="blur")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        first = enlarged(folder / "in" / "0.mp4")
        for number in range(1, arguments.clips):
            (folder / "in" / f"{number}.mp4").write_bytes(first.read_bytes())
        ways = {
            "one worker": (1, None),
            "one worker on one core": (1, {min(cores())}),
            f"{arguments.workers} workers": (arguments.workers, None),
        }
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for number in range(arguments.rounds):
            for way, (workers, kept_to) in ways.items():
                out = folder / f"{number} {way}"
                found[way].append(run(folder / "in", out, workers, kept_to, arguments.background))
    tell(found, arguments.clips, arguments.workers)


def cores() -> set[int]:
    """The cores that this process may use."""
    return os.sched_getaffinity(0)


def run(
    source: Path, out: Path, workers: int, kept_to: set[int] | None, background: str
) -> tuple[float, float]:
    """Seconds on the clock and of the processor for one batch; kept_to: the cores that it may use."""
    command = [*MAIN, "batch", str(source), "--out", str(out), "--background", background]
    command += ["--workers", str(workers)]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    confine = None if kept_to is None else lambda: os.sched_setaffinity(0, kept_to)
    subprocess.run(command, check=True, capture_output=True, preexec_fn=confine)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tell(found: dict[str, list[tuple[float, float]]], clips: int, workers: int) -> None:
    """Print the table and the ratios."""
    print(f"{clips} clips of 180 frames, 1280×720; {len(cores())} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':26}{'seconds':>9}{'of processor':>14}{'busy cores':>12}{'frames a second':>17}")
    clock = {}
    for way, runs in found.items():
        seconds, busy = (statistics.median(values) for values in zip(*runs, strict=True))
        clock[way] = seconds
        rate = clips * 180 / seconds
        print(f"{way:26}{seconds:9.1f}{busy:14.1f}{busy / seconds:12.2f}{rate:17.1f}")
    one, confined, several = clock.values()
    print(f"{workers} workers against one: {one / several:.2f} ×")
    print(f"{workers} workers against one on one core: {confined / several:.2f} ×")


if __name__ == "__main__":
    main()
