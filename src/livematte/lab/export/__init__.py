"""From a checkpoint to the files that phones, browsers and `livematte.Segmenter` load."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Protocol

from livematte.errors import OptionError, OutputError
from livematte.lab.checkpoint import load_weights
from livematte.lab.export import agreement, contract, coreml, litert, onnx, web
from livematte.lab.network import Network, preset_of, shapes_of
from livematte.labels import Label
from livematte.segment.runtime import file_name

Format = Literal["litert", "onnx", "coreml", "web"]
Precision = Literal["float32", "float16", "int8"]

OFFERED: dict[Format, tuple[Precision, ...]] = {
    "litert": ("float32", "float16", "int8"),
    "onnx": ("float32", "float16"),
    "coreml": ("float16", "float32"),
    "web": ("float32",),  # LiteRT.js unpacks float16 weights anew for every frame
}
"""What each format can be exported in; the first is what it is exported in unless asked otherwise."""


class Writer(Protocol):
    """The module of a format."""

    SUFFIX: str

    def write(self, network: Network, path: Path, height: int, width: int, precision: str) -> None:
        """Convert a network for one input shape."""

    def run(self, path: Path) -> agreement.Run | None:
        """What runs a file that was written, where this machine can."""

    def signature(self, path: Path, height: int, width: int, channels: Sequence[str]) -> contract.Signature:
        """What goes in and what comes out; channels: of the latter."""


WRITERS: dict[Format, Writer] = {"litert": litert, "onnx": onnx, "coreml": coreml, "web": litert}


def export(
    checkpoint: str | PathLike[str],
    folder: str | PathLike[str],
    *,
    name: str | None = None,
    format: Format = "litert",
    precision: Precision | None = None,
) -> list[Path]:
    """Write a network file for every shape that `Segmenter` chooses from, and its JSON; returns the files.

    Each file `NAME-HxW.SUFFIX` has `NAME-HxW.SUFFIX.json` beside it, which says how to feed it
    (docs/export.md). LiteRT and ONNX files are compared with the checkpoint before they are kept.

    checkpoint: a `best.pt` of `train`. name: what the files' names begin with; when left out, that of the
    preset with the checkpoint's sizes, or else the checkpoint's own. format: `litert`, `onnx`, `coreml`, or
    `web`, a folder that any web server can serve: LiteRT files in `networks`, with an index, and the page
    where it is installed. precision: of the weights (sums are float32, except in Core ML's float16); when
    left out, float16 for `coreml`, float32 for the others.

    Raises InputError, OptionError, OutputError, or MissingExtraError without the converter.
    """
    asked = _asked(format, precision)
    if name is not None and (not name or Path(name).name != name):
        raise OptionError(f"name {name!r} is not the beginning of a file's name")
    checkpoint, folder = Path(checkpoint), Path(folder)
    network = load_weights(checkpoint)
    name = name or name_of(network, checkpoint)
    source = {"file": checkpoint.name, "sha256": contract.sha256(checkpoint)}
    about = {"network": name, "format": format, "precision": asked, "checkpoint": source}
    about["licence"] = network.licence
    target = folder / web.NETWORKS if format == "web" else folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        # all or none: a stop in the middle leaves what was there
        with tempfile.TemporaryDirectory(prefix=".export-", dir=target) as beside:
            made = [_write(network, Path(beside), shape, about) for shape in shapes_of(network.sizes)]
            written = [_keep(file, target) for file in made]
        if format == "web":
            web.finish(folder, name, written)
    except OSError as error:
        raise OutputError(f"{error.filename or folder}: {error.strerror or error}") from None
    return written


def name_of(network: Network, checkpoint: Path) -> str:
    """The preset whose sizes a network has; a network of other sizes is called as its checkpoint."""
    return preset_of(network.sizes) or checkpoint.stem


def _write(network: Network, folder: Path, shape: tuple[int, int], about: dict[str, Any]) -> Path:
    """Convert, compare, describe."""
    writer, precision = WRITERS[about["format"]], about["precision"]
    file = (folder / file_name(about["network"], *shape)).with_suffix(writer.SUFFIX)
    writer.write(network, file, *shape, precision)
    run = writer.run(file)
    if run is not None:
        agreement.check(network, run, file.name, *shape, precision)
    contract.write(file, writer.signature(file, *shape, channels_of(network)), about)
    return file


def channels_of(network: Network) -> Sequence[str]:
    """What comes out: the mask and, of a network that tells them, the share of each class of a person."""
    parts = [label.name.lower() for label in Label if label] if network.parts is not None else []
    return [*contract.MASK, *parts]


def _keep(file: Path, folder: Path) -> Path:
    """Move a file and its JSON, or a package's folder and its JSON, in place of what is there."""
    described, target = contract.beside(file), folder / file.name
    if target.is_dir():
        shutil.rmtree(target)
    file.replace(target)
    described.replace(contract.beside(target))
    return target


def _asked(format: str, precision: str | None) -> Precision:
    if format not in OFFERED:
        raise OptionError(f"format is {' or '.join(OFFERED)}, not {format!r}")
    offered = OFFERED[format]
    if precision is not None and precision not in offered:
        raise OptionError(f"the precision of {format} is {' or '.join(offered)}, not {precision!r}")
    return precision or offered[0]
