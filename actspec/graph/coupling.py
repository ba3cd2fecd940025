"""Which axes of its input a formula couples: found by running it on a symbol through NumPy's own protocols.

Work on a large array can be split along every other axis with the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from actspec.graph.operand import Operand, operands
from actspec.graph.parts import Parts
from actspec.graph.unfollowed import UnfollowedError


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
    except (Exception, UnfollowedError):
        # Whatever a body does that a symbol can't follow: the caller treats it as coupling everything.
        return None
    return result.coupled if isinstance(result, _Symbol) else frozenset()


class _Symbol(Operand):
    """Remembers along which axes values were mixed."""

    def __init__(self, ndim: int, coupled: frozenset[int] = frozenset()) -> None:
        self.ndim = ndim
        self.coupled = coupled

    def elementwise(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        symbols = operands(args, kwargs)
        coupled = frozenset().union(*(each.coupled for each in symbols))
        result = _Symbol(max(each.ndim for each in symbols), coupled)
        return (result,) * function.nout if isinstance(function, np.ufunc) and function.nout > 1 else result

    def sliced(self, chosen: Any, follow: Callable[[Any], Any]) -> Any:  # noqa: ARG002
        part = follow(self)
        coupled = part.coupled if isinstance(part, _Symbol) else frozenset()
        return _Symbol(self.ndim, self.coupled | coupled | {self.ndim - 1})

    def split(self, parts: Parts) -> list[Any]:
        return [_Symbol(self.ndim, self.coupled | {self.ndim - 1})] * parts.count

    def joined(self, members: list[Any]) -> Any:
        return _Symbol(self.ndim, frozenset({self.ndim - 1}).union(*(each.coupled for each in members)))

    def reduction(self, _function: Any, axes: frozenset[int], *, keepdims: bool, options: dict[str, Any]) -> Any:  # noqa: ARG002
        mixed = (each.coupled for each in operands((self,), options))
        return _Symbol(self.ndim, axes.union(*mixed))

    def first_true(self, axis: int) -> Any:
        return _Symbol(self.ndim, self.coupled | {axis})
