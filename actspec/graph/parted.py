"""An array in a formula as parts of its features, side by side or taken in turn: what splits and joins become."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from actspec.graph.operand import Operand, operands
from actspec.graph.parts import Parts
from actspec.graph.unfollowed import UnfollowedError


class PartsNeededError(UnfollowedError):
    """The formula splits its array, so that it has to be given parts."""

    def __init__(self, parts: Parts) -> None:
        super().__init__("it splits the features")
        self.parts = parts


class Parted(Operand):
    """Stands for an array whose parts stand for themselves; what takes each element apart is done to each part."""

    leads = True

    def __init__(self, members: Sequence[Operand], parts: Parts) -> None:
        self.members = tuple(members)
        self.parts = parts
        self.ndim = self.members[0].ndim

    def split(self, parts: Parts) -> list[Any]:
        """The parts, which are known for one way of splitting alone."""
        if parts != self.parts:
            raise UnfollowedError("it splits the features in more than one way")
        return list(self.members)

    def elementwise(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result for each part; scalars go with every one."""
        found = operands(args, kwargs)
        if any(each.ndim and (not isinstance(each, Parted) or each.parts != self.parts) for each in found):
            raise UnfollowedError("it joins parts with what isn't split in the same way")
        results = [
            self.members[place].elementwise(
                function, tuple(_part(each, place) for each in args), {key: _part(kwargs[key], place) for key in kwargs}
            )
            for place in range(self.parts.count)
        ]
        if isinstance(results[0], tuple):
            raise UnfollowedError("it uses a function with several results on what it splits")
        if not isinstance(results[0], Operand):
            return results[0]  # a number that the scalars alone give
        return Parted(results, self.parts)

    def reduction(self, *_args: Any, **_options: Any) -> Any:
        """Not known: what all parts have together."""
        raise UnfollowedError("it takes values together that it splits")

    def run(self, activation: Any, body: Callable[[Any, Any], Any]) -> Any:
        """The result of an activation's formula on these parts."""
        return self.members[0].run_on(self, activation, body)

    def sliced(self, *_args: Any) -> Any:
        """Not known: which parts have the features of a slice."""
        raise UnfollowedError("a slice stands beside what splits the features")

    def __iter__(self) -> Iterator[Any]:
        raise UnfollowedError("it loops over the array")


def _part(value: Any, place: int) -> Any:
    return value.members[place] if isinstance(value, Parted) else value
