"""A batch on a real Ray cluster of this machine, while a node and then the driver are killed.

python benchmarks/batch_cluster.py [--clips 200] [--nodes 3] [--frames 30] [--seed 1]

Makes short clips and does them on this machine alone, one worker, for comparison. Then starts a cluster of
several nodes, each with one core, and `livematte batch --ray` on it. After a fifth of the clips one node is
killed (SIGKILL), after half of them the driver, which is then started again and left alone. Exits with 1
unless every clip was done exactly once, by the manifest, with nothing beside the results in their folder, and
with pictures and times equal to those of the single machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

import livematte

MAIN = [sys.executable, "-c", "from livematte.cli import main; main()"]
SIZE = (128, 96)
MANIFEST = "livematte-batch.jsonl"
PATIENCE = 3600  # seconds for any one step
MEMORY = 80_000_000  # bytes of a node's object store, the least that Ray takes


def main() -> None:
    """Run it all, print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=3, help="that have a core; one may die, so at least 2")
    parser.add_argument("--frames", type=int, default=30, help="of a clip, at most")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(arguments.clips):
            make_clip(folder / "in" / f"{number % 10}" / f"{number:04d}.mp4", chance, arguments.frames)
        begin = time.perf_counter()
        run_whole(folder, "single", "--workers", "1")
        print(f"{arguments.clips} clips on this machine, one worker: {time.perf_counter() - begin:.1f} s")
        run_on_cluster(folder, arguments.nodes, arguments.clips)
        good = compare(folder)
    sys.exit(0 if good else 1)


def make_clip(path: Path, chance: random.Random, frames: int) -> None:
    """A square that wanders before a shade of its own, with uneven times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tick = Fraction(1, 90_000)
    with av.open(str(path), "w", container_options={"video_track_timescale": "90000"}) as out:
        video = out.add_stream("libx264", 25, {"bf": "0"}, time_base=tick)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        picture = np.full((SIZE[1], SIZE[0], 3), [chance.randrange(256) for _ in range(3)], np.uint8)
        for number in range(chance.randint(max(2, frames // 2), frames)):
            left = number * 2 % (SIZE[0] - 30)
            shown = picture.copy()
            shown[20:80, left : left + 30] = 255 - picture[0, 0]
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
            frame.pts, frame.time_base = number * 3600 + chance.randrange(900), tick
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def command(folder: Path, out: str, *more: str) -> list[str]:
    """A batch of the clips."""
    return [*MAIN, "batch", str(folder / "in"), "--out", str(folder / out), "--background", "grey", *more]


def run_whole(folder: Path, out: str, *more: str) -> None:
    """A batch that nobody disturbs."""
    subprocess.run(command(folder, out, *more), check=True, capture_output=True, timeout=PATIENCE)


def run_on_cluster(folder: Path, nodes: int, clips: int) -> None:
    """Start the cluster and the batch, kill a node and the driver, start the driver again."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # a busy machine takes its time
    from ray.cluster_utils import Cluster

    head = {
        "num_cpus": 0,
        "object_store_memory": MEMORY,
        "include_dashboard": False,
        "include_log_monitor": False,
    }
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        others = [
            cluster.add_node(num_cpus=1, object_store_memory=MEMORY, include_log_monitor=False)
            for _ in range(nodes)
        ]
        begin = time.perf_counter()
        ray = ("--ray", cluster.address)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with subprocess.Popen(command(folder, "cluster", *ray), text=True, **quiet) as driver:
            until(lambda: done(folder) >= clips // 5, driver)
            cluster.remove_node(others[0], allow_graceful=False)
            print(f"a node killed after {done(folder)} clips")
            until(lambda: done(folder) >= clips // 2, driver)
            driver.kill()
            driver.wait()
        print(f"the driver killed after {done(folder)} clips")
        run_whole(folder, "cluster", *ray)
        print(f"{clips} clips on {nodes} nodes, later {nodes - 1}: {time.perf_counter() - begin:.1f} s")
    finally:
        cluster.shutdown()


def until(true: Callable[[], bool], driver: subprocess.Popen[str]) -> None:
    """Wait for something to come true while the driver is alive."""
    end = time.monotonic() + PATIENCE
    while not true():
        if driver.poll() is not None or time.monotonic() > end:
            told = driver.stderr.read() if driver.stderr and driver.poll() is not None else ""
            sys.exit(f"the driver ended too early, or nothing happened: {told}")
        time.sleep(0.02)


def lines(folder: Path, state: str) -> list[dict[str, Any]]:
    """Lines of the cluster's manifest that report a state."""
    path = folder / "cluster" / MANIFEST
    whole = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [line for line in map(json.loads, whole) if line["state"] == state]


def done(folder: Path) -> int:
    """How many clips are done, by the manifest."""
    return len(lines(folder, "done"))


def compare(folder: Path) -> bool:
    """Whether each clip was done once and equals the single machine's; says how."""
    counts = Counter(line["result"] for line in lines(folder, "done"))
    sources = {path.relative_to(folder / "in").as_posix() for path in (folder / "in").rglob("*.mp4")}
    results = {
        path.relative_to(folder / "cluster").as_posix()
        for path in (folder / "cluster").rglob("*")
        if path.is_file() and path.name != MANIFEST
    }
    once = counts.keys() == sources and set(counts.values()) == {1}
    pairs = [(folder / "single" / name, folder / "cluster" / name) for name in sorted(results & sources)]
    same_bytes = sum(one.read_bytes() == other.read_bytes() for one, other in pairs)
    same_frames = sum(frames_of(one) == frames_of(other) for one, other in pairs)
    again = sum(line["attempt"] > 1 for line in lines(folder, "begun"))
    print(f"done exactly once: {once}; tries after a loss: {again}; failed: {len(lines(folder, 'failed'))}")
    print(f"nothing but results: {results == sources}")
    print(
        f"equal to the single machine's: {same_bytes} bit for bit, {same_frames} by frame, of {len(sources)}"
    )
    return once and results == sources and same_frames == len(sources)


def frames_of(path: Path) -> list[tuple[Fraction | None, str]]:
    """Time and content of every picture."""
    return [
        (frame.time, hashlib.md5(b"".join(plane.tobytes() for plane in frame.planes())).hexdigest())
        for frame in livematte.read(path)
    ]


if __name__ == "__main__":
    main()
