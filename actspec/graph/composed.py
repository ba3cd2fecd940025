"""Functions of NumPy's that are made of others: what NumPy does inside, on what stands for arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from actspec.graph.unfollowed import UnfollowedError


def norm(x: Any, ord: object = None, axis: object = None, keepdims: bool = False) -> Any:  # noqa: A002  # as NumPy's
    """The length of vectors along an axis."""
    if ord not in (None, 2) or not isinstance(axis, int):
        raise UnfollowedError("it calls norm for another one than that of vectors along an axis")
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    """The largest value less the least."""
    return np.max(a, axis=axis, out=out, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def holds_for_any(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    """Whether some elements along an axis aren't zero."""
    return np.max(np.where(a, 1.0, 0.0), axis=axis, out=out, keepdims=keepdims) > 0


def holds_for_all(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    """Whether no elements along an axis are zero."""
    return np.min(np.where(a, 1.0, 0.0), axis=axis, out=out, keepdims=keepdims) > 0


def sinc(x: Any) -> Any:
    """``sin(pi*x)/(pi*x)``, and 1 at zero."""
    angle = math.pi * x
    angle = np.where(angle == 0, 1e-20, angle)
    return np.sin(angle) / angle


def divmod_(a: Any, b: Any) -> tuple[Any, Any]:
    """The whole quotient, and what is left."""
    return np.floor_divide(a, b), np.remainder(a, b)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Of the choices, the first one whose condition holds."""
    if len(condlist) != len(choicelist):
        raise UnfollowedError("it selects from as many choices as it has not conditions")
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        chosen = np.where(condition, choice, chosen)
    return chosen


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    """What functions, or numbers, make of the elements for which their conditions hold, the last of which counts."""
    conditions = list(condlist) if isinstance(condlist, (list, tuple)) else [condlist]
    if len(funclist) == len(conditions) + 1:
        rest = conditions[0]
        for condition in conditions[1:]:
            rest = rest | condition
        conditions.append(~rest)
    y = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        y[condition] = function(x[condition], *args, **kwargs) if callable(function) else function
    return y


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Write one array over another one, where a condition holds."""
    if casting != "same_kind" or not hasattr(dst, "assign"):
        raise UnfollowedError("it calls copyto for an array of its own, or to change types")
    dst.assign(np.where(where, src, dst))


def putmask(a: Any, mask: Any, values: Any) -> None:
    """Write a number over the elements for which a condition holds."""
    if not isinstance(values, (int, float, np.generic)):
        raise UnfollowedError("it calls putmask for more than one number, where copyto with where= can be followed")
    copyto(a, values, where=mask)


COMPOSED: dict[Any, Callable[..., Any]] = {
    np.linalg.norm: norm,
    np.ptp: ptp,
    np.any: holds_for_any,
    np.all: holds_for_all,
    np.sinc: sinc,
    np.divmod: divmod_,
    np.select: select,
    np.piecewise: piecewise,
    np.copyto: copyto,
    np.putmask: putmask,
}
"""What to call in place of each."""
