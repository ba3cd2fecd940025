"""What is run, an activation, and what is remembered of a run: types that the way of x through the kernels shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array
from actspec.graph.operand import Operand

Shape = tuple[int, ...]

Known = tuple[Callable[..., Any], npt.NDArray[np.float64], Shape | None, Shape, np.dtype[Any]]
"""A kernel, its parameters, the shape that it takes arrays in where that isn't their own, their shape and type."""


class Stage(Protocol):
    """What runs: an activation."""

    def formula(self, x: Array, /) -> Array:
        """The formula on an array of floats, as its author wrote it."""
        ...

    def follow(self, x: Operand, /) -> Operand:
        """The formula on what stands for an array."""
        ...
