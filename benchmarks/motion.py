"""What speed costs: IoU of bodies in action by how far they move from frame to frame.

python benchmarks/motion.py DATA NETWORK [NETWORK ...] [--seeds 1 2 3]

Prints a Markdown table over the clips of the set `stand-in`: how far the middle of the true mask moved since
the frame before, in hundredths of the width, and the mean IoU of the frames that moved so far. Each frame is
fed the mask before, as in a video. NETWORK: a preset, or a file of one shape.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path

import numpy as np

from livematte import Segmenter
from livematte.dataset import Pictures, read_index, select
from livematte.measure import iou
from livematte.scoring.action import WIDTH, Action

BOUNDS = np.array([0, 1, 2, 3.5, 100])
"""Of the kinds of speed, in hundredths of the width."""


def frames(data: Path, network: str, seeds: Sequence[int]) -> Iterator[tuple[float, float]]:
    """How far each frame moved, and its IoU; a clip's first frame, which moved from nowhere, is left out."""
    segmenter, rows = Segmenter(network, threads=1), select(read_index(data), split="val")
    with Pictures(data) as pictures:
        middle = np.zeros(2)
        for sample in chain.from_iterable(Action(pictures, rows, seed) for seed in seeds):
            if not sample.follows:
                segmenter.reset()
            value = iou(segmenter(sample.picture).alpha > 0.5, sample.truth)
            before, middle = middle, np.argwhere(sample.truth).mean(0)
            if sample.follows:
                yield 100 * float(np.linalg.norm(middle - before)) / WIDTH, value


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    asked = parser.parse_args()
    kinds = [f"{low:g}–{high:g}" for low, high in pairwise(BOUNDS[:-1])]
    print("| network |", " | ".join([*kinds, f"above {BOUNDS[-2]:g}"]), "|")
    print("|---|" + "---|" * (len(BOUNDS) - 1))
    for network in asked.networks:
        moved, values = zip(*frames(asked.data, network, asked.seeds), strict=True)
        kind = np.digitize(moved, BOUNDS) - 1
        means = (np.mean(np.array(values)[kind == number]) for number in range(len(BOUNDS) - 1))
        print(f"| {network} |", " | ".join(f"{mean:.3f}" for mean in means), "|", flush=True)


if __name__ == "__main__":
    main()
