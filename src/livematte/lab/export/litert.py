"""LiteRT files: what `livematte.Segmenter`, phones and browsers run."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from flatbuffers import Builder

from livematte.errors import MissingExtraError
from livematte.lab.export import contract, slopes
from livematte.lab.export.agreement import Run
from livematte.lab.export.deployed import Deployed
from livematte.lab.network import Network
from livematte.segment import runtime
from livematte.segment.runtime import quiet

SUFFIX = ".tflite"

ALIGNMENT = 16
"""Bytes that LiteRT's format asks weights to begin at a multiple of."""

NONE = -1
"""In the place of an input that an operation does without."""


def write(network: Network, path: Path, height: int, width: int, precision: str) -> None:
    """Convert a network for one input shape; precision: float32, float16 or int8, of the weights alone."""
    try:
        with quiet():
            import litert_torch
    except ModuleNotFoundError:
        raise MissingExtraError("exporting to LiteRT", "export") from None
    # the converter tells of each of its steps on standard output
    with quiet(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependencies
        converted = litert_torch.convert(Deployed(network).eval(), (torch.rand(1, height, width, 4),))
        converted.export(str(path))
    slopes.join(path)
    if precision != "float32":
        store(path, precision)
    trim(path)


def run(path: Path) -> Run:
    """As `Segmenter` runs it."""
    return runtime.Network(path, threads=1).run


def signature(path: Path, height: int, width: int, channels: Sequence[str]) -> contract.Signature:
    """What goes in and what comes out, by the names in the file's signature."""
    with quiet():
        (names,) = Interpreter(str(path)).get_signature_list().values()
    (given,), (mask,) = names["inputs"], names["outputs"]
    return contract.tensors(height, width, given, mask, channels)


def store(path: Path, precision: str) -> None:
    """Round the weights of a float32 file, in place; what feeds it and reads it sees float32 as before."""
    try:
        from ai_edge_quantizer import quantizer, recipe
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.qtyping import (
            ComputePrecision,
            OpQuantizationConfig,
            TensorDataType,
            TensorQuantizationConfig,
            TFLOperationName,
        )
    except ModuleNotFoundError:
        raise MissingExtraError("exporting to LiteRT", "export") from None
    work = quantizer.Quantizer(str(path))
    if precision == "int8":
        work.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    else:
        half = TensorQuantizationConfig(num_bits=16, dtype=TensorDataType.FLOAT)
        work.update_quantization_recipe(
            regex=".*",
            operation_name=TFLOperationName.ALL_SUPPORTED,
            algorithm_key=AlgorithmName.FLOAT_CASTING,
            op_config=OpQuantizationConfig(
                weight_tensor_config=half, compute_precision=ComputePrecision.FLOAT, explicit_dequantize=True
            ),
        )
    with quiet():
        result = work.quantize(enable_progress_bar=False, enable_progress_report=False)
    path.write_bytes(result.quantized_model)


def trim(path: Path) -> None:
    """Leave out, in place, what nothing reads: tensors of no operation, empty tables, and long names.

    The converter names each tensor after all modules around it: an eighth of a megabyte in a file of four.
    """
    model = flatbuffer_utils.read_model(path)
    _drop_unused(model)
    (graph,) = model.subgraphs
    ends = {*graph.inputs, *graph.outputs}
    for number, tensor in enumerate(graph.tensors):
        if number not in ends:
            tensor.name = str(number)
        if tensor.quantization and tensor.quantization.scale is None:
            tensor.quantization = None
    model.buffers = [Aligned(buffer.data) for buffer in model.buffers]
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _drop_unused(model: Any) -> None:
    """Take the tensors of no operation out of a model's only graph, and number the others anew."""
    (graph,) = model.subgraphs
    users = [*graph.operators, graph]
    kept = sorted({int(number) for user in users for number in (*user.inputs, *user.outputs)} - {NONE})
    graph.tensors = [graph.tensors[number] for number in kept]
    places = {old: new for new, old in enumerate(kept)} | {NONE: NONE}
    for user in users:
        user.inputs = [places[int(number)] for number in user.inputs]
        user.outputs = [places[int(number)] for number in user.outputs]
    for signature in model.signatureDefs or []:
        for end in (*signature.inputs, *signature.outputs):
            end.tensorIndex = places[end.tensorIndex]


class Aligned:
    """A buffer that writes itself at a multiple of ALIGNMENT, which the schema's own class does not."""

    def __init__(self, data: bytes | None) -> None:
        self.data = bytes(data) if data is not None else b""

    def Pack(self, builder: Builder) -> int:  # noqa: N802, the schema's name
        """Write it and return where."""
        if self.data:
            builder.StartVector(1, len(self.data), ALIGNMENT)
            builder.head -= len(self.data)
            builder.Bytes[builder.head : builder.head + len(self.data)] = self.data
            data = builder.EndVector()
        schema.BufferStart(builder)
        if self.data:
            schema.BufferAddData(builder, data)
        packed: int = schema.BufferEnd(builder)
        return packed
