"""Run stages on arrays: types, layouts, ``out=``, overlap, threads, and lanes of any length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array, check_out, real_array, result_type
from actspec.kernels import layout, plan, threads
from actspec.kernels.plan import Compiled, Part, Segment
from actspec.kernels.stage import Known, Stage

_SHARED = 1 << 18
"""The number of elements from which threads pay: waking one takes about as long as a tanh of a tenth of them."""

_PIECE = 1 << 16
"""How many elements a thread takes at a time."""

_NARROW = 48
"""Lanes of fewer elements run side by side."""

_SCRATCH = 1 << 19
"""The most bytes of buffers for one lane; longer lanes run in phases."""

_LONG_BLOCK = 1 << 17
"""How many elements of a long lane are taken at a time."""

_LANES = 256


class Driver:
    """The general way of arrays through stages; ``known`` is where it keeps what takes the short way from now on."""

    def __init__(self, stages: tuple[Stage, ...], known: dict[tuple[np.dtype[Any], tuple[int, ...]], Known]) -> None:
        self._stages = stages
        self._known = known
        self._plans: dict[tuple[np.dtype[Any], int], tuple[Segment, ...]] = {}

    def run(self, x: Any, out: npt.NDArray[Any] | None) -> Any:
        """The result for any real array_like, as ``Runner`` describes it."""
        values = real_array(x, "x")
        result = result_type(values.dtype)
        if out is not None:
            check_out(out, values.shape, result)
            if np.may_share_memory(values, out) and not _is_same(values, out):
                values = values.copy()
        y = np.empty_like(values, dtype=result, subok=False) if out is None else out
        if values.ndim:
            self._run(values, y)
        else:
            self._run(values.reshape(1), y.reshape(1))
        return y[()] if out is None else out

    def segments(self, ndim: int, dtype: np.dtype[Any]) -> tuple[Segment, ...]:
        """What the stages are for arrays of ``ndim`` axes, computed in a float type."""
        key = (dtype, ndim)
        if key not in self._plans:
            self._plans[key] = plan.segments(self._stages, ndim, dtype)
        return self._plans[key]

    def _run(self, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
        computed = np.dtype(np.float32) if y.dtype.itemsize == 2 else y.dtype.newbyteorder("=")
        segments = self.segments(x.ndim, computed)
        with np.errstate(all="ignore"):
            self._check(x, segments, computed)
            if not x.size:
                return
            safe = not any(plan.reasons(segments))  # what a formula raises leaves out as it was
            if safe and _is_plain(y, computed):
                if not _is_plain(x, computed):
                    np.copyto(y, x, casting="unsafe")
                    x = y
                _run_all(segments, x, y)
                if len(segments) == 1 and isinstance(segments[0], Compiled):
                    self._remember(x, segments[0])
            elif len(segments) == 1 and isinstance(segments[0], Compiled) and _run_converted(segments[0], x, y):
                pass
            else:
                between = x.astype(computed, order="K", subok=False)
                _run_all(segments, between, between)
                np.copyto(y, between, casting="unsafe")

    def _remember(self, x: Array, segment: Compiled) -> None:
        """Let the next array of this type and shape take the short way, where one call of a kernel is all."""
        inner = not segment.axes or max(segment.axes) == x.ndim - 1
        if x.size >= _SHARED or not inner or not x.flags.c_contiguous:
            return
        (views,) = layout.lanes(x, x, segment.axes) or ((x, x),)
        form = _form(segment, views[0])
        if form.startswith("long"):
            return
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        shape = None if views[0].shape == x.shape else views[0].shape
        self._known[x.dtype, x.shape] = segment.kernel(form), segment.parameters, shape, x.shape, x.dtype

    def _check(self, x: npt.NDArray[Any], segments: tuple[Segment, ...], computed: np.dtype[Any]) -> None:
        """Raise what the formulas as they are written raise, where they can't run on an array of this shape."""
        wrong = any(isinstance(each, Compiled) and not plan.has_features(each, x.shape[-1]) for each in segments)
        if (wrong or not x.size) and x.shape[-1] <= _MOST_PROBED:
            probe: Array = np.ones([1] * (x.ndim - 1) + [x.shape[-1] or 1], computed)
            for stage in self._stages:
                probe = stage.formula(probe)


_MOST_PROBED = 1 << 20


_MOST_KNOWN = 64


def _is_same(x: npt.NDArray[Any], out: npt.NDArray[Any]) -> bool:
    return x.__array_interface__["data"] == out.__array_interface__["data"] and x.strides == out.strides


def _is_plain(array: npt.NDArray[Any], computed: np.dtype[Any]) -> bool:
    return array.dtype == computed and array.flags.aligned


def _run_all(segments: tuple[Segment, ...], x: Array, y: Array) -> None:
    for segment in segments:
        if isinstance(segment, Compiled):
            _run_compiled(segment, x, y)
        else:
            if x is not y:
                np.copyto(y, x)
            if isinstance(segment, Part):
                part = y[..., segment.stage.selected(y.shape)]
                if part.size:
                    _run_all(segment.segments, part, part)
            else:
                y[...] = segment.stage.formula(y.copy())
        x = y


def _run_compiled(segment: Compiled, x: Array, y: Array) -> None:
    if segment.sliced and _is_long(segment, x.shape):
        _run_all(segment.apart, x, y)
        return
    if not segment.axes and layout.loops(x, y) > _MOST_LOOPS and layout.loops(y, y) <= _MOST_LOOPS:
        np.copyto(y, x)
        x = y
    views = layout.lanes(x, y, segment.axes)
    if views is None:
        between = x.copy(order="C")
        _run_compiled(segment, between, between)
        np.copyto(y, between)
        return
    for x2, y2 in views:
        _run_lanes(segment, x2, y2)


_MOST_LOOPS = 64


def _length(segment: Compiled, shape: tuple[int, ...]) -> int:
    """The number of elements in a lane."""
    return math.prod(shape[axis] for axis in segment.axes)


def _is_long(segment: Compiled, shape: tuple[int, ...]) -> bool:
    return bool(segment.axes) and _length(segment, shape) > _most(segment)


def _most(segment: Compiled) -> int:
    """The longest lane that buffers hold."""
    return _SCRATCH // (segment.buffers * segment.graph.dtype.itemsize)


def _form(segment: Compiled, x: Array) -> str:
    """How to run lanes: it depends on their length and strides alone, so that any part of an array gives the same."""
    count, length = x.shape
    side_by_side = count > 1 and abs(x.strides[0]) < abs(x.strides[1])
    if not segment.axes:
        return "flat"
    if length > _most(segment):
        return "long columns" if side_by_side else "long rows"
    if side_by_side:
        if 16 * length <= _most(segment):
            return "columns"
        return "rows" if segment.sliced else "long columns"
    return "columns" if length < _NARROW and count > 1 else "rows"


def _run_lanes(segment: Compiled, x: Array, y: Array) -> None:
    form = _form(segment, x)
    if form.startswith("long"):
        _run_long(segment, form, x, y)
        return
    kernel = segment.kernel(form)
    if x.size < _SHARED or threads.get_num_threads() == 1:
        kernel(x, y, segment.parameters)
        return
    pieces = list(_pieces(form, x.shape, _PIECE))

    def work(number: int) -> None:
        piece = pieces[number]
        kernel(x[piece], y[piece], segment.parameters)

    threads.share(work, len(pieces))


def _pieces(form: str, shape: tuple[int, ...], size: int) -> Iterator[tuple[slice, ...]]:
    """Parts of lanes of about so many elements: some lanes each, or of elementwise work some elements."""
    count, length = shape
    if form == "flat" and length > size:
        for start in range(0, length, size):
            for row in range(count):
                yield slice(row, row + 1), slice(start, start + size)
        return
    step = max(16, size // max(1, length) // 16 * 16)
    for start in range(0, count, step):
        yield slice(start, start + step), slice(None)


def _run_converted(segment: Compiled, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> bool:
    """Run a kernel block by block on arrays of other types than its own; whether that could be done."""
    if segment.sliced and _is_long(segment, x.shape):
        return False
    views = layout.lanes(x, y, segment.axes)
    if views is None:
        return False
    for x2, y2 in views:
        form = _form(segment, x2)
        if form.startswith("long"):
            _run_long(segment, form, x2, y2)
            continue
        kernel = segment.kernel(form)
        pieces = list(_pieces(form, x2.shape, _PIECE))

        def work(number: int, x2: Array = x2, y2: Array = y2, kernel: Any = kernel, pieces: Any = pieces) -> None:
            piece = pieces[number]
            block = x2[piece].astype(segment.graph.dtype, order="K")
            kernel(block, block, segment.parameters)
            with np.errstate(all="ignore"):  # in this thread
                np.copyto(y2[piece], block, casting="unsafe")

        threads.share(work, len(pieces) if x2.size >= _SHARED else 0)
        for number in range(len(pieces) if x2.size < _SHARED else 0):
            work(number)
    return True


def _run_long(segment: Compiled, form: str, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
    """Run lanes that no buffer holds: each phase goes over all blocks and ends in reductions, the last one writes y."""
    if form == "long rows" and x.shape[0] > 1:
        for row in range(x.shape[0]):
            _run_long(segment, form, x[row : row + 1], y[row : row + 1])
        return
    kernel = segment.kernel(form)
    phases = segment.phases
    dtype = segment.graph.dtype
    count, length = x.shape
    tile = min(count, _LANES)
    step = max(1, _LONG_BLOCK // tile)
    places = [
        (slice(first, first + tile), slice(start, start + step))
        for first in range(0, count, tile)
        for start in range(0, length, step)
    ]
    results = sum(map(len, phases))
    blocks = -(-length // step)
    known = np.empty((1 + results, count))
    known[0] = length
    parts = np.empty((blocks, 2 * max(1, results), count))
    plain = _is_plain(x, dtype)
    straight = _is_plain(y, dtype)

    def block(array: npt.NDArray[Any]) -> Array:
        return np.asarray(array.T.astype(dtype, order="C").T)

    for phase in range(len(phases) + 1):
        last = phase == len(phases)

        def work(number: int, phase: int = phase, last: bool = last) -> None:
            lanes, elements = place = places[number]
            source = x[place] if plain else block(x[place])
            target = source if not last else y[place] if straight else np.empty_like(source)
            mine = parts[elements.start // step, :, lanes]
            kernel(source, target, segment.parameters, known[:, lanes], mine, phase)
            if last and not straight:
                with np.errstate(all="ignore"):  # in this thread
                    np.copyto(y[place], target, casting="unsafe")

        threads.share(work, len(places))
        if not last:
            for number, kind in phases[phase]:
                known[1 + number] = _together(kind, parts[:, 2 * number], parts[:, 2 * number + 1], length)


def _together(kind: str, totals: Array, lost: Array, length: int) -> npt.NDArray[np.float64]:
    """The blocks' parts of a reduction taken together, lane by lane."""
    if kind == "max":
        return np.max(totals, axis=0)  # type: ignore[no-any-return]
    if kind == "min":
        return np.min(totals, axis=0)  # type: ignore[no-any-return]
    if kind == "prod":
        return np.prod(totals, axis=0)  # type: ignore[no-any-return]
    # Along the last axis NumPy adds up pairwise.
    total = np.add.reduce(np.ascontiguousarray(totals.T), axis=-1)
    total = total + np.where(np.isfinite(total), np.add.reduce(np.ascontiguousarray(lost.T), axis=-1), 0)
    return total / length if kind == "mean" else total  # type: ignore[no-any-return]
