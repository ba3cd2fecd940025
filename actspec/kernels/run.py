"""Run formulas on arrays: types, layouts, ``out=``, overlap, and checks of what a formula returns.

A formula sees one thing only: a writable array of its own, float32 or float64, in native byte order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Formula = Callable[[Array], Any]


def apply(formula: Formula, x: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
    """``formula(x)`` for any real array_like, by the rules of NumPy's ufuncs.

    float32 and float64 keep their type, float16 is computed in float32 and comes back as float16, integers and
    booleans give float64; anything else is a TypeError. The result is new, of x's shape (a scalar for a 0-d x), or
    ``out``, which must match it and may overlap x. No floating-point warning is given.
    """
    values = real_array(x, "x")
    result = result_type(values.dtype)
    if out is not None:
        check_out(out, values.shape, result)
    computed = np.dtype(np.float32) if result == np.float16 else result
    with np.errstate(all="ignore"):
        # A copy, always: a formula may work in place, or return what it was given.
        own: Array = values.astype(computed, order="K", copy=True, subok=False)
        y = _formula_of(formula, own)
        if out is not None:
            np.copyto(out, y, casting="same_kind")
            return out
        return y.astype(result, copy=False)[()]


def _formula_of(formula: Formula, x: Array) -> Array:
    """``formula(x)``, also where x has no axis (it counts as one feature) or no element (reductions need one)."""
    if x.ndim == 0:
        scalar: Array = formula(x.reshape(1)).reshape(())
        return scalar
    if x.size == 0:
        if x.shape[-1] <= _MOST_PROBED:
            formula(np.ones([1] * (x.ndim - 1) + [x.shape[-1] or 1], x.dtype))  # raises where axes don't fit
        return x
    y: Array = formula(x)
    return y


_MOST_PROBED = 1 << 16


REAL_TYPES: Final = "bool, integer, float16, float32 or float64"


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether arrays of this type are taken: one of REAL_TYPES, in any byte order."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


def result_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of the result for an input of this one: its own for floats, float64 for integers and booleans."""
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype.newbyteorder("=")


def real_array(x: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """Turn x into an array of floats, integers or booleans; TypeError naming the argument where it is anything else."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a plain array, not a masked one: fill it first, with {name}.filled(value)")
    try:
        values = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of real numbers: {error}") from None
    if not is_real(values.dtype):
        raise TypeError(f"{name} must be an array of real numbers ({REAL_TYPES}), not {values.dtype}")
    return values


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """TypeError or ValueError where a result of this shape and type can't be written into ``out``."""
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out must be a NumPy array, not {type(out).__name__}")
    if out.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"out must have the type {dtype} of the result, not {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have the shape {shape} of the result, not {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writable, but it is read-only")
    if out.size and any(stride == 0 and length > 1 for stride, length in zip(out.strides, out.shape, strict=True)):
        raise ValueError("out must have memory for each element, but it is a broadcast array")


def check_result(y: object, x: Array, formula: str) -> Array:
    """What a formula returned, as an array of x's shape and type; an error that names the formula where it can't be."""
    try:
        values = np.asarray(y)
    except ValueError as error:
        raise ValueError(f"{formula} must return an array of real numbers: {error}") from None
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{formula} must return an array of real numbers, not {_returned(y, values)}")
    if values.shape == () and x.shape != ():
        return np.full_like(x, values)
    if values.shape != x.shape:
        raise ValueError(f"{formula} must return the shape of its input, {x.shape}, not {values.shape}")
    # The next formula may work in place, which it can't on a broadcast result.
    return values.astype(x.dtype, copy=0 in values.strides or not values.flags.writeable)


def _returned(y: object, values: Array) -> str:
    return f"an array of {values.dtype}" if isinstance(y, np.ndarray) else f"{type(y).__name__}"
