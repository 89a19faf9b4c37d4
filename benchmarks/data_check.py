"""How long `livematte data check` takes for 10,000 pictures, and whether its memory grows.

python benchmarks/data_check.py [--pictures 10000] [--size 640x480] [--threads 2] [--keep FOLDER]

Makes a folder of drawn people before textures, with a mask of parts each, and checks it in a process whose
resident memory is read at every hundredth picture. Exits with 1 where the check takes more than two minutes,
finds a fault, or holds over 100 MB more at its end than after a tenth of the pictures.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.dataset import Row
from livematte.dataset.write import Writer
from livematte.labels import Label

MOST_SECONDS = 120.0
MOST_GROWTH = 100.0  # MB
CHECK = (
    "import sys, json, livematte;"
    "c = livematte.check_data(sys.argv[1], threads=int(sys.argv[2]), "
    "progress=lambda done, total: print(done, flush=True) if done % 100 == 0 else None);"
    "print(json.dumps([str(fault) for fault in c.faults[:5]]))"
)


def main() -> None:
    """Make the folder, check it, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--size", default="640x480", help="WIDTHxHEIGHT")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder that is made, or used where it is there already")
    arguments = parser.parse_args()
    wide, high = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary) / "data"
        if not (folder / "index.jsonl").exists():
            make(folder, arguments.pictures, wide, high)
        seconds, processor, memory, faults = check(folder, arguments.threads)
    early, late = memory[len(memory) // 10], memory[-1]
    print(f"pictures            {arguments.pictures} of {arguments.size}, {arguments.threads} threads")
    print(f"seconds             {seconds:.1f}  (at most {MOST_SECONDS:.0f})")
    print(f"a second            {arguments.pictures / seconds:.0f}")
    print(f"CPU seconds         {processor:.1f}")
    print(f"memory, MB          {early:.0f} after a tenth, {late:.0f} at the end, {max(memory):.0f} at most")
    print(f"faults              {faults or 'none'}")
    sys.exit(0 if seconds <= MOST_SECONDS and late - early <= MOST_GROWTH and not faults else 1)


def make(folder: Path, pictures: int, wide: int, high: int) -> None:
    """A sound data folder."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(folder)
    for number in range(pictures):
        random = np.random.default_rng(number)
        parts = drawn(random, wide, high)
        coarse = random.integers(0, 256, (9, 12, 3)).astype(np.uint8)
        picture = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)
        picture[parts > 0] = random.integers(0, 256, (9, 3)).astype(np.uint8)[parts[parts > 0]]
        cv2.add(picture, random.integers(0, 24, picture.shape, np.uint8), picture)
        row = Row(
            f"{number:05d}.jpg",
            "parts",
            "val" if number % 10 == 0 else "train",
            "drawn",
            licence="CC0 1.0",
            width=wide,
            height=high,
        )
        writer.add(row, cv2.imencode(".jpg", picture)[1].tobytes(), parts)
    writer.finish()


def drawn(random: np.random.Generator, wide: int, high: int) -> NDArray[np.uint8]:
    """Class numbers of somebody: clothes, neck, hair, skin, lips."""
    parts = np.zeros((high, wide), np.uint8)
    x, y = random.uniform(0.3, 0.7) * wide, random.uniform(0.3, 0.5) * high
    for label, down, across, along in (
        (Label.CLOTHES, 0.5, random.uniform(0.2, 0.4), 0.4),
        (Label.NECK, 0.2, 0.07, 0.12),
        (Label.HAIR, -0.02, 0.17, 0.23),
        (Label.SKIN, 0.02, 0.12, 0.18),
        (Label.LIPS, 0.1, 0.04, 0.02),
    ):
        axes = (round(across * high), round(along * high))
        cv2.ellipse(parts, (round(x), round(y + down * high)), axes, 0, 0, 360, int(label), -1)
    return parts


def check(folder: Path, threads: int) -> tuple[float, float, list[float], list[str]]:
    """Seconds, CPU seconds, memory in MB at every hundredth picture, and the first faults."""
    started = time.monotonic()
    run = [sys.executable, "-c", CHECK, str(folder), str(threads)]
    memory: list[float] = []
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("["):
                faults = json.loads(line)
                break
            memory.append(resident(process.pid))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - started, used.ru_utime + used.ru_stime, memory, faults


def resident(pid: int) -> float:
    """Resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
