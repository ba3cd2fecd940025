"""How the features of an array are split into parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parts:
    """``count`` blocks of features side by side, or, ``interleaved``, parts that each take every count-th feature."""

    count: int
    interleaved: bool = False

    def views(self, x: Any) -> tuple[Any, ...]:
        """The parts of an array, whose last axis has to be a multiple of their number."""
        if self.interleaved:
            return tuple(x[..., number :: self.count] for number in range(self.count))
        width = x.shape[-1] // self.count
        return tuple(x[..., number * width : (number + 1) * width] for number in range(self.count))

    def __str__(self) -> str:
        return f"{self.count} parts {'in turn' if self.interleaved else 'side by side'}"


WHOLE = Parts(1)
