"""Trace stages: run their formulas on an operand that builds the expression graph, several stages into one graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.functions import stop_gradient
from actspec.graph import autodiff, primitives
from actspec.graph.expr import NOISE, CrossedError, Expr, Graph
from actspec.graph.interpret import interpret
from actspec.graph.operand import Operand, Stage
from actspec.graph.parted import Parted, PartsNeededError
from actspec.graph.parts import WHOLE, Parts
from actspec.graph.unfollowed import UnfollowedError


@dataclass(frozen=True, slots=True)
class Sampled:
    """A stage that draws, as one whose formula has the noise as a further input."""

    stage: Any

    own_derivative = None
    resizes = False

    def features_out(self, n: int) -> int:
        """As many as x has."""
        return n

    @property
    def _nested(self) -> Any:
        return self.stage._nested

    def follow(self, x: Any) -> Operand:
        """What its sample makes of what stands for an array."""
        if x.graph.crossed:
            raise UnfollowedError("it draws, and takes values together along different axes")
        noise = stop_gradient(x.graph.input(NOISE))
        y: Operand = x.run(self.stage, lambda given, x: type(self.stage).sample(given, x, noise))
        return y

    def formula(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What its sample makes of an array, with the noise of ``noise(x)``."""
        y: npt.NDArray[Any] = self.stage.sampled(x.copy(), self.noise(x))
        return y

    def noise(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Noise for x, always the same."""
        drawn: npt.NDArray[Any] = self.stage.drawn(np.random.default_rng(0), x.shape, x.dtype)
        return drawn

    def learnt_values(self, dtype: np.dtype[Any]) -> dict[int, npt.NDArray[Any]]:
        """Those of the stage."""
        found: dict[int, npt.NDArray[Any]] = self.stage.learnt_values(dtype)
        return found

    def __str__(self) -> str:
        return str(self.stage)


@dataclass(frozen=True, slots=True)
class Traced:
    """What tracing has found out about a stage.

    ``reason`` says why it can't be compiled, and is empty where it can. ``axes`` are those along which it takes values
    together, ``sliced`` says whether it treats some features of the last axis apart, and ``learns`` whether some
    values of it are learnt. Where ``symbolic``, its float parameters are given to the kernel at run time; else they are
    part of the graph. ``weight`` is about how much code it makes. ``slope_reason`` says why a derivative of its own
    can't be compiled, where there is one. ``parts`` are those that x is split into, and ``into`` those that the result
    is put together of; both are WHOLE for all that keeps the features as they are. Where it is ``crossed``, it takes
    values together in more than one way, along ``axes`` in all.
    """

    stage: Stage
    reason: str = ""
    symbolic: bool = True
    axes: frozenset[int] = frozenset()
    sliced: bool = False
    learns: bool = False
    weight: int = 0
    slope_reason: str = ""
    parts: Parts = WHOLE
    into: Parts = WHOLE
    crossed: bool = False

    @property
    def splits(self) -> bool:
        """Whether it takes features apart, or puts them together."""
        return self.parts.count > 1 or self.into.count > 1


def examine(stage: Stage, ndim: int, dtype: np.dtype[Any], width: int | None = None) -> Traced:
    """Find out whether a stage can be compiled for arrays of ``ndim`` axes, and what it couples.

    ``width`` is the number of features of a stage that learns.
    """
    found = _examine(Traced(stage), ndim, dtype, width)
    if isinstance(found, PartsNeededError):
        parts, found = found.parts, _examine(Traced(stage, parts=found.parts), ndim, dtype, width)
        if isinstance(found, PartsNeededError):
            return Traced(stage, f"it splits what it has split into {parts} once more")
    elif isinstance(found, CrossedError):
        found = _examine(Traced(stage, crossed=True), ndim, dtype, width)
    return found if isinstance(found, Traced) else Traced(stage, f"it splits the features, and {_CROSSING}")


_CROSSING = "takes values together along different axes"


def _examine(
    start: Traced, ndim: int, dtype: np.dtype[Any], width: int | None
) -> Traced | PartsNeededError | CrossedError:
    stage, parts = start.stage, start.parts
    reason = ""
    for symbolic in (True, False):  # a formula may branch on a parameter: then its value is part of the structure
        try:
            first = replace(start, symbolic=symbolic)
            graph = trace((first,), ndim, dtype)
            if graph.crossed:
                _check_crossed(stage, graph)
            elif graph.learnt and graph.axes:
                if len(graph.axes) > 1 and ndim - 1 in graph.axes:
                    raise CrossedError("it takes values together that have the same learnt values")
                first = replace(first, axes=graph.axes, learns=True)
                graph = trace((first,), ndim, dtype)
            if _weight(graph) > _LONGEST:
                return Traced(stage, f"it takes {len(graph.nodes)} operations, which would take long to compile")
            again = trace((first,), ndim, dtype)
        except (PartsNeededError, CrossedError) as error:
            return error
        except UnfollowedError as error:
            reason = str(error)
        except Exception as error:  # a body does what it likes with what stands for its array
            reason = f"{type(error).__name__}: {error}"
        else:
            if (parts.count > 1 or graph.into.count > 1) and _has_own_derivative(stage):
                return Traced(stage, "it splits the features, and has a derivative of its own")
            if repr(graph.nodes) != repr(again.nodes):
                return Traced(stage, "its formula isn't the same from call to call")
            if _agrees(stage, graph, width, parts):
                return replace(
                    first,
                    axes=graph.axes or frozenset(),
                    sliced=len(graph.features) > 1,
                    learns=bool(graph.learnt),
                    weight=_weight(graph),
                    slope_reason=_slope_reason(stage, first, graph, width),
                    into=graph.into,
                )
            reason = "its formula does something else with an array than with what stands for one"
    return Traced(stage, reason)


def _check_crossed(stage: Stage, graph: Graph) -> None:
    """UnfollowedError where the pieces of a crossed graph aren't kernels, or haven't the stage's derivative."""
    if _has_own_derivative(stage):
        raise UnfollowedError(f"it {_CROSSING}, and has a derivative of its own")
    axes = [node.detail[1] for node in graph.nodes if node.op == "spread"]
    if graph.learnt and any(len(each) > 1 and graph.ndim - 1 in each for each in axes):
        raise UnfollowedError("it takes values together that have the same learnt values")


def trace(stages: Iterable[Traced], ndim: int, dtype: np.dtype[Any], *, owns: bool = False) -> Graph:
    """The stages, one after the other, as one graph; with ``owns``, with the derivatives that they have themselves."""
    stages = tuple(stages)
    axes = frozenset().union(*(each.axes for each in stages))
    crossed = any(each.crossed for each in stages)
    across = bool(axes) and not crossed and ndim - 1 not in axes and any(each.learns for each in stages)
    graph = Graph(ndim, dtype, primitives.apply, across=across, owns=owns, crossed=crossed)
    parts = next((each.parts for each in stages if each.parts.count > 1), WHOLE)
    graph.parts = parts
    members = [graph.input(number) for number in range(parts.count)]
    x: Operand = members[0] if parts.count == 1 else Parted(members, parts)
    with np.errstate(all="ignore"):
        for each in stages:
            graph.symbolic = each.symbolic
            x = each.stage.follow(x)
    results = x.members if isinstance(x, Parted) else (x,)
    graph.members = tuple(each.index for each in results if isinstance(each, Expr))
    graph.into = x.parts if isinstance(x, Parted) else WHOLE
    graph.output = graph.members[0]
    graph.drop_idle_parameters()
    return graph


def trace_advance(stage: Any, ndim: int, dtype: np.dtype[Any], after: Iterable[Traced] = ()) -> Graph:
    """The next state of a stage that remembers, of its state (input 0) and what it is given (input 1).

    The output is what the stages ``after`` make of it.
    """
    graph = Graph(ndim, dtype, primitives.apply)
    state, x = graph.input(0), graph.input(1)
    with np.errstate(all="ignore"):
        result = state.run(stage, lambda given, state: type(stage).advance(given, state, x))
        if graph.axes is not None:
            raise UnfollowedError("what it remembers of an element depends on others")
        graph.carried = result.index
        y: Operand = result
        for each in after:
            graph.symbolic = each.symbolic
            y = each.stage.follow(y)
    assert isinstance(y, Expr)
    graph.output = y.index
    return graph


def _slope_reason(stage: Any, traced: Traced, graph: Graph, width: int | None) -> str:
    """Why derivatives that classes bring themselves can't be compiled; nothing where they can, or there are none."""
    if hasattr(stage, "width_of"):
        inner = None if width is None else stage.width_of(width)
        found = (examine(each, graph.ndim, graph.dtype, inner) for each in stage.base.stages)
        return next((each.slope_reason for each in found if each.slope_reason), "")
    if not _has_own_derivative(stage):
        return ""
    try:
        owned = trace((traced,), graph.ndim, graph.dtype, owns=True)
    except UnfollowedError as error:
        return str(error)
    except Exception as error:  # as for formulas
        return f"{type(error).__name__}: {error}"
    if owned.axes != graph.axes:
        return "its derivative takes values together along an axis, which its formula doesn't"
    if stage.own_derivative is None or graph.across:
        return ""
    x = _probe(graph, width)
    with np.errstate(all="ignore"):
        try:
            written = stage.apply_derivative(x.copy(), stage.formula(x))
            followed = interpret(autodiff.derivative(owned), x, learnt=stage.learnt_values(graph.dtype))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    if not _close(written, np.broadcast_to(followed, x.shape)):
        return "its derivative does something else with an array than with what stands for one"
    return ""


def _has_own_derivative(stage: Any) -> bool:
    own = getattr(stage, "own_derivative", None)  # what runs an inherited formula has none
    return own is not None or any(map(_has_own_derivative, getattr(stage, "_nested", ())))


_MOST_PROBED = 6

_LONGEST = 800
"""The weight of a stage from which compiling it would take more than some seconds."""


def _probe(graph: Graph, width: int | None) -> npt.NDArray[Any]:
    """A small array like those that a graph is for."""
    # Of many axes, some are enough: those along which it takes values together, and the last ones.
    ahead = range(graph.ndim - 2)
    chosen = sorted(ahead, key=lambda axis: (axis not in (graph.axes or ()), -axis))[:_MOST_PROBED]
    shape = [2 if axis in chosen else 1 for axis in ahead] + [5, 7 if width is None else width][-graph.ndim :]
    return np.linspace(-2.5, 3.0, int(np.prod(shape)), dtype=graph.dtype).reshape(shape)


def _close(written: npt.NDArray[Any], traced: npt.NDArray[Any]) -> bool:
    close = 1e-3 if written.dtype.itemsize == 4 else 1e-9
    return np.allclose(written, traced, rtol=close, atol=close, equal_nan=True)


def _agrees(stage: Stage, graph: Graph, width: int | None, parts: Parts) -> bool:
    """Whether the graph computes what the formula makes of a small array; where that fails, there is no saying."""
    if graph.learnt and graph.ndim == 1 and graph.across:
        return True
    x = _probe(graph, width if parts.count == 1 or width is not None else 4 * parts.count)
    with np.errstate(all="ignore"):
        try:
            written = stage.formula(x)
        except Exception:  # an index that so small an array hasn't, say
            return True
        try:
            inputs = (x, x, stage.noise(x)) if isinstance(stage, Sampled) else parts.views(x)
            targets, learnt = graph.into.views(written), stage.learnt_values(graph.dtype)
            traced = [interpret(graph.giving(number), *inputs, learnt=learnt) for number in range(graph.into.count)]
            traced = [np.broadcast_to(each, target.shape) for each, target in zip(traced, targets, strict=True)]
        except Exception:
            return False
    return all(map(_close, targets, traced))


def _weight(graph: Graph) -> int:
    """How much code a graph makes, in about the lines of a loop."""
    loops = sum(node.op in ("reduce", "spread", "take", "put") for node in graph.nodes)
    calls = sum(node.op in primitives.PRIMITIVES and primitives.PRIMITIVES[node.op].cost > 8 for node in graph.nodes)
    return len(graph.nodes) + 5 * loops + 3 * calls
