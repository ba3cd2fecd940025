"""Smooth activations that aren't sigmoids: the identity, softplus, exponential linear units, the Gaussian."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import gaussian, softplus
from actspec.parameters import start


class Linear(Activation, aliases=("identity",)):
    """Identity: ``x``.

    Returns
    -------
    A new array of x's shape, in (-inf, inf).

    References
    ----------
    torch.nn.Identity; keras.activations.linear.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("linear")([-1.5, 2.0])
    array([-1.5,  2. ])
    """

    def __call__(self, x: Array) -> Any:
        return x


class Softplus(Activation):
    """Smooth rectifier: ``log(1 + exp(x))``.

    Returns
    -------
    An array of x's shape, in [0, inf).

    Notes
    -----
    Neither end overflows: it goes like x far above zero and like exp(x) far below. Its derivative is the sigmoid.

    References
    ----------
    Dugas, Bengio, Belisle, Nadeau, Garcia (2001). Incorporating second-order functional knowledge for better option
    pricing. NIPS 13. Equals torch.nn.functional.softplus(x, threshold=inf).

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("softplus")([-800.0, 0.0, 800.0]).round(4)
    array([0.000e+00, 6.931e-01, 8.000e+02])
    """

    def __call__(self, x: Array) -> Any:
        return softplus(x)


class Elu(Activation):
    """Exponential linear unit: ``x if x > 0 else alpha*(exp(x) - 1)``.

    Parameters
    ----------
    alpha
        Minus the value that it tends to far below zero.

    Returns
    -------
    An array of x's shape, in [-alpha, inf) for alpha > 0.

    Notes
    -----
    The derivative is continuous at zero only for alpha = 1.

    References
    ----------
    Clevert, Unterthiner, Hochreiter (2015). Fast and accurate deep network learning by exponential linear units.
    arXiv:1511.07289. Equals torch.nn.functional.elu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("elu(0.5)")([-800.0, 0.0, 2.0])
    array([-0.5,  0. ,  2. ])
    """

    alpha: float = 1.0

    def __call__(self, x: Array) -> Any:
        return np.where(x > 0, x, self.alpha * np.expm1(x))


class CELU(Activation):
    """Continuously differentiable exponential linear unit: ``x if x > 0 else alpha*(exp(x/alpha) - 1)``.

    Parameters
    ----------
    alpha
        Minus the value that it tends to far below zero; it may be negative, and then it falls without bound there.

    Returns
    -------
    An array of x's shape, in [-alpha, inf) for alpha > 0.

    Notes
    -----
    The derivative is 1 at zero for every alpha; alpha = 1 is ``elu``.

    References
    ----------
    Barron (2017). Continuously differentiable exponential linear units. arXiv:1704.07483. Equals
    torch.nn.functional.celu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("celu(2)")([-800.0, 0.0, 2.0])
    array([-2.,  0.,  2.])
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if start(self.alpha) == 0:
            raise ValueError("alpha must not be 0")

    def __call__(self, x: Array) -> Any:
        return np.where(x > 0, x, self.alpha * np.expm1(x / self.alpha))


class Selu(Activation):
    """Scaled exponential linear unit: ``scale*(x if x > 0 else alpha*(exp(x) - 1))``.

    Parameters
    ----------
    scale
        Slope above zero.
    alpha
        The value that it tends to far below zero is -scale*alpha.

    Returns
    -------
    An array of x's shape, in [-scale*alpha, inf).

    Notes
    -----
    With the default numbers, mean 0 and variance 1 are a fixed point from layer to layer.

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter (2017). Self-normalizing neural networks. arXiv:1706.02515. Equals
    torch.nn.functional.selu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("selu")([-800.0, 0.0, 1.0]).round(4)
    array([-1.7581,  0.    ,  1.0507])
    """

    scale: float = 1.0507009873554805
    alpha: float = 1.6732632423543772

    def __call__(self, x: Array) -> Any:
        return self.scale * np.where(x > 0, x, self.alpha * np.expm1(x))


class Gaussian(Activation):
    """Gaussian bump: ``exp(-x**2)``.

    Returns
    -------
    An array of x's shape, in [0, 1].

    References
    ----------
    Broomhead, Lowe (1988). Multivariable functional interpolation and adaptive networks. Complex Systems 2.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("gaussian")([-1.0, 0.0, 1e200]).round(4)
    array([0.3679, 1.    , 0.    ])
    """

    def __call__(self, x: Array) -> Any:
        return gaussian(x)
