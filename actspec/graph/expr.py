"""The expression graph: what a formula computes, as nodes; and the operand that builds it while a formula runs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np

from actspec import functions
from actspec.graph.masked import Masked
from actspec.graph.operand import Operand
from actspec.graph.parted import Parted, PartsNeededError
from actspec.graph.parts import WHOLE, Parts
from actspec.graph.unfollowed import UnfollowedError
from actspec.parameters import Bound

NO_AXIS = "it names an axis"
NOISE = 2
"""The number of the input that stands for noise: 0 is x, and derivatives take a second array of its shape as 1."""


class Rank(IntEnum):
    """How many values a node has: one, one for each lane, or one for each element."""

    SCALAR = 0
    LANE = 1
    ELEMENT = 2


@dataclass(frozen=True, slots=True)
class Features:
    """Some features of the last axis: those of a slice of the features of another set (``parent``, by its number)."""

    parent: int
    start: int | None
    stop: int | None
    step: int
    single: bool

    @property
    def places(self) -> slice:
        """The features as a slice; of a single one, whether it is there or not."""
        if self.single:
            assert self.start is not None
            return slice(self.start, self.start + 1 or None)
        return slice(self.start, self.stop, self.step)

    def __str__(self) -> str:
        if self.single:
            return f"[{self.start}]"
        start, stop = ("" if bound is None else bound for bound in (self.start, self.stop))
        return f"[{start}:{stop}{'' if self.step == 1 else f':{self.step}'}]"


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: ``op`` on the results of other nodes, which stand before it.

    ``op`` is the name of a primitive, or ``input`` (``detail`` is its number: 0 is x), ``constant`` (its value),
    ``parameter`` (its number), ``feature`` (the number of learnt values, of which there is one for each feature),
    ``count`` (of the elements of a lane), ``reduce`` ("sum", "mean", "prod", "max", "min", "threshold", that of the
    simplex for lanes whose largest value is zero, or "first", the place of the first element for which something
    holds), ``at`` (whether an element is at the place that a lane gives), ``spread`` (a reduction and its axes: what
    it makes of a lane along these, at each element of the lane; of "first", whether it is that element), ``take`` (the
    features of a slice), ``put`` (the first argument, with the features of a slice replaced by the second), or
    ``own``: the first argument, whose derivative by the second is the third, as the activation itself has it.
    """

    op: str
    args: tuple[int, ...] = ()
    detail: Any = None
    rank: Rank = Rank.SCALAR
    truth: bool = False
    features: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """A value that is added up over all lanes: the learnt values that get it, its node, and its features."""

    place: int
    node: int
    features: int


class CrossedError(UnfollowedError):
    """The formula takes values together in more than one way, so that its graph has to be crossed."""


class Graph:
    """Nodes in an order in which they can be computed; equal ones are made once.

    Lanes are the elements of x along ``axes``, which reductions take together; None as long as there is no reduction.
    In a ``crossed`` graph each reduction has axes of its own, and is a ``spread`` node; ``axes`` are all of them then.
    ``apply`` makes nodes of a function of NumPy's on operands: the table of primitives stands above this module.
    ``parameters`` are the values of the parameter nodes, ``features`` the sets of features, of which the first is all.
    While it is ``symbolic``, the float parameters of formulas become parameter nodes, else constants. Lanes hold all
    features, unless they run ``across`` them: then each belongs to one feature. With ``owns``, activations with a
    derivative of their own become ``own`` nodes. ``sums`` are further results: added up over all lanes, one for each
    feature; those of number 3 are what the learnt values of number 3 get. ``carried``, where it is a node, is what
    input 0 is in the next step of time. The first inputs are the ``parts`` of x; where the result is put
    together of several parts, ``into`` says how, and they are its ``members``, of which ``output`` is one.
    """

    def __init__(
        self,
        ndim: int,
        dtype: np.dtype[Any],
        apply: Callable[..., Any],
        *,
        across: bool = False,
        owns: bool = False,
        crossed: bool = False,
    ) -> None:
        self.apply = apply
        self.ndim = ndim
        self.dtype = dtype
        self.nodes: list[Node] = []
        self.axes: frozenset[int] | None = None
        self.parameters: list[float] = []
        self.features: list[Features | None] = [None]
        self.output = 0
        self.members: tuple[int, ...] = ()
        self.parts = self.into = WHOLE
        self.symbolic = True
        self.across = across
        self.owns = owns
        self.crossed = crossed
        self.sums: list[Sum] = []
        self.carried: int | None = None
        self._known: dict[Node, int] = {}

    def add(self, node: Node) -> int:
        """The index of a node like this one, which is added where there is none yet."""
        # Zeros of both signs are equal, and yet not the same constant.
        key = Node(node.op, node.args, repr(node.detail), node.rank, node.truth, node.features)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(node)
        return self._known[key]

    def input(self, place: int = 0) -> Expr:
        """The operand that stands for x, or for a further array of its shape."""
        return Expr(self, self.add(Node("input", detail=place, rank=Rank.ELEMENT)), self.ndim)

    def giving(self, number: int) -> Graph:
        """The graph whose output is one part of its result."""
        chosen = copy.copy(self)
        chosen.output, chosen.members = self.outputs[number], ()
        return chosen

    @property
    def levels(self) -> tuple[int, ...]:
        """For each node, how many reductions and slices come before it, one after the other; and learnt values, where
        there is one for each lane.
        """
        found: list[int] = []
        for node in self.nodes:
            level = max((found[arg] for arg in node.args), default=int(node.op == "feature" and self.across))
            found.append(level + (node.op in ("reduce", "take", "put")))
        return tuple(found)

    def collapsed(self, index: int) -> frozenset[int]:
        """The axes along which the formula's array, which a node of a crossed graph stands for, has one element."""
        found: list[frozenset[int]] = []
        every = frozenset(range(self.ndim))
        for node in self.nodes[: index + 1]:
            axes = every.intersection(*(found[arg] for arg in node.args)) if node.rank else every
            if node.op in ("input", "feature"):
                axes = frozenset()
            found.append(axes | node.detail[1] if node.op == "spread" and node.detail[0] != "first" else axes)
        return found[index]

    def is_float(self, index: int) -> bool:
        """Whether it is sure that a node stands for floats, and not for whole numbers or truth values."""
        found: list[bool] = []
        for node in self.nodes[: index + 1]:
            args = node.args[1:] if node.op == "where" else node.args
            certain = node.op in ("input", "feature", "parameter", "divide") or any(found[arg] for arg in args)
            if node.op == "stop_gradient" and self.nodes[args[0]].op == "where":  # as ``filled`` makes it
                certain = len(set(self.nodes[args[0]].args[1:])) == 1
            found.append(certain and not node.truth and node.op not in ("number", "count"))
        return found[index]

    @property
    def outputs(self) -> tuple[int, ...]:
        """The nodes of its result: those of its parts, where it is put together of several."""
        return self.members or (self.output,)

    @property
    def inputs(self) -> tuple[int, ...]:
        """The nodes of the inputs, in the order of their numbers."""
        found = [index for index, node in enumerate(self.nodes) if node.op == "input"]
        return tuple(sorted(found, key=lambda index: int(self.nodes[index].detail)))

    @property
    def learnt(self) -> tuple[int, ...]:
        """The numbers of the learnt values, in the order in which kernels take them."""
        return tuple(sorted({int(node.detail) for node in self.nodes if node.op == "feature"}))

    @property
    def changes(self) -> int:
        """The number from which on the changes of learnt values are numbered."""
        return 1 + max(self.learnt, default=-1)

    def feature(self, place: int, features: int) -> Expr:
        """An operand that stands for learnt values, of which each of these features has one."""
        rank = Rank.LANE if self.across else Rank.ELEMENT
        return Expr(self, self.add(Node("feature", detail=place, rank=rank, features=features)), self.ndim)

    def parameter(self, value: float) -> Expr:
        """An operand that stands for a float given at run time."""
        self.parameters.append(value)
        return Expr(self, self.add(Node("parameter", detail=len(self.parameters) - 1)), 0)

    def drop_idle_parameters(self) -> None:
        """Take out the parameters that no node uses, as where a formula leaves out what would change nothing."""
        used = {*self.outputs, *(arg for node in self.nodes for arg in node.args)}
        kept = [index for index, node in enumerate(self.nodes) if node.op != "parameter" or index in used]
        place = {index: new for new, index in enumerate(kept)}
        nodes = [self.nodes[index] for index in kept]
        self.nodes, self._known = [], {}
        for node in nodes:
            self.add(replace(node, args=tuple(place[arg] for arg in node.args)))
        self.output, self.members = place[self.output], tuple(place[index] for index in self.members)

    def constant(self, value: Any) -> Expr:
        """A number, or a truth value, that is part of the graph."""
        truth = isinstance(value, (bool, np.bool_))
        number = bool(value) if truth else float(value)
        return Expr(self, self.add(Node("constant", detail=number, truth=truth)), 0)

    def lines(self) -> Iterator[str]:
        """The graph as text, one node a line."""
        for index, node in enumerate(self.nodes):
            names = ", ".join(f"v{arg}" for arg in node.args)
            if node.op == "input":
                text = {0: "x", NOISE: "noise"}.get(node.detail, f"input {node.detail}")
                if node.detail < self.parts.count > 1:
                    text = f"part {node.detail} of x"
            elif node.op == "feature":
                text = f"learnt values {node.detail}"
            elif node.op == "constant":
                text = f"{node.detail:g}" if not node.truth else str(node.detail)
            elif node.op == "parameter":
                text = f"parameter {node.detail}"
            elif node.op == "count":
                text = "number of elements in a lane"
            elif node.op == "reduce":
                text = f"{node.detail}({names}) along the lane"
            elif node.op == "spread":
                name, axes = node.detail
                text = f"{name}({names}) along {', '.join(f'axis {axis}' for axis in sorted(axes))}"
            elif node.op == "at":
                text = f"is at place {names} in the lane"
            elif node.op in ("take", "put"):
                text = f"{node.op}({names}) features {node.detail}"
            else:
                text = f"{node.op}({names})"
            yield f"v{index} = {text}"
        yield f"y = v{self.output}"
        if self.carried is not None:
            yield f"x in the next step = v{self.carried}"
        for each in self.sums:
            yield f"sum {each.place} over all lanes = v{each.node}"


class Expr(Operand):
    """Stands for an array in a formula that is traced: what is done to it becomes nodes of the graph."""

    def __init__(self, graph: Graph, index: int, ndim: int) -> None:
        self.graph = graph
        self.index = index
        self.ndim = ndim

    @property
    def node(self) -> Node:
        """The node that computes it."""
        return self.graph.nodes[self.index]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that the formula's array has."""
        return np.dtype(np.bool_) if self.node.truth else self.graph.dtype

    def __getattr__(self, name: str) -> Any:
        if name in _ARRAY_ONLY:
            raise UnfollowedError(f"it uses the array's {name!r}")
        raise AttributeError(f"what stands for the array in a formula has no attribute {name!r}")

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, Expr) and key.node.truth and self._has_a_place_for(key):
            return Masked(self._copy(), key._copy())
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, Expr) and key.node.truth and self._has_a_place_for(key):
            if isinstance(value, Operand) and value.ndim:
                value = Masked(self, key).fellow(value)
            self.assign(np.where(key, value, self))
        elif self.ndim and (key is Ellipsis or (isinstance(key, slice) and key == slice(None))):
            self.assign(value if isinstance(value, Operand) else self.filled(value))
        else:
            raise UnfollowedError("it changes elements of the array by their place")

    def _has_a_place_for(self, other: Expr) -> bool:
        """Whether it has an element for each one of another operand's, and that is all."""
        return self.ndim > 0 and self.node.op != "feature" and self._layout() == other._layout()

    def _layout(self) -> tuple[object, ...]:
        """What its array's shape depends on."""
        collapsed = self.graph.collapsed(self.index) if self.graph.crossed else None
        return self.ndim, self.node.rank, self.node.features, collapsed

    @property
    def is_float(self) -> bool:
        """Whether it is sure that the formula's array is one of floats: whole numbers aren't told from others."""
        return self.graph.is_float(self.index)

    @property
    def is_of_lanes(self) -> bool:
        """Whether it has one value for each lane, or each lane along some axis."""
        return self.node.rank is Rank.LANE or (self.graph.crossed and bool(self.graph.collapsed(self.index)))

    @property
    def is_of_features(self) -> bool:
        """Whether it is made of learnt values and numbers alone."""
        nodes, waiting = self.graph.nodes, [self.index]
        while waiting:
            node = nodes[waiting.pop()]
            if node.op == "input":
                return False
            waiting.extend(node.args)
        return True

    def filled(self, value: float) -> Any:
        """An array like this one, with a number in each place."""
        return functions.stop_gradient(np.where(self == self, value, value))  # so that it is told from whole numbers

    def _copy(self) -> Expr:
        return Expr(self.graph, self.index, self.ndim)

    def assign(self, value: Any) -> Expr:
        """Itself, which stands for another one's value from now on; for a number, that value."""
        if not isinstance(value, Expr) or self.node.op == "feature":
            raise UnfollowedError("it writes over an array what isn't one of it")
        if not self.ndim:
            return value
        if not self.node.truth and not self.is_float:
            raise UnfollowedError("it writes over whole numbers")
        value = value if self.node.truth else number(value)
        if value._layout() != self._layout():  # a number, or what is the same along some axes
            value = self.for_each_element(value)
        if value.node.truth != self.node.truth or value._layout() != self._layout():
            raise UnfollowedError("it writes over an array what doesn't fit into it")
        self.index = value.index
        return self

    def is_same(self, other: Operand) -> bool:
        """Whether another operand stands for the same node."""
        return isinstance(other, Expr) and other.graph is self.graph and other.index == self.index

    def __len__(self) -> int:
        raise UnfollowedError("it uses the array's length")

    def __iter__(self) -> Iterator[Any]:
        raise UnfollowedError("it loops over the array")

    def __str__(self) -> str:
        raise UnfollowedError("it needs a value as text")

    __repr__ = __str__

    def __format__(self, _spec: str) -> str:
        raise UnfollowedError("it needs a value as text")

    def __float__(self) -> float:
        raise UnfollowedError("it needs a value as a Python float")

    def __int__(self) -> int:
        raise UnfollowedError("it needs a value as a Python int")

    def split(self, parts: Parts) -> list[Any]:
        """Not known of this operand: the formula has to be given parts."""
        raise PartsNeededError(parts)

    def joined(self, members: list[Any]) -> Parted:
        """Several operands as the parts of one."""
        parts = [each for member in members for each in (member.members if isinstance(member, Parted) else [member])]
        flat = [each._copy() for each in parts if isinstance(each, Expr)]  # which may be written over
        if any(each.parts.interleaved for each in members if isinstance(each, Parted)):
            raise UnfollowedError("it joins features that it takes in turn with others")
        return Parted(flat, Parts(len(flat)))

    def run(self, activation: Any, body: Callable[[Any, Any], Any]) -> Any:
        """The result of an activation's formula, whose float parameters are operands as well."""
        return self.run_on(self, activation, body)

    def run_on(self, whole: Expr | Parted, activation: Any, body: Callable[[Any, Any], Any]) -> Any:
        """The result of an activation's formula on an operand of which this one is a part."""
        graph = self.graph
        whole = whole._copy() if isinstance(whole, Expr) else whole  # the formula may write over it
        given = object.__new__(type(activation))
        given.__dict__.update(vars(activation))
        for each, value in activation._items():
            if isinstance(value, Bound):
                given.__dict__[each.name] = value.of(
                    [graph.feature(value.first + piece, self.node.features) for piece in range(value.pieces)]
                )
            elif each.type is float and isinstance(value, float):
                number = graph.parameter(value) if graph.symbolic else value
                given.__dict__[each.name] = number if each.per is None else (number,) * getattr(activation, each.per)
        own = activation.own_derivative if graph.owns and body is type(activation).__formula__ else None
        if own is None:
            return self._checked(body(given, whole))
        if isinstance(whole, Parted):  # a class with a derivative of its own takes each element apart
            return Parted([each.run(activation, body) for each in whole.members], whole.parts)
        # What is learnt gets its share through the formula, and x through the derivative alone.
        y = self._checked(body(given, functions.stop_gradient(self)))
        slope = self._checked(own(given, self, y))
        node = y.node
        rank = max(node.rank, slope.node.rank, Rank.ELEMENT)
        made = Node("own", (y.index, self.index, slope.index), rank=rank, features=self.node.features)
        return Expr(graph, graph.add(made), self.ndim)

    def _checked(self, result: Any) -> Any:
        """What a formula returned, as a number for each element."""
        graph = self.graph
        if isinstance(result, Parted):
            return Parted([self._checked(each) for each in result.members], result.parts)
        if not isinstance(result, Expr):
            if np.ndim(result) > 0 or not isinstance(result, (bool, int, float, np.number, np.bool_, np.ndarray)):
                raise UnfollowedError(f"it returns what doesn't depend on the array: {type(result).__name__}")
            return graph.constant(result)
        if result.graph is not graph or result.ndim not in (0, self.ndim):
            raise UnfollowedError("it returns something else than what it makes of the array")
        lane = result.node.rank is not Rank.ELEMENT or (graph.crossed and graph.collapsed(result.index))
        if result.ndim and lane:
            raise UnfollowedError("it returns one value for each lane")
        result = number(result)
        # One number for all is the same for each element, so that it gets what all of them get.
        return self.for_each_element(result) if result.node.rank is Rank.LANE else result

    def for_each_element(self, value: Expr) -> Expr:
        """A value that is the same for all elements of this operand, as one for each of them."""
        always = self == self
        made = Node("where", (always.index, value.index, value.index), rank=Rank.ELEMENT, features=self.node.features)
        return Expr(self.graph, self.graph.add(made), self.ndim)

    def sliced(self, chosen: Any, follow: Callable[[Expr], Expr]) -> Expr:
        """The operand with what ``follow`` makes of the features of a slice in their place."""
        node = self.node
        if self.graph.crossed:
            raise UnfollowedError("a slice takes values together along different axes")
        features = Features(node.features, chosen.start, chosen.stop, chosen.step, chosen.single)
        if node.rank is not Rank.ELEMENT:
            raise UnfollowedError("a slice follows a formula that gives the same value for each element")
        return self.put(features, follow(self.take(features)))

    def elementwise(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a function of the table of primitives."""
        result = self.graph.apply(self.graph, function, args, kwargs)
        # Of an array that comes back as it is, NumPy makes a new one: either may be written over.
        is_given = any(result is each for each in (*args, *kwargs.values()))
        is_itself = function is np.nan_to_num or (function is np.ndarray.astype and not kwargs.get("copy", True))
        return result._copy() if is_given and not is_itself else result

    def reduction(self, function: Any, axes: frozenset[int], *, keepdims: bool, options: dict[str, Any]) -> Any:
        """The values along the axes taken together."""
        self._run_along(axes)
        freedom = options.pop("ddof", options.pop("correction", 0))
        if options.get("mean") is None:
            options.pop("mean", None)
        if options or not isinstance(freedom, (int, float)):
            named = ", ".join(options) or "ddof"
            raise UnfollowedError(f"it takes values together with options that kernels don't know: {named}")
        ndim = self.ndim if keepdims else 0
        name = _REDUCTIONS.get(function)
        if name is not None:
            if self.node.truth and name in ("max", "min", "prod"):
                raise UnfollowedError("it takes the largest, the least or the product of truth values")
            return self._together(name, axes, ndim)
        if function is functions.simplex_threshold:
            return self._simplex_threshold(axes, ndim)
        if function not in (np.var, np.std):
            raise UnfollowedError(f"it takes values together by {getattr(function, '__name__', function)}")
        apart = self - self._together("mean", axes, self.ndim)
        square = apart * apart
        if freedom:
            variance = square._together("sum", axes, ndim) / np.maximum(self._count(axes, ndim) - freedom, 0)
        else:
            variance = square._together("mean", axes, ndim)
        return np.sqrt(variance) if function is np.std else variance

    def first_true(self, axis: int) -> Expr:
        """Where this condition first holds along the lane."""
        self._run_along(frozenset({axis}))
        graph, found = self.graph, truth(self)
        if not graph.crossed:
            return found.first()
        return found if axis in graph.collapsed(self.index) else found._spread("first", frozenset({axis}), self.ndim)

    def first(self) -> Expr:
        """Where this truth value first holds in the lane."""
        graph, features = self.graph, self.node.features
        first = graph.add(Node("reduce", (self.index,), "first", Rank.LANE, features=features))
        return Expr(
            graph, graph.add(Node("at", (first,), None, Rank.ELEMENT, truth=True, features=features)), self.ndim
        )

    def _run_along(self, axes: frozenset[int]) -> None:
        """Let the graph's lanes run along axes; CrossedError where they can't, as they run along others."""
        graph = self.graph
        if self.ndim in axes:
            raise UnfollowedError(f"{NO_AXIS} that an array of {self.ndim} axes has not")
        if self.node.rank is Rank.SCALAR:
            raise UnfollowedError("it takes values together that are the same for each element")
        if graph.crossed:
            graph.axes = axes | (graph.axes or frozenset())
            return
        if self.node.rank is Rank.LANE:
            raise CrossedError("it takes values together that it has taken together")
        if graph.axes is not None and axes != graph.axes:
            raise CrossedError("it takes values together along different axes")
        if len(_neighbours(axes)) > 1:
            raise CrossedError("it takes values together along axes that aren't neighbours")
        graph.axes = axes

    def _together(self, name: str, axes: frozenset[int], ndim: int) -> Expr:
        """What a reduction of numbers makes of the values along axes."""
        if not self.graph.crossed:
            return self.reduced(name, ndim)
        # Along an axis that has one element left, there is nothing to take together.
        axes -= self.graph.collapsed(self.index)
        # Kernels have one learnt value for each place in a lane, or for all of it.
        apart = axes & {self.graph.ndim - 1} if self.graph.learnt else frozenset()
        sets = [each for each in (*_neighbours(axes - apart), apart) if each]
        if len(sets) > 1 and name not in ("sum", "mean", "prod"):  # of equal values, each has a share
            what = "that have the same learnt values" if apart else "along axes that aren't neighbours"
            raise UnfollowedError(f"it takes values together {what}")
        value = number(self)
        for each in sets:
            value = value._spread(name, each, self.ndim)
        return Expr(self.graph, value.index, ndim)

    def _spread(self, name: str, axes: frozenset[int], ndim: int) -> Expr:
        node = Node("spread", (self.index,), (name, axes), Rank.ELEMENT, truth=name == "first")
        return Expr(self.graph, self.graph.add(node), ndim)

    def _count(self, axes: frozenset[int], ndim: int) -> Expr:
        """The number of values along axes."""
        if self.graph.crossed:
            return self.for_each_element(self.graph.constant(1.0))._together("sum", axes, ndim)
        return Expr(self.graph, self.graph.add(Node("count", features=self.node.features)), 0)

    def _simplex_threshold(self, axes: frozenset[int], ndim: int) -> Expr:
        node = self.node
        most = Expr(self.graph, node.args[-1], self.ndim) if node.op == "subtract" else self
        if most.node.op == "stop_gradient":
            most = Expr(self.graph, most.node.args[0], self.ndim)
        if most.node.detail in ("max", ("max", axes)) and most.node.args == node.args[:1]:
            return self._together("threshold", axes, ndim)  # the largest is taken off already
        most = functions.stop_gradient(self._together("max", axes, self.ndim))
        whole = most + (self - most)._together("threshold", axes, self.ndim)
        return Expr(self.graph, whole.index, ndim)

    def reduced(self, name: str, ndim: int, axes: frozenset[int] | None = None) -> Expr:
        """What a reduction of numbers makes of the lane; with axes, of those along them, for each of their elements."""
        value = number(self)
        if axes is not None:
            return value._spread(name, axes, ndim)
        node = Node("reduce", (value.index,), name, Rank.LANE, features=self.node.features)
        return Expr(self.graph, self.graph.add(node), ndim)

    def take(self, chosen: Features) -> Expr:
        """The features of a slice of this operand's."""
        graph = self.graph
        if chosen in graph.features:
            features = graph.features.index(chosen)
        else:
            features = len(graph.features)
            graph.features.append(chosen)
        node = Node("take", (number(self).index,), chosen, Rank.ELEMENT, features=features)
        return Expr(graph, graph.add(node), self.ndim)

    def put(self, chosen: Features, part: Expr) -> Expr:
        """The operand with the features of a slice replaced by those of another one."""
        node = Node("put", (number(self).index, number(part).index), chosen, Rank.ELEMENT, features=self.node.features)
        return Expr(self.graph, self.graph.add(node), self.ndim)


_REDUCTIONS: dict[Any, str] = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "max",
    np.minimum: "min",
    np.mean: "mean",
}

_ARRAY_ONLY = frozenset(
    [
        "T",
        "argmax",
        "argmin",
        "argsort",
        "base",
        "cumprod",
        "cumsum",
        "data",
        "diagonal",
        "dot",
        "fill",
        "flags",
        "flat",
        "flatten",
        "imag",
        "item",
        "itemsize",
        "nbytes",
        "nonzero",
        "partition",
        "ptp",
        "ravel",
        "real",
        "repeat",
        "reshape",
        "resize",
        "searchsorted",
        "shape",
        "size",
        "sort",
        "squeeze",
        "strides",
        "swapaxes",
        "tobytes",
        "tolist",
        "trace",
        "transpose",
        "view",
    ]
)


def _neighbours(axes: frozenset[int]) -> list[frozenset[int]]:
    """Axes as sets of such as follow each other."""
    found: list[frozenset[int]] = []
    for axis in sorted(axes):
        if found and axis - 1 in found[-1]:
            found[-1] |= {axis}
        else:
            found.append(frozenset({axis}))
    return found


def number(value: Expr) -> Expr:
    """A truth value as 0 or 1; a number as it is."""
    node = value.node
    if not node.truth:
        return value
    made = Node("number", (value.index,), rank=node.rank, features=node.features)
    return Expr(value.graph, value.graph.add(made), value.ndim)


def truth(value: Expr) -> Expr:
    """Whether a number isn't zero; a truth value as it is."""
    if value.node.truth:
        return value
    return value != 0  # type: ignore[no-any-return]  # the mixin's operators are untyped
