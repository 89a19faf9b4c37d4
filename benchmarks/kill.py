"""Kill `livematte replace` at random moments: the target is absent, the old file, or whole, never partial.

python benchmarks/kill.py [--kills 50] [--seed 1] [--frames 60]

A clip that takes a second or two is run again and again and killed (SIGKILL) at a moment between its start
and its usual end, in turn with and without an older file at the target. A last run that nobody kills must
find the folder clean: nothing but the clip and the result. Exits with 1 on any failure.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MAIN = "from livematte.cli import main; main()"
COMMAND = [sys.executable, "-c", MAIN, "replace", "in.mp4", "out.mp4", "--overwrite"]
OLD = b"the older file" * 1000
SIZE = (320, 240)
RATE = 25
SOUND_RATE = 48_000
FAULTS = {"PARTIAL", "LOST", "NOT CLEANED"}
PATIENCE = 300  # seconds for a run that nobody kills


def main() -> None:
    """Run and kill, print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=int, default=60)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_clip(folder / "in.mp4", arguments.frames)
        usual = run_whole(folder)
        for number in range(arguments.kills):
            moment = chance.uniform(0, 1.1 * usual)
            state, leftovers = kill_once(folder, moment, number % 2 == 1, arguments.frames)
            found[state] += 1
            found["with a leftover"] += leftovers > 0
            if leftovers > 1:  # the run before left one at most, and this one has to remove it
                found["NOT CLEANED"] += 1
            if state in FAULTS or leftovers > 1:
                print(f"kill {number} after {moment:.2f} of {usual:.2f} s: {state}, leftovers: {leftovers}")
        run_whole(folder)
        names = sorted(path.name for path in folder.iterdir())
    print(
        f"{arguments.kills} kills within {1.1 * usual:.1f} s: "
        + ", ".join(f"{k} {n}" for k, n in found.items())
    )
    print(f"in the folder after a last whole run: {', '.join(names)}")
    sys.exit(0 if not FAULTS & found.keys() and names == ["in.mp4", "out.mp4"] else 1)


def run_whole(folder: Path) -> float:
    """A run that nobody kills: its seconds."""
    begin = time.perf_counter()
    subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    return time.perf_counter() - begin


def kill_once(folder: Path, moment: float, with_old: bool, frames: int) -> tuple[str, int]:
    """Start a run and kill it after some seconds: what the target is then, and how many files were left."""
    target = folder / "out.mp4"
    target.unlink(missing_ok=True)
    if with_old:
        target.write_bytes(OLD)
    with subprocess.Popen(
        COMMAND, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(moment)
        process.kill()
    return state_of(target, with_old, frames), sum(1 for _ in folder.glob(".livematte-*"))


def state_of(target: Path, with_old: bool, frames: int) -> str:
    """What the target is: absent, old, whole, or PARTIAL or LOST, which must not be."""
    if not target.exists():
        return "LOST" if with_old else "absent"
    if target.read_bytes() == OLD:
        return "old"
    try:
        with av.open(str(target)) as container:
            decoded = sum(1 for _ in container.decode(video=0))
        with av.open(str(target)) as container:
            sound = sum(1 for _ in container.decode(audio=0))
    except av.FFmpegError:
        return "PARTIAL"
    return "whole" if decoded == frames and sound else "PARTIAL"


def make_clip(path: Path, frames: int) -> None:
    """A noisy clip with a tone."""
    noise = np.random.default_rng(1).integers(0, 90, (SIZE[1], SIZE[0], 3), np.uint8)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", RATE, {"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        sound = output.add_stream("aac", SOUND_RATE, layout="mono")
        for number in range(frames):
            picture = np.roll(noise, 3 * number, axis=1)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        wave = np.sin(np.arange(SOUND_RATE * frames // RATE) * 0.06).astype(np.float32)[None] / 4
        for start in range(0, wave.shape[1], 1024):
            part = np.ascontiguousarray(wave[:, start : start + 1024])
            samples = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            samples.sample_rate, samples.pts = SOUND_RATE, start
            output.mux(sound.encode(samples))
        output.mux(sound.encode(None))


if __name__ == "__main__":
    main()
