"""Arrays of any shape and strides as lanes: two-dimensional views, of which kernels take one at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from actspec.arrays import Array

Views = tuple[Array, Array]


def lanes(x: Array, y: Array, axes: frozenset[int]) -> Iterator[Views] | None:
    """Views of x and y as (lanes, elements), which together cover them; lanes run along the neighbouring ``axes``.

    With no axes, what are lanes means nothing, and as much as can be is put in one view. None where the elements of a
    lane don't lie at one distance from each other.
    """
    if x.flags.c_contiguous and y.flags.c_contiguous:
        if not axes:
            return iter([(x.reshape(1, -1), y.reshape(1, -1))])
        if max(axes) == x.ndim - 1:
            length = math.prod(x.shape[min(axes) :])
            return iter([(x.reshape(-1, length), y.reshape(-1, length))])
    others = [axis for axis in range(x.ndim) if axis not in axes]
    if not axes:
        others = _outwards(x, y)
    order = [*others, *sorted(axes)]
    x, y = x.transpose(order), y.transpose(order)
    outer = _joined(x, y, 0, len(others))
    inner = _joined(x, y, len(others), x.ndim)
    if len(inner) > 1:
        return None
    shape = [*outer, *(inner or [1])] if axes else list(outer)
    x, y = x.reshape(shape), y.reshape(shape)
    if x.ndim < 2:
        x, y = x.reshape(1, -1), y.reshape(1, -1)
    if x.ndim == 2:
        return iter([(x, y)])
    return _each(x, y)


def loops(x: Array, y: Array) -> int:
    """How many views an elementwise kernel needs for arrays of these strides."""
    order = _outwards(x, y)
    outer = _joined(x.transpose(order), y.transpose(order), 0, x.ndim)
    return math.prod(sorted(outer)[:-2])


def _outwards(x: Array, y: Array) -> list[int]:
    """The axes, the one along which neighbours lie last."""
    return sorted(range(x.ndim), key=lambda axis: (-abs(y.strides[axis]), -abs(x.strides[axis])))


def _joined(x: Array, y: Array, first: int, last: int) -> list[int]:
    """The lengths of the axes from ``first`` to ``last`` when those are joined that lie one inside the other."""
    lengths: list[int] = []
    previous = -1
    for axis in range(first, last):
        if x.shape[axis] == 1:
            continue
        if lengths and all(array.strides[previous] == array.strides[axis] * array.shape[axis] for array in (x, y)):
            lengths[-1] *= x.shape[axis]
        else:
            lengths.append(x.shape[axis])
        previous = axis
    return lengths


def _each(x: Array, y: Array) -> Iterator[Views]:
    """Two-dimensional views that keep the last axis, and with it the longest other one."""
    keep = max(range(x.ndim - 1), key=lambda axis: (x.shape[axis], axis))
    places: list[Any] = [
        range(length) if axis not in (keep, x.ndim - 1) else (slice(None),) for axis, length in enumerate(x.shape)
    ]
    for place in itertools.product(*places):
        yield x[place], y[place]
