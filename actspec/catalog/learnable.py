"""Activations whose parameters are learnt, one value per feature."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.parameters import Learnable, Normal, parameter


class PReLU(Activation):
    """Parametric rectifier: ``x if x > 0 else slope*x``, with a slope that is learnt.

    Parameters
    ----------
    slope
        Slope below zero, one per feature.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    References
    ----------
    He, Zhang, Ren, Sun (2015). Delving deep into rectifiers. arXiv:1502.01852. Equals torch.nn.functional.prelu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("prelu(slope=0.25)")([-2.0, 3.0])
    array([-0.5,  3. ])
    """

    slope: float = parameter(default=Learnable(0.25))

    def __call__(self, x: Array) -> Any:
        return np.where(x > 0, x, self.slope * x)


class LGReLU(Activation, aliases=("leakygainrelu",)):
    """Rectifier with leak and gain: ``gain*x if x > 0 else leak*x``, both of them learnt.

    Parameters
    ----------
    gain
        Slope above zero, one per feature.
    leak
        Slope below zero, one per feature.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    References
    ----------
    theanets' ``lgrelu``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("lgrelu(gain=2, leak=0.5)")([-2.0, 3.0])
    array([-1.,  6.])
    """

    gain: float = parameter(default=Learnable(1.0))
    leak: float = parameter(default=Learnable(0.25))

    def __call__(self, x: Array) -> Any:
        return np.where(x > 0, self.gain * x, self.leak * x)


class Maxout(Activation):
    """Largest of several learnt lines: ``max over k of slope[k]*x + intercept[k]``, per feature, size kept.

    Parameters
    ----------
    pieces
        The number of lines.
    slope
        Slopes of the lines, one per feature and piece.
    intercept
        Values of the lines at zero, one per feature and piece.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    References
    ----------
    Goodfellow, Warde-Farley, Mirza, Courville, Bengio (2013). Maxout networks. arXiv:1302.4389. theanets' ``maxout``.

    Examples
    --------
    >>> import actspec
    >>> str(actspec.parse("maxout:4"))
    'maxout(pieces=4)'
    """

    pieces: int = parameter(ge=1)
    slope: float = parameter(default=Learnable(Normal(0, 1)), per="pieces")
    intercept: float = parameter(default=Learnable(0.0), per="pieces")

    def __call__(self, x: Array) -> Any:
        pieces: Any = zip(self.slope, self.intercept, strict=True)  # type: ignore[call-overload]  # a formula's are tuples
        return reduce(np.maximum, [slope * x + intercept for slope, intercept in pieces])
