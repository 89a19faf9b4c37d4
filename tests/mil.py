"""Computes what a Core ML package says, where Core ML itself does not run.

Only the operations that the network is made of, in float32, with the meaning Core ML's specification gives
them: a conversion that went wrong shows here, a fault of Apple's runtime does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def conv(
    x: Tensor, weight: Tensor, pad: Any, pad_type: str, strides: Any, bias: Any = None, **rest: Any
) -> Tensor:
    assert rest["groups"] == 1
    assert list(rest["dilations"]) == [1, 1]
    if pad_type != "valid":
        assert pad_type == "custom"
        x = F.pad(x, (pad[2], pad[3], pad[0], pad[1]))
    return F.conv2d(x, weight, bias, tuple(map(int, strides)))


def upsample(x: Tensor, scale_factor_height: float, scale_factor_width: float, **rest: Any) -> Tensor:
    assert not rest["align_corners"]
    size = int(x.shape[2] * scale_factor_height), int(x.shape[3] * scale_factor_width)
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def part(x: Tensor, begin: Any, end: Any, end_mask: Any, **_: Any) -> Tensor:
    ends = [None if whole else int(last) for whole, last in zip(end_mask, end, strict=True)]
    return x[tuple(slice(int(first), last) for first, last in zip(begin, ends, strict=True))]


def pad(x: Tensor, pad: Any, mode: str, constant_val: float) -> Tensor:
    assert mode == "constant"
    pairs = np.array(pad).reshape(-1, 2)[::-1]
    return F.pad(x, [int(one) for one in pairs.ravel()], value=float(constant_val))


OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "add": lambda x, y: x + y,
    "cast": lambda x, dtype: x,
    "concat": lambda values, axis, interleave: torch.cat(values, int(axis)),
    "conv": conv,
    "mul": lambda x, y: x * y,
    "pad": pad,
    "pixel_shuffle": lambda x, upscale_factor: F.pixel_shuffle(x, int(upscale_factor)),
    "pixel_unshuffle": lambda x, downscale_factor: F.pixel_unshuffle(x, int(downscale_factor)),
    "prelu": lambda x, alpha: F.prelu(x, alpha),
    "reduce_mean": lambda x, axes, keep_dims: x.mean(tuple(map(int, axes)), keepdim=bool(keep_dims)),
    "relu": lambda x: x.relu(),
    "sigmoid": lambda x: x.sigmoid(),
    "slice_by_index": part,
    "upsample_bilinear": upsample,
}


def load(package: Path) -> Callable[[Mapping[str, Tensor]], Tensor]:
    """What computes a package's only output from its inputs, 1×C×H×W, by name."""
    import coremltools as ct
    from coremltools.converters.mil.frontend.milproto.load import load

    spec = ct.utils.load_spec(str(package))
    weights = package / "Data" / "com.apple.CoreML" / "weights"
    main = load(spec, spec.specificationVersion, file_weights_dir=str(weights)).functions["main"]
    (output,) = main.outputs

    def compute(given: Mapping[str, Tensor]) -> Tensor:
        found = dict(given)

        def value(one: Any) -> Any:
            if isinstance(one, (list, tuple)):
                return [value(each) for each in one]
            if one.name in found:
                return found[one.name]
            constant = one.val
            if isinstance(constant, np.ndarray) and constant.dtype.kind == "f":
                return torch.from_numpy(constant.astype(np.float32))
            return constant

        for operation in main.operations:
            if operation.op_type != "const":
                inputs = {name: value(one) for name, one in operation.inputs.items() if one is not None}
                found[operation.outputs[0].name] = OPERATIONS[operation.op_type](**inputs)
        return found[output.name]

    return compute
