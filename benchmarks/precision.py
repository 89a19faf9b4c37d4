"""What float16 and int8 files of the shipped network cost and save: size, time, change of the mask.

python benchmarks/precision.py DATA [--count 48] [--runs 60]

DATA: a folder with index.jsonl; masks are made of the first pictures of set `picsart` in its split `val`,
without a previous mask, and int8 activations are calibrated on as many of its split `train`. Prints a
Markdown table: the time as a ratio to float32 (one thread, interleaved, medians), person IoU and boundary F
against the truth, and against the mask of float32: IoU, mean and largest difference.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from ai_edge_quantizer import quantizer, recipe
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.qtyping import TFLOperationName
from network_speed import measured
from numpy.typing import NDArray

from livematte.dataset import Pictures, Row, read_index, select
from livematte.lab.export import store_as_float16
from livematte.measure import boundary_f, iou
from livematte.segment.runtime import Network

SIDE = 256

SHIPPED = Path(str(files("livematte.segment") / "weights" / f"best-{SIDE}x{SIDE}.tflite"))


def main() -> None:
    """Parse the arguments, make the files and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--runs", type=int, default=60)
    asked = parser.parse_args()
    rows = {
        split: select(read_index(asked.data), split=split, sets=["picsart"])[: asked.count]
        for split in ("train", "val")
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = made(Path(folder), asked.data, rows["train"])
        _, ratios = measured(SHIPPED, list(paths.values()), asked.runs)
        reference = masks(paths["float32"], asked.data, rows["val"])
        print(f"{len(reference)} pictures at {SIDE}×{SIDE}\n")
        print("| weights | kB | time | IoU | boundary F | IoU with float32 | mean change | largest |")
        print("|---|---|---|---|---|---|---|---|")
        for (name, path), ratio in zip(paths.items(), ratios, strict=True):
            found = masks(path, asked.data, rows["val"])
            figures = " | ".join(compared(found, reference, asked.data, rows["val"]))
            print(f"| {name} | {path.stat().st_size / 1e3:.0f} | {ratio:.2f} | {figures} |")


def made(folder: Path, data: Path, rows: Sequence[Row]) -> dict[str, Path]:
    """The files by the name of their precision."""
    paths = {
        name: folder / f"{number}.tflite"
        for number, name in enumerate(("float32", "float16", "int8, floats between", "int8"))
    }
    for path in list(paths.values())[:2]:
        shutil.copy(SHIPPED, path)
    store_as_float16(paths["float16"])
    quantized(recipe.dynamic_wi8_afp32(), paths["int8, floats between"])
    seen = [
        {"args_0": np.dstack([picture / np.float32(255), truth])[None].astype(np.float32)}
        for picture, truth in small(data, rows)
    ]
    # with and without a previous mask, as in use
    seen += [{"args_0": one["args_0"] * np.float32([1, 1, 1, 0])} for one in seen]
    quantized(recipe.static_wi8_ai8(), paths["int8"], seen)
    return paths


def quantized(how: object, path: Path, seen: Sequence[dict[str, NDArray[np.float32]]] = ()) -> None:
    """Write the shipped network quantized by a recipe, calibrated on what it is to see."""
    work = quantizer.Quantizer(str(SHIPPED))
    work.load_quantization_recipe(how)
    for end in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):  # float outside, so that all files fit
        work.update_quantization_recipe(".*", end, algorithm_key=AlgorithmName.NO_QUANTIZE)
    ranges = work.calibrate({"serving_default": seen}, num_threads=1) if seen else None
    result = work.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    path.write_bytes(result.quantized_model)


def small(data: Path, rows: Sequence[Row]) -> list[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Pictures and true masks (0..1) at the network's size."""
    with Pictures(data) as pictures:
        return [
            (shrunk(picture), shrunk(truth) / np.float32(255))
            for picture, truth in (pictures.pair(row) for row in rows)
        ]


def shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At the network's size, without aliasing."""
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def masks(path: Path, data: Path, rows: Sequence[Row]) -> list[NDArray[np.float32]]:
    """What the network says of each picture without a previous mask."""
    network = Network(path, threads=1)
    return [network.run(picture, None).copy() for picture, _ in small(data, rows)]


def compared(
    found: Sequence[NDArray[np.float32]],
    reference: Sequence[NDArray[np.float32]],
    data: Path,
    rows: Sequence[Row],
) -> list[str]:
    """IoU and boundary F with the truth; IoU, mean and largest difference to the reference."""
    areas, outlines = [], []
    with Pictures(data) as pictures:
        for mask, row in zip(found, rows, strict=True):
            truth = pictures.person(row)
            whole = cv2.resize(mask, truth.shape[::-1], interpolation=cv2.INTER_LINEAR)
            areas.append(iou(whole, truth))
            outlines.append(boundary_f(whole, truth))
    pairs = list(zip(found, reference, strict=True))
    same = np.mean([iou(ours, theirs) for ours, theirs in pairs])
    changes = np.abs(np.array(found) - np.array(reference))
    first = f"{np.mean(areas):.4f}", f"{np.mean(outlines):.4f}", f"{same:.4f}"
    return [*first, f"{changes.mean():.5f}", f"{changes.max():.3f}"]


if __name__ == "__main__":
    main()
