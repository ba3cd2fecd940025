"""Compute a graph with NumPy, node by node: what a kernel computes, to compare a formula with what was traced of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec import functions
from actspec.graph.expr import Graph, Node, Rank
from actspec.graph.primitives import PRIMITIVES

Array = npt.NDArray[Any]

_REDUCTIONS: dict[str, Any] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "threshold": functions.simplex_threshold,
}


def interpret(graph: Graph, *inputs: Array, learnt: Mapping[int, Array] | None = None) -> Array:
    """The graph's result for arrays of its type and number of axes, and learnt values by their numbers."""
    return np.asarray(_values(graph, inputs, learnt or {})[graph.output])


def interpret_sums(graph: Graph, *inputs: Array, learnt: Mapping[int, Array] | None = None) -> dict[int, Array]:
    """What the graph adds up over all lanes: for each number of learnt values, one sum a feature."""
    values = _values(graph, inputs, learnt or {})
    sums: dict[int, Array] = {}
    for each in graph.sums:
        width = (learnt or {})[each.place].size
        whole = np.broadcast_to(values[each.node], (*inputs[0].shape[:-1], width))
        if graph.nodes[each.node].rank is not Rank.ELEMENT and graph.across:  # a lane has its sum already
            whole = whole[
                tuple(slice(0, 1) if axis in (graph.axes or ()) else slice(None) for axis in range(graph.ndim))
            ]
        sums[each.place] = np.asarray(np.sum(whole, axis=tuple(range(graph.ndim - 1)), dtype=np.float64))
    return sums


def _values(graph: Graph, inputs: tuple[Array, ...], learnt: Mapping[int, Array]) -> list[Any]:
    values: list[Any] = []
    for node in graph.nodes:
        values.append(_value(graph, node, [values[arg] for arg in node.args], inputs, learnt))
    return values


def _value(graph: Graph, node: Node, args: list[Any], inputs: tuple[Array, ...], learnt: Mapping[int, Array]) -> Any:
    real = graph.dtype.type
    x = inputs[0]
    if node.op == "input":
        return inputs[node.detail]
    if node.op == "feature":
        return learnt[node.detail]
    if node.op == "constant":
        return node.detail  # a Python number: NumPy gives it the type of what it meets
    if node.op == "parameter":
        return graph.parameters[node.detail]
    if node.op == "count":
        return float(_count(graph, node.features, x.shape))
    if node.op == "at":
        return _places(graph, node.features, x.shape) == args[0]
    if node.op == "reduce" and node.detail == "first":
        places = np.where(args[0], _places(graph, node.features, x.shape), math.inf)
        return np.min(places, axis=tuple(graph.axes or ()), keepdims=True)
    if node.op == "reduce":
        return _REDUCTIONS[node.detail](args[0], axis=tuple(graph.axes or ()), keepdims=True)
    if node.op == "spread":
        return _spread(np.broadcast_to(args[0], x.shape), *node.detail)
    if node.op == "number":
        return np.asarray(args[0]).astype(real)
    if node.op == "take":
        return args[0][..., node.detail.places]
    if node.op == "put":
        whole = np.array(args[0])
        whole[..., node.detail.places] = args[1]
        return whole
    if node.op == "own":
        return args[0]
    result = PRIMITIVES[node.op].functions[0](*args)
    return result.astype(real, copy=False) if isinstance(result, np.ndarray) and result.dtype.kind == "f" else result


def _spread(values: Array, name: str, axes: frozenset[int]) -> Array:
    """What a reduction makes of values, for each element; of "first", whether it is that element."""
    if name == "first":
        found: Array = functions.first_true(values, axis=min(axes))
        return found
    return np.broadcast_to(_REDUCTIONS[name](values, axis=tuple(axes), keepdims=True), values.shape)


def _places(graph: Graph, features: int, shape: tuple[int, ...]) -> Array:
    """The place of each element in its lane, which runs along one axis."""
    axis = min(graph.axes or ())
    return np.arange(_count(graph, features, shape)).reshape(-1, *[1] * (graph.ndim - 1 - axis))


def _count(graph: Graph, features: int, shape: tuple[int, ...]) -> int:
    """The number of elements in a lane that has some features."""
    axes = graph.axes or ()
    others = math.prod(shape[axis] for axis in axes if axis != graph.ndim - 1)
    return others * (_width(graph, features, shape[-1]) if graph.ndim - 1 in axes else 1)


def _width(graph: Graph, features: int, whole: int) -> int:
    chosen = graph.features[features]
    if chosen is None:
        return whole
    return len(range(*chosen.places.indices(_width(graph, chosen.parent, whole))))
