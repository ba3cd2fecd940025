"""Run what an activation remembers through time: its next state step by step, in one call of a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array, check_result
from actspec.errors import DerivativeError
from actspec.graph import autodiff
from actspec.graph.expr import Graph
from actspec.graph.operand import Stage
from actspec.graph.trace import Traced, examine, trace_advance
from actspec.graph.unfollowed import UnfollowedError
from actspec.kernels import threads
from actspec.kernels.execute import VECTOR, Operands, kernel_for, learnt_rows, threads_for
from actspec.kernels.forward import Learnt, run_kernel
from actspec.kernels.gradients import Sums, add_sums, rows_of_sums, with_changes
from actspec.kernels.plan import Compiled

_COLUMNS = 1 << 9
"""The least number of elements of a step that a thread takes."""

_MANY = 1 << 4
"""From how many steps on it pays to see where the state lies in memory."""

_LINE, _PAGE = 64, 1 << 12
"""Bytes of a line of the caches, and of a page."""


@dataclass(frozen=True)
class Recurrence:
    """The next state of a stage that remembers, as kernels for arrays of one type."""

    stage: Any
    dtype: np.dtype[Any]
    _problems: list[str] = field(default_factory=list)

    @cached_property
    def forward(self) -> Compiled | None:
        """The kernel of state and x for the states after each step; None where the formula can't be followed."""
        try:
            return self._compiled(trace_advance(self.stage, 1, self.dtype))
        except UnfollowedError as error:
            self._problems.append(str(error))
        except Exception as error:  # a body does what it likes with what stands for its array
            self._problems.append(f"{type(error).__name__}: {error}")
        return None

    def fused(self, stages: tuple[Stage, ...]) -> tuple[Compiled | None, int]:
        """A kernel of the states and of what the first stages make of them, element by element; their number."""
        if self.forward is None:
            return None, 0
        together: list[Traced] = []
        for stage in stages:
            traced = examine(stage, 1, self.dtype)
            if traced.reason or traced.axes or traced.sliced or traced.learns or traced.splits:
                break
            together.append(traced)
        if not together:
            return None, 0
        return self._compiled(trace_advance(self.stage, 1, self.dtype, together)), len(together)

    @property
    def problem(self) -> str:
        """Why there is no kernel."""
        return self._problems[0]

    @property
    def traced(self) -> Compiled:
        """The kernel; DerivativeError where there is none."""
        if self.forward is None:
            raise DerivativeError(
                f"'{self.stage}' can't be differentiated: its next state can't be followed, as {self.problem}"
            )
        return self.forward

    @cached_property
    def backward(self) -> Compiled:
        """The kernel of a step back in time, as ``autodiff.vjp_in_time`` has it."""
        return self._compiled(autodiff.vjp_in_time(self.traced.graph))

    @cached_property
    def jvp(self) -> Compiled:
        """The kernel of state, x and its change for the change of the next state."""
        return self._compiled(autodiff.jvp(self.traced.graph, self.traced.graph.changes, by=(1,)))

    @cached_property
    def by_state(self) -> Compiled:
        """The kernel of state and x for the derivative of the next state by the state."""
        return self._compiled(autodiff.derivative(self.traced.graph, by=0))

    @cached_property
    def by_input(self) -> Compiled:
        """The kernel of state and x for the derivative of the next state by x."""
        return self._compiled(autodiff.derivative(self.traced.graph, by=1))

    def _compiled(self, graph: Graph) -> Compiled:
        return Compiled((), graph, frozenset({0} if graph.learnt else ()))


def advance(recurrence: Recurrence, fused: Compiled | None, state: Array, x: Array, y: Array, learnt: Learnt) -> None:
    """Write to y the states after each step of x, and leave the last in ``state``; steps are along the first axis.

    All arrays are C-ordered and of the kernel's type; y overlaps neither of the others. A ``fused`` kernel writes what
    comes after the states instead.
    """
    kernel = fused or recurrence.forward
    if kernel is not None:
        if x.size:
            _scan(kernel, state, (x,), y, learnt, None)
        return
    for step, target in zip(x, y, strict=True):
        what = f"the next state of {type(recurrence.stage).__qualname__}"
        given = recurrence.stage._given(x.dtype)
        state[...] = target[...] = check_result(given.advance(state.copy(), step.copy()), step, what)


def pull_back(
    recurrence: Recurrence,
    states: Array,
    x: Array,
    g: Array,
    y: Array,
    learnt: Learnt,
    sums: Sums | None,
) -> None:
    """Write to y what each step of x gets, where the states after each step get g; ``states`` are those before."""
    kernel = recurrence.backward
    totals = rows_of_sums(kernel, x.shape[-1])
    carried = np.zeros(x.shape[1:], x.dtype)
    _scan(kernel, carried, (states[::-1], x[::-1], g[::-1]), y[::-1], learnt, totals)
    add_sums(kernel, totals, learnt, sums)


def change(recurrence: Recurrence, state: Array, x: Array, v: Array, y: Array, learnt: Learnt, changes: Learnt) -> None:
    """Write to y how the next state changes where x changes by v, and learnt values by ``changes``."""
    kernel = recurrence.jvp
    moved = with_changes(recurrence.traced, learnt, changes)
    for part in _rows(kernel, x.shape):
        run_kernel(kernel, (state[part], x[part], v[part]), y[part], moved)


def slope(kernel: Compiled, state: Array, x: Array, learnt: Learnt) -> Array:
    """The derivative of the next state, by one of ``by_state`` and ``by_input``."""
    y = np.empty_like(x)
    for part in _rows(kernel, x.shape) if x.size else ():
        run_kernel(kernel, (state[part], x[part]), y[part], learnt)
    return y


def _rows(kernel: Compiled, shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """Where learnt values are, each row of features; else the whole array."""
    return iter(np.ndindex(shape[:-1])) if kernel.axes else iter([(...,)])


def _scan(
    segment: Compiled,
    state: Array,
    inputs: tuple[Array, ...],
    y: Array,
    learnt: Learnt,
    sums: npt.NDArray[np.float64] | None,
) -> None:
    """Run a kernel through time, and leave the last state in ``state``: row by row where there are learnt values, else
    all elements of a step at once.
    """
    held = _apart(state, y) if len(y) >= _MANY else state
    rows = learnt_rows(segment, learnt, y.shape[-1])
    given = tuple(each for each in (rows, sums) if each is not None)
    if given:
        kernel = segment.kernel("scan")
        for place in np.ndindex(y.shape[1:-1]):
            whole = (slice(None), *place)
            arrays = (held[place][None], *(each[whole] for each in inputs), y[whole])
            kernel(*arrays, segment.parameters, *given)
    else:
        _scan_all(segment, held, inputs, y)
    if held is not state:
        state[...] = held


def _apart(state: Array, y: Array) -> Array:
    """A copy of the state that begins with a line of the caches, and half a page off the results.

    Each step reads what the step before has written: across two lines, or where the last bits of the address are those
    of a result on its way to memory, that takes as long as all the rest.
    """
    room = np.empty(state.nbytes + _PAGE + _LINE, np.uint8)
    start = (y.ctypes.data + _PAGE // 2 - room.ctypes.data) % _PAGE
    start += -(room.ctypes.data + start) % _LINE
    held = room[start : start + state.nbytes].view(state.dtype).reshape(state.shape)
    held[...] = state
    return held


def _scan_all(segment: Compiled, state: Array, inputs: tuple[Array, ...], y: Array) -> None:
    """All elements of a step at once, in parts for threads."""
    flat = [each.reshape(len(each), -1) for each in (*inputs, y)]
    width = flat[0].shape[1]
    count = threads_for(segment, y)
    step = max(_COLUMNS, -(-width // (count * VECTOR)) * VECTOR)
    line = state.reshape(1, -1)
    kernel = kernel_for(segment, "scan", Operands(tuple(flat[:-1]), flat[-1]))

    def work(number: int) -> None:
        part = slice(number * step, (number + 1) * step)
        refused = kernel(line[:, part], *(each[:, part] for each in flat), segment.parameters)
        assert not refused  # each part begins on a boundary where the whole does

    threads.share(work, -(-width // step), count)
