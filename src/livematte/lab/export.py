"""From a checkpoint to the files that phones, browsers and `livematte.Segmenter` load."""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn

from livematte.errors import MissingExtraError
from livematte.lab.checkpoint import load_weights
from livematte.lab.network import Network
from livematte.segment.runtime import SHAPES, file_name


class Deployed(nn.Module):
    """The network as a file holds it: channels last, and the mask instead of logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, x: Tensor) -> Tensor:
        """1×H×W×4 (RGB and previous mask in 0..1) to 1×H×W×1, the mask in 0..1."""
        mask: Tensor = self.network(x.permute(0, 3, 1, 2)).sigmoid()
        return mask.permute(0, 2, 3, 1)


def export(checkpoint: str | PathLike[str], folder: str | PathLike[str], *, name: str = "best") -> list[Path]:
    """Write `name-HxW.tflite`, float32, for every shape that `Segmenter` chooses from; returns the files.

    checkpoint: a `best.pt` of `train`. Raises InputError, or MissingExtraError without the converter.
    """
    return export_litert(load_weights(Path(checkpoint)), Path(folder), name)


def export_litert(network: Network, folder: Path, name: str) -> list[Path]:
    """The same for a network in memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter's own dependencies
            import litert_torch
    except ModuleNotFoundError:
        raise MissingExtraError("exporting to LiteRT", "export") from None
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for height, width in SHAPES:
        example = (torch.rand(1, height, width, 4),)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted = litert_torch.convert(Deployed(network).eval(), example)
        files.append(folder / file_name(name, height, width))
        converted.export(str(files[-1]))
    return files
