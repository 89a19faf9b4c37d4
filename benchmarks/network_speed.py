"""What each choice in the network's sizes costs on this processor: LiteRT, one thread, random weights.

python benchmarks/network_speed.py [NAME ...] [--beside FILE.tflite] [--runs 60] [--side square]
    [--keep FOLDER]

Prints a Markdown table: millions of multiply-accumulates, parameters, the file's size and the time of one
frame as a ratio to a reference, FILE or else `fast` as it ships. The reference runs beside each file in the
same loop, and the median of the ratios is taken: on a shared machine they hold where milliseconds do not.
--side landscape (144×256, the default) or square (256×256). --keep leaves the files in a folder, where the
next run finds them again: converting takes far longer than timing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from livematte.lab.export import litert
from livematte.lab.network import PRESETS, Convolution, Network, Sizes, count_macs

SHAPES = {"landscape": (144, 256), "square": (256, 256)}

BEST, FAST = PRESETS["best"], PRESETS["fast"]
RELU = replace(BEST, activation="relu")

VARIANTS: dict[str, Sizes] = {
    "best": BEST,
    "stem 4×4, stride 4": replace(BEST, stem_kernel=4),
    "stem 5×5, stride 4": replace(BEST, stem_kernel=5),
    "stem 3×3, stride 2, half the widths": replace(
        BEST, stem_kernel=3, stem_stride=2, widths=(12, 32, 64, 128)
    ),
    "first two levels squeezed by 2": replace(BEST, squeeze=(2, 2, 8, 16)),
    "deep levels squeezed by 4": replace(BEST, squeeze=(4, 4, 4, 4)),
    "deep levels squeezed by 32": replace(BEST, squeeze=(4, 4, 32, 32)),
    "deep levels half as deep": replace(BEST, depths=(1, 2, 3, 2)),
    "deep levels half as wide": replace(BEST, widths=(24, 64, 64, 128)),
    "no context": replace(BEST, context=False),
    "no skips": replace(BEST, skips=False),
    "no previous mask": replace(BEST, previous=False),
    "no refinement": replace(BEST, refine="none"),
    "plain refinement": replace(BEST, refine="plain"),
    "blocks, growth 4": replace(BEST, growth=(4,)),
    "blocks, growth 8": replace(BEST, growth=(8,)),
    "blocks, growth 16": replace(BEST, growth=(16,)),
    "blocks, growth 8, 8": replace(BEST, growth=(8, 8)),
    "best, ReLU": RELU,
    "fast": FAST,
    "fast, no refinement": replace(FAST, refine="none"),
    "fast, growth 5": replace(FAST, growth=(5,)),
    "fast, widths 16, 32, 96, 224": replace(FAST, widths=(16, 32, 96, 224)),
    "fast, depths 1, 2, 8, 6": replace(FAST, depths=(1, 2, 8, 6)),
    "fast, stem 5×5, widths 16, 40, 96, 256": replace(FAST, stem_kernel=5, widths=(16, 40, 96, 256)),
}
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "best, ReLU6": nn.ReLU6,
    "best, leaky ReLU": nn.LeakyReLU,
    "best, hard swish": nn.Hardswish,
    "best, swish": nn.SiLU,
}
"""In the place of ReLU after the convolutions of the hourglass that have one."""


def main() -> None:
    """Parse the arguments, convert what is missing and print the table."""
    known = [*VARIANTS, *ACTIVATIONS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--side", choices=SHAPES, default="landscape")
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there is: {', '.join(known)}")
    height, width = SHAPES[asked.side]
    shipped = Path(str(files("livematte.segment") / "weights" / f"fast-{height}x{width}.tflite"))
    with tempfile.TemporaryDirectory() as folder:
        kept = asked.keep or Path(folder)
        chosen = {name: VARIANTS.get(name, RELU) for name in asked.names or known}
        made = {name: converted(sizes, name, kept, height, width) for name, sizes in chosen.items()}
        reference = asked.beside or shipped
        seconds, ratios = measured(reference, list(made.values()), asked.runs)
        print(f"{height}×{width}; reference: {reference.name}, {1e3 * seconds:.2f} ms\n")
        print("| network | MMAC | parameters | kB | time |\n|---|---|---|---|---|")
        for (name, sizes), path, ratio in zip(chosen.items(), made.values(), ratios, strict=True):
            network = Network(sizes)
            weights = sum(weight.numel() for weight in network.parameters())
            print(
                f"| {name} | {count_macs(network, height, width) / 1e6:.1f} | {weights:,} "
                f"| {path.stat().st_size / 1e3:.0f} | {ratio:.2f} |"
            )


def converted(sizes: Sizes, name: str, folder: Path, height: int, width: int) -> Path:
    """The LiteRT file of a network of these sizes with the activation of that name, unless it is there."""
    activation = ACTIVATIONS.get(name)
    shape = "-".join("x".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in vars(sizes).values())
    other = f"-{activation.__name__}" if activation else ""
    path = folder / f"{shape}{other}-{height}x{width}.tflite"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        network = fused(Network(sizes).eval())
        if activation:
            activate(network, activation)
        litert.write(network, path, height, width, "float32")
    return path


def fused(network: Network) -> Network:
    """With the normalisation inside the convolutions, where the converter puts it, too, but slowly."""
    for name, layer in network.named_modules():
        if isinstance(layer, Convolution) and not name.startswith("refine"):
            layer[0], layer[1] = fuse_conv_bn_eval(layer[0], layer[1]), nn.Identity()
    return network


def activate(network: Network, activation: type[nn.Module]) -> None:
    """Give the hourglass another activation; the layers of the refinement are deployed with ReLU."""
    for name, layer in network.named_modules():
        if isinstance(layer, Convolution) and len(layer) == 3 and not name.startswith("refine"):
            layer[2] = activation()


def measured(reference: Path, paths: Sequence[Path], runs: int) -> tuple[float, list[float]]:
    """Seconds of one frame in the reference, and each file's time as a ratio to it: medians.

    Each run of a file is followed by one of the reference and divided by it: what else the machine does slows
    both. Time is the thread's own, without what others take of the core.
    """
    beside = loaded(reference)
    networks = [loaded(path) for path in paths]
    ratios: list[list[float]] = [[] for _ in networks]
    seconds = []
    for _ in range(runs):
        for network, found in zip(networks, ratios, strict=True):
            own = frame_time(network)
            seconds.append(frame_time(beside))
            found.append(own / seconds[-1])
    return statistics.median(seconds), [statistics.median(found) for found in ratios]


def frame_time(network: Interpreter) -> float:
    """Seconds of one frame; one before it brings the weights back into the caches."""
    network.invoke()
    start = time.thread_time()
    network.invoke()
    return time.thread_time() - start


def loaded(path: Path) -> Interpreter:
    """A network with something to look at."""
    network = Interpreter(str(path), num_threads=1)
    network.allocate_tensors()
    given = network.get_input_details()[0]
    network.set_tensor(given["index"], np.random.default_rng(1).random(given["shape"], np.float32))
    return network


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
