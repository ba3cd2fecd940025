"""Run a formula on an array that is larger than memory, block by block, where it couples axes that are cut.

The formula runs on one block after the other. What it adds up along a cut axis isn't known at first: each block gives
its part, and what depends on it waits. Then it runs over all blocks again, with that known, until nothing has to wait.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from actspec import functions
from actspec.arrays import check_result
from actspec.graph.operand import Operand, operands
from actspec.graph.unfollowed import UnfollowedError

Array = npt.NDArray[Any]

_MOST_ANSWERS = 1 << 18
"""How many values one reduction may give: they stay in memory."""


class Extent(NamedTuple):
    """Along one axis: the length of the whole array, and which part of it a block has."""

    length: int
    start: int
    stop: int


Region = tuple[Extent, ...]


class Stream:
    """A formula on its way over an array in blocks, which are cut along some axes.

    In each of ``walks`` walks over the array it is called with every block; in the last one the calls give results,
    before it None. UnfollowedError where the formula can't be run in this way.

    >>> stream = Stream(lambda x: x - np.mean(x, keepdims=True), (4,), frozenset({0}))
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> for _ in range(stream.walks):
    ...     print([stream(x[place], (place,)) for place in (slice(0, 2), slice(2, 4))])
    ...     stream.end_walk()
    [None, None]
    [array([-1.5, -0.5]), array([0.5, 1.5])]
    """

    def __init__(self, formula: Callable[[Any], Any], shape: tuple[int, ...], cut: frozenset[int]) -> None:
        self._formula = formula
        self._shape = shape
        self.cut = cut
        self.answers: dict[int, dict[Region, Array]] = {}
        self.sums: dict[int, dict[Region, _Sum]] = {}
        self.numbers = itertools.count()
        try:
            self.walks = 1 + self._run(None, tuple(Extent(length, 0, length) for length in shape)).depth
        except (Exception, UnfollowedError) as error:  # formulas raise what they like at what stands for an array
            raise UnfollowedError from error

    def __call__(self, values: Array, place: tuple[slice, ...]) -> Array | None:
        """The formula's result for the block at a place, or None in all walks but the last."""
        extents = (Extent(length, cut.start, cut.stop) for length, cut in zip(self._shape, place, strict=True))
        with np.errstate(all="ignore"):
            return self._run(values, tuple(extents)).values

    def end_walk(self) -> None:
        """Take the blocks of a walk together."""
        with np.errstate(all="ignore"):
            for number, sums in self.sums.items():
                self.answers[number] = {region: each.result() for region, each in sums.items()}
        self.sums.clear()

    def _run(self, values: Array | None, region: Region) -> Block:
        self.numbers = itertools.count()
        result = self._formula(Block(self, values, region))
        if not isinstance(result, Block):
            raise UnfollowedError
        return result


class Block(Operand):
    """A part of an array in a formula, or of what it has made of it; without values as long as they aren't known."""

    def __init__(self, stream: Stream, values: Array | None, region: Region, depth: int = 0) -> None:
        self._stream = stream
        self.values = values
        self.region = region
        self.ndim = len(region)
        self.depth = depth

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole array."""
        return tuple(extent.length for extent in self.region)

    def elementwise(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of the function on this part; several results in a tuple."""
        blocks = operands(args, kwargs)
        depth = max(block.depth for block in blocks)
        # An axis of length one is stretched; a full reduction has no axes.
        region = tuple(map(max, zip(*(block.region for block in blocks if block.region), strict=True)))
        several = isinstance(function, np.ufunc) and function.nout > 1
        results: Any = (None,) * (function.nout if isinstance(function, np.ufunc) else 1)
        if all(block.values is not None for block in blocks):
            known = {name: _known(value) for name, value in kwargs.items()}
            computed = function(*map(_known, args), **known)
            results = computed if several else (computed,)
        made = tuple(Block(self._stream, None if each is None else np.asarray(each), region, depth) for each in results)
        return made if several else made[0]

    def reduction(self, function: Any, axes: frozenset[int], *, keepdims: bool, options: dict[str, Any]) -> Block:
        """The values along the axes taken together, once all blocks are known that share them."""
        if self.ndim in axes or set(options) - {"dtype", "ddof", "correction"}:
            raise UnfollowedError
        stream = self._stream
        region = tuple(Extent(1, 0, 1) if axis in axes else extent for axis, extent in enumerate(self.region))
        kept = region if keepdims else ()
        if not axes & stream.cut:
            whole = None
            if self.values is not None:
                reduce = function.reduce if isinstance(function, np.ufunc) else function
                whole = np.asarray(reduce(self.values, axis=tuple(axes), keepdims=keepdims, **options))
            return Block(stream, whole, kept, self.depth)
        _check(function, region)
        number, answer = next(stream.numbers), None
        if number in stream.answers:
            known = stream.answers[number]
            # A slice may have nothing of this block, and so nothing was given.
            answer = known[region] if region in known else np.empty(_sizes(region))
            answer = answer if keepdims else answer.reshape(())
        elif self.values is not None and self.values.size:
            count = math.prod(self.region[axis].length for axis in axes)
            sums = stream.sums.setdefault(number, {})
            if region not in sums:
                sums[region] = _sum(function, count, self.values.dtype, options, _sizes(region))
            sums[region].add(_lanes(self.values, axes, sums[region].within))
        return Block(stream, answer, kept, self.depth + 1)

    def first_true(self, axis: int) -> Any:
        """Where this condition first holds along an axis, once all blocks are known that share it."""
        if axis == self.ndim:
            raise UnfollowedError
        if axis not in self._stream.cut:
            return self.elementwise(functions.first_true, (self, axis), {})
        start, stop = self.region[axis][1:]
        places = np.arange(start, stop, dtype=np.float64).reshape(-1, *[1] * (self.ndim - 1 - axis))
        found = self.elementwise(lambda met: np.where(met, places, np.inf), (self,), {})
        first = found.reduction(np.minimum, frozenset({axis}), keepdims=True, options={})
        return self.elementwise(lambda met, place: met & (places == place), (self, first), {})

    def run(self, activation: Any, body: Callable[[Any, Any], Any]) -> Any:
        """The result of an activation's formula, which has to be of this part's shape."""
        name = f"the formula of {type(activation).__qualname__}"
        result = super().run(activation, body)
        return self.elementwise(lambda own, y: check_result(y, own, name), (self, result), {})

    def sliced(self, chosen: Any, follow: Callable[[Any], Any]) -> Any:
        """The part with what ``follow`` makes of some features of the last axis in their place."""
        length, start, stop = self.region[-1]
        every = range(*chosen.selected(self.shape).indices(length))
        first, last = (min(max(0, -((every.start - bound) // every.step)), len(every)) for bound in (start, stop))
        mine = every[first:last]
        local = (..., slice(mine.start - start, mine.stop - start, mine.step) if mine else slice(0, 0))

        def replaced(values: Array, part: Array) -> Array:
            result = values.copy()
            result[local] = part
            return result

        values = None if self.values is None else self.values[local]
        region = (*self.region[:-1], Extent(len(every), first, first + len(mine)))
        part = Block(self._stream, values, region, self.depth)
        return self.elementwise(replaced, (self, follow(part)), {}) if len(every) else self


class _Sum:
    """What the blocks give to a reduction with a ufunc."""

    def __init__(self, ufunc: np.ufunc, within: np.dtype[Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._ufunc = ufunc
        self.within = within
        self._dtype = dtype
        self._shape = shape
        self._total: Any = None

    def add(self, lanes: Array) -> None:
        """Take in a block, whose values are to be taken together along the last of two axes."""
        part = self._ufunc.reduce(lanes, axis=-1, dtype=self.within)
        self._total = part if self._total is None else self._joined(self._total, part)

    def result(self) -> Array:
        """The reduction of all blocks."""
        return np.asarray(self._finished()).reshape(self._shape).astype(self._dtype)

    def _joined(self, total: Array, part: Array) -> Any:
        return self._ufunc(total, part)

    def _finished(self) -> Any:
        return self._total


class _ExactSum(_Sum):
    """A sum, or a mean, that makes up for what rounding loses from block to block."""

    def __init__(self, within: np.dtype[Any], dtype: np.dtype[Any], shape: tuple[int, ...], divisor: int) -> None:
        super().__init__(np.add, within, dtype, shape)
        self._divisor = divisor
        self._lost: Any = 0.0

    def _joined(self, total: Array, part: Array) -> Any:
        joined = total + part
        taken = joined - total
        self._lost = self._lost + ((total - (joined - taken)) + (part - taken))
        return joined

    def _finished(self) -> Any:
        # Beyond the finite numbers there is no saying what was lost.
        return np.where(np.isfinite(self._total), self._total + self._lost, self._total) / self._divisor


class _Variance(_Sum):
    """The mean square of the deviations from the mean, or its root, by the formula of Chan, Golub and LeVeque (1979).

    The means are relative to that of the first block: so large values that differ little keep their digits.
    """

    def __init__(
        self, within: np.dtype[Any], dtype: np.dtype[Any], shape: tuple[int, ...], divisor: float, *, root: bool
    ) -> None:
        super().__init__(np.add, within, dtype, shape)
        self._divisor = divisor
        self._root = root
        self._count = 0
        self._origin: Any = None
        self._mean: Any = None

    def add(self, lanes: Array) -> None:
        """Take in a block."""
        count = lanes.shape[-1]
        if not self._count:
            first = np.mean(lanes, axis=-1, keepdims=True)
            self._origin = np.where(np.isfinite(first), first, 0)
        deviations = lanes - self._origin
        mean = np.mean(deviations, axis=-1)
        if not self._count:
            self._total, self._mean = 0.0, mean
        deviations -= mean[:, None]
        squares = np.add.reduce(np.square(np.abs(deviations)), axis=-1)
        together = self._count + count
        # Equal means may be infinite.
        apart = np.where(mean == self._mean, 0, mean - self._mean)
        self._mean = self._mean + apart * (count / together)
        self._total = self._total + squares + np.square(np.abs(apart)) * (self._count / together * count)
        self._count = together

    def _finished(self) -> Any:
        variance = (self._total / self._divisor).astype(self._dtype)
        return np.sqrt(variance) if self._root else variance


_ASSOCIATIVE = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})
"""Ufuncs with an identity element are associative too."""


def _check(function: Any, region: Region) -> None:
    """UnfollowedError where the parts of the blocks can't be taken together, or their results are too many."""
    if function is functions.simplex_threshold:  # there is no saying how many walks it takes
        raise UnfollowedError
    if isinstance(function, np.ufunc) and function.identity is None and function not in _ASSOCIATIVE:
        raise UnfollowedError
    if math.prod(extent.length for extent in region) > _MOST_ANSWERS:
        raise UnfollowedError


def _sum(function: Any, count: int, dtype: np.dtype[Any], options: dict[str, Any], shape: tuple[int, ...]) -> _Sum:
    """Where the blocks' parts of a reduction of ``count`` values each are gathered, for a result of this shape."""
    reduce = function.reduce if isinstance(function, np.ufunc) else function
    result = reduce(np.ones(1, dtype), **{name: options[name] for name in options if name == "dtype"}).dtype
    within = np.result_type(result, np.float64) if result.kind in "fc" else result
    if function in (np.add, np.mean) and result.kind in "fc":
        return _ExactSum(within, result, shape, count if function is np.mean else 1)
    if isinstance(function, np.ufunc):
        return _Sum(function, result if function in _ASSOCIATIVE else within, result, shape)
    divisor = max(count - options.get("ddof", options.get("correction", 0)), 0)
    return _Variance(np.result_type(dtype, within), result, shape, divisor, root=function is np.std)


def _sizes(region: Region) -> tuple[int, ...]:
    """The shape of a region."""
    return tuple(stop - start for _, start, stop in region)


def _lanes(values: Array, axes: frozenset[int], dtype: np.dtype[Any]) -> Array:
    """The values with those along the axes in rows: then NumPy adds up pairwise, and fast, whatever their order was."""
    others = [axis for axis in range(values.ndim) if axis not in axes]
    lanes = values.transpose(*others, *sorted(axes)).astype(dtype, order="C", copy=False)
    return lanes.reshape(math.prod(values.shape[axis] for axis in others), -1)


def _known(value: Any) -> Any:
    return value.values if isinstance(value, Block) else value
