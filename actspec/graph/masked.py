"""The elements of an array that a condition picks, in a formula: all are computed, and some are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from actspec.graph.operand import Operand
from actspec.graph.unfollowed import UnfollowedError


class Masked(Operand):
    """Stands for the elements of an array, ``whole``, for which a condition holds."""

    leads = True
    ndim = 1

    def __init__(self, whole: Any, condition: Operand) -> None:
        self.whole = whole
        self.condition = condition

    def elementwise(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result for all elements, of which the condition picks some; scalars go with every one."""
        if function in (np.nan_to_num, np.ndarray.astype) and (len(args) > 2 or "copy" in kwargs):
            raise UnfollowedError("it asks for a copy, or for none, of what a condition picks")
        result = self.whole.elementwise(
            function, tuple(map(self._whole, args)), {name: self._whole(value) for name, value in kwargs.items()}
        )
        if isinstance(result, tuple):
            raise UnfollowedError("it uses a function with several results on what a condition picks")
        return Masked(result, self.condition) if isinstance(result, Operand) and result.ndim else result

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        kind: np.dtype[Any] = self.whole.dtype
        return kind

    def __setitem__(self, _key: object, _value: object) -> None:
        raise UnfollowedError("it changes some of the elements that a condition picks")

    def fellow(self, other: Operand) -> Any:
        """All elements of another operand that goes with this one: picked alike, or one value for each feature."""
        if isinstance(other, Masked) and other.condition.is_same(self.condition):
            return other.whole
        if not isinstance(other, Masked) and other.is_of_features:
            return other
        raise UnfollowedError("it puts elements that a condition picks together with others")

    def _whole(self, value: Any) -> Any:
        return self.fellow(value) if isinstance(value, Operand) and value.ndim else value

    def reduction(self, *_args: Any, **_options: Any) -> Any:
        """Not known: what the picked elements are together."""
        raise UnfollowedError("it takes values together that a condition picks")

    def assign(self, value: Any) -> Masked:
        """Replace the elements, which are a copy of the array's."""
        if not isinstance(value, Masked):
            raise UnfollowedError("it writes other elements over those that a condition picks")
        self.whole.assign(self.fellow(value))
        return self
