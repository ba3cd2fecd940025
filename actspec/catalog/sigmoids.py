"""Activations that saturate on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import (
    normal_gate,
    representation_error,
    scaled_tanh_slope,
    sigmoid,
    two_difference,
    two_quotient,
)
from actspec.parameters import parameter


class Sigmoid(Activation, aliases=("logistic",)):
    """Logistic function: ``1/(1 + exp(-x))``.

    Returns
    -------
    An array of x's shape, in [0, 1].

    Notes
    -----
    The negative tail keeps its relative accuracy down to the smallest number of the type.

    References
    ----------
    Verhulst (1838). Notice sur la loi que la population suit dans son accroissement. Equals scipy.special.expit and
    torch.sigmoid.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("sigmoid")([-800.0, 0.0, 800.0])
    array([0. , 0.5, 1. ])
    """

    def __call__(self, x: Array) -> Any:
        return sigmoid(x)


class Tanh(Activation):
    """Hyperbolic tangent: ``tanh(x)``.

    Returns
    -------
    An array of x's shape, in [-1, 1].

    References
    ----------
    Equals numpy.tanh.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("tanh")([-800.0, 0.0, 0.5]).round(4)
    array([-1.    ,  0.    ,  0.4621])
    """

    def __call__(self, x: Array) -> Any:
        return np.tanh(x)


class ScaledTanh(Activation):
    """Scaled hyperbolic tangent: ``scale_out*tanh(scale_in*x)``.

    Parameters
    ----------
    scale_in
        Factor on the input.
    scale_out
        Factor on the output, its limit on both sides.

    Returns
    -------
    An array of x's shape, in [-scale_out, scale_out].

    Notes
    -----
    ``scaledtanh(0.6666666666666666, 1.7159)`` keeps a variance of 1 near 1, and maps 1 and -1 nearly to themselves.

    References
    ----------
    LeCun, Bottou, Orr, Mueller (1998). Efficient BackProp. Equals lasagne.nonlinearities.ScaledTanH.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("scaledtanh(2, 3)")([0.0, 0.5]).round(4)
    array([0.    , 2.2848])
    """

    scale_in: float = 1.0
    scale_out: float = 1.0

    def __call__(self, x: Array) -> Any:
        return self.scale_out * np.tanh(self.scale_in * x)

    def derivative(self, x: Array, y: Array) -> Any:  # noqa: ARG002  # it is made of x alone
        return scaled_tanh_slope(x, self.scale_in, representation_error(self.scale_in, x), self.scale_out)


class STanh(Activation):
    """Scaled hyperbolic tangent of Paddle: ``scale_b*tanh(scale_a*x)``.

    Parameters
    ----------
    scale_a
        Factor on the input.
    scale_b
        Factor on the output, its limit on both sides.

    Returns
    -------
    An array of x's shape, in [-scale_b, scale_b].

    References
    ----------
    LeCun, Bottou, Orr, Mueller (1998). Efficient BackProp. Equals paddle.stanh; with other defaults and names,
    scaledtanh.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("stanh")([-800.0, 0.0, 1.0]).round(4)
    array([-1.7159,  0.    ,  1.0038])
    """

    scale_a: float = 0.67
    scale_b: float = 1.7159

    def __call__(self, x: Array) -> Any:
        return self.scale_b * np.tanh(self.scale_a * x)

    def derivative(self, x: Array, y: Array) -> Any:  # noqa: ARG002  # it is made of x alone
        return scaled_tanh_slope(x, self.scale_a, representation_error(self.scale_a, x), self.scale_b)


class Softsign(Activation):
    """Softsign: ``x/(1 + |x|)``.

    Returns
    -------
    An array of x's shape, in [-1, 1].

    Notes
    -----
    Its tails fall like 1/x, those of the derivative like 1/x**2, and not exponentially.

    References
    ----------
    Bergstra, Desjardins, Lamblin, Bengio (2009). Quadratic polynomials learn better image features. Technical report
    1337, Université de Montréal. Equals torch.nn.functional.softsign and jax.nn.soft_sign, but for infinities.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("softsign")([-float("inf"), 0.0, 3.0])
    array([-1.  ,  0.  ,  0.75])
    """

    def __call__(self, x: Array) -> Any:
        size = np.abs(x)
        return np.where(size == np.inf, np.copysign(1, x), x / (1 + size))

    def derivative(self, x: Array, y: Array) -> Any:  # noqa: ARG002  # it is made of x alone
        return 1 / (1 + np.abs(x)) / (1 + np.abs(x))


class SparseSigmoid(Activation, name="sparse_sigmoid"):
    """Sparse sigmoid: ``min(max(x + 1, 0), 2)/2``.

    Returns
    -------
    An array of x's shape, in [0, 1].

    Notes
    -----
    The derivative of sparse_plus.

    References
    ----------
    Blondel, Martins, Niculae (2019). Learning with Fenchel-Young losses. arXiv:1901.02324. Equals
    jax.nn.sparse_sigmoid.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("sparse_sigmoid")([-2.0, 0.5, 2.0])
    array([0.  , 0.75, 1.  ])
    """

    def __call__(self, x: Array) -> Any:
        return np.clip(x + 1, 0, 2) / 2


class Laplace(Activation):
    """Normal distribution function: ``erfc((mu - x)/(sigma*sqrt(2)))/2``.

    Parameters
    ----------
    mu
        Where it is 1/2.
    sigma
        Standard deviation.

    Returns
    -------
    An array of x's shape, in [0, 1].

    Notes
    -----
    The defaults make it pass near the square of the rectifier. The argument is known to twice the digits, for the tail.

    References
    ----------
    Ma, Zhou, Kong, He, Gui, Neubig, May, Zettlemoyer (2022). Mega: moving average equipped gated attention.
    arXiv:2209.10655. Equals transformers' laplace.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("laplace")([-1.0, 0.0, 1.0]).round(12)
    array([7.17000000e-10, 6.09445962e-03, 8.50429649e-01])
    """

    mu: float = 0.707107
    sigma: float = parameter(default=0.282095, gt=0)

    def __call__(self, x: Array) -> Any:
        return normal_gate(1.0, *two_quotient(two_difference(x, self.mu), self.sigma))
