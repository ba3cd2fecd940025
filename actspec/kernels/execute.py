"""Run one kernel on arrays: views, forms, pieces for threads, and lanes of any length."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array
from actspec.graph.parts import Parts
from actspec.kernels import layout, threads
from actspec.kernels.codegen import BLOCK, BOUNDARY, KEEPING, MOST_BUFFERS, SIDE, STREAMED, THRESHOLD, WIDE
from actspec.kernels.plan import Compiled

WORTH_SHARING = 80_000_000
"""The work, in bytes by what they cost, from which threads pay: a tanh of 700,000 float32s, a relu of 2,500,000."""

_MOVED = 6
"""What reading and writing a number costs, in the units of a primitive's cost."""

_PIECE = 1 << 17
"""How many elements a thread takes at a time, at least: between turns threads may wait for Python's lock."""

_BESIDE = 1 << 21
"""How many bytes are taken at a time, of what several kernels read and write one after the other."""

_CONVERTED = 1 << 16
"""How many elements of another type than the kernel's are converted at a time."""

_SUMMED = 64
"""How many pieces at the most have sums of their own."""

_LARGE = 1 << 23
"""The number of bytes from which an array is taken to be larger than the caches."""

_STREAMED = 3 << 23
"""The number of bytes that are read and written from which the result goes past the caches."""

_STREAMED_LANES = 256
"""Short lanes go past the caches in whole numbers of so many bytes: a loop's vectors, on any machine."""

_NARROW = 48
"""Lanes of fewer elements run side by side."""

_SCRATCH = 1 << 19
"""The most bytes of buffers for one lane; longer lanes run in phases."""

_LONG_BLOCK, _LONG_BLOCKS = 1 << 18, 32
"""How many elements of a long lane are taken at a time, at least; and in how many turns, at the most."""

_CONVERTED_LANES = 16
"""How many long lanes of another type than the kernel's are taken at a time."""

_LANES = 256

VECTOR = 16
"""The most numbers in a vector; threads begin at whole ones."""


@dataclass(frozen=True, slots=True)
class Operands:
    """What a kernel works on: inputs and an output of one shape, learnt values, and sums over all lanes.

    ``learnt`` and ``sums`` have a row for each number of learnt values, and a column for each feature.
    """

    inputs: tuple[npt.NDArray[Any], ...]
    y: npt.NDArray[Any]
    learnt: Array | None = None
    sums: npt.NDArray[np.float64] | None = None

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Inputs and output."""
        return (*self.inputs, self.y)

    def on(self, views: layout.Views) -> Operands:
        """The same on views of inputs and output."""
        return replace(self, inputs=views[:-1], y=views[-1])

    def piece(self, lanes: slice, elements: slice, *, across: bool) -> Operands:
        """Some elements of some lanes."""
        features = lanes if across else elements
        learnt = None if self.learnt is None else self.learnt[:, features]
        sums = None if self.sums is None else self.sums[:, features]
        inputs = tuple(each[lanes, elements] for each in self.inputs)
        return Operands(inputs, self.y[lanes, elements], learnt, sums)

    def arguments(self, parameters: npt.NDArray[np.float64]) -> tuple[Any, ...]:
        """What a kernel is called with."""
        given = tuple(each for each in (self.learnt, self.sums) if each is not None)
        return (*self.inputs, self.y, parameters, *given)


def learnt_rows(segment: Compiled, values: Mapping[int, npt.NDArray[Any]], width: int) -> Array | None:
    """The learnt values that a kernel reads, as it takes them; None where it reads none."""
    numbers = segment.graph.learnt
    if not numbers:
        return None
    rows = np.zeros((len(numbers), -(-width // VECTOR) * VECTOR), segment.graph.dtype)
    for row, number in zip(rows, numbers, strict=True):
        row[: values[number].size] = values[number]
    return rows


def views_of(segment: Compiled, operands: Operands) -> Iterator[Operands] | None:
    """The operands as lanes and elements, in one view or several; None where the elements of a lane don't lie at one
    distance from each other.
    """
    views = layout.lanes(operands.arrays, segment.axes, across=segment.graph.across)
    return None if views is None else map(operands.on, views)


def run(segment: Compiled, operands: Operands) -> bool:
    """Run a kernel on arrays of its type; whether their lanes can be viewed."""
    views = views_of(segment, operands)
    if views is None:
        return False
    beside = side_by_side(segment, operands.inputs[0])
    for viewed in views:
        _run_lanes(segment, form_of(segment, viewed.inputs[0], side_by_side=beside), viewed)
    return True


def run_beside(
    segments: tuple[Compiled, ...],
    inputs: layout.Views,
    targets: layout.Views,
    alone: Callable[[Compiled, layout.Views, Array], None],
) -> None:
    """Run kernels of the same inputs, each of which writes to an array of its own.

    Elementwise ones run on some rows after the other, so that memory is read once; others, and one, each ``alone``.
    """
    if not _run_in_turns(segments, inputs, targets):
        for segment, y in zip(segments, targets, strict=True):
            alone(segment, inputs, y)


def _run_in_turns(segments: tuple[Compiled, ...], inputs: layout.Views, targets: layout.Views) -> bool:
    """Run elementwise kernels on some rows after the other; whether there are several, and that could be done."""
    if len(segments) == 1 or not all(map(_is_elementwise, segments)):
        return False
    found = list(islice(layout.lanes((*inputs, *targets), frozenset()) or (), 2))
    if len(found) != 1:
        return False
    (views,) = found
    x, count = views[0], len(inputs)
    step = _BESIDE // max(1, len(views) * x[0].nbytes)
    if not step:
        return False
    kernels = [
        kernel_for(each, "flat", Operands(views[:count], y)) for each, y in zip(segments, views[count:], strict=True)
    ]
    parameters = [parameters_for(each, x) for each in segments]

    def work(number: int) -> None:
        rows = slice(number * step, (number + 1) * step)
        given = [each[rows] for each in views]
        for kernel, target, numbers in zip(kernels, given[count:], parameters, strict=True):
            kernel(*given[:count], target, numbers)

    threads.share(work, -(-len(x) // step), max(threads_for(each, x) for each in segments))
    return True


def _is_elementwise(segment: Compiled) -> bool:
    """Whether a kernel takes each element by itself, and nothing but x and its parameters."""
    return not (segment.axes or segment.graph.learnt or segment.graph.sums)


def in_parts(
    segments: tuple[Compiled, ...], given: tuple[Parts, ...], into: Parts, x: Array
) -> Callable[..., Any] | None:
    """What runs kernels of parts of arrays like x, one for each part of the result, as a kernel of the whole arrays; it
    does nothing and gives 1 where the result overlaps them. None where arrays are so large that there is a better way.
    """
    if not all(map(_is_elementwise, segments)) or any(worth_sharing(each, x) for each in segments):
        return None
    if len(segments) > 1 and (len(given) + 1) * x.nbytes > _BESIDE:
        return None
    kernels = [(each.kernel("flat"), parameters_for(each, x)) for each in segments]

    def run(*arguments: Any) -> int:
        *inputs, y, _ = arguments
        if any(np.may_share_memory(each, y) for each in inputs):
            return 1
        parts = [part for each, split in zip(inputs, given, strict=True) for part in split.views(_lanes(each))]
        for (kernel, parameters), target in zip(kernels, into.views(_lanes(y)), strict=True):
            kernel(*parts, target, parameters)
        return 0

    return run


def _lanes(x: Array) -> Array:
    """An array whose elements are neighbours, as lanes along its last axis."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def is_long(segment: Compiled, shape: tuple[int, ...]) -> bool:
    """Whether no buffer holds a lane of an array of this shape."""
    return bool(segment.axes) and math.prod(shape[axis] for axis in segment.axes) > _most(segment)


def _most(segment: Compiled) -> int:
    """The longest lane that buffers hold."""
    return _SCRATCH // (segment.buffers * segment.graph.dtype.itemsize)


def side_by_side(segment: Compiled, x: npt.NDArray[Any]) -> bool:
    """Whether elements of several lanes lie closer to each other than those of one."""
    steps = [(axis in segment.axes, abs(x.strides[axis])) for axis in range(x.ndim) if x.shape[axis] > 1]
    least = min((step for inside, step in steps if inside), default=0)
    return any(step < least for inside, step in steps if not inside)


def form_of(segment: Compiled, x: Array, *, side_by_side: bool) -> str:
    """How to run lanes: it depends on their length and strides, so that any part of an array gives the same; a short
    lane alone is summed in another order than among others, which would take longer.
    """
    count, length = x.shape
    if not segment.axes:
        return "flat"
    if length > _most(segment):
        return "long columns" if side_by_side else "long rows"
    if side_by_side:
        if segment.sliced:
            return "columns" if 16 * length <= _most(segment) else "wide rows"
        room = SIDE * length * segment.buffers * segment.graph.dtype.itemsize
        return "columns" if room <= MOST_BUFFERS else "long columns"
    if length < _NARROW and count > 1:
        return "columns"
    return "rows" if length <= WIDE else "wide rows"


def _run_lanes(segment: Compiled, form: str, operands: Operands) -> None:
    x = operands.inputs[0]
    if form.startswith("long"):
        _run_long(segment, form, operands)
        return
    if operands.sums is not None and not segment.graph.across:
        _run_summed(segment, form, operands)
        return
    among = threads_for(segment, x)
    if among == 1:
        kernel_for(segment, form, operands)(*operands.arguments(parameters_for(segment, x)))
    else:
        _share(segment, form, operands, among)


def parameters_for(segment: Compiled, x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """What a kernel is told beside an array."""
    return segment.parameters if x.nbytes < _LARGE else segment.parameters_of_large


def kernel_for(segment: Compiled, form: str, operands: Operands) -> Callable[..., Any]:
    """The kernel for arrays, which writes past the caches what they don't hold."""
    return segment.kernel(f"streamed {form}" if _is_streamed(form, operands) else form)


def _is_streamed(form: str, operands: Operands) -> bool:
    y = operands.y
    return (
        form in STREAMED
        and sum(each.nbytes for each in operands.arrays) >= _STREAMED
        and y.strides[1] == y.itemsize
        and y.ctypes.data % BOUNDARY == 0
        and (len(y) == 1 or y.strides[0] % BOUNDARY == 0)
        # What is left of a lane after whole vectors would share lines of the cache with them.
        and (form not in KEEPING or y.shape[1] * y.itemsize % _STREAMED_LANES == 0)
        and not any(layout.is_same(each, y) for each in operands.inputs)
    )


def _share(segment: Compiled, form: str, operands: Operands, among: int) -> None:
    x = operands.inputs[0]
    kernel, parameters = kernel_for(segment, form, operands), parameters_for(segment, x)
    pieces = list(_pieces(form, x.shape, _turns(x.size, among)))

    def work(number: int) -> None:
        kernel(*operands.piece(*pieces[number], across=segment.graph.across).arguments(parameters))

    threads.share(work, len(pieces), among)


def shared(segment: Compiled, form: str) -> Callable[..., Any]:
    """A kernel for arrays that are worth sharing among threads; like a kernel, it does nothing and gives 1 where they
    overlap, but for one that is the other.
    """

    def run(*arguments: Any) -> Any:
        *inputs, y, _ = arguments
        operands, among = Operands(tuple(inputs), y), threads.get_num_threads()
        if among == 1:
            return kernel_for(segment, form, operands)(*arguments)
        if any(np.may_share_memory(each, y) and not layout.is_same(each, y) for each in inputs):
            return 1
        _share(segment, form, operands, among)
        return 0

    return run


def _run_summed(segment: Compiled, form: str, operands: Operands) -> None:
    """Run pieces that are the same for any number of threads, and add up their sums in their order."""
    x = operands.inputs[0]
    assert operands.sums is not None
    kernel, parameters = kernel_for(segment, form, operands), parameters_for(segment, x)
    pieces = list(_pieces(form, x.shape, repeat(max(_PIECE, _whole(x.size // _SUMMED)))))
    sums = np.zeros((len(pieces), *operands.sums.shape))

    def work(number: int) -> None:
        piece = operands.piece(*pieces[number], across=False)
        kernel(*replace(piece, sums=sums[number]).arguments(parameters))

    threads.share(work, len(pieces), threads_for(segment, x))
    np.add(operands.sums, sums.sum(axis=0), out=operands.sums)


def worth_sharing(segment: Compiled, x: npt.NDArray[Any]) -> bool:
    """Whether threads pay for a kernel on an array, which depends on how much it computes."""
    return x.size * segment.graph.dtype.itemsize * (_MOVED + segment.cost) >= WORTH_SHARING


def threads_for(segment: Compiled, x: npt.NDArray[Any]) -> int:
    """How many threads run a kernel on an array."""
    return threads.get_num_threads() if worth_sharing(segment, x) else 1


def _turns(size: int, among: int) -> Iterator[int]:
    """How many elements threads take, turn by turn: half of what is left, shared among them, so that turns are few, and
    none waits long for another at the end.
    """
    while True:
        share = max(_PIECE, _whole(size // (2 * among)))
        size -= share * among
        yield from repeat(share, among)


def _whole(count: int) -> int:
    """As many numbers of so many as are whole vectors, so that each piece begins where one does."""
    return count // VECTOR * VECTOR


def _pieces(form: str, shape: tuple[int, ...], sizes: Iterator[int]) -> Iterator[tuple[slice, slice]]:
    """Parts of lanes of about so many elements: some lanes each, or of elementwise work some elements."""
    count, length = shape
    size = next(sizes)
    if form == "flat" and length > size:
        for row in range(count):
            start = 0
            while start < length:
                yield slice(row, row + 1), slice(start, start + size)
                start, size = start + size, next(sizes)
        return
    lane = 0
    while lane < count:
        step = size // max(1, length)
        step = _whole(step) if step >= VECTOR else max(1, step)
        yield slice(lane, lane + step), slice(None)
        lane, size = lane + step, next(sizes)


def run_converted(segment: Compiled, operands: Operands) -> bool:
    """Run a kernel of one input block by block on arrays of other types than its own; whether that could be done."""
    x = operands.inputs[0]
    views = None if segment.sliced and is_long(segment, x.shape) else views_of(segment, operands)
    if views is None:
        return False
    beside = side_by_side(segment, x)
    for viewed in views:
        form = form_of(segment, viewed.inputs[0], side_by_side=beside)
        if form.startswith("long"):
            _run_long(segment, form, viewed)
            continue
        kernel = segment.kernel(form)
        pieces = list(_pieces(form, viewed.y.shape, repeat(_CONVERTED)))

        def work(number: int, viewed: Operands = viewed, kernel: Any = kernel, pieces: Any = pieces) -> None:
            piece = viewed.piece(*pieces[number], across=segment.graph.across)
            block = piece.inputs[0].astype(segment.graph.dtype, order="K")
            kernel(*piece.on((block, block)).arguments(segment.parameters))
            np.copyto(piece.y, block, casting="unsafe")

        threads.share(work, len(pieces), threads_for(segment, viewed.y))
    return True


def _run_long(segment: Compiled, form: str, operands: Operands) -> None:
    """Run lanes that no buffer holds: each phase goes over all blocks and ends in reductions, the last one writes y."""
    together = 1 if form == "long rows" else _LANES
    count, length = operands.y.shape
    across = segment.graph.across
    if count > together:
        some = [
            operands.piece(slice(row, row + together), slice(None), across=across) for row in range(0, count, together)
        ]

        def lanes(number: int) -> None:
            _run_long(segment, form, some[number])

        # Several lanes side by side, where one isn't worth it; what adds to the same sums waits for its turn.
        apart = operands.sums is None and not worth_sharing(segment, some[0].y)
        threads.share(lanes, len(some), threads_for(segment, operands.y) if apart else 1)
        return
    sharing = threads_for(segment, operands.y)
    phases = segment.phases
    dtype = segment.graph.dtype
    plain = all(is_plain(each, dtype) for each in operands.inputs)
    straight = is_plain(operands.y, dtype)
    converted = not (plain and straight)
    kernel = segment.kernel(form) if converted else kernel_for(segment, form, operands)
    tile = _CONVERTED_LANES if converted else _LANES
    if form == "long columns":
        step = _CONVERTED // _CONVERTED_LANES
    elif converted:
        step = _CONVERTED
    else:
        step = max(_LONG_BLOCK, -(-length // (_LONG_BLOCKS * BLOCK)) * BLOCK)
    places = [
        (slice(first, first + tile), slice(start, start + step))
        for first in range(0, count, tile)
        for start in range(0, length, step)
    ]
    results = sum(map(len, phases))
    blocks = -(-length // step)
    known = np.full((1 + results, count), THRESHOLD)
    known[0] = length
    parts = np.empty((blocks, 2 * results + 1, count))
    parts[:, -1] = step * np.arange(blocks)[:, None]

    def block(array: npt.NDArray[Any]) -> Array:
        return np.asarray(array.T.astype(dtype, order="C").T)

    def call(number: int, phase: int) -> None:
        last = phase == len(phases)
        lanes, elements = places[number]
        piece = operands.piece(lanes, elements, across=across)
        inputs = piece.inputs if plain else tuple(map(block, piece.inputs))
        target = inputs[0] if not last else piece.y if straight else np.empty_like(inputs[0])
        mine = parts[elements.start // step, :, lanes]
        arguments = piece.on((*inputs, target)).arguments(segment.parameters)
        kernel(*arguments, known[:, lanes], mine, phase)
        if last and not straight:
            np.copyto(piece.y, target, casting="unsafe")

    for phase in range(len(phases) + 1):

        def work(number: int, phase: int = phase) -> None:
            call(number, phase)

        threads.share(work, len(places), sharing)
        for number, kind in phases[phase] if phase < len(phases) else ():
            mine = parts[:, 2 * number], parts[:, 2 * number + 1]
            if kind != "threshold":
                known[1 + number] = _together(kind, *mine, length)
                continue
            above = np.full(parts.shape[-1], math.inf)
            while True:
                met = mine[1].sum(axis=0)
                more = (_sum(mine[0], np.zeros_like(mine[0])) - 1) / np.maximum(met, 1)
                further = (known[1 + number] + more).astype(dtype)
                known[1 + number] = np.where(above >= 0, further, known[1 + number])
                fewer = met < above
                if not fewer.any():
                    break
                above = np.where(fewer, met, -1.0)  # a lane that has stopped stays
                threads.share(work, len(places), sharing)
    if across and operands.sums is not None:  # each lane has its sums now, and adds them once
        for number, (_, elements) in enumerate(places):
            if elements.start == 0:
                call(number, len(phases) + 1)


def _together(kind: str, totals: Array, lost: Array, length: int) -> npt.NDArray[np.float64]:
    """The blocks' parts of a reduction taken together, lane by lane."""
    if kind in _TOGETHER:
        result: npt.NDArray[np.float64] = _TOGETHER[kind](totals, axis=0)
        return result
    return _sum(totals, lost) / (length if kind == "mean" else 1)


_TOGETHER: dict[str, Any] = {"max": np.max, "min": np.min, "first": np.min, "prod": np.prod}


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


def is_plain(array: npt.NDArray[Any], computed: np.dtype[Any]) -> bool:
    """Whether kernels of this type can read and write the array."""
    return array.dtype == computed and array.flags.aligned
