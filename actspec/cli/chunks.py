"""How a large array is split so that a pipeline gives the same result, bit for bit, part by part."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from actspec.pipeline import Pipeline
from actspec.structure import coupled_axes

BLOCK_BYTES = 1 << 23
"""The size of a block, in the type that is computed with; the formulas hold several of them at a time."""

_STRIDED_FACTOR = 4
"""How much larger a block is where each one means a walk over the whole file."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive stages that can go over an array together, and the axes along which it must not be split."""

    stages: Pipeline
    coupled: frozenset[int]


def plan(pipeline: Pipeline, ndim: int) -> list[Run]:
    """The pipeline as runs that each leave an axis free to split; as one whole where a stage leaves none.

    >>> import actspec
    >>> for run in plan(actspec.parse("tanh+norm:z+norm:z(axis=0)+relu"), 2):
    ...     print(run.stages, sorted(run.coupled))
    tanh+norm:z [1]
    norm:z(axis=0)+relu [0]
    """
    everything = frozenset(range(ndim))
    runs: list[Run] = []
    for position, stage in enumerate(pipeline.stages):
        axes = coupled_axes(stage, ndim)
        if axes is None or axes >= everything:
            return [Run(pipeline, everything)]
        if runs and not (joined := runs[-1].coupled | axes) >= everything:
            first = position - len(runs[-1].stages)
            runs[-1] = Run(pipeline[first : position + 1], joined)
        else:
            runs.append(Run(pipeline[position : position + 1], axes))
    return runs


def blocks(
    shape: tuple[int, ...], coupled: frozenset[int], itemsize: int, *, fortran: bool = False
) -> list[tuple[slice, ...]]:
    """Blocks that cover an array, in the order of memory, each whole along the coupled axes.

    >>> [block[0] for block in blocks((3_000_000, 2), frozenset({1}), 8)][:2]
    [slice(0, 500000, None), slice(500000, 1000000, None)]
    """
    outwards = range(len(shape)) if fortran else range(len(shape) - 1, -1, -1)
    free = [axis for axis in outwards if axis not in coupled]
    strided = any(axis in coupled for axis in itertools.dropwhile(lambda axis: axis not in free, outwards))
    limit = BLOCK_BYTES // itemsize * (_STRIDED_FACTOR if strided else 1)
    parts = [1] * len(shape)
    size = math.prod(length for axis, length in enumerate(shape) if axis in coupled)
    for axis in free:
        parts[axis] = _parts(shape[axis], max(1, limit // max(1, size)))
        size *= -(-shape[axis] // parts[axis])
    cuts = [list(_split(length, count)) for length, count in zip(shape, parts, strict=True)]
    if fortran:
        return [block[::-1] for block in itertools.product(*cuts[::-1])]
    return list(itertools.product(*cuts))


def _parts(length: int, longest: int) -> int:
    """How many parts of at most ``longest`` an axis makes, none of them of one element.

    NumPy drops an axis of length one, and then adds up the values along the others in another order.
    """
    return max(1, min(-(-length // longest), length // 2))


def _split(length: int, parts: int) -> Iterator[slice]:
    bounds = [length * part // parts for part in range(parts + 1)]
    return (slice(start, stop) for start, stop in itertools.pairwise(bounds))
