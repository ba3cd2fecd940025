"""Arrays of any shape and strides as lanes: two-dimensional views, of which kernels take one at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from actspec.arrays import Array

Views = tuple[Array, ...]


def lanes(arrays: Views, axes: frozenset[int], *, across: bool = False) -> Iterator[Views] | None:
    """Views of arrays of one shape as (lanes, elements), which together cover them.

    Lanes run along the neighbouring ``axes``. With none, what are lanes means nothing, and as much as can be is put in
    one view. With ``across``, each view has one lane for each feature of the last axis. None where the elements of a
    lane don't lie at one distance from each other.
    """
    ndim, shape = arrays[0].ndim, arrays[0].shape
    if all(each.flags.c_contiguous for each in arrays):
        if not axes:
            return iter([tuple(each.reshape(1, -1) for each in arrays)])
        if max(axes) == ndim - 1:
            length = math.prod(shape[min(axes) :])
            return iter([tuple(each.reshape(-1, length) for each in arrays)])
    if ndim == 2 and (
        axes == {1} or (not axes and all(abs(each.strides[0]) >= abs(each.strides[1]) for each in arrays))
    ):
        return iter([arrays])
    others = [axis for axis in range(ndim) if axis not in axes]
    if not axes:
        others = _outwards(arrays)
    order = [*others, *sorted(axes)]
    arrays = tuple(each.transpose(order) for each in arrays)
    outer = list(arrays[0].shape[: len(others)]) if across else _joined(arrays, 0, len(others))
    inner = _joined(arrays, len(others), ndim)
    if len(inner) > 1:
        return None
    joined = [*outer, *(inner or [1])] if axes else outer
    arrays = tuple(each.reshape(joined) for each in arrays)
    if len(joined) < 2:
        arrays = tuple(each.reshape(1, -1) for each in arrays)
    if arrays[0].ndim == 2:
        return iter([arrays])
    return _each(arrays, keep=arrays[0].ndim - 2 if across else None)


def loops(*arrays: Array) -> int:
    """How many views an elementwise kernel needs for arrays of these strides."""
    order = _outwards(arrays)
    outer = _joined(tuple(each.transpose(order) for each in arrays), 0, arrays[0].ndim)
    return math.prod(sorted(outer)[:-2])


def _outwards(arrays: Views) -> list[int]:
    """The axes, the one along which neighbours lie last; what is written counts first."""
    return sorted(range(arrays[0].ndim), key=lambda axis: [-abs(each.strides[axis]) for each in reversed(arrays)])


def _joined(arrays: Views, first: int, last: int) -> list[int]:
    """The lengths of the axes from ``first`` to ``last`` when those are joined that lie one inside the other."""
    lengths: list[int] = []
    previous = -1
    for axis in range(first, last):
        length = arrays[0].shape[axis]
        if length == 1:
            continue
        if lengths and all(array.strides[previous] == array.strides[axis] * length for array in arrays):
            lengths[-1] *= length
        else:
            lengths.append(length)
        previous = axis
    return lengths


def _each(arrays: Views, keep: int | None) -> Iterator[Views]:
    """Two-dimensional views that keep the last axis and one more, by default the longest."""
    shape = arrays[0].shape
    last = len(shape) - 1
    if keep is None:
        keep = max(range(last), key=lambda axis: (shape[axis], axis))
    places: list[Any] = [
        range(length) if axis not in (keep, last) else (slice(None),) for axis, length in enumerate(shape)
    ]
    for place in itertools.product(*places):
        yield tuple(each[place] for each in arrays)


def is_same(x: Array, y: Array) -> bool:
    """Whether two arrays of one shape and type have the same elements in memory."""
    return bool(x.__array_interface__["data"] == y.__array_interface__["data"]) and x.strides == y.strides
