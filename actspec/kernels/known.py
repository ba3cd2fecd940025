"""What is remembered of a run: the short way of arrays like those before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]

Short = Callable[..., Any]
"""Takes x, for products of derivatives what comes with it, and ``out`` or None; gives the result, or None where these
aren't arrays like those before, or overlap.
"""


def no_way(*_: object) -> None:
    """The short way of nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """A short way through something in Python, which takes inputs, the result and parameters as a kernel does.

    ``shapes`` are those of the inputs and of the result; ``view`` is what all are seen as, where that isn't their own.
    """

    run: Callable[..., Any]
    parameters: npt.NDArray[np.float64]
    dtype: np.dtype[Any]
    shapes: tuple[Shape, ...]
    view: Shape | None = None

    def __call__(self, *arguments: Any) -> Any:
        """The result for arrays like those before, as ``Short`` describes it."""
        *inputs, out = arguments
        if not all(map(self._is_like, inputs, self.shapes)):
            return None
        if not (out is None or (self._is_like(out, self.shapes[-1]) and out.flags.writeable)):
            return None
        y = np.empty(self.shapes[-1], self.dtype) if out is None else out
        arrays = [*inputs, y] if self.view is None else [each.reshape(self.view) for each in (*inputs, y)]
        return None if self.run(*arrays, self.parameters) else y

    def _is_like(self, array: object, shape: Shape) -> bool:
        """Whether it is an array of the type and this shape, whose elements are neighbours at addresses for it."""
        return (
            type(array) is np.ndarray
            and array.dtype == self.dtype
            and array.shape == shape
            and array.flags.c_contiguous
            and array.flags.aligned
        )
