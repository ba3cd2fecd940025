"""Activations whose parameters are learnt, one value per feature."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import expm1_integral, representation_error
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


class XIELU(Activation):
    """Expanded integral of the ELU: ``beta*x + (alpha_p*x**2 if x > 0 else alpha_n*(exp(min(x, eps)) - 1 - x))``.

    Parameters
    ----------
    alpha_p
        Half the curvature above zero, one per feature.
    alpha_n
        Curvature just below zero, one per feature.
    beta
        Slope just beside zero.
    eps
        The x above which the exponential stays as it is there, to the same end as in Hugging Face's: it makes the
        value at zero alpha_n*(exp(eps) - 1).

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    Notes
    -----
    Hugging Face learns numbers whose softplus is alpha_p and alpha_n - beta; here these two are learnt themselves.
    Where the function crosses zero, at about -2.43 by default, its terms cancel, and so do those of its derivative at
    about -0.98: there the error is a few units in the last place of the terms, save that float32 values keep theirs
    where neither alpha_n nor beta is learnt. At x = eps the derivative is the one below it.

    References
    ----------
    Huang, Schlag (2024). Deriving activation functions using integration. arXiv:2411.13010. Equals transformers'
    ``xielu``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("xielu(alpha_p=0.5, alpha_n=1, eps=0)")([-800.0, 0.0, 2.0])
    array([399.,   0.,   3.])
    """

    alpha_p: float = parameter(default=Learnable(0.8))
    alpha_n: float = parameter(default=Learnable(0.8))
    beta: float = 0.5
    eps: float = parameter(default=-1e-6, le=0)

    def __call__(self, x: Array) -> Any:
        near = np.where(x <= self.eps, x, self.eps)
        factor = self.alpha_n, representation_error(self.alpha_n, x, beside=self.beta)
        slope = self.beta, representation_error(self.beta, x, beside=self.alpha_n)
        below = expm1_integral(near, x, *factor, *slope)
        return np.where(x > 0, (self.alpha_p * x + self.beta) * x, below)


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
