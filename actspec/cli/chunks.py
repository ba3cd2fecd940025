"""How a large array is split so that a pipeline gives the same result, bit for bit, part by part."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from actspec.graph.coupling import coupled_axes
from actspec.graph.streaming import Stream
from actspec.graph.unfollowed import UnfollowedError
from actspec.pipeline import Pipeline

BLOCK_BYTES = 1 << 22
"""The size of a block, in the type that is computed with; the formulas hold several of them at a time."""

LANE_BYTES = 1 << 23
"""How much is kept together where splitting it would change the last bits of the result; a block may have three."""

_STRIDED_FACTOR = 3
"""How much larger a block is where each one means a walk over the whole file."""

_MOST_STREAMED = 4
"""How many stages that need several walks run together: each walk computes all of them anew."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive stages that can go over an array together, and the axes along which it must not be split.

    Those that are ``streamed`` couple more than may be held at once, and so need several walks over the array.
    """

    stages: Pipeline
    coupled: frozenset[int]
    streamed: int = 0


def plan(pipeline: Pipeline, shape: tuple[int, ...], itemsize: int, *, fortran: bool = False) -> list[Run]:
    """The pipeline as runs that each leave an axis free to split; as one whole where a stage leaves none.

    >>> import actspec
    >>> for run in plan(actspec.parse("tanh+norm:z+norm:z(axis=0)+relu"), (2000, 3000), 8):
    ...     print(run.stages, sorted(run.coupled))
    tanh+norm:z [1]
    norm:z(axis=0)+relu [0]
    """
    everything = frozenset(range(len(shape)))
    runs: list[Run] = []
    for position, stage in enumerate(pipeline.stages):
        axes = coupled_axes(stage.follow, len(shape))
        if axes is None:
            return [Run(pipeline, everything)]
        own = Run(pipeline[position : position + 1], axes)
        if _lane(axes, shape) * itemsize > LANE_BYTES:
            with contextlib.suppress(UnfollowedError):
                stream(own.stages, shape, blocks(shape, frozenset(), itemsize, fortran=fortran))
                own = Run(own.stages, frozenset(), streamed=1)
        if own.coupled >= everything:
            return [Run(pipeline, everything)]
        if runs and _go_together(runs[-1], own, shape, itemsize, fortran):
            last = runs.pop()
            stages = Pipeline(*last.stages, *own.stages)
            own = Run(stages, last.coupled | own.coupled, last.streamed + own.streamed)
        runs.append(own)
    return runs


def stream(stages: Pipeline, shape: tuple[int, ...], parts: list[tuple[slice, ...]]) -> Stream:
    """The walks of stages over an array in these parts; UnfollowedError where a formula can't be run in this way."""
    cut = frozenset(axis for axis, length in enumerate(shape) if parts[0][axis] != slice(0, length))
    return Stream(stages.as_stage().follow, shape, cut)


def _go_together(first: Run, second: Run, shape: tuple[int, ...], itemsize: int, fortran: bool) -> bool:
    coupled = first.coupled | second.coupled
    if first.streamed or second.streamed:
        return first.streamed + second.streamed <= _MOST_STREAMED and not _strided(coupled, len(shape), fortran)
    if coupled in (first.coupled, second.coupled):
        return True
    return len(coupled) < len(shape) and _lane(coupled, shape) * itemsize <= LANE_BYTES


def _lane(coupled: frozenset[int], shape: tuple[int, ...]) -> int:
    """The number of elements that have to stay together."""
    return math.prod(length for axis, length in enumerate(shape) if axis in coupled)


def blocks(
    shape: tuple[int, ...], coupled: frozenset[int], itemsize: int, *, fortran: bool = False
) -> list[tuple[slice, ...]]:
    """Blocks that cover an array, in the order of memory, each whole along the coupled axes.

    >>> [block[0] for block in blocks((3_000_000, 2), frozenset({1}), 8)][:2]
    [slice(0, 250000, None), slice(250000, 500000, None)]
    """
    free = [axis for axis in _outwards(len(shape), fortran) if axis not in coupled]
    limit = BLOCK_BYTES // itemsize * (_STRIDED_FACTOR if _strided(coupled, len(shape), fortran) else 1)
    parts = [1] * len(shape)
    size = _lane(coupled, shape)
    for axis in free:
        parts[axis] = _parts(shape[axis], max(1, limit // max(1, size)))
        size *= -(-shape[axis] // parts[axis])
    cuts = [list(_split(length, count)) for length, count in zip(shape, parts, strict=True)]
    if fortran:
        return [block[::-1] for block in itertools.product(*cuts[::-1])]
    return list(itertools.product(*cuts))


def _outwards(ndim: int, fortran: bool) -> range:
    """The axes, the one along which neighbours in the file lie first."""
    return range(ndim) if fortran else range(ndim - 1, -1, -1)


def _strided(coupled: frozenset[int], ndim: int, fortran: bool) -> bool:
    """Whether blocks that are whole along these axes lie scattered in the file."""
    outside = itertools.dropwhile(lambda axis: axis in coupled, _outwards(ndim, fortran))
    return any(axis in coupled for axis in outside)


def _parts(length: int, longest: int) -> int:
    """How many parts of at most ``longest`` an axis makes, none of them of one element.

    NumPy drops an axis of length one, and then adds up the values along the others in another order.
    """
    return max(1, min(-(-length // longest), length // 2))


def _split(length: int, parts: int) -> Iterator[slice]:
    bounds = [length * part // parts for part in range(parts + 1)]
    return (slice(start, stop) for start, stop in itertools.pairwise(bounds))
