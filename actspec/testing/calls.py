"""Checks of the call: the same result for every layout, shape, type and ``out=`` that the formula as written has."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array
from actspec.description import explain
from actspec.testing.case import Case
from actspec.testing.check import AS_WRITTEN, REPORT, Check, Fault, compare, named, unchanged


def runs(case: Case) -> str | None:
    """A result of x's shape, but for as many features as ``features_out`` says."""
    tried = [case.given_shape] if case.given_shape else _SHAPES
    for shape in tried:
        refused = _refusal(case, shape)
        if refused:
            continue
        case.shape = shape
        y = case.call(case.sample())
        if np.shape(y) != case.shape_out():
            raise Fault(f"the shape {np.shape(y)}", f"the shape {shape} of x", "return an array of x's shape")
        if np.isfinite(y).any():
            return None
        return f"no finite result for x from {case.domain[0]:g} to {case.domain[1]:g}: give another domain"
    raise Fault(
        refused,
        f"a result for an array of the shape {' or '.join(map(str, tried))}",
        "give check_activation a shape that has the axes and features that the formula names",
    )


# Most formulas take the first one; others name an axis or a feature.
_SHAPES: Final = ((3, 5), (3, 12), (2, 3, 5), (2, 2, 3, 5), (3, 16), (2, 3, 16), (3, 128), (2, 1024))


def _refusal(case: Case, shape: tuple[int, ...]) -> str:
    """Why the formula takes no array of this shape: it lacks an axis, or features; nothing where it takes it."""
    try:
        case.shape_out(shape)
    except ValueError as error:
        return named(error)
    try:
        case.written(case.sample(shape))
    except (np.exceptions.AxisError, IndexError) as error:
        return named(error)
    return ""


def repeats(case: Case) -> str | None:
    """The same result for the same array."""
    x = case.sample()
    mend = (
        "let the formula depend on x and its parameters alone: on no counters or global variables that change, and on "
        "random numbers as the noise of a method sample(self, x, noise)"
    )
    for what, function in (("the formula", case.written), ("the activation", case.call)):
        first = np.asarray(function(x))
        for _ in range(3):
            compare(function(x), first, f"a second call of {what}", "as at the first one", mend)
    return None


def compiles(case: Case) -> str | None:
    """The same result compiled as from the formula as it is written."""
    x = case.sample()
    compare(case.call(x), case.written(x), "the compiled formula", AS_WRITTEN, REPORT)
    stages = explain(case.pipeline).stages
    return "; ".join(f"{each.stage} runs as it is written: {each.reason}" for each in stages if not each.compiled)


def layouts(case: Case) -> str | None:
    """The same result wherever the elements lie in memory."""
    x = case.sample()
    want = case.written(x)
    mend = "use nothing in the formula that knows the layout: no ravel, reshape, flags, strides, views of memory"
    for name, lay_out in _OWN_LAYOUTS.items():
        compare(case.formulas(lay_out(x), {}), want, f"the formula on {name} array", "as for a contiguous one", mend)
    for name, lay_out in {**_OWN_LAYOUTS, **_OTHER_LAYOUTS}.items():
        compare(case.call(lay_out(x)), want, f"{name} array", AS_WRITTEN, REPORT)
    return None


def _strided(x: Array) -> Array:
    view = np.zeros([2 * length for length in x.shape])[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def _backwards(x: Array) -> Array:
    turned = tuple(slice(None, None, -1) for _ in x.shape)
    return x[turned].copy()[turned]


def _byte_swapped(x: Array) -> Array:
    return x.astype(x.dtype.newbyteorder())


def _read_only(x: Array) -> Array:
    frozen = x.copy()
    frozen.flags.writeable = False
    return frozen


# A formula is given an array of its own, in the byte order of the machine.
_OWN_LAYOUTS: Final[dict[str, Callable[[Array], Array]]] = {
    "a contiguous": lambda x: x.copy(),
    "a strided": _strided,
    "a reversed": _backwards,
    "a transposed": lambda x: x.T.copy().T,
}
_OTHER_LAYOUTS: Final[dict[str, Callable[[Array], Array]]] = {
    "a byte-swapped": _byte_swapped,
    "a read-only": _read_only,
}


def shapes(case: Case) -> str | None:
    """Results for any number of axes, and for broadcast and empty arrays."""
    width = case.shape[-1]
    refused = []
    for shape in ((), (width,), (1, width), (2, 3, width), (2, 1, 3, width)):
        x = case.sample(shape)
        if reason := _refusal(case, shape):
            refused.append(f"{len(shape)}-d arrays: {reason}")
        else:
            compare(case.call(x), case.written(x), f"an array of the shape {shape}", AS_WRITTEN, REPORT)
    broadcast = np.broadcast_to(case.sample()[:1], case.shape)
    compare(case.call(broadcast), case.written(broadcast), "a broadcast array", AS_WRITTEN, REPORT)
    for axis in range(len(case.shape) - 1):
        empty = np.empty((*case.shape[:axis], 0, *case.shape[axis + 1 :]))
        want = np.empty(case.shape_out(empty.shape))
        compare(case.call(empty), want, f"an empty array of the shape {empty.shape}", "an empty array", REPORT)
    return f"it takes no {'; no '.join(refused)}" if refused else None


def out(case: Case) -> str | None:
    """The result in ``out``, which may be x itself."""
    x = case.sample()
    want = case.written(x)
    nowhere = np.full(want.shape, np.nan)
    itself = x.copy()
    places = [("out=", x, nowhere), ("a strided out=", x, _strided(nowhere))]
    places.append(("a byte-swapped out=", x, _byte_swapped(nowhere)))
    if want.shape == x.shape:
        places.append(("a call in place", itself, itself))
    for what, given, target in places:
        if case.call(given, out=target) is not target:
            raise Fault(f"another array than out from {what}", "out itself", REPORT)
        compare(target.astype(want.dtype), want, what, AS_WRITTEN, REPORT)
    return None


def keeps_x(case: Case) -> str | None:
    """X as it was before, and a result that is no view of it."""
    for dtype in (np.float64, np.float32):
        x = case.sample().astype(dtype)
        before = x.copy()
        y = case.call(x)
        unchanged(x, before, "x", REPORT)
        if np.may_share_memory(x, y):
            raise Fault("a result that shares memory with x", "a new array", REPORT)
    return None


def types(case: Case) -> str | None:
    """The type of x for floats, float64 for integers and truth values."""
    x = case.sample()
    for dtype in ("float64", "float32", "float16"):
        _compare_type(case, x.astype(dtype))
    for dtype in ("int32", "uint8", "bool"):
        _compare_type(case, np.rint(np.abs(x) if dtype == "uint8" else x).astype(dtype))
    for refused in (complex, object):
        try:
            case.call(x.astype(refused))
        except TypeError:
            continue
        raise Fault(f"a result for an array of the type {refused.__name__}", "a TypeError", REPORT)
    return None


def _compare_type(case: Case, x: npt.NDArray[Any]) -> None:
    compare(case.call(x), case.written(x), f"an array of the type {x.dtype}", AS_WRITTEN, REPORT)


def nan_and_infinity(case: Case) -> str | None:
    """NaN and infinity where the formula sends them, and no warning."""
    for dtype in (np.float64, np.float32):
        for values in (_LARGE, _SPECIAL):
            x = with_each(case.sample(), values).astype(dtype)
            with warnings.catch_warnings(), np.errstate(all="warn"):
                warnings.simplefilter("error")
                y = np.asarray(case.call(x))
            want = case.written(x)
            if values is _SPECIAL:  # what is finite beside them may be hardly more than rounding
                y, want = (np.where(np.isfinite(each), each.dtype.type(0), each) for each in (y, want))
            compare(y, want, f"an array with {', '.join(f'{value:g}' for value in values)}", AS_WRITTEN, REPORT)
    notes = []
    for value in (-800.0, 800.0):
        y = np.asarray(case.call(np.full(case.shape, value)))
        if not np.isfinite(y).all():
            notes.append(f"x = {value:g} gives {y[~np.isfinite(y)][0]:g}")
    if not np.isnan(case.call(np.full(case.shape, np.nan))).any():
        notes.append("NaN is lost")
    return "; ".join(notes)


_LARGE: Final = (0.0, -0.0, 800.0, -800.0)
_SPECIAL: Final = (np.nan, np.inf, -np.inf, 1e30, -1e30)


def with_each(x: Array, values: Iterable[float]) -> Array:
    """Parts of x, with each value in turn in place of one feature, and of all."""
    parts = []
    for value in values:
        among = x[:1].copy()
        among[..., 0] = value
        parts += [among, np.full_like(among, value)]
    return np.concatenate(parts)


CHECKS: Final = (
    Check(runs),
    *(Check(each, "runs") for each in (repeats, keeps_x)),
    *(Check(each, "runs", "repeats") for each in (compiles, layouts, shapes, out, types, nan_and_infinity)),
)
