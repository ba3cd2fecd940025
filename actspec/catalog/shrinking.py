"""Activations that take numbers near zero for zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.parameters import parameter


class HardShrink(Activation):
    """Hard shrinkage: ``x if abs(x) > lambd else 0``.

    Parameters
    ----------
    lambd
        The largest magnitude that counts as zero.

    Returns
    -------
    An array of x's shape, in (-inf, inf), with nothing in [-lambd, lambd] but zero.

    References
    ----------
    Donoho, Johnstone (1994). Ideal spatial adaptation by wavelet shrinkage. Biometrika 81. Equals
    torch.nn.functional.hardshrink.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("hardshrink(1)")([-3.0, 0.5, 1.5])
    array([-3. ,  0. ,  1.5])
    """

    lambd: float = parameter(default=0.5, ge=0)

    def __call__(self, x: Array) -> Any:
        return np.where(np.abs(x) <= self.lambd, 0, x)


class SoftShrink(Activation):
    """Soft shrinkage: ``x - lambd*sign(x) if abs(x) > lambd else 0``.

    Parameters
    ----------
    lambd
        How much nearer to zero x gets, at most to zero itself.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    Notes
    -----
    The derivative at the kinks is 0. It is the proximal operator of lambd*abs(x).

    References
    ----------
    Donoho (1995). De-noising by soft-thresholding. IEEE Transactions on Information Theory 41. Equals
    torch.nn.functional.softshrink.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("softshrink(1)")([-3.0, 0.5, 1.5])
    array([-2. ,  0. ,  0.5])
    """

    lambd: float = parameter(default=0.5, ge=0)

    def __call__(self, x: Array) -> Any:
        return np.where(np.abs(x) <= self.lambd, 0, x - np.copysign(self.lambd, x))


class Shrink(Activation):
    """Shrinkage with a bias: ``x - bias*sign(x) if abs(x) > lambd else 0``.

    Parameters
    ----------
    lambd
        The largest magnitude that counts as zero.
    bias
        How much nearer to zero all else gets.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    Notes
    -----
    With bias = 0 it is ``hardshrink``, with bias = lambd ``softshrink``.

    References
    ----------
    Equals ONNX's Shrink.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("shrink(1, bias=0.5)")([-3.0, 0.5, 1.5])
    array([-2.5,  0. ,  1. ])
    """

    lambd: float = parameter(default=0.5, ge=0)
    bias: float = 0.0

    def __call__(self, x: Array) -> Any:
        return np.where(np.abs(x) <= self.lambd, 0, x - self.bias * np.copysign(1, x))
