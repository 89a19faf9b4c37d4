"""What the shape of the network's input is worth: IoU and operations of a checkpoint at several shapes.

python benchmarks/shapes.py DATA CHECKPOINT 256x256 288x224 ... [--set picsart]

Prints a Markdown table: the mean IoU of the person over the set's validation pictures, each a first frame,
squeezed to height × width and looked at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from livematte.dataset import read_index, select
from livematte.lab.checkpoint import load_weights
from livematte.lab.network import count_macs
from livematte.lab.train import validate


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("shapes", nargs="+", metavar="HxW")
    parser.add_argument("--set", default="picsart")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    network = load_weights(asked.checkpoint)
    rows = select(read_index(asked.data), split="val", sets=[asked.set])
    print("| input | MMAC | IoU |\n|---|---|---|")
    for shape in asked.shapes:
        height, width = map(int, shape.split("x"))
        value, macs = validate(network, asked.data, rows, height, width), count_macs(network, height, width)
        print(f"| {height}×{width} | {macs / 1e6:.1f} | {value:.4f} |", flush=True)


if __name__ == "__main__":
    main()
