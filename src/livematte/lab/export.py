"""From a checkpoint to the files that phones, browsers and `livematte.Segmenter` load."""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from livematte.errors import MissingExtraError, OptionError
from livematte.lab.checkpoint import load_weights
from livematte.lab.network import Network
from livematte.segment.runtime import SHAPES, file_name

Precision = Literal["float32", "float16"]


class Deployed(nn.Module):
    """The network as a file holds it: channels last, and the mask instead of logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, x: Tensor) -> Tensor:
        """1×H×W×4 (RGB and previous mask in 0..1) to 1×H×W×1, the mask in 0..1."""
        mask: Tensor = self.network(x.permute(0, 3, 1, 2)).sigmoid()
        return mask.permute(0, 2, 3, 1)


def export(
    checkpoint: str | PathLike[str],
    folder: str | PathLike[str],
    *,
    name: str = "best",
    precision: Precision = "float32",
) -> list[Path]:
    """Write `name-HxW.tflite` for every shape that `Segmenter` chooses from; returns the files.

    checkpoint: a `best.pt` of `train`. precision: of the weights in the files; LiteRT computes in float32
    either way, so that float16 is half the size at the same speed. Raises InputError, OptionError, or
    MissingExtraError without the converter.
    """
    if precision not in get_args(Precision):
        raise OptionError(f"precision is {' or '.join(get_args(Precision))}, not {precision!r}")
    files = export_litert(load_weights(Path(checkpoint)), Path(folder), name)
    if precision == "float16":
        for file in files:
            store_as_float16(file)
    return files


def store_as_float16(file: Path) -> None:
    """Round the weights of a LiteRT file to float16, in place; what reads it sees float32 as before."""
    try:
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.qtyping import (
            ComputePrecision,
            OpQuantizationConfig,
            TensorDataType,
            TensorQuantizationConfig,
            TFLOperationName,
        )
        from ai_edge_quantizer.quantizer import Quantizer
    except ModuleNotFoundError:
        raise MissingExtraError("exporting to LiteRT", "export") from None
    quantizer = Quantizer(str(file))
    half = TensorQuantizationConfig(num_bits=16, dtype=TensorDataType.FLOAT)
    quantizer.update_quantization_recipe(
        regex=".*",
        operation_name=TFLOperationName.ALL_SUPPORTED,
        algorithm_key=AlgorithmName.FLOAT_CASTING,
        op_config=OpQuantizationConfig(
            weight_tensor_config=half, compute_precision=ComputePrecision.FLOAT, explicit_dequantize=True
        ),
    )
    result = quantizer.quantize(enable_progress_bar=False, enable_progress_report=False)
    file.write_bytes(result.quantized_model)


def export_litert(network: Network, folder: Path, name: str) -> list[Path]:
    """Write the files of a network in memory, float32; returns them."""
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
