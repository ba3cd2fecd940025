"""What is remembered of a run: types that the way of x through the kernels shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]

Known = tuple[Callable[..., Any], npt.NDArray[np.float64], Shape | None, Shape, np.dtype[Any]]
"""A kernel, its parameters, the shape that it takes arrays in where that isn't their own, their shape and type."""
