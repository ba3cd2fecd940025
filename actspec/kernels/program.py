"""What a bound pipeline does in each step of time: stages without memory, states, draws, and slices with any inside.

Arrays are C-ordered, of a kernel's type, and have an axis of steps at the front; a single step is an array of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from actspec.arrays import Array
from actspec.errors import DerivativeError
from actspec.graph.operand import Stage, features_after
from actspec.graph.trace import Sampled
from actspec.kernels import gradients, plan, recurrence
from actspec.kernels.forward import Learnt, run_all, run_kernel
from actspec.kernels.gradients import Sums
from actspec.kernels.plan import Compiled, Segment
from actspec.kernels.recurrence import Recurrence


@dataclass(frozen=True)
class Steps:
    """Stages without memory; ``width`` is the number of their features where it is known."""

    stages: tuple[Stage, ...]
    width: int | None
    _plans: dict[tuple[np.dtype[Any], int], tuple[Segment, ...]] = field(default_factory=dict)

    def segments(self, x: Array) -> tuple[Segment, ...]:
        """What the stages are for the steps of x."""
        key = (x.dtype, x.ndim)
        if key not in self._plans:
            self._plans[key] = plan.over_time(plan.segments(self.stages, x.ndim - 1, x.dtype, width=self.width))
        return self._plans[key]

    def features_out(self, n: int) -> int:
        """How many features the result has where x has n."""
        return features_after(self.stages, n)

    def room(self, x: Array) -> Array:
        """An array for the result of the steps of x."""
        return np.empty((*x.shape[:-1], self.features_out(x.shape[-1])), x.dtype)


@dataclass(frozen=True)
class Memory:
    """A stage that remembers: its state is number ``place`` of all."""

    stage: Any
    place: int
    _recurrences: dict[np.dtype[Any], Recurrence] = field(default_factory=dict)
    _fused: dict[np.dtype[Any], tuple[Compiled | None, list[Steps]]] = field(default_factory=dict)

    def fused(self, after: Steps, dtype: np.dtype[Any]) -> tuple[Compiled | None, list[Steps]]:
        """One kernel for it and the stages after it that take each element apart, and the stages that are left."""
        if dtype not in self._fused:
            kernel, count = self.recurrence(dtype).fused(after.stages)
            left = after.stages[count:]
            self._fused[dtype] = kernel, [Steps(left, after.width)] if left else []
        return self._fused[dtype]

    def recurrence(self, dtype: np.dtype[Any]) -> Recurrence:
        """Its next state in a type."""
        if dtype not in self._recurrences:
            self._recurrences[dtype] = Recurrence(self.stage, dtype)
        return self._recurrences[dtype]


@dataclass(frozen=True)
class Draw:
    """A stage that draws random numbers: its noise is number ``place`` of all; ``width`` as for ``Steps``."""

    stage: Any
    place: int
    width: int | None
    _steps: list[Steps] = field(default_factory=list)

    @property
    def steps(self) -> Steps:
        """It as a stage without memory, whose kernels take the noise as a further input."""
        if not self._steps:
            self._steps.append(Steps((Sampled(self.stage),), self.width))
        return self._steps[0]

    def segment(self, x: Array) -> Segment:
        """What it is for the steps of x."""
        (segment,) = self.steps.segments(x)
        return segment

    def run(self, x: Array, noise: Array, y: Array, learnt: Learnt) -> None:
        """Write to y what it makes of the steps of x and their noise."""
        segment = self.segment(x)
        if isinstance(segment, Compiled):
            run_kernel(segment, (x, noise), y, learnt)
            return
        for step, drawn, target in zip(x, noise, y, strict=True):
            target[...] = self.stage.sampled(step.copy(), drawn.copy())

    def kernel(self, x: Array) -> Compiled:
        """Its kernel, which has derivatives; DerivativeError where it has none."""
        segment = self.segment(x)
        if (kernel := gradients.kernel_of(segment)) is None:
            reason = getattr(segment, "reason", "") or getattr(segment, "slope_reason", "")
            raise DerivativeError(
                f"'{self.stage}' can't be differentiated: its sample can't be followed, as {reason}. "
                "Write it without that"
            )
        return kernel


@dataclass(frozen=True)
class Within:
    """What is done to the features of a slice."""

    stage: Any
    program: Program

    def place(self, x: Array) -> tuple[Any, ...]:
        """Where those features are."""
        return (..., self.stage.selected(x.shape))


@dataclass
class State:
    """What a stage holds: its state ``now``, and of its latest step the state ``before``, and what it was ``given``."""

    now: Array
    before: Array | None = None
    given: Array | None = None

    def copy(self) -> State:
        """The state alone."""
        return State(self.now.copy())


Program = tuple[Steps | Memory | Draw | Within, ...]
States = list[State]
Noise = Mapping[int, Array]
"""What is drawn for all steps, by the places of what draws it."""


def run(program: Program, x: Array, states: States, learnt: Learnt, noise: Noise, y: Array | None = None) -> Array:
    """The result for the steps of x, which is left as it is; the states become those after the last step.

    It is written to y where that is given.
    """
    parts = as_they_run(program, x.dtype)
    for left, (part, kernel) in zip(range(len(parts) - 1, -1, -1), parts, strict=True):
        target = y if not left and y is not None else part.room(x) if isinstance(part, Steps) else np.empty_like(x)
        if isinstance(part, Memory):
            _advance(part, kernel, states[part.place], x, target, learnt)
        else:
            _run_part(part, x, target, states, learnt, noise)
        x = target
    return x


def _run_part(part: Steps | Draw | Within, x: Array, y: Array, states: States, learnt: Learnt, noise: Noise) -> None:
    """Write to y what a part without a state of its own makes of x."""
    if isinstance(part, Steps):
        run_all(part.segments(x), x, y, learnt)
        return
    if isinstance(part, Draw):
        part.run(x, noise[part.place], y, learnt)
        return
    np.copyto(y, x)
    place = part.place(x)
    if y[place].size:
        y[place] = run(part.program, np.ascontiguousarray(x[place]), states, learnt, noise)


def as_they_run(program: Program, dtype: np.dtype[Any]) -> list[tuple[Steps | Memory | Draw | Within, Compiled | None]]:
    """The parts of a program; what remembers with the kernel that does what comes next as well, if there is one."""
    found: list[tuple[Steps | Memory | Draw | Within, Compiled | None]] = []
    parts = list(program)
    while parts:
        part, kernel = parts.pop(0), None
        if isinstance(part, Memory) and parts and isinstance(parts[0], Steps):
            kernel, left = part.fused(parts[0], dtype)
            if kernel is not None:
                parts[:1] = left
        found.append((part, kernel))
    return found


def is_fused(program: Program, dtype: np.dtype[Any]) -> bool:
    """Whether one kernel does all of it."""
    parts = as_they_run(program, dtype)
    return len(parts) == 1 and parts[0][1] is not None


def _advance(part: Memory, kernel: Compiled | None, state: State, x: Array, y: Array, learnt: Learnt) -> None:
    """Write to y the states after each step, or what a kernel makes of them besides."""
    found = part.recurrence(x.dtype)
    recurrence.advance(found, kernel, state.now, x[:-1], y[:-1], learnt)
    state.before, state.given = state.now.copy(), x[-1].copy()
    recurrence.advance(found, kernel, state.now, x[-1:], y[-1:], learnt)


def _walk(program: Program, x: Array, states: States, learnt: Learnt, noise: Noise) -> Iterator[tuple[Array, Array]]:
    """For each part of a program, the states before its steps where it remembers (else nothing), and its result."""
    nothing = np.empty(0, x.dtype)
    for part in program:
        if isinstance(part, Memory):
            trail = np.empty((len(x) + 1, *x.shape[1:]), x.dtype)
            state = states[part.place]
            trail[0] = state.now
            _advance(part, None, state, x, trail[1:], learnt)
            x = trail[1:]
            yield trail[:-1], x
        else:
            y = part.room(x) if isinstance(part, Steps) else np.empty_like(x)
            _run_part(part, x, y, states, learnt, noise)
            x = y
            yield nothing, x


def vjp(program: Program, x: Array, g: Array, states: States, learnt: Learnt, noise: Noise, sums: Sums | None) -> Array:
    """What the steps of x get, where those of the result get g: backpropagation through time from these states on."""
    given = [x]
    before = []
    inner = [each.copy() for each in states]
    for trail, y in _walk(program, x, [each.copy() for each in states], learnt, noise):
        given.append(y)
        before.append(trail)
    for number in range(len(program) - 1, -1, -1):
        part, x = program[number], given[number]
        y = np.empty_like(x)
        if isinstance(part, Steps):
            gradients.vjp(part.segments(x), x, g, y, learnt, sums)
        elif isinstance(part, Memory):
            recurrence.pull_back(part.recurrence(x.dtype), before[number], x, g, y, learnt, sums)
        elif isinstance(part, Draw):
            gradients.run_back(part.kernel(x).vjp, (x, g, noise[part.place]), y, learnt, sums)
        else:
            np.copyto(y, g)
            place = part.place(x)
            if y[place].size:
                some, gets = (np.ascontiguousarray(each[place]) for each in (x, g))
                y[place] = vjp(part.program, some, gets, inner, learnt, noise, sums)
        g = y
    return g


def jvp(program: Program, x: Array, v: Array, states: States, learnt: Learnt, noise: Noise, changes: Learnt) -> Array:
    """How the result of one step changes where x changes by v, and learnt values by ``changes``."""
    inner = [each.copy() for each in states]
    for number, (_, after) in enumerate(_walk(program, x, [each.copy() for each in states], learnt, noise)):
        part = program[number]
        y = np.empty_like(after)
        if isinstance(part, Steps):
            gradients.jvp(part.segments(x), x, v, y, learnt, changes)
        elif isinstance(part, Memory):
            recurrence.change(part.recurrence(x.dtype), inner[part.place].now, x[0], v[0], y[0], learnt, changes)
        elif isinstance(part, Draw):
            gradients.push(part.kernel(x), (x, v, noise[part.place]), y, learnt, changes)
        else:
            np.copyto(y, v)
            place = part.place(x)
            if y[place].size:
                some, change = (np.ascontiguousarray(each[place]) for each in (x, v))
                y[place] = jvp(part.program, some, change, inner, learnt, noise, changes)
        x, v = after, y
    return v


def segments(program: Program, x: Array) -> Iterator[Segment]:
    """All segments of a program for the steps of x."""
    for part in program:
        if isinstance(part, Steps):
            yield from part.segments(x)
        elif isinstance(part, Draw):
            yield part.segment(x)
        elif isinstance(part, Within):
            yield from segments(part.program, x)
