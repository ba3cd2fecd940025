"""What arrays actspec takes and gives: types, shapes, ``out=``, and checks of what a formula returns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

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


def check_result(y: object, x: Array, formula: str, width: int | None = None) -> Array:
    """What a formula returned, as an array of x's shape and type; an error that names the formula where it can't be.

    ``width`` is the number of features of its last axis, where that isn't x's.
    """
    try:
        values = np.asarray(y)
    except ValueError as error:
        raise ValueError(f"{formula} must return an array of real numbers: {error}") from None
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{formula} must return an array of real numbers, not {_returned(y, values)}")
    if values.shape == () and x.shape != () and width is None:
        return np.full_like(x, values)
    shape = x.shape if width is None else (*x.shape[:-1], width)
    if values.shape != shape:
        wanted = "the shape of its input" if width is None else "the shape that its features_out says"
        raise ValueError(f"{formula} must return {wanted}, {shape}, not {values.shape}")
    # The next formula may work in place, which it can't on a broadcast result.
    return values.astype(x.dtype, copy=0 in values.strides or not values.flags.writeable)


def _returned(y: object, values: Array) -> str:
    return f"an array of {values.dtype}" if isinstance(y, np.ndarray) else f"{type(y).__name__}"
