"""Checks of what is learnt, remembered and drawn, in a cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.errors import DerivativeError
from actspec.parameters import Learnable
from actspec.pipeline import Pipeline
from actspec.structure import Group, Sliced
from actspec.testing.case import Case, States
from actspec.testing.check import AS_WRITTEN, REPORT, Check, Fault, Skip, compare, named
from actspec.testing.gradients import MEND_GRADIENT, READY
from actspec.testing.numbers import number
from actspec.testing.slopes import compare_slopes, slopes


def parameters(case: Case) -> str | None:
    """The slopes of the result by what is learnt, from vjp."""
    if not case.bound or not case.act(case.shape[-1]).parameters:
        raise Skip("it learns nothing unless a ~ in a spec says so")
    _compare_learnt(case, case.warm_call)
    return None


def learnable(case: Case) -> str | None:
    """Every float parameter learnt where a ~ says so."""
    try:
        stages, names = _all_learnable(case.pipeline)
    except (TypeError, ValueError) as error:
        return f"its parameters have to be numbers: {named(error)}"
    if not names:
        raise Skip("it has no float parameter with a fixed value")
    learning = Case(Pipeline(*stages), case.domain, case.shape)
    x = learning.sample()
    try:
        learning.after(x).vjp(x, learning.weights())
    except (DerivativeError, TypeError, ValueError) as error:
        return f"{' and '.join(names)} can't be learnt: {named(error)}"
    # The formula itself needs no kernel, but doesn't know the state.
    forward = learning.warm_call if learning.stateful else lambda x: learning.formulas(x.copy(), {})
    _compare_learnt(learning, forward)
    return None


def _all_learnable(stages: Iterable[Activation]) -> tuple[list[Activation], list[str]]:
    """The stages with every float parameter learnable, and the names of those that weren't."""
    made: list[Activation] = []
    names: list[str] = []
    for stage in stages:
        values = {} if isinstance(stage, (Group, Sliced)) else {each.name: value for each, value in stage._items()}
        fixed = [each for each in stage.__definition__.parameters if isinstance(values.get(each.name), float)]
        for each in fixed:
            value = values[each.name]
            values[each.name] = Learnable(value if math.isfinite(value) else number(each))
        made.append(type(stage)(**values) if fixed else stage)
        names += [each.name for each in fixed]
    return made, names


def _compare_learnt(case: Case, forward: Callable[[Array], Array]) -> None:
    """Fault where the gradient of a learnt parameter isn't what central differences give."""
    x, g = case.sample(), case.weights()
    _, learnt = case.after(x).vjp(x, g)
    live = case.act(case.shape[-1]).parameters
    if list(learnt) != list(live):
        raise Fault(f"gradients of {', '.join(learnt)}", f"those of {', '.join(live)}", REPORT)
    for name, values in live.items():
        start = values.copy()

        def moved(given: Array, values: Array = values) -> Array:
            values[...] = given
            return forward(x)

        try:
            want, slack = slopes(moved, start).pulled(g, start.shape)
        finally:
            values[...] = start
        if np.isfinite(want).any():
            compare_slopes(np.asarray(learnt[name]), want, slack, None, f"vjp for {name}", MEND_GRADIENT)


def state(case: Case) -> str | None:
    """The results of the formula, step by step, after every reset()."""
    xs = _steps(case)
    states: States = {}
    rng = case.generator(case.shape[-1])
    written = np.stack([case.formulas(x.copy(), states, rng) for x in xs])
    mend = "let advance(self, state, x) and the formula depend on their arguments alone"
    for when in ("bind()", "reset()"):
        cell = case.act(case.shape[-1])
        found = np.stack([np.asarray(cell(x)) for x in xs])
        compare(found, written, f"calls after {when}", f"{AS_WRITTEN}, step by step", mend)
    return None


def scan(case: Case) -> str | None:
    """The results of calls one by one from scan, and their slopes from scan_vjp."""
    xs = _steps(case)
    cell = case.act(case.shape[-1])
    called = np.stack([np.asarray(cell(x)) for x in xs])
    compare(_scanned(case, xs), called, "scan(xs)", "as calls one by one give", REPORT)
    gs = np.random.default_rng(5).normal(size=(len(xs), *case.shape_out()))
    found = slopes(partial(_scanned, case), xs)
    cell = case.act(case.shape[-1])
    cell.scan(xs)
    compare_slopes(np.asarray(cell.scan_vjp(xs, gs)[0]), *found.pulled(gs, xs.shape), xs, "scan_vjp", MEND_GRADIENT)
    return found.note


def _steps(case: Case) -> Array:
    if not case.stateful:
        raise Skip("it remembers nothing")
    return np.stack([case.sample(seed=seed) for seed in range(3)])


def _scanned(case: Case, xs: Array) -> Array:
    return np.asarray(case.act(case.shape[-1]).scan(xs))


def noise(case: Case) -> str | None:
    """In training, the results and slopes of ``sample`` for the noise that was drawn, new noise at every call."""
    drawing = Case(case.pipeline, case.domain, case.shape, training=True)
    if not drawing.draws:
        raise Skip("it draws no random numbers")
    x, g = case.sample(), case.sample(seed=1)
    compare(drawing.call(x), drawing.written(x), "the compiled sample", AS_WRITTEN, REPORT)
    cell = drawing.after(x)
    if np.array_equal(cell(x), cell(x)):
        raise Fault("the same result twice", "another one at every call", "let draw(self, rng, shape) draw from rng")
    dx = np.asarray(drawing.after(x).vjp(x, g)[0])
    found = slopes(drawing.warm_call, x)
    compare_slopes(dx, *found.pulled(g, x.shape), x, "vjp of the latest call", MEND_SAMPLE)
    return found.note


MEND_SAMPLE: Final = (
    "look for what is hidden from differentiation in sample(self, x, noise), such as stop_gradient or rounding, or "
    "leave this check out: skip={'noise'}"
)

CHECKS: Final = (
    *(Check(each, *READY) for each in (parameters, learnable)),
    Check(state, "runs", "repeats"),
    Check(scan, *READY, "state"),
    Check(noise, *READY),
)
