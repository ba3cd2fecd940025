"""What compiled pipelines are compared with: their formulas as they are written, run by NumPy, stage by stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import actspec

Array = npt.NDArray[Any]


def computed_type(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The type that the contract computes an array of this type in."""
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    return np.dtype(np.float32) if dtype.itemsize == 2 else dtype.newbyteorder("=")


def result_type(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The type that the contract returns for an array of this type."""
    dtype = np.dtype(dtype)
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype.newbyteorder("=")


def as_written(pipeline: Any, x: npt.ArrayLike, *, jitter: np.random.Generator | None = None) -> Array:
    """The formulas on x, each in plain NumPy on a copy of its own, by the contract's rules for types.

    With ``jitter``, what goes into each stage and comes out of the last one is off by about a unit in the last place.
    """
    x = np.asarray(x)
    y = np.array(x, dtype=computed_type(x.dtype), order="C", copy=True)
    if not y.size:
        return y.astype(result_type(x.dtype))
    y = y.reshape(1) if y.ndim == 0 else y  # a scalar is one feature
    with np.errstate(all="ignore"):
        for stage in actspec.parse(pipeline):
            y = stage.formula(_jittered(y, jitter))
        return _jittered(y, jitter).astype(result_type(x.dtype)).reshape(x.shape)


def _jittered(y: Array, jitter: np.random.Generator | None) -> Array:
    """A copy, which jitter moves away by a unit in the last place or none."""
    if jitter is None:
        return y.copy()
    return y * (1 + np.finfo(y.dtype).eps * jitter.integers(-1, 2, y.shape)).astype(y.dtype)


def wider(pipeline: Any, x: npt.ArrayLike) -> Array:
    """The formulas on x in a wider type where that can be, for sums that NumPy takes element after element."""
    x = np.asarray(x)
    wide = np.float64 if computed_type(x.dtype).itemsize == 4 else np.longdouble
    try:
        with np.errstate(all="ignore"):
            return as_written(pipeline, x.astype(wide)).astype(result_type(x.dtype))
    except TypeError:  # actspec.functions take no longdouble
        return as_written(pipeline, x)


def slack(pipeline: Any, x: npt.ArrayLike, runs: int = 3) -> Array:
    """How far rounding in each stage can move the formulas' results, element by element: their conditioning, felt."""
    exact = as_written(pipeline, x)
    moved = np.zeros(exact.shape, exact.dtype)
    with np.errstate(all="ignore"):
        for seed in range(runs):
            off = np.abs(as_written(pipeline, x, jitter=np.random.default_rng(seed)) - exact)
            moved = np.fmax(moved, off)
    return np.where(np.isfinite(moved), moved, 0)


def assert_close(
    got: npt.ArrayLike,
    want: npt.ArrayLike,
    *,
    axis: int | tuple[int, ...] | None = -1,
    ulps: float = 16,
    slack: npt.ArrayLike = 0.0,
    note: str = "",
) -> None:
    """Shape and type are equal, NaN and infinities stand at the same places, and the rest is close.

    Close is: within ``ulps`` units in the last place of the largest finite magnitude in the lane along ``axis`` (sums
    spread the errors of the largest values over their lane), plus ten times the lane's largest ``slack``.
    """
    got, want = np.asarray(got), np.asarray(want)
    assert (got.shape, got.dtype) == (want.shape, want.dtype), note
    if not want.size:
        return
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=f"NaN: {note}")
    infinite = np.isinf(got) | np.isinf(want)
    np.testing.assert_array_equal(got[infinite], want[infinite], err_msg=f"infinities: {note}")
    finite = np.isfinite(want)
    with np.errstate(all="ignore"):
        off = np.where(finite, np.abs(got.astype(np.float64) - want.astype(np.float64)), 0)
    size = np.where(finite, np.abs(want.astype(np.float64)), 0)
    more = np.broadcast_to(np.asarray(slack, np.float64), want.shape)
    if want.ndim:
        size, more = (np.max(each, axis=axis, keepdims=True) for each in (size, more))
    limit = ulps * np.finfo(want.dtype).eps * size + 10 * more + ulps * np.finfo(want.dtype).smallest_subnormal
    excess = off / limit
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    assert excess[worst] <= 1, (
        f"{got[worst]!r} is not {want[worst]!r} at {tuple(map(int, worst))} of {want.shape}: "
        f"{excess[worst]:.3g} times the error allowed; {note}"
    )


def assert_same_bits(got: npt.ArrayLike, want: npt.ArrayLike, note: str = "") -> None:
    """Equal to the last bit; any NaN is as good as another."""
    got, want = np.asarray(got), np.asarray(want)
    assert (got.shape, got.dtype) == (want.shape, want.dtype), note
    numbers = ~np.isnan(want)
    np.testing.assert_array_equal(numbers, ~np.isnan(got), err_msg=note)
    kind = f"u{want.dtype.itemsize}"
    np.testing.assert_array_equal(got[numbers].view(kind), want[numbers].view(kind), err_msg=note)
