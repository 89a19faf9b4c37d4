"""From a checkpoint to the files that phones, browsers and `livematte.Segmenter` load."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from livematte.errors import MissingExtraError, OptionError
from livematte.lab.checkpoint import load_weights
from livematte.lab.network import Network, Refinement, enlarge
from livematte.segment.runtime import SHAPES, file_name

Precision = Literal["float32", "float16"]


class Regrouped(Refinement):
    """A trained refinement, its sums grouped by what they read: nothing is put together or read twice.

    The picture gives every layer its part in one convolution, and so does each layer's output all later ones.
    Fewer and wider convolutions keep a processor's registers full.
    """

    def __init__(self, trained: Refinement) -> None:
        nn.Module.__init__(self)
        self.block, self.narrow = trained.block, trained.narrow
        whole = [*(_fused(layer) for layer in trained.layers), trained.head]
        self.grown = [layer.out_channels for layer in whole[:-1]]
        # where the channels of each source begin: the picture's with the features', then each layer's
        starts = [0, *(layer.in_channels for layer in whole)]
        self.layers = nn.ModuleList(
            _reading(starts[number], starts[number + 1], whole[number:], bias=number == 0)
            for number in range(len(whole))
        )

    def forward(self, picture: Tensor, features: Tensor) -> Tensor:
        """As `Refinement`'s."""
        seen = F.pixel_unshuffle(picture, self.block)
        sums = self.layers[0](torch.cat([seen, enlarge(self.narrow(features), seen)], 1))
        for grown, layer in zip(self.grown, self.layers[1:], strict=True):
            sums = sums[:, grown:] + layer(F.relu(sums[:, :grown]))
        return F.pixel_shuffle(sums, self.block)


def _fused(layer: nn.Module) -> nn.Conv2d:
    """A `Convolution` with its normalisation inside; its ReLU is left to the caller."""
    convolution, normalisation, *_ = layer.children()
    return fuse_conv_bn_eval(cast(nn.Conv2d, convolution), cast(nn.BatchNorm2d, normalisation))


def _reading(first: int, last: int, layers: Sequence[nn.Conv2d], bias: bool) -> nn.Conv2d:
    """One convolution from the channels first..last to all of these layers, the 1×1 ones padded to 3×3."""
    side = max(layer.kernel_size[0] for layer in layers)
    pads = [(side - layer.kernel_size[0]) // 2 for layer in layers]
    outputs = sum(layer.out_channels for layer in layers)
    joined = nn.Conv2d(last - first, outputs, side, padding=side // 2, bias=bias)
    weights = [F.pad(layer.weight[:, first:last], [pad] * 4) for layer, pad in zip(layers, pads, strict=True)]
    joined.weight = nn.Parameter(torch.cat(weights).detach())
    if bias:
        joined.bias = nn.Parameter(torch.cat([cast(Tensor, layer.bias) for layer in layers]).detach())
    return joined


class Deployed(nn.Module):
    """A copy of the network as a file holds it: channels last, and the mask instead of logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        if isinstance(self.network.refine, Refinement):
            self.network.refine = Regrouped(self.network.refine)

    def forward(self, x: Tensor) -> Tensor:
        """1×H×W×4 (RGB and previous mask in 0..1) to 1×H×W×1, the mask in 0..1.

        With parts to 1×H×W×9: the mask, then the share of each class 1 to 8, which sum up to the mask.
        """
        logits: Tensor = self.network(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        mask = logits[..., :1].sigmoid()
        if self.network.parts is None:
            return mask
        return torch.cat([mask, mask * logits[..., 1:].softmax(-1)], -1)


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
