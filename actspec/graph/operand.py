"""What stands for an array in a formula, through NumPy's own protocols: the operations that can be followed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from actspec import functions
from actspec.graph.composed import COMPOSED, holds_for_all, holds_for_any
from actspec.graph.parts import Parts
from actspec.graph.unfollowed import UnfollowedError


def _reducing(function: Any) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: _reduced(function, self, *args, **kwargs)


def _elementwise(function: Any) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: _leader(self, args, kwargs).elementwise(function, (self, *args), kwargs)


class Operand(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array of known rank in a formula, whose operations it takes apart into two kinds."""

    __hash__ = None  # type: ignore[assignment]  # like an array

    ndim: int

    leads = False
    """Whether it takes the functions of operands of the other kind as well, wherever among the arguments it stands."""

    sum = _reducing(np.add)
    prod = _reducing(np.multiply)
    max = _reducing(np.maximum)
    min = _reducing(np.minimum)
    mean = _reducing(np.mean)
    var = _reducing(np.var)
    std = _reducing(np.std)
    clip = _elementwise(np.ndarray.clip)
    copy = _elementwise(np.ndarray.copy)
    astype = _elementwise(np.ndarray.astype)
    round = _elementwise(np.ndarray.round)
    any = holds_for_any
    all = holds_for_all

    def elementwise(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a function that takes each element apart from the others; a tuple for several results."""
        raise NotImplementedError

    def reduction(self, function: Any, axes: frozenset[int], *, keepdims: bool, options: dict[str, Any]) -> Any:
        """The result of a reduction: a ufunc, for its ``reduce``, np.mean, np.var, np.std or simplex_threshold.

        An axis that the array has not is given as ``ndim``.
        """
        raise NotImplementedError

    def first_true(self, axis: int) -> Any:
        """Where this condition first holds along an axis; one that the array has not is given as ``ndim``."""
        raise NotImplementedError

    def run(self, activation: Any, body: Callable[[Any, Any], Any]) -> Any:
        """The result of an activation's formula on this operand."""
        return body(activation._given(np.dtype(np.float64)), self)

    def assign(self, value: Any) -> Operand:  # noqa: ARG002  # those that can
        """Itself, which stands for another value from now on, as an array that is written over."""
        raise UnfollowedError("it writes over the array")

    def is_same(self, other: Operand) -> bool:
        """Whether another operand stands for the same value."""
        return self is other

    @property
    def is_of_features(self) -> bool:
        """Whether it is made of learnt values and numbers alone."""
        return False

    def sliced(self, chosen: Any, follow: Callable[[Any], Any]) -> Any:
        """The operand with what ``follow`` makes of some features of its last axis in their place."""
        raise NotImplementedError

    def split(self, parts: Parts) -> list[Any]:
        """The parts of the features, as ``Parts`` says."""
        raise NotImplementedError

    def joined(self, members: list[Any]) -> Any:
        """The operand whose features are those of these operands, of which it is one, side by side."""
        raise NotImplementedError

    def run_on(self, whole: Any, activation: Any, body: Callable[[Any, Any], Any]) -> Any:
        """The result of an activation's formula on what this operand is a part of."""
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Any:
        every = key[1] if isinstance(key, tuple) and len(key) == 2 and key[0] is Ellipsis else None
        if isinstance(every, slice) and every.stop is None and isinstance(every.step, int) and every.step > 1:
            first = every.start or 0
            if isinstance(first, int) and 0 <= first < every.step:
                return self.split(Parts(every.step, interleaved=True))[first]
        raise UnfollowedError("it picks elements out of the array by their place")

    def __array__(self, *_args: object, **_kwargs: object) -> Any:
        raise UnfollowedError("it needs the values as an array of NumPy's")

    def __bool__(self) -> bool:
        raise UnfollowedError("it branches on the data")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "reduce":
            return _reduced(ufunc, *inputs, **{"axis": 0, **kwargs})
        if method != "__call__" or ufunc.signature is not None:
            raise UnfollowedError(f"it calls {ufunc.__name__}{'' if method == '__call__' else f'.{method}'}")
        if unknown := set(kwargs) - {"dtype", "where", "out"}:
            raise UnfollowedError(f"it calls {ufunc.__name__} with the option {min(unknown)!r}")
        if ufunc in COMPOSED and not kwargs:
            return COMPOSED[ufunc](*inputs)
        (target,) = kwargs.pop("out", (None,))
        result = _leader(self, inputs, kwargs).elementwise(ufunc, inputs, kwargs)
        if target is None:
            return result
        if not isinstance(target, Operand):
            raise UnfollowedError("it writes into an array of its own")
        return target.assign(result)

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        if function in COMPOSED:
            return COMPOSED[function](*args, **kwargs)
        if function is np.split:
            return _split(*args, **kwargs)
        if function is np.concatenate:
            return _concatenate(*args, **kwargs)
        if function in _REDUCTIONS:
            return _reduced(_REDUCTIONS[function], *args, **kwargs)
        if function is functions.first_true:
            return _first_true(*args, **kwargs)
        if function in _ELEMENTWISE:
            return _leader(self, args, kwargs).elementwise(function, args, kwargs)
        raise UnfollowedError(f"it calls {function.__name__}, which can't be followed")


_REDUCTIONS: dict[Any, Any] = {
    np.sum: np.add,
    np.prod: np.multiply,
    np.max: np.maximum,
    np.amax: np.maximum,
    np.min: np.minimum,
    np.amin: np.minimum,
    np.mean: np.mean,
    np.var: np.var,
    np.std: np.std,
    functions.simplex_threshold: functions.simplex_threshold,
}
_ELEMENTWISE = frozenset(
    {
        np.where,
        np.clip,
        np.nan_to_num,
        np.zeros_like,
        np.ones_like,
        np.empty_like,
        np.full_like,
        np.copy,
        np.round,
        np.around,
        np.fix,
    }
) | {getattr(functions, name) for name in set(functions.__all__) - {"first_true", "simplex_threshold"}}


def _first_true(condition: Any, axis: int = -1) -> Any:
    return condition.first_true(_place(axis, condition.ndim))


def _place(axis: int, ndim: int) -> int:
    """The number of an axis from the first one on; ``ndim`` where there is no such axis."""
    return axis % ndim if -ndim <= axis < ndim else ndim


def _split(x: Any, sections: object, axis: int = 0) -> list[Any]:
    """Equal parts of the features."""
    if not isinstance(sections, int) or sections < 1 or axis not in (-1, x.ndim - 1):
        raise UnfollowedError("it splits the array otherwise than its last axis into so many parts")
    return x.split(Parts(sections)) if sections > 1 else [x]


def _concatenate(arrays: Any, axis: int | None = 0, **options: object) -> Any:
    """The features of several operands side by side."""
    members = list(arrays)
    if options or not all(isinstance(each, Operand) and each.ndim == members[0].ndim > 0 for each in members):
        raise UnfollowedError("it joins the array with another one")
    if axis not in (-1, members[0].ndim - 1):
        raise UnfollowedError("it joins arrays along another axis than the last")
    return members[0].joined(members)


class Stage(Protocol):
    """What runs: an activation."""

    @property
    def resizes(self) -> bool:
        """Whether the result has other features than x."""
        ...

    def features_out(self, n: int, /) -> int:
        """How many features the result has where x has n; ValueError where x can't have so many."""
        ...

    def formula(self, x: Any, /) -> Any:
        """The formula on a copy of an array of floats, as its author wrote it."""
        ...

    def follow(self, x: Operand, /) -> Operand:
        """The formula on what stands for an array."""
        ...

    def learnt_values(self, dtype: np.dtype[Any], /) -> dict[int, npt.NDArray[Any]]:
        """The learnt values in it, by their numbers, as arrays of a type with one value a feature."""
        ...


def features_after(stages: Iterable[Stage], n: int) -> int:
    """How many features the result of stages has, one after the other, where x has n; ValueError where one can't."""
    for stage in stages:
        n = stage.features_out(n)
    return n


def operands(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The operands among a function's arguments."""
    found = []
    for value in (*args, *kwargs.values()):
        if isinstance(value, Operand):
            found.append(value)
        elif not isinstance(value, type) and np.ndim(value) > 0:
            # An array of the formula's own knows its place, which a part of x would not.
            raise UnfollowedError("it uses an array of its own")
    return found


def _leader(operand: Operand, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operand:
    """The one of a function's operands that takes it: a parameter leaves it to what stands for parts of the array."""
    found = (each for each in (*args, *kwargs.values()) if isinstance(each, Operand) and each.leads)
    return next(found, operand)


def _reduced(
    function: Any,
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    *more: Any,
    keepdims: bool = False,
    out: object = None,
    **options: Any,
) -> Any:
    if more or out is not None or not isinstance(a, Operand):
        raise UnfollowedError("it takes values together in a way that can't be followed")
    axes = tuple(range(a.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    if axis == ():
        raise UnfollowedError("it takes values together along no axis")
    # Without keepdims, later axes are no longer those of x; only a full reduction stays harmless.
    if not keepdims and axis is not None:
        raise UnfollowedError("it takes values together along an axis without keepdims=True")
    mixed = frozenset(_place(index, a.ndim) for index in axes)
    if len(mixed) < len(axes):
        raise UnfollowedError("it names an axis twice")
    return a.reduction(function, mixed, keepdims=keepdims, options=options)
