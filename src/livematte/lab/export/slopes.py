"""PReLU in LiteRT files: one operation where the converter writes four."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ai_edge_litert.schema_py_generated import ActivationFunctionType, BuiltinOperator, OperatorCodeT
from ai_edge_litert.tools import flatbuffer_utils


def join(path: Path) -> None:
    """Make one operation, in place, of every relu(x) − slope · relu(−x), as PReLU is converted."""
    model = flatbuffer_utils.read_model(path)
    kinds = [code.builtinCode for code in model.operatorCodes]
    if sum(_joined(graph, kinds) for graph in model.subgraphs):
        model.operatorCodes.append(_prelu())
        path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _joined(graph: Any, kinds: list[int]) -> int:
    """Join them in one graph, of the kind that is to follow all `kinds`; how many operations went."""
    makers = {operator.outputs[0]: operator for operator in graph.operators}
    gone: list[Any] = []
    for last in graph.operators:
        if steps := _steps(last, makers, kinds):
            positive, _, scaled = steps
            last.inputs = [positive.inputs[0], scaled.inputs[1]]
            last.opcodeIndex = len(kinds)
            last.builtinOptionsType, last.builtinOptions = 0, None
            gone += steps
    graph.operators = [operator for operator in graph.operators if operator not in gone]
    return len(gone)


def _prelu() -> OperatorCodeT:
    code = OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = BuiltinOperator.PRELU
    return code


def _steps(last: Any, makers: dict[int, Any], kinds: list[int]) -> list[Any]:
    """relu(x), relu(−x) and slope · relu(−x), where `last` is their difference; else nothing."""

    def made(operator: Any, kind: int, number: int) -> Any:
        """The operation that makes an input of another, if it is of this kind."""
        found = makers.get(operator.inputs[number]) if operator else None
        return found if found and kinds[found.opcodeIndex] == kind else None

    if kinds[last.opcodeIndex] != BuiltinOperator.SUB:
        return []
    positive, scaled = made(last, BuiltinOperator.RELU, 0), made(last, BuiltinOperator.MUL, 1)
    turned = made(scaled, BuiltinOperator.MUL, 0)
    if not (positive and turned) or turned.inputs[0] != positive.inputs[0]:
        return []
    if turned.builtinOptions.fusedActivationFunction != ActivationFunctionType.RELU:
        return []
    return [positive, turned, scaled]
