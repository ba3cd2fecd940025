"""What is remembered of a run: types that the way of x through the kernels shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]


class Known(NamedTuple):
    """What runs on an array at once, its parameters, the shape that it takes arrays in where that isn't their own, the
    shape and type of the result, and the shape of what comes with the array, if anything does.
    """

    kernel: Callable[..., Any]
    parameters: npt.NDArray[np.float64]
    view: Shape | None
    shape: Shape
    dtype: np.dtype[Any]
    given: Shape

    def reads(self, array: object, shape: Shape) -> bool:
        """Whether the kernel can read an array, which has to have this shape."""
        return type(array) is np.ndarray and array.dtype == self.dtype and array.shape == shape and is_dense(array)

    def writes(self, array: object) -> bool:
        """Whether the kernel can write its result to an array."""
        return isinstance(array, np.ndarray) and array.flags.writeable and self.reads(array, self.shape)


def is_dense(array: npt.NDArray[Any]) -> bool:
    """Whether elements are neighbours in memory, at addresses for their type; the array may be read-only."""
    return array.flags.c_contiguous and array.flags.aligned
