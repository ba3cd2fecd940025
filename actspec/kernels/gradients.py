"""Derivatives of segments, one after the other: each kernel has one of its own, and what a class brings itself counts.

Between segments, the values that the derivatives are taken at are kept, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array
from actspec.errors import DerivativeError
from actspec.kernels import execute, plan
from actspec.kernels.forward import Learnt, resizes, room_for, run_all, run_chain, run_kernel
from actspec.kernels.plan import Chain, Compiled, Crossed, Part, Segment, Split, Written

Sums = dict[int, npt.NDArray[np.float64]]


def vjp(segments: tuple[Segment, ...], x: Array, g: Array, y: Array, learnt: Learnt, sums: Sums | None) -> None:
    """Write to y what x gets where the result gets g, and add to ``sums`` what learnt values get.

    y may be x or g where ``is_one_kernel``, else g.
    """
    segments = tuple(_for_lanes(segments, x.shape))
    values = list(_values(segments, x, learnt))
    for number in range(len(segments) - 1, -1, -1):
        segment, value = segments[number], values.pop()
        kernel = kernel_of(segment)
        target = y if number == 0 else np.empty_like(value) if kernel is None else value
        if isinstance(segment, Split):
            given = g.copy() if target is g else g
            gets = (*segment.parts.views(value), *segment.graph.into.views(given))
            targets = segment.parts.views(target)
            execute.run_beside(segment.vjp, gets, targets, partial(run_back, learnt=learnt, sums=sums))
        elif kernel is not None:
            run_back(kernel.vjp, (value, g), target, learnt, sums)
        elif isinstance(segment, Crossed):
            values_of = run_chain(segment.vjp, (value, g), target, learnt)
            if sums is not None:
                _add_sums_of_chain(segment.vjp, values_of, sums)
        elif isinstance(segment, Part):
            if target is not g:
                np.copyto(target, g)
            place = (..., segment.stage.selected(value.shape))
            if target[place].size:
                vjp(segment.segments, value[place], target[place], target[place], learnt, sums)
        else:
            np.multiply(g, _own(segment, value, learnt=sums is not None), out=target)
        g = target


def kernel_of(segment: Segment) -> Compiled | None:
    """The segment, where its derivative is a kernel."""
    return segment if isinstance(segment, Compiled) and not segment.slope_reason else None


def is_one_kernel(segments: tuple[Segment, ...], shape: tuple[int, ...]) -> bool:
    """Whether the derivative of an array of this shape is one kernel, so that it may be written over x."""
    found = list(_for_lanes(segments, shape))
    return len(found) == 1 and kernel_of(found[0]) is not None


def run_back(segment: Compiled, inputs: tuple[Array, ...], y: Array, learnt: Learnt, sums: Sums | None) -> None:
    """Run a kernel of x, what the result gets, and what it takes besides; write to y what x gets."""
    rows = rows_of_sums(segment, y.shape[-1])
    run_kernel(segment, inputs, y, learnt, rows)
    add_sums(segment, rows, learnt, sums)


def push(segment: Compiled, inputs: tuple[Array, ...], y: Array, learnt: Learnt, changes: Learnt) -> None:
    """Write to y how a segment's result changes, for x, its change, and what the kernel takes besides."""
    run_kernel(segment.jvp, inputs, y, with_changes(segment, learnt, changes))


def with_changes(segment: Compiled | Split | Crossed, learnt: Learnt, changes: Learnt) -> Learnt:
    """Learnt values, and how they change, by the numbers that a segment's jvp has for them."""
    return {**learnt, **{segment.graph.changes + number: change for number, change in changes.items()}}


def rows_of_sums(segment: Compiled, width: int) -> npt.NDArray[np.float64] | None:
    """Zeros for what a kernel adds up over all lanes; None where it adds up nothing."""
    return np.zeros((len(segment.graph.sums), width)) if segment.graph.sums else None


def add_sums(segment: Compiled, rows: npt.NDArray[np.float64] | None, learnt: Learnt, sums: Sums | None) -> None:
    """Add what a kernel has added up to the sums of the learnt values that it is of."""
    if sums is None or rows is None:
        return
    for each, row in zip(segment.graph.sums, rows, strict=True):
        _add(sums, each.place, row[: learnt[each.place].size])


def _add(sums: Sums, place: int, share: npt.NDArray[np.float64]) -> None:
    sums[place] = sums.get(place, np.zeros(share.size)) + share


def _add_sums_of_chain(chain: Chain, values: dict[int, Array], sums: Sums) -> None:
    """Add up the values of a crossed graph over all lanes."""
    for each in chain.graph.sums:
        value = values[each.node]
        _add(sums, each.place, np.sum(value, axis=tuple(range(value.ndim - 1)), dtype=np.float64))


def jvp(segments: tuple[Segment, ...], x: Array, v: Array, y: Array, learnt: Learnt, changes: Learnt) -> None:
    """Write to y how the result changes where x changes by v, and learnt values by ``changes``.

    y may be x or v where ``is_one_kernel``, else v.
    """
    segments = tuple(_for_lanes(segments, x.shape))
    last = max((number for number, each in enumerate(segments) if resizes(each)), default=-1)
    whole = y
    for number, (segment, value) in enumerate(zip(segments, _values(segments, x, learnt), strict=True)):
        y = whole if number >= last else room_for(segment, value)
        if isinstance(segment, Split):
            parts = (*segment.parts.views(value), *segment.parts.views(v.copy() if v is y else v))
            moved = with_changes(segment, learnt, changes)
            execute.run_beside(segment.jvp, parts, segment.graph.into.views(y), partial(run_kernel, learnt=moved))
        elif isinstance(segment, Crossed):
            run_chain(segment.jvp, (value, v), y, with_changes(segment, learnt, changes))
        elif (kernel := kernel_of(segment)) is not None:
            push(kernel, (value, v), y, learnt, changes)
        elif isinstance(segment, Part):
            if y is not v:
                np.copyto(y, v)
            place = (..., segment.stage.selected(value.shape))
            if y[place].size:
                jvp(segment.segments, value[place], y[place], y[place], learnt, changes)
        else:
            np.multiply(v, _own(segment, value, learnt=bool(changes)), out=y)
        v = y


def derivative(segments: tuple[Segment, ...], x: Array, y: Array, learnt: Learnt) -> None:
    """Write to y the derivative of each element of the result by that of x; y may be x where ``is_one_kernel``."""
    segments = tuple(_for_lanes(segments, x.shape))
    for number, (segment, value) in enumerate(zip(segments, _values(segments, x, learnt), strict=True)):
        if number:
            jvp((segment,), value, y, y, learnt, {number: np.zeros_like(each) for number, each in learnt.items()})
        elif (kernel := kernel_of(segment)) is not None:
            run_kernel(kernel.derivative, (value,), y, learnt)
        elif isinstance(segment, Part):
            place = (..., segment.stage.selected(x.shape))
            value = value[place].copy()
            y[...] = 1
            if value.size:
                derivative(segment.segments, value, y[place], learnt)
        else:
            assert not isinstance(segment, (Split, Crossed))  # which couple elements
            y[...] = _own(segment, value, learnt=False)


def check_elementwise(segments: tuple[Segment, ...]) -> None:
    """DerivativeError where the segments couple elements, so that there is no derivative of each by its own."""
    for stage, _ in plan.couplings(segments):
        raise DerivativeError(
            f"'{stage}' couples the values along an axis, so the derivative of an element by its own input isn't all: "
            "use jacobian(x), or vjp(x, g) and jvp(x, v) for products with it"
        )


def jacobian(pull_back: Callable[[Array], Array], shape: tuple[int, ...], width: int, dtype: np.dtype[Any]) -> Array:
    """The Jacobian of each row, ``[..., i, j]``, from what x, ``width`` wide, gets for each feature of a result."""
    made = np.empty((*shape, width), dtype)
    g = np.zeros(shape, dtype)
    for feature in range(shape[-1]):
        g[..., feature] = 1
        made[..., feature, :] = pull_back(g)
        g[..., feature] = 0
    return made


def check_rows(segments: tuple[Segment, ...], ndim: int) -> None:
    """DerivativeError where elements of different rows of the last axis are coupled."""
    for stage, axes in plan.couplings(segments):
        if axes != {ndim - 1}:
            raise DerivativeError(
                f"'{stage}' couples the values along another axis than the last, so that no row has a Jacobian of its "
                "own: use vjp(x, g) or jvp(x, v)"
            )


def check_known(segments: tuple[Segment, ...]) -> None:
    """DerivativeError where a formula can't be followed and its class has no derivative of its own."""
    for stage, reason in _written(segments):
        if stage.own_derivative is None:
            own = (
                ", or, where it takes each element by itself, add a method derivative(self, x, y) to "
                f"{type(stage).__qualname__}, which returns f'(x) for each element, where y is f(x)"
            )
            if stage.resizes or stage.learnt_values(np.dtype(np.float64)):  # a derivative of its own is by x alone
                own = ""
            raise DerivativeError(
                f"'{stage}' can't be differentiated: its formula can't be followed, as {reason}. "
                f"Write it without that{own}"
            )


def _written(segments: tuple[Segment, ...]) -> Iterator[tuple[Any, str]]:
    for segment in segments:
        if isinstance(segment, Written):
            yield segment.stage, segment.reason
        elif isinstance(segment, Compiled) and segment.slope_reason:
            yield segment.stages[0].stage, segment.slope_reason
        elif isinstance(segment, Part):
            yield from _written(segment.segments)


def _own(segment: Written | Compiled, x: Array, *, learnt: bool) -> Array:
    """A class's own derivative, as it is written."""
    check_known((segment,))
    ((stage, reason),) = _written((segment,))
    if learnt and stage.learnt_values(x.dtype):
        raise DerivativeError(
            f"'{stage}' learns, but what it does can't be followed, as {reason}: "
            "write it without that, as a derivative of its own is by x alone"
        )
    steps = x if segment.timed else (x,)
    slopes = [stage.apply_derivative(step.copy(), stage.formula(step)) for step in steps]
    result: Array = np.stack(slopes) if segment.timed else slopes[0]
    return result


def _values(segments: tuple[Segment, ...], x: Array, learnt: Learnt) -> Iterator[Array]:
    """What each segment is given."""
    for number, segment in enumerate(segments):
        yield x
        if number + 1 < len(segments):
            y = room_for(segment, x)
            run_all((segment,), x, y, learnt)
            x = y


def _for_lanes(segments: tuple[Segment, ...], shape: tuple[int, ...]) -> Iterator[Segment]:
    """The segments, with slices apart where no buffer holds a lane."""
    for segment in segments:
        if isinstance(segment, Compiled) and segment.sliced and execute.is_long(segment.vjp, shape):
            yield from segment.apart
        else:
            yield segment
