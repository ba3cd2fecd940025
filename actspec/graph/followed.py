"""What stands for an array in a formula that is differentiated row by row: its values, and how they change.

It follows what elementwise expressions can't: indices, joined arrays, matrix products. What could mix the rows of the
batch isn't followed, as derivatives are those of each row apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.graph import autodiff, primitives
from actspec.graph.expr import Graph
from actspec.graph.interpret import interpret
from actspec.graph.unfollowed import UnfollowedError


def _method(function: Any) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: self._function(function, (self, *args), kwargs)


class Followed(np.lib.mixins.NDArrayOperatorsMixin):
    """An array in a formula that is differentiated; ``changes`` has an axis of directions before those of ``value``."""

    __hash__ = None  # type: ignore[assignment]  # like an array

    def __init__(self, value: npt.NDArray[Any], changes: npt.NDArray[Any]) -> None:
        self.value = value
        self.changes = changes

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)

    sum = _method(np.sum)
    mean = _method(np.mean)
    dot = _method(np.dot)
    clip = _method(np.clip)
    copy = _method(np.copy)

    def astype(self, dtype: npt.DTypeLike, **options: Any) -> Any:
        """The array in another type."""
        return self._elementwise(np.ndarray.astype, (self, np.dtype(dtype)), options)

    def __len__(self) -> int:
        return len(self.value)

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("__"):
            raise UnfollowedError(f"it uses the array's {name!r}")
        raise AttributeError(f"what stands for the array in a formula has no attribute {name!r}")

    def __array__(self, *_args: object, **_kwargs: object) -> Any:
        raise UnfollowedError("it needs the values as an array of NumPy's")

    def __iter__(self) -> Any:
        raise UnfollowedError("it loops over the batch")

    def __bool__(self) -> bool:
        raise UnfollowedError("it branches on the data")

    def __float__(self) -> float:
        raise UnfollowedError("it needs a value as a Python number")

    __int__ = __index__ = __float__

    def __getitem__(self, key: Any) -> Followed:
        key = self._checked(key)
        return Followed(self.value[key], self.changes[:, *key])

    def __setitem__(self, key: Any, value: Any) -> None:
        key = self._checked(key)
        values, *changes = parts_of(value, len(self.changes))
        self.value[key] = values
        for mine, other in zip(self.changes, changes, strict=True):
            mine[key] = other

    def _checked(self, key: Any) -> tuple[Any, ...]:
        places: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)
        first, *others = places
        taken = sum(each is not None for each in others)
        whole = isinstance(first, slice) and first == slice(None)
        if not (whole or (first is Ellipsis and taken < self.ndim)):
            raise UnfollowedError("it picks rows out of the batch: the first index must be ':'")
        return places

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        if method == "reduce" and ufunc is np.add and out is None:
            return self._function(np.sum, inputs, kwargs)
        if method != "__call__":
            raise UnfollowedError(f"it calls {ufunc.__name__}.{method}")
        made = self._function(ufunc, inputs, kwargs)
        if out is None:
            return made
        if not isinstance(out[0], Followed):
            raise UnfollowedError("it writes into an array of its own: np.zeros_like(state) can be written into")
        out[0][...] = made
        return out[0]

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        return self._function(function, args, kwargs)

    def _function(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function in (np.shape, np.ndim, np.size):
            return function(args[0].value, *args[1:], **kwargs)
        if function in _PRODUCTS:
            return self._product(function, args, kwargs)
        if function in _LINEAR:
            return self._joined(function, args, kwargs)
        if function in primitives.FUNCTIONS:
            return self._elementwise(function, args, kwargs)
        raise UnfollowedError(f"it calls {getattr(function, '__name__', function)}, which can't be followed")

    def _elementwise(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a function that takes each element apart, by the engine's rules."""
        value = np.asarray(function(*(each.value if isinstance(each, Followed) else each for each in args), **kwargs))
        if value.dtype.kind != "f":  # truth values: they change nowhere but where they jump
            return value
        if any(isinstance(each, (np.ndarray, list, tuple, Followed)) for each in kwargs.values()):
            raise UnfollowedError(f"it calls {function.__name__} with an array by name")
        arrays: list[npt.NDArray[Any]] = []
        kinds: list[Any] = []
        for each in args:
            if isinstance(each, Followed):
                arrays.append(each.value)
                kinds.append(_FOLLOWED)
            elif np.ndim(each):
                arrays.append(np.asarray(each))
                kinds.append(_GIVEN)
            else:
                kinds.append(each.item() if isinstance(each, (np.generic, np.ndarray)) else each)
        slopes = _slopes_of(function, tuple(kinds), tuple(sorted(kwargs.items())), self.dtype)
        followed = [each for each in args if isinstance(each, Followed)]
        pairs = [(each, interpret(graph, *arrays)) for each, graph in zip(followed, slopes, strict=True)]
        changes = np.zeros((len(self.changes), *value.shape), value.dtype)
        for each, slope in pairs:
            ahead = (1,) * (value.ndim - each.ndim)  # axes that broadcasting adds come after that of the directions
            changes += slope * each.changes.reshape(len(changes), *ahead, *each.shape)
        return Followed(value, changes)

    def _joined(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Followed:
        """The result of a function that is linear in its first argument, an array or a list of arrays."""
        values, *changes = parts_of(args[0] if args else kwargs, len(self.changes))
        axis = kwargs.get("axis", args[1] if len(args) > 1 else _LINEAR[function])
        joins = isinstance(values, list)
        if len(args) not in (1, 2) or joins == (function in (np.sum, np.mean)) or set(kwargs) - {"axis", "keepdims"}:
            raise UnfollowedError(f"it calls {function.__name__} in a way that can't be followed")
        ndim = 2 if function is np.column_stack else np.ndim(values[0] if joins else values) + (function is np.stack)
        if any(each is None or each % ndim == 0 for each in (axis if isinstance(axis, tuple) else (axis,))):
            raise UnfollowedError(f"it calls {function.__name__} along the first axis, that of the batch: name another")
        value, *changes = (function(each, *args[1:], **kwargs) for each in (values, *changes))
        return Followed(value, np.stack(changes))

    def _product(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Followed:
        """The result of a product: matmul, dot, einsum."""
        if kwargs or not _PRODUCTS[function](*args):
            raise UnfollowedError(f"it calls {function.__name__} in a way that could mix the rows of the batch")
        values = [each.value if isinstance(each, Followed) else each for each in args]
        value = function(*values)
        changes = np.zeros((len(self.changes), *value.shape), value.dtype)
        for place, each in enumerate(args):
            if isinstance(each, Followed):
                for total, change in zip(changes, each.changes, strict=True):
                    total += function(*values[:place], change, *values[place + 1 :])
        return Followed(value, changes)


_FOLLOWED, _GIVEN = object(), object()


@lru_cache(512)
def _slopes_of(function: Any, kinds: tuple[Any, ...], options: tuple[Any, ...], dtype: np.dtype[Any]) -> list[Graph]:
    """The derivatives of a function by those of its arguments that are followed, as graphs of its arrays."""
    graph = Graph(1, dtype, primitives.apply)
    args: list[Any] = []
    followed: list[int] = []
    for kind in kinds:
        if kind is _FOLLOWED or kind is _GIVEN:
            place = len(graph.inputs)
            args.append(graph.input(place))
            followed += [place] * (kind is _FOLLOWED)
        else:
            args.append(kind)
    graph.output = graph.apply(graph, function, tuple(args), dict(options)).index
    return [autodiff.derivative(graph, by=number) for number in followed]


def parts_of(value: Any, count: int) -> list[Any]:
    """The values of an argument, and how it changes in each direction."""
    if isinstance(value, Followed):
        return [value.value, *value.changes]
    if isinstance(value, (list, tuple)):
        return [list(each) for each in zip(*(parts_of(each, count) for each in value), strict=True)]
    return [value, *[np.zeros_like(value)] * count]


def _keeps_rows(a: Any, b: Any) -> bool:
    """Whether the first axis of each operand of a matrix product remains that of the batch."""
    if isinstance(b, Followed):
        return b.ndim > 2 and np.ndim(a) in ((b.ndim,) if isinstance(a, Followed) else (2, b.ndim))
    return a.ndim > 1 and np.ndim(b) in (1, 2, a.ndim if a.ndim > 2 else 2)


def _keeps_rows_flat(a: Any, b: Any) -> bool:
    return isinstance(a, Followed) and a.ndim == 2 and not isinstance(b, Followed) and np.ndim(b) in (1, 2)


def _keeps_rows_named(subscripts: Any, *operands: Any) -> bool:
    if not isinstance(subscripts, str) or "->" not in subscripts or "." in subscripts:
        return False
    inputs, output = subscripts.replace(" ", "").split("->")
    terms = [term for term, each in zip(inputs.split(","), operands, strict=True) if isinstance(each, Followed)]
    return all(term[:1] == output[:1] != "" for term in terms)


_PRODUCTS: dict[Any, Callable[..., bool]] = {
    np.matmul: _keeps_rows,
    np.dot: _keeps_rows_flat,
    np.einsum: _keeps_rows_named,
}
_LINEAR: dict[Any, Any] = {np.sum: None, np.mean: None, np.stack: 0, np.concatenate: 0, np.column_stack: 1}
"""Functions that are linear in their first argument, and the axis that each takes where none is named."""
