"""Run segments, one after the other: kernels, slices on views of the array, and formulas as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array
from actspec.graph.operand import Stage
from actspec.kernels import execute, layout
from actspec.kernels.execute import Operands, learnt_rows
from actspec.kernels.plan import Chain, Compiled, Crossed, Part, Segment, Split, Written, features_out

Learnt = Mapping[int, npt.NDArray[Any]]
"""Learnt values by their numbers, each with one value a feature."""

_MOST_LOOPS = 64


def learnt_values(stages: Iterable[Stage], dtype: np.dtype[Any]) -> dict[int, npt.NDArray[Any]]:
    """The learnt values of stages as they are now, in a type."""
    return {number: values for stage in stages for number, values in stage.learnt_values(dtype).items()}


def run_all(segments: tuple[Segment, ...], x: Array, y: Array, learnt: Learnt) -> None:
    """Run segments on an array of their type; y may be x, and may not overlap it otherwise."""
    # From the last change of the number of features on, all is done in y.
    resizing = [number for number, each in enumerate(segments) if resizes(each)]
    last = resizing[-1] if resizing else -1
    given = x
    for number, segment in enumerate(segments):
        if number >= last:
            target = y
        elif resizes(segment) or x is given:
            target = room_for(segment, x)
        else:
            target = x
        _run(segment, x, target, learnt)
        x = target


def _run(segment: Segment, x: Array, y: Array, learnt: Learnt) -> None:
    if isinstance(segment, Compiled):
        run_compiled(segment, x, y, learnt)
    elif isinstance(segment, Split):
        parts, targets = segment.parts.views(x.copy() if x is y else x), segment.graph.into.views(y)
        execute.run_beside(segment.kernels, parts, targets, partial(run_kernel, learnt=learnt))
    elif isinstance(segment, Crossed):
        run_chain(segment.forward, (x,), y, learnt)
    elif isinstance(segment, Part):
        if x is not y:
            np.copyto(y, x)
        part = y[..., segment.stage.selected(y.shape)]
        if part.size:
            run_all(segment.segments, part, part, learnt)
    else:
        for step, target in zip(x, y, strict=True) if segment.timed else ((x, y),):
            target[...] = segment.stage.formula(step)


def resizes(segment: Segment) -> bool:
    """Whether a segment's result must not be written over what it is given."""
    return isinstance(segment, Split) or (isinstance(segment, Written) and segment.stage.resizes)


def room_for(segment: Segment, x: Array) -> Array:
    """An array for a segment's result."""
    return (
        np.empty((*x.shape[:-1], features_out(segment, x.shape[-1])), x.dtype) if resizes(segment) else np.empty_like(x)
    )


def run_compiled(segment: Compiled, x: Array, y: Array, learnt: Learnt) -> None:
    """Run a kernel of one input, as ``run_all`` describes it."""
    if segment.sliced and execute.is_long(segment, x.shape):
        run_all(segment.apart, x, y, learnt)
        return
    if not segment.axes and layout.loops(x, y) > _MOST_LOOPS and layout.loops(y, y) <= _MOST_LOOPS:
        np.copyto(y, x)
        x = y
    run_kernel(segment, (x,), y, learnt)


def run_chain(chain: Chain, inputs: tuple[Array, ...], y: Array, learnt: Learnt) -> dict[int, Array]:
    """Run the kernels of a crossed graph, the last of which writes to y; what all nodes are that they give."""
    values = dict(zip(chain.graph.inputs, inputs, strict=True))
    for link in chain.links:
        target = y if link is chain.links[-1] else np.empty_like(y)
        run_kernel(link.kernel, tuple(values[each] for each in link.takes), target, learnt)
        values[link.gives] = target
    return values


def run_kernel(
    segment: Compiled, inputs: tuple[Array, ...], y: Array, learnt: Learnt, sums: npt.NDArray[np.float64] | None = None
) -> None:
    """Run a kernel on arrays of any layout; y may be one of the inputs."""
    if not execute.run(segment, Operands(inputs, y, learnt_rows(segment, learnt, y.shape[-1]), sums)):
        target = np.empty_like(y, order="C", subok=False)
        run_kernel(segment, tuple(each.copy(order="C") for each in inputs), target, learnt, sums)
        np.copyto(y, target)
