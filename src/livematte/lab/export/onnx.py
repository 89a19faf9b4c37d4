"""ONNX files: what ONNX Runtime runs, in Python, browsers and apps."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from livematte.errors import MissingExtraError
from livematte.frame import Alpha, Picture
from livematte.lab.export import contract
from livematte.lab.export.agreement import Run
from livematte.lab.export.deployed import Deployed
from livematte.lab.network import Network
from livematte.segment.runtime import quiet

if TYPE_CHECKING:
    from onnx import ModelProto

SUFFIX = ".onnx"

OPSET = 18
"""Old enough for ONNX Runtime on phones and in browsers; torch itself writes none that is older."""

INPUT, OUTPUT = "input", "mask"


def write(network: Network, path: Path, height: int, width: int, precision: str) -> None:
    """Convert a network for one input shape; precision: float32, or float16 of the weights alone."""
    try:
        import onnx
        import onnxscript  # noqa: F401, what torch converts with
    except ModuleNotFoundError:
        raise MissingExtraError("exporting to ONNX", "export") from None
    example = (torch.rand(1, height, width, 4),)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own dependencies
        program = torch.onnx.export(
            Deployed(network).eval(),
            example,
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # as with every dynamo=True
    model = program.model_proto
    strip(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    if precision == "float16":
        store_as_float16(path, path)


def run(path: Path) -> Run:
    """ONNX Runtime on the CPU."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise MissingExtraError("exporting to ONNX", "export") from None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def mask(picture: Picture, previous: Alpha) -> Alpha:
        seen = np.dstack([picture / np.float32(255), previous])[None]
        (found,) = session.run([OUTPUT], {INPUT: seen})
        level: Alpha = found[0, :, :, 0]
        return level

    return mask


def signature(path: Path, height: int, width: int, channels: Sequence[str]) -> contract.Signature:
    """What goes in and what comes out."""
    return contract.tensors(height, width, INPUT, OUTPUT, channels)


def store_as_float16(source: Path, target: Path) -> None:
    """Round the convolutions' weights to float16; they become float32 again when the file is loaded."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model, casts = onnx.load(str(source)), []
    for weight in model.graph.initializer:
        if weight.data_type == TensorProto.FLOAT and len(weight.dims) == 4:
            half = numpy_helper.to_array(weight).astype(np.float16)
            casts.append(
                helper.make_node("Cast", [f"{weight.name}_half"], [weight.name], to=TensorProto.FLOAT)
            )
            weight.CopyFrom(numpy_helper.from_array(half, f"{weight.name}_half"))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def strip(model: ModelProto) -> None:
    """Leave out what the converter notes of the source: stack traces with paths, shapes in between."""
    del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
