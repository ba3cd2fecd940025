"""Differentiate a graph: the result is a graph again, which goes the same way to a kernel as any other.

``vjp`` is reverse mode, ``jvp`` forward mode. Their second input is what comes from the output's side, or from x's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from actspec.graph import primitives, simplify
from actspec.graph.expr import Expr, Graph, Node, Rank, Sum
from actspec.graph.primitives import PRIMITIVES
from actspec.graph.simplify import Value, choose, over, plus, times


def vjp(graph: Graph, by: int = 0) -> Graph:
    """What input ``by`` gets, where each output gets a further input; what is learnt gets its sums over all lanes.

    Those sums go with input 0 alone.
    """
    made = _Copy(graph)
    gets = _pulled(made, zip(graph.outputs, map(made.graph.input, _free_inputs(graph)), strict=False))
    made.graph.output = made.lifted(gets[graph.inputs[by]]).index
    if by:
        made.graph.sums.clear()
    return made.graph


def _free_inputs(graph: Graph) -> Iterator[int]:
    """The numbers that no input has."""
    taken = {graph.nodes[index].detail for index in graph.inputs}
    return (number for number in itertools.count() if number not in taken)


def vjp_in_time(graph: Graph) -> Graph:
    """One step back in time through the next state, which a graph makes of a state, its input 0, and x, its input 1.

    Of the result, input 0 is what the next state gets from later steps, inputs 1 and 2 are state and x, input 3 is what
    the next state gets besides. The output is what x gets, and what is carried on is what the state gets.
    """
    made = _Copy(graph, first_input=1)
    gets = _pulled(made, [(graph.output, plus(made.graph.input(3), made.graph.input(0)))])
    state, x = graph.inputs
    made.graph.output = made.lifted(gets[x]).index
    made.graph.carried = made.lifted(gets[state]).index
    return made.graph


def _pulled(made: _Copy, starts: Iterable[tuple[int, Value]]) -> list[Value]:
    """What each node gets, where some get what they start with; what is learnt gets its sums."""
    graph = made.old
    active = made.depending({"input", "feature"})
    gets: list[Value] = [0.0] * len(graph.nodes)
    for index, start in starts:
        gets[index] = plus(gets[index], start)
    for index in range(len(graph.nodes) - 1, -1, -1):
        node, given = graph.nodes[index], gets[index]
        if index not in active or simplify.is_zero(given):
            continue
        for place, share in enumerate(made.shares(index, given, [arg in active for arg in node.args])):
            arg = node.args[place]
            if arg not in active:
                continue
            if node.op == "take":
                gets[arg] = made.put_back(index, gets[arg], share)
            else:
                gets[arg] = plus(gets[arg], share)
    for index, node in enumerate(graph.nodes):
        if node.op == "feature" and index in active and not simplify.is_zero(gets[index]):
            total = made.lifted(gets[index])
            made.graph.sums.append(Sum(int(node.detail), total.index, node.features))
    return gets


def jvp(graph: Graph, learnt: int, by: Sequence[int] = (0,)) -> Graph:
    """How the output changes where the inputs ``by`` change by further ones, and what is learnt by further values.

    The further input has the first number that is free. The changes of learnt values are numbered from ``learnt`` on.
    """
    made = _Copy(graph)
    given = {number: made.graph.input(free) for number, free in zip(by, _free_inputs(graph), strict=False)}

    def start(node: Node) -> Value:
        if node.op == "feature":
            return made.change(node, learnt)
        return given.get(int(node.detail), 0.0)

    return _pushed(made, {"input", "feature"}, start)


def derivative(graph: Graph, by: int = 0) -> Graph:
    """The derivative of the output by an input, of a graph that takes each element apart from the others."""
    return _pushed(_Copy(graph), {"input"}, lambda node: float(node.detail == by))


def _pushed(made: _Copy, sources: set[str], start: Callable[[Node], Value]) -> Graph:
    graph = made.old
    active = made.depending(sources)
    changes: list[Value] = []
    for index, node in enumerate(graph.nodes):
        if index not in active:
            changes.append(0.0)
        elif node.op in sources:
            changes.append(start(node))
        else:
            changes.append(
                made.change_of(index, [changes[arg] for arg in node.args], [arg in active for arg in node.args])
            )
    made.graph.output = made.lifted(changes[graph.output]).index
    return made.graph


_REDUCTIONS = frozenset({"reduce", "spread"})


def _name(node: Node) -> str:
    """The reduction that a node is; nothing for any other."""
    return str(node.detail[0] if node.op == "spread" else node.detail) if node.op in _REDUCTIONS else ""


def _axes(node: Node) -> frozenset[int] | None:
    """The axes of a reduction that has its own."""
    return node.detail[1] if node.op == "spread" else None


class _Copy:
    """A graph's nodes in a new graph, where derivatives are added to them; inputs are numbered from ``first_input``."""

    def __init__(self, old: Graph, first_input: int = 0) -> None:
        self.old = old
        self.graph = Graph(old.ndim, old.dtype, primitives.apply, across=old.across, crossed=old.crossed)
        self.graph.axes = old.axes
        self.graph.parameters = list(old.parameters)
        self.graph.features = list(old.features)
        self.values: list[Expr] = []
        for node in old.nodes:
            args = tuple(self.values[arg].index for arg in node.args)
            if node.op == "own":
                self.values.append(self.values[node.args[0]])
                continue
            detail = node.detail + first_input if node.op == "input" else node.detail
            copied = Node(node.op, args, detail, node.rank, node.truth, node.features)
            self.values.append(Expr(self.graph, self.graph.add(copied), old.ndim if node.rank else 0))

    def depending(self, sources: set[str]) -> set[int]:
        """The nodes whose values change with those of the sources."""
        found: set[int] = set()
        for index, node in enumerate(self.old.nodes):
            if node.op == "own":
                changes = any(arg in found for arg in node.args[:2])
            elif node.op == "at" or _name(node) == "first":  # a place moves by leaps
                changes = False
            elif node.op in PRIMITIVES:
                partials = PRIMITIVES[node.op].partials
                changes = any(by is not None and arg in found for by, arg in zip(partials, node.args, strict=False))
            else:
                changes = node.op in sources or any(arg in found for arg in node.args)
            if changes:
                found.add(index)
        return found

    def lifted(self, value: Value) -> Expr:
        return value if isinstance(value, Expr) else self.graph.constant(value)

    def change(self, node: Node, learnt: int) -> Expr:
        """The values by which learnt ones change."""
        return self.graph.feature(learnt + int(node.detail), node.features)

    # what an operation does to derivatives

    def partials(self, index: int, active: list[bool]) -> list[Value]:
        """The derivatives of a primitive by its arguments; zero where one isn't asked for."""
        node = self.old.nodes[index]
        y, args = self.values[index], [self.values[arg] for arg in node.args]
        if node.op == "own":
            return [1.0 if active[0] else 0.0, args[2], 0.0]
        primitive = PRIMITIVES[node.op]
        rules = primitive.shared if primitive.shared and all(active) else primitive.partials
        with np.errstate(all="ignore"):
            return [
                rule(y, *args) if rule is not None and wanted else 0.0
                for rule, wanted in zip(rules, active, strict=True)
            ]

    def shares(self, index: int, given: Value, active: list[bool]) -> list[Value]:
        """What the arguments of a node get, where it gets ``given``."""
        node = self.old.nodes[index]
        if node.op in _REDUCTIONS:
            return [self._shares_of_reduction(index, given)]
        if node.op == "take":
            return [given]
        if node.op == "put":
            whole = self.put(node, given, 0.0) if active[0] else 0.0
            return [whole, self.take(node, given)]
        if not node.args:
            return []
        shares = []
        for arg, partial in zip(node.args, self.partials(index, active), strict=True):
            share = times(given, partial)
            if self.old.nodes[arg].rank is Rank.LANE and node.rank is Rank.ELEMENT:
                share = self.along_lane(share, node.features)
            shares.append(share)
        return shares

    def along_lane(self, value: Value, features: int) -> Value:
        """The sum of a value along the lane; of what is the same for each element, as many times that."""
        if simplify.is_zero(value):
            return 0.0
        if isinstance(value, Expr) and value.node.rank is Rank.ELEMENT:
            return simplify.summed(value, self.old.ndim)
        return times(value, self.count(features))

    def count(self, features: int) -> Expr:
        return Expr(self.graph, self.graph.add(Node("count", features=features)), 0)

    def _shares_of_reduction(self, index: int, given: Value) -> Value:
        """What each element gets of a reduction."""
        node = self.old.nodes[index]
        y, x = self.values[index], self.values[node.args[0]]
        name = _name(node)
        if name == "mean":
            return self.mean(node, given) if node.op == "spread" else over(given, self.count(node.features))
        if node.op == "spread":  # each element of a lane has got something of its own for what is the same
            given = self.sum(node, given)
        if name == "sum":
            return given
        if name == "prod":
            return times(given, self.others(node, x, y))
        met = self.met(node, x, y)
        return choose(met, over(given, self.ties(node, met)), 0.0)

    def sum(self, node: Node, value: Value) -> Value:
        """The sum of a value along the lanes of a reduction."""
        if node.op == "reduce":
            return self.along_lane(value, node.features)
        return self.lifted(value).reduced("sum", self.old.ndim, _axes(node))

    def mean(self, node: Node, value: Value) -> Value:
        """The mean of a value along the lanes of a reduction."""
        if node.op == "reduce":
            return over(self.along_lane(value, node.features), self.count(node.features))
        return self.lifted(value).reduced("mean", self.old.ndim, _axes(node))

    def met(self, node: Node, x: Expr, y: Expr) -> Expr:
        """The elements whose mean change is a reduction's: the largest, the least, or those above a threshold."""
        found: Expr = x > y if _name(node) == "threshold" else x == y
        return found

    def ties(self, node: Node, met: Expr) -> Expr:
        """How many elements of a reduction's lane these are."""
        return self.lifted(choose(met, 1.0, 0.0)).reduced("sum", self.old.ndim, _axes(node))

    def others(self, node: Node, x: Expr, y: Expr) -> Expr:
        """The product of all other elements of a lane, zeros among them included."""
        zero = x == 0
        rest = self.lifted(choose(zero, 1.0, x)).reduced("prod", self.old.ndim, _axes(node))
        return self.lifted(choose(zero, choose(self.ties(node, zero) == 1, rest, 0.0), y / x))

    def change_of(self, index: int, changes: list[Value], active: list[bool]) -> Value:
        """How a node changes where its arguments do."""
        node = self.old.nodes[index]
        if node.op == "take":
            return self.take(node, changes[0])
        if node.op == "put":
            return self.put(node, changes[0], changes[1])
        if node.op in _REDUCTIONS:
            return self._change_of_reduction(index, changes[0])
        total: Value = 0.0
        for change, partial in zip(changes, self.partials(index, active), strict=True):
            total = plus(total, times(change, partial))
        return total

    def _change_of_reduction(self, index: int, change: Value) -> Value:
        node = self.old.nodes[index]
        y, x = self.values[index], self.values[node.args[0]]
        name = _name(node)
        if name == "sum":
            return self.sum(node, change)
        if name == "mean":
            return self.mean(node, change)
        if name == "prod":
            return self.sum(node, times(change, self.others(node, x, y)))
        met = self.met(node, x, y)
        return over(self.sum(node, choose(met, change, 0.0)), self.ties(node, met))

    # slices of the features

    def take(self, node: Node, value: Value) -> Value:
        """The features that a node takes or puts, of a value for each element."""
        if not (isinstance(value, Expr) and value.node.rank is Rank.ELEMENT):
            return value
        made = value.node
        if made.op == "put" and made.detail == node.detail:
            return simplify.plain(Expr(self.graph, made.args[1], value.ndim))
        return value.take(node.detail)

    def put(self, node: Node, whole: Value, part: Value) -> Value:
        """A value with those features replaced."""
        if not isinstance(whole, Expr) and not isinstance(part, Expr) and whole == part:
            return whole
        base = self.for_each_element(whole, node.features)
        if base.node.op == "put" and base.node.detail == node.detail:
            base = Expr(self.graph, base.node.args[0], base.ndim)
        return base.put(node.detail, self.lifted(part))

    def put_back(self, index: int, whole: Value, share: Value) -> Value:
        """A value with what some features get added to it."""
        node = self.old.nodes[index]
        given = Node(node.op, node.args, node.detail, node.rank, node.truth, self.old.nodes[node.args[0]].features)
        return self.put(given, whole, plus(self.take(given, whole), share))

    def for_each_element(self, value: Value, features: int) -> Expr:
        """A value that is the same for all elements, as one for each of them."""
        lifted = self.lifted(value)
        if lifted.node.rank is Rank.ELEMENT:
            return lifted
        some = next(each for each in self.values if each.node.rank is Rank.ELEMENT and each.node.features == features)
        return some.for_each_element(lifted)
