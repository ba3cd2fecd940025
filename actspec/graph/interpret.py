"""Compute a graph with NumPy, node by node: what a kernel computes, to compare a formula with what was traced of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.graph.expr import Graph, Node
from actspec.graph.primitives import PRIMITIVES

Array = npt.NDArray[Any]

_REDUCTIONS: dict[str, Any] = {"sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min}


def interpret(graph: Graph, x: Array) -> Array:
    """The graph's result for an array of its type and number of axes."""
    values: list[Any] = []
    for node in graph.nodes:
        values.append(_value(graph, node, [values[arg] for arg in node.args], x))
    return np.asarray(values[graph.output])


def _value(graph: Graph, node: Node, args: list[Any], x: Array) -> Any:
    real = graph.dtype.type
    if node.op == "input":
        return x
    if node.op == "constant":
        return node.detail  # a Python number: NumPy gives it the type of what it meets
    if node.op == "parameter":
        return graph.parameters[node.detail]
    if node.op == "count":
        return float(np.prod([x.shape[axis] for axis in graph.axes or ()]))
    if node.op == "reduce":
        return _REDUCTIONS[node.detail](args[0], axis=tuple(graph.axes or ()), keepdims=True)
    if node.op == "number":
        return np.asarray(args[0]).astype(real)
    if node.op == "take":
        return args[0][..., node.detail.places]
    if node.op == "put":
        whole = np.array(args[0])
        whole[..., node.detail.places] = args[1]
        return whole
    result = PRIMITIVES[node.op].functions[0](*args)
    return result.astype(real, copy=False) if isinstance(result, np.ndarray) and result.dtype.kind == "f" else result
