"""Functions that NumPy lacks, for use in formulas and on arrays: stable at every x, and of x's own float type."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def sigmoid(x: npt.ArrayLike) -> Any:
    """Logistic function ``1/(1 + exp(-x))``, in [0, 1]; equals scipy.special.expit.

    >>> float(sigmoid(0.0)), float(sigmoid(-800.0))
    (0.5, 0.0)
    """
    z = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), z, 1) / (1 + z)


def log_sigmoid(x: npt.ArrayLike) -> Any:
    """Logarithm of the logistic function ``-log(1 + exp(-x))``, at most 0; equals scipy.special.log_expit.

    >>> float(log_sigmoid(-800.0))
    -800.0
    """
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def softplus(x: npt.ArrayLike) -> Any:
    """Smooth rectifier ``log(1 + exp(x))``, at least 0; equals numpy.logaddexp(x, 0).

    >>> float(softplus(800.0))
    800.0
    """
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def erf(x: npt.ArrayLike) -> Any:
    """Error function ``2/sqrt(pi) * integral of exp(-t**2) from 0 to x``, in [-1, 1]; equals scipy.special.erf.

    >>> round(float(erf(0.5)), 6)
    0.5205
    """
    return _elementwise(math.erf, x)


def erfc(x: npt.ArrayLike) -> Any:
    """Complementary error function ``1 - erf(x)`` without its cancellation, in [0, 2]; equals scipy.special.erfc.

    >>> round(float(erfc(10.0)) * 1e45, 6)
    2.088488
    """
    return _elementwise(math.erfc, x)


def _elementwise(function: Any, x: npt.ArrayLike) -> Any:
    x = np.asarray(x)
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    return np.vectorize(function, otypes=[np.float64])(x).astype(kind)[()]
