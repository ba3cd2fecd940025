"""The elements of an array that a condition picks, in a formula: all are computed, and some are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actspec.graph.operand import Operand, operands
from actspec.graph.unfollowed import UnfollowedError


class Masked(Operand):
    """Stands for the elements of an array, ``whole``, for which a condition holds."""

    leads = True
    ndim = 1

    def __init__(self, whole: Operand, condition: Operand) -> None:
        self.whole = whole
        self.condition = condition

    def elementwise(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result for all elements, of which the condition picks some; scalars go with every one."""
        for each in operands(args, kwargs):
            if each.ndim:
                self.check_fellow(each)
        result = self.whole.elementwise(
            function, tuple(map(_whole, args)), {name: _whole(value) for name, value in kwargs.items()}
        )
        if isinstance(result, tuple):
            raise UnfollowedError("it uses a function with several results on what a condition picks")
        return Masked(result, self.condition) if isinstance(result, Operand) and result.ndim else result

    def check_fellow(self, other: Operand) -> None:
        """UnfollowedError where another operand isn't picked by the same condition."""
        if not isinstance(other, Masked) or not other.condition.is_same(self.condition):
            raise UnfollowedError("it puts elements that a condition picks together with others")

    def reduction(self, *_args: Any, **_options: Any) -> Any:
        """Not known: what the picked elements are together."""
        raise UnfollowedError("it takes values together that a condition picks")

    def assign(self, value: Any) -> Masked:
        """Replace the elements, which are a copy of the array's."""
        self.check_fellow(value)
        self.whole = value.whole
        return self


def _whole(value: Any) -> Any:
    return value.whole if isinstance(value, Masked) else value
