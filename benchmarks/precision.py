"""What float16 and int8 files of a network that ships cost and save: size, time, change of the mask.

python benchmarks/precision.py DATA [--network best] [--count 48] [--runs 60]

DATA: a folder with index.jsonl; masks are made of the first pictures of set `picsart` in its split `val`,
without a previous mask, and the sums of `int8 throughout` are calibrated on as many of its split `train`.
Prints two Markdown tables. Pictures: the time of a frame and of loading as ratios to float32 (one thread,
interleaved, medians), person IoU and boundary F against the truth, and against the mask of float32: IoU, mean
and largest difference. The sample clip, each frame fed the mask before: IoU with float32 fed its own (mean,
worst frame, last frame), mean difference, and the mean change from frame to frame.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
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
from livematte.lab.export.litert import store, trim
from livematte.measure import boundary_f, iou
from livematte.media import read
from livematte.segment.runtime import NETWORKS, Network, file_name

SIDE = 256

SAMPLE = Path(str(files("livematte.sample") / "clip.mp4"))


def shipped(name: str) -> Path:
    """The square file of a network that ships."""
    return Path(str(files("livematte.segment") / "weights" / file_name(name, SIDE, SIDE)))


def main() -> None:
    """Parse the arguments, make the files and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--network", choices=NETWORKS, default=NETWORKS[0])
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--runs", type=int, default=60)
    asked = parser.parse_args()
    rows = {
        split: select(read_index(asked.data), split=split, sets=["picsart"])[: asked.count]
        for split in ("train", "val")
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = made(Path(folder), shipped(asked.network), asked.data, rows["train"])
        _, ratios = measured(paths["float32"], list(paths.values()), asked.runs)
        reference = masks(paths["float32"], asked.data, rows["val"])
        print(f"{asked.network}: {len(reference)} pictures at {SIDE}×{SIDE}\n")
        print(
            "| weights | kB | time | loading | IoU | boundary F | IoU with float32 | mean change | largest |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for (name, path), ratio in zip(paths.items(), ratios, strict=True):
            found = masks(path, asked.data, rows["val"])
            figures = " | ".join(compared(found, reference, asked.data, rows["val"]))
            load = loading(path, paths["float32"], asked.runs)
            print(f"| {name} | {path.stat().st_size / 1e3:.0f} | {ratio:.2f} | {load:.2f} | {figures} |")
        clip = [frame.rgb(SIDE, SIDE) for frame in read(SAMPLE)]
        reference = fed(paths["float32"], clip)
        print(f"\n{len(clip)} frames of the sample clip, masks fed back\n")
        print("| weights | IoU with float32 | worst frame | last frame | mean change | frame to frame |")
        print("|---|---|---|---|---|---|")
        for name, path in paths.items():
            print(f"| {name} | {' | '.join(followed(fed(path, clip), reference))} |")


def made(folder: Path, source: Path, data: Path, rows: Sequence[Row]) -> dict[str, Path]:
    """The files by the name of their precision."""
    paths = {
        name: folder / f"{number}.tflite"
        for number, name in enumerate(("float32", "float16", "int8", "int8 throughout"))
    }
    for path in paths.values():
        shutil.copy(source, path)
    store(paths["float16"], "float16")
    store(paths["int8"], "int8")
    seen = [
        {"args_0": np.dstack([picture / np.float32(255), truth])[None].astype(np.float32)}
        for picture, truth in small(data, rows)
    ]
    # with and without a previous mask, as in use
    seen += [{"args_0": one["args_0"] * np.float32([1, 1, 1, 0])} for one in seen]
    calibrated(paths["int8 throughout"], seen)
    for path in paths.values():
        trim(path)
    return paths


def calibrated(path: Path, seen: Sequence[dict[str, NDArray[np.float32]]]) -> None:
    """Round weights and sums of a file in place, by what the network makes of these inputs."""
    work = quantizer.Quantizer(str(path))
    work.load_quantization_recipe(recipe.static_wi8_ai8())
    for end in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):  # float outside, so that all files fit
        work.update_quantization_recipe(".*", end, algorithm_key=AlgorithmName.NO_QUANTIZE)
    ranges = work.calibrate({"serving_default": seen}, num_threads=1)
    result = work.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    path.write_bytes(result.quantized_model)


def loading(path: Path, beside: Path, runs: int) -> float:
    """The time until a file is ready as a ratio to another's, of this thread: median."""
    ratios = []
    for _ in range(runs):
        seconds = []
        for one in (path, beside):
            start = time.thread_time()
            Network(one, threads=1)
            seconds.append(time.thread_time() - start)
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


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


def fed(path: Path, clip: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    """What the network says of frames that follow each other, each fed the mask before."""
    network, found = Network(path, threads=1), []
    for picture in clip:
        found.append(network.run(picture, found[-1] if found else None).copy())
    return found


def followed(found: Sequence[NDArray[np.float32]], reference: Sequence[NDArray[np.float32]]) -> list[str]:
    """IoU with the reference: mean, worst and last frame; mean difference; change from frame to frame."""
    areas = [iou(ours, theirs) for ours, theirs in zip(found, reference, strict=True)]
    change = np.abs(np.array(found) - np.array(reference)).mean()
    motion = np.abs(np.diff(np.array(found), axis=0)).mean()
    first = (f"{area:.4f}" for area in (np.mean(areas), min(areas), areas[-1]))
    return [*first, f"{change:.5f}", f"{motion:.5f}"]


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
