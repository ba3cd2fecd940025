"""What is remembered of a run: types that the way of x through the kernels shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]


class Known(NamedTuple):
    """A kernel, its parameters, the shape that it takes arrays in where that isn't their own, their shape and type."""

    kernel: Callable[..., Any]
    parameters: npt.NDArray[np.float64]
    view: Shape | None
    shape: Shape
    dtype: np.dtype[Any]

    def fits(self, array: object) -> bool:
        """Whether an array is like those that the kernel takes."""
        return (
            type(array) is np.ndarray and array.dtype == self.dtype and array.shape == self.shape and array.flags.carray
        )
