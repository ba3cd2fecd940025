"""Take a crossed graph apart into graphs whose lanes run along one set of axes each: one takes what others give."""

from __future__ import annotations

from dataclasses import dataclass, replace

from actspec.graph import primitives
from actspec.graph.expr import NOISE, Expr, Graph, Node, Rank, number


@dataclass(frozen=True, slots=True)
class Piece:
    """A graph that computes one value of a crossed graph, the node ``gives``, of values of others, its inputs."""

    graph: Graph
    takes: tuple[int, ...]
    gives: int


def pieces(graph: Graph) -> tuple[Piece, ...]:
    """The pieces of a crossed graph in an order in which they can be computed: its sums, and its output at the end.

    >>> import numpy as np
    >>> crossed = Graph(2, np.dtype(np.float64), primitives.apply, crossed=True)
    >>> x = crossed.input()
    >>> crossed.output = (x - x.mean(axis=0, keepdims=True) / x.max(axis=1, keepdims=True)).index
    >>> for piece in pieces(crossed):
    ...     print(piece.graph.axes, "; ".join(piece.graph.lines()))
    frozenset({0}) v0 = x; v1 = mean(v0) along the lane; v2 = equal(v0, v0); v3 = where(v2, v1, v1); y = v3
    frozenset({1}) v0 = x; v1 = input 3; v2 = max(v0) along the lane; v3 = divide(v1, v2); v4 = subtract(v0, v3); y = v4
    """
    found: list[Piece] = []
    known = set(graph.inputs)

    def find(index: int) -> None:
        piece = _piece(graph, index)
        for given in piece.takes:
            if given not in known:
                find(given)
        known.add(index)
        found.append(piece)

    for index in [*(each.node for each in graph.sums), graph.output]:
        find(index)
    return tuple(found)


def _piece(graph: Graph, gives: int) -> Piece:
    """The graph of a node, whose lanes run along the axes of the last reduction before it."""
    needed = _needed(graph, gives, None)
    last = max((index for index in needed if graph.nodes[index].op == "spread"), default=None)
    axes = None if last is None else graph.nodes[last].detail[1]
    needed = _needed(graph, gives, axes)
    learns = any(graph.nodes[index].op == "feature" for index in needed)
    across = learns and axes is not None and graph.ndim - 1 not in axes
    made = Graph(graph.ndim, graph.dtype, primitives.apply, across=across)
    made.axes, made.parameters = axes, graph.parameters
    values: dict[int, Expr] = {}
    takes: dict[int, int] = {}
    if not any(_is_input(graph.nodes[index], axes) for index in needed):
        needed = {graph.inputs[0], *needed}  # a kernel has an input, though it makes nothing of it
    for index in sorted(needed):
        node = graph.nodes[index]
        if not _is_input(node, axes):
            values[index] = _copy(made, node, [values[arg] for arg in node.args], values)
            continue
        place = node.detail if node.op == "input" else number_of(graph, index)
        takes[place] = index
        value = made.input(place)
        values[index] = value != 0 if node.truth else value
    y = number(values[gives])
    made.output = y.index if y.node.rank is Rank.ELEMENT else _some(values).for_each_element(y).index
    return Piece(made, tuple(takes[place] for place in sorted(takes)), gives)


def number_of(graph: Graph, index: int) -> int:
    """The number that a reduction's value has as an input."""
    return NOISE + 1 + sum(node.op == "spread" for node in graph.nodes[:index])


def _needed(graph: Graph, gives: int, axes: frozenset[int] | None) -> set[int]:
    """The nodes that one is computed from; up to the reductions along other axes than these, where some are given."""
    found: set[int] = set()
    waiting = [gives]
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            if index == gives or axes is None or not _is_input(graph.nodes[index], axes):
                waiting.extend(graph.nodes[index].args)
    return found


def _is_input(node: Node, axes: frozenset[int] | None) -> bool:
    """Whether a graph with lanes along these axes is given a node's values."""
    return node.op == "input" or (node.op == "spread" and node.detail[1] != axes)


def _copy(made: Graph, node: Node, args: list[Expr], values: dict[int, Expr]) -> Expr:
    """A node in a graph with lanes along the axes of its reductions."""
    if node.op == "spread":
        name = node.detail[0]
        (whole,) = args
        if whole.node.rank is not Rank.ELEMENT:
            whole = _some(values).for_each_element(whole)
        return whole.first() if name == "first" else whole.reduced(name, whole.ndim)
    if node.op == "feature":
        return made.feature(node.detail, node.features)
    rank = max((arg.node.rank for arg in args), default=Rank.SCALAR)
    copied = replace(node, args=tuple(arg.index for arg in args), rank=rank)
    return Expr(made, made.add(copied), made.ndim if rank else 0)


def _some(values: dict[int, Expr]) -> Expr:
    """A value for each element."""
    return next(each for each in values.values() if each.node.rank is Rank.ELEMENT)
