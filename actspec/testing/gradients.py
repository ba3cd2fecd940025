"""Checks of derivatives, against central differences of the activation itself."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Final

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.errors import DerivativeError
from actspec.structure import leaves
from actspec.testing.calls import with_each
from actspec.testing.case import Case
from actspec.testing.check import REPORT, Check, Fault, Skip, named, unchanged
from actspec.testing.slopes import allowance, compare_slopes, one_sided, slopes

MEND_GRADIENT: Final = (
    "mend the class's derivative(self, x, y) where it has one; where it has none, look for what is hidden from "
    "differentiation in the formula, such as stop_gradient or rounding; else this is a fault of actspec: report it"
)


def differentiable(case: Case) -> str | None:
    """A gradient."""
    x = case.sample()
    try:
        case.after(x).vjp(x, np.ones(case.shape_out()))
    except DerivativeError as error:
        raise Fault(
            named(error),
            "a gradient",
            "write the formula in what can be looked through (ufuncs, np.where, np.clip, reductions with "
            "keepdims=True), or, where it takes each element by itself, give the class a method "
            "derivative(self, x, y); to do without derivatives, leave this check out: skip={'differentiable'}",
        ) from None
    return None


def own_derivative(case: Case) -> str | None:
    """The slope of the formula from the class's own ``derivative(self, x, y)``, which leaves x and y alone."""
    stages = case.stages(case.shape[-1], np.dtype(np.float64))
    own = [stage for stage in leaves(stages) if stage.own_derivative is not None]
    if not own:
        raise Skip("it has no derivative of its own")
    for stage in own:
        name = f"{type(stage).__qualname__}.derivative"
        x = case.sample((*case.shape[:-1], _width(stage, case.shape[-1])))
        y = stage.formula(x)
        given = x.copy(), y.copy()
        derived: Any = type(stage).__derivative__(stage, *given)  # type: ignore[misc]  # it has one
        unchanged(given[0], x, f"the x that {name} was given", "make a new array, and don't write into x")
        unchanged(given[1], y, f"the y that {name} was given", "make a new array, and don't write into y")
        found = slopes(partial(_formula, stage), x)
        if found.coupled:
            raise Fault(
                f"{name} beside a formula whose results depend on several elements of x",
                "a formula that takes each element by itself",
                "leave derivative(self, x, y) away: vjp and jvp are made from the formula",
            )
        got = np.asarray(derived, np.float64)
        got = np.broadcast_to(got, x.shape) if got.ndim == 0 else got
        compare_slopes(got, *found.elementwise(x.shape), x, name, f"mend {name}(self, x, y), or leave it away")
    return None


def _width(stage: Activation, whole: int) -> int:
    """How many features a stage runs on, as what it learns shows; ``whole`` where it learns nothing."""
    learnt = [np.shape(value)[-1] for value in stage._values() if isinstance(value, (np.ndarray, tuple))]
    return learnt[0] if learnt else whole


def _formula(stage: Activation, x: Array) -> Array:
    return np.asarray(stage.formula(x))


def vjp(case: Case) -> str | None:
    """The slopes of the result, weighted, from vjp, which leaves x and g alone."""
    x, g = case.sample(), case.weights()
    given = x.copy(), g.copy()
    dx = _pulled(case, *given)
    unchanged(given[0], x, "x", REPORT)
    unchanged(given[1], g, "g", REPORT)
    found = slopes(case.warm_call, x)
    compare_slopes(dx, *found.pulled(g, x.shape), x, "vjp", MEND_GRADIENT)
    return found.note


def _pulled(case: Case, x: Array, g: Array) -> Array:
    result = case.after(x).vjp(x, g)
    return np.asarray(result[0] if case.bound else result)


def jvp(case: Case) -> str | None:
    """The slope of the result along a direction, from jvp."""
    x = case.sample()
    found = slopes(case.warm_call, x)
    v = np.where(found.smooth, case.sample(seed=2).ravel(), 0.0)
    by, error = (np.where(found.smooth, each, 0.0) for each in (found.by, found.error))
    y = case.warm_call(x)
    want = np.where(np.isfinite(y) & found.smooth.any(), (by @ v).reshape(y.shape), np.nan)
    slack = allowance(np.abs(by) @ np.abs(v), error @ np.abs(v)).reshape(y.shape)
    got = np.asarray(case.after(x).jvp(x, v.reshape(x.shape)))
    compare_slopes(got, want, slack, x, "jvp", MEND_GRADIENT)
    return found.note


def derivative(case: Case) -> str | None:
    """The slope of each element from derivative, and a DerivativeError where elements are coupled."""
    x = case.sample()
    found = slopes(case.warm_call, x)
    try:
        got = np.asarray(case.after(x).derivative(x))
    except DerivativeError as error:
        raise Skip("it couples elements" if found.coupled else named(error)) from None
    if found.coupled:
        raise Fault("a derivative for each element by itself", "a DerivativeError, as elements are coupled", REPORT)
    compare_slopes(got, *found.elementwise(x.shape), x, "derivative", MEND_GRADIENT)
    return found.note


def jacobian(case: Case) -> str | None:
    """The slopes of each result by each feature, from jacobian, unless rows are coupled."""
    x = case.sample()
    found = slopes(case.warm_call, x)
    width, shape = x.shape[-1], case.shape_out()
    rows = np.arange(x.size // width)
    by, error = (each.reshape(len(rows), shape[-1], len(rows), width) for each in (found.by, found.error))
    smooth = found.smooth.reshape(len(rows), 1, width)
    try:
        got = np.asarray(case.after(x).jacobian(x))
    except DerivativeError as refused:
        _pulled(case, x, case.weights())  # which is refused too where nothing can be differentiated
        apart = ~np.eye(len(rows), dtype=bool)[:, None, :, None]
        sizes = np.where(found.smooth.reshape(len(rows), width), np.abs(by), 0.0)
        if found.coupled and len(rows) > 1 and not np.any(apart & (sizes > 1e-6 * sizes.max())):
            raise Fault(named(refused), "a jacobian, as rows aren't coupled", REPORT) from None
        raise Skip(named(refused)) from None
    want = np.where(smooth, by[rows, :, rows, :], np.nan).reshape(*shape, width)
    slack = allowance(np.abs(by[rows, :, rows, :]), error[rows, :, rows, :]).reshape(want.shape)
    compare_slopes(got, want, slack, None, "jacobian", MEND_GRADIENT)
    return found.note


def kinks_and_tails(case: Case) -> str | None:
    """A finite derivative wherever the formula has a finite slope, and at a kink one between those of both sides."""
    values = [value for stage in leaves(case.pipeline.stages) for value in stage._values()]
    kinks = [value for value in values if isinstance(value, float) and math.isfinite(value)]
    x = with_each(case.sample(), dict.fromkeys([*_POINTS, *kinks]))
    g = np.random.default_rng(3).uniform(0.5, 1.5, case.shape_out(x.shape))
    right, left, size = one_sided(case.warm_call, x, g)
    dx = _pulled(case, x, g)
    low, high = np.minimum(right, left), np.maximum(right, left)
    slack = 1e-2 * np.maximum(1e-3, size)
    wrong = np.isfinite(low) & np.isfinite(high) & ~((dx >= low - slack) & (dx <= high + slack))
    if not wrong.any():
        return None
    place = tuple(map(int, np.argwhere(wrong)[0]))
    weight = g[place] if g.shape == x.shape else 1.0
    got, least, most = (float(each[place] / weight) for each in (dx, low, high))
    raise Fault(
        f"the derivative {got:.6g} at x = {x[place]:.6g}",
        f"{least:.6g}" if high[place] - low[place] <= slack[place] else f"{least:.6g} to {most:.6g}",
        MEND_GRADIENT
        if math.isfinite(got)
        else "keep each part of the formula finite at both ends and at zero, with actspec.functions.softplus and its "
        "like, np.log1p or np.expm1; or give the class a derivative(self, x, y) that is finite there",
    )


_POINTS: Final = (0.0, 1.0, -1.0, 30.0, -30.0, 800.0, -800.0)

READY: Final = ("runs", "repeats", "differentiable", "own_derivative")

CHECKS: Final = (
    *(Check(each, "runs", "repeats") for each in (differentiable, own_derivative)),
    *(Check(each, *READY) for each in (vjp, jvp, derivative, jacobian, kinks_and_tails)),
)
