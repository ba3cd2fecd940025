"""Which axes of its input a formula couples: found by running it on a symbol through NumPy's own protocols.

Work on a large array can be split along every other axis with the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def coupled_axes(formula: Callable[[Any], Any], ndim: int) -> frozenset[int] | None:
    """The axes along which ``formula`` mixes values of an array of ``ndim`` axes; None where that can't be told.

    >>> coupled_axes(lambda x: np.tanh(x) - np.mean(x, axis=-1, keepdims=True), 3)
    frozenset({2})
    >>> coupled_axes(lambda x: x if x.any() else -x, 3) is None
    True
    """
    symbol = _Symbol(ndim)
    try:
        result = formula(symbol)
    except Exception:
        # Whatever a body does that a symbol can't follow: the caller treats it as coupling everything.
        return None
    return result.coupled if isinstance(result, _Symbol) else frozenset()


class _UnknownError(Exception):
    """The formula does something that a symbol can't follow."""


class _Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array of known rank in a formula, and remembers along which axes values were mixed."""

    __hash__ = None  # type: ignore[assignment]  # like an array

    def __init__(self, ndim: int, coupled: frozenset[int] = frozenset()) -> None:
        self.ndim = ndim
        self.coupled = coupled

    def __array__(self, *_args: object, **_kwargs: object) -> Any:
        raise _UnknownError

    def __bool__(self) -> bool:
        raise _UnknownError

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "reduce":
            return self._reduced(inputs[0], **kwargs)
        if method != "__call__" or ufunc.signature is not None or set(kwargs) - {"dtype", "where"}:
            raise _UnknownError
        results = tuple(_merged(inputs) for _ in range(ufunc.nout))
        return results if len(results) > 1 else results[0]

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        if function in _REDUCTIONS:
            return self._reduced(*args, **kwargs)
        if function in _ELEMENTWISE:
            return _merged((*args, *kwargs.values()))
        raise _UnknownError

    def _reduced(
        self, a: Any, axis: int | tuple[int, ...] | None = None, *more: Any, keepdims: bool = False, **kwargs: Any
    ) -> Any:
        if more or kwargs.get("out") is not None or not isinstance(a, _Symbol):
            raise _UnknownError
        axes = range(a.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        mixed = a.coupled | {index % a.ndim if -a.ndim <= index < a.ndim else a.ndim for index in axes}
        # Without keepdims, later axes are no longer those of x; only a full reduction stays harmless.
        if not keepdims and axis is not None:
            raise _UnknownError
        return _Symbol(a.ndim, frozenset(mixed))

    def mean(self, *args: Any, **kwargs: Any) -> Any:
        return self._reduced(self, *args, **kwargs)

    sum = max = min = std = var = mean

    def clip(self, *args: Any, **kwargs: Any) -> Any:
        return _merged((self, *args, *kwargs.values()))

    def copy(self) -> Any:
        return self

    def astype(self, *_args: Any, **_kwargs: Any) -> Any:
        return self


_REDUCTIONS = frozenset({np.mean, np.sum, np.max, np.min, np.amax, np.amin, np.std, np.var, np.prod})
_ELEMENTWISE = frozenset({np.where, np.clip, np.nan_to_num, np.zeros_like, np.ones_like, np.full_like, np.copy})


def _merged(values: tuple[Any, ...]) -> _Symbol:
    """The result of an elementwise operation: coupled along the axes of each symbol in it."""
    symbols = []
    for value in values:
        if isinstance(value, _Symbol):
            symbols.append(value)
        elif np.ndim(value) > 0:
            raise _UnknownError  # an array of the formula's own knows its place, which a part of x would not
    return _Symbol(max(each.ndim for each in symbols), frozenset().union(*(each.coupled for each in symbols)))
