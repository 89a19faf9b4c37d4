"""Runs an exported file knowing nothing but the JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def litert(file: Path, given: str, mask: str) -> Callable[[np.ndarray], np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(file), num_threads=1).get_signature_runner()
    return lambda seen: runner(**{given: seen})[mask]


def onnx(file: Path, given: str, mask: str) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda seen: session.run([mask], {given: seen})[0]


RUNTIMES = {"litert": litert, "web": litert, "onnx": onnx}


def masks(described: Path, pictures: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The masks, H×W, of uint8 RGB pictures of the file's size that follow each other."""
    told: dict[str, Any] = json.loads(described.read_text(encoding="utf-8"))
    (given,), output, memory = told["inputs"], told["output"], told["previous_mask"]
    assert (given["kind"], given["layout"], output["layout"]) == ("tensor", "NHWC", "NHWC")
    assert (memory["input"], memory["otherwise"]) == (given["name"], output["name"])
    run = RUNTIMES[told["format"]](described.parent / told["file"], given["name"], output["name"])
    colours = [given["channels"].index(name) for name in ("red", "green", "blue")]
    previous: Any = memory["at_start"]
    for picture in pictures:
        seen = np.empty(given["shape"], given["dtype"])
        seen[0][..., colours] = picture * given["scale"] + given["offset"]
        seen[0][..., memory["channel"]] = previous
        assert given["range"][0] <= seen.min() <= seen.max() <= given["range"][1]
        found = run(seen)
        assert (list(found.shape), str(found.dtype)) == (output["shape"], output["dtype"])
        previous = found[0, :, :, 0]
        yield previous
