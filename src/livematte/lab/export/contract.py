"""The JSON beside each exported file: all that a program must know to feed it and to read its answer.

docs/export.md explains every key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import livematte

SCHEMA = 1
"""Grows when a key changes its meaning."""

COLOURS = ("red", "green", "blue")

MASK = ("mask",)


@dataclass(frozen=True)
class Input:
    """One input: the channels it holds and how 8-bit levels become its numbers (level × scale + offset).

    kind: `tensor`, or `image` for a pixel buffer. range: of its numbers. scale, offset: of the colours.
    """

    name: str
    kind: str
    dtype: str
    shape: Sequence[int]
    layout: str
    channels: Sequence[str]
    range: Sequence[float]
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Output:
    """The mask: from `threshold` on a pixel belongs to a person; then, if told, the share of each class."""

    name: str
    kind: str
    dtype: str
    shape: Sequence[int]
    layout: str
    range: Sequence[float] = (0.0, 1.0)
    threshold: float = 0.5
    channels: Sequence[str] = MASK


Signature = tuple[Sequence[Input], Output]


def tensors(height: int, width: int, given: str, mask: str, channels: Sequence[str]) -> Signature:
    """The signature of LiteRT and ONNX files: one tensor in, one out.

    given, mask: their names; channels: of the one that comes out.
    """
    whole = Input(
        given,
        "tensor",
        "float32",
        (1, height, width, 4),
        "NHWC",
        (*COLOURS, "previous mask"),
        (0.0, 1.0),
        1 / 255,
    )
    out = Output(mask, "tensor", "float32", (1, height, width, len(channels)), "NHWC", channels=channels)
    return [whole], out


def images(height: int, width: int, picture: str, previous: str, mask: str) -> Signature:
    """The signature of Core ML packages, which scale levels themselves: two pixel buffers in, one out."""
    size = height, width
    inputs = [
        Input(picture, "image", "uint8", (*size, 3), "HWC", COLOURS, (0.0, 255.0)),
        Input(previous, "image", "float16", size, "HW", ("previous mask",), (0.0, 1.0)),
    ]
    return inputs, Output(mask, "image", "float16", size, "HW")


def write(file: Path, signature: Signature, about: Mapping[str, Any]) -> Path:
    """Write FILE.json beside a file; about: what its maker knows: network, format, precision, checkpoint."""
    inputs, output = signature
    (previous,) = (one for one in inputs if "previous mask" in one.channels)
    content = {
        "schema": SCHEMA,
        "file": file.name,
        "bytes": size_of(file),
        # a package of Core ML is a folder
        "sha256": sha256(file) if file.is_file() else None,
        **about,
        "livematte": livematte.__version__,
        "inputs": [asdict(one) for one in inputs],
        "output": asdict(output),
        "previous_mask": {
            "input": previous.name,
            "channel": previous.channels.index("previous mask"),
            "at_start": 0.0,
            "after_cut": 0.0,
            "otherwise": output.name,
        },
    }
    path = beside(file)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def beside(file: Path) -> Path:
    """Where the JSON of a file is."""
    return file.with_name(f"{file.name}.json")


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
