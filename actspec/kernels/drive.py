"""Run stages on arrays: types, layouts, ``out=``, overlap, threads, and lanes of any length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array, check_out, real_array, result_type
from actspec.graph.operand import Stage
from actspec.kernels import layout, plan, threads
from actspec.kernels.codegen import WIDE
from actspec.kernels.known import Known
from actspec.kernels.plan import Compiled, Part, Segment

_SHARED = 1 << 18
"""The number of elements from which threads pay: waking one takes about as long as a tanh of a tenth of them."""

_PIECE = 1 << 16
"""How many elements a thread takes at a time, at least; a turn costs about as much as copying a hundredth of them."""

_TURNS = 8
"""How many times a thread takes some: so that none waits long for another at the end."""

_LARGE = 1 << 23
"""The number of bytes from which an array is taken to be larger than the caches."""

_NARROW = 48
"""Lanes of fewer elements run side by side."""

_SCRATCH = 1 << 19
"""The most bytes of buffers for one lane; longer lanes run in phases."""

_LONG_BLOCK = 1 << 16
"""How many elements of a long lane are taken at a time, and of several of another type than the kernel's."""

_CONVERTED_LANES = 16
"""How many those several are."""

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
        form = _form(segment, views[0], side_by_side=False)
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
    side_by_side = _side_by_side(segment, x)
    for x2, y2 in views:
        _run_lanes(segment, _form(segment, x2, side_by_side=side_by_side), x2, y2)


_MOST_LOOPS = 64


def _length(segment: Compiled, shape: tuple[int, ...]) -> int:
    """The number of elements in a lane."""
    return math.prod(shape[axis] for axis in segment.axes)


def _is_long(segment: Compiled, shape: tuple[int, ...]) -> bool:
    return bool(segment.axes) and _length(segment, shape) > _most(segment)


def _most(segment: Compiled) -> int:
    """The longest lane that buffers hold."""
    return _SCRATCH // (segment.buffers * segment.graph.dtype.itemsize)


def _side_by_side(segment: Compiled, x: npt.NDArray[Any]) -> bool:
    """Whether elements of several lanes lie closer to each other than those of one."""
    steps = [(axis in segment.axes, abs(x.strides[axis])) for axis in range(x.ndim) if x.shape[axis] > 1]
    least = min((step for inside, step in steps if inside), default=0)
    return any(step < least for inside, step in steps if not inside)


def _form(segment: Compiled, x: Array, *, side_by_side: bool) -> str:
    """How to run lanes: it depends on their length and strides alone, so that any part of an array gives the same."""
    count, length = x.shape
    if not segment.axes:
        return "flat"
    if length > _most(segment):
        return "long columns" if side_by_side else "long rows"
    if side_by_side:
        if 16 * length <= _most(segment):
            return "columns"
        return "wide rows" if segment.sliced else "long columns"
    if length < _NARROW and count > 1:
        return "columns"
    return "rows" if length <= WIDE else "wide rows"


def _run_lanes(segment: Compiled, form: str, x: Array, y: Array) -> None:
    if form.startswith("long"):
        _run_long(segment, form, x, y)
        return
    kernel = segment.kernel(form)
    parameters = segment.parameters if x.nbytes < _LARGE else segment.parameters_of_large
    count = _threads(x)
    if count == 1:
        kernel(x, y, parameters)
        return
    pieces = list(_pieces(form, x.shape, max(_PIECE, x.size // (_TURNS * count))))

    def work(number: int) -> None:
        piece = pieces[number]
        kernel(x[piece], y[piece], parameters)

    threads.share(work, len(pieces))


def _threads(x: npt.NDArray[Any]) -> int:
    """How many threads an array is worth."""
    return threads.get_num_threads() if x.size >= _SHARED else 1


def _pieces(form: str, shape: tuple[int, ...], size: int) -> Iterator[tuple[slice, ...]]:
    """Parts of lanes of about so many elements: some lanes each, or of elementwise work some elements."""
    count, length = shape
    if form == "flat" and length > size:
        for start in range(0, length, size):
            for row in range(count):
                yield slice(row, row + 1), slice(start, start + size)
        return
    step = size // max(1, length)
    step = step // 16 * 16 if step >= 16 else max(1, step)
    for start in range(0, count, step):
        yield slice(start, start + step), slice(None)


def _run_converted(segment: Compiled, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> bool:
    """Run a kernel block by block on arrays of other types than its own; whether that could be done."""
    if segment.sliced and _is_long(segment, x.shape):
        return False
    views = layout.lanes(x, y, segment.axes)
    if views is None:
        return False
    side_by_side = _side_by_side(segment, x)
    for x2, y2 in views:
        form = _form(segment, x2, side_by_side=side_by_side)
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

        if _threads(x2) > 1:
            threads.share(work, len(pieces))
        else:
            for number in range(len(pieces)):
                work(number)
    return True


def _run_long(segment: Compiled, form: str, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
    """Run lanes that no buffer holds: each phase goes over all blocks and ends in reductions, the last one writes y."""
    together = 1 if form == "long rows" else _LANES
    if x.shape[0] > together:
        for row in range(0, x.shape[0], together):
            _run_long(segment, form, x[row : row + together], y[row : row + together])
        return
    kernel = segment.kernel(form)
    phases = segment.phases
    dtype = segment.graph.dtype
    count, length = x.shape
    plain, straight = _is_plain(x, dtype), _is_plain(y, dtype)
    step = _LONG_BLOCK if form == "long rows" else _LONG_BLOCK // _CONVERTED_LANES
    tile = _LANES if plain and straight else _CONVERTED_LANES
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
    if kind in _TOGETHER:
        result: npt.NDArray[np.float64] = _TOGETHER[kind](totals, axis=0)
        return result
    return _sum(totals, lost) / (length if kind == "mean" else 1)


_TOGETHER: dict[str, Any] = {"max": np.max, "min": np.min, "prod": np.prod}


def _sum(totals: Array, lost: Array) -> npt.NDArray[np.float64]:
    """The sum of the first axis by pairs, with what rounding loses: hardly anything depends on where blocks end."""
    while len(totals) > 1:
        if len(totals) % 2:
            totals, lost = (np.concatenate([each, np.zeros_like(each[:1])]) for each in (totals, lost))
        a, b = totals[::2], totals[1::2]
        totals = a + b
        seen = totals - a
        error = (a - (totals - seen)) + (b - seen)
        lost = lost[::2] + lost[1::2] + np.where(np.isnan(error), 0, error)
    result: npt.NDArray[np.float64] = totals[0] + np.where(np.isfinite(totals[0]), lost[0], 0)
    return result
