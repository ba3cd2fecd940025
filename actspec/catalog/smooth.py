"""Smooth activations that aren't sigmoids: the identity, softplus and its kin, exponential units, the Gaussian."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import gaussian, log_sigmoid, sigmoid, softplus, squareplus, tanh_shrink, two_product
from actspec.parameters import parameter, start


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
    """Smooth rectifier: ``log(1 + exp(beta*x))/beta``.

    Parameters
    ----------
    beta
        How sharp the bend is; in the limit it is the rectifier.
    threshold
        Where beta*x is above it, the result is x itself; never, by default.

    Returns
    -------
    An array of x's shape, in [0, inf).

    Notes
    -----
    Neither end overflows: it goes like x far above zero and like exp(beta*x)/beta far below. Its derivative is the
    sigmoid of beta*x.

    References
    ----------
    Dugas, Bengio, Belisle, Nadeau, Garcia (2001). Incorporating second-order functional knowledge for better option
    pricing. NIPS 13. Equals torch.nn.functional.softplus, whose threshold is 20.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("softplus")([-800.0, 0.0, 800.0]).round(4)
    array([0.000e+00, 6.931e-01, 8.000e+02])
    """

    beta: float = parameter(default=1.0, gt=0)
    threshold: float = float("inf")

    def __post_init__(self) -> None:
        # Known before a formula is followed, where parameters are symbols: what is left out costs nothing.
        object.__setattr__(self, "_plain", (self.beta, self.threshold) == (1, np.inf))

    def __call__(self, x: Array) -> Any:
        if self._plain:
            return softplus(x)
        z, rest = two_product(self.beta, x)
        # Above 50 the result is x to the last bit, and z may overflow.
        return np.where(z > np.minimum(self.threshold, 50), x, (softplus(z) + rest * sigmoid(z)) / self.beta)

    _plain: ClassVar[bool]


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


class SqrtSoftplus(Activation):
    """Root of softplus: ``sqrt(log(1 + exp(x)))``.

    Returns
    -------
    An array of x's shape, in [0, inf).

    Notes
    -----
    It goes like exp(x/2) far below zero, where softplus itself is too small for the type.

    References
    ----------
    Equals transformers' sqrtsoftplus.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("sqrtsoftplus")([-800.0, 0.0, 4.0])
    array([1.91516960e-174, 8.32554611e-001, 2.00453235e+000])
    """

    def __call__(self, x: Array) -> Any:
        # Below -20, softplus is e*e*(1 - e*e/2) to the last bit.
        e = np.exp(np.minimum(x, 0) / 2)
        return np.where(x < -20, e - e * e * e / 4, np.sqrt(softplus(x)))


class LogSigmoid(Activation):
    """Logarithm of the logistic function: ``-log(1 + exp(-x))``.

    Returns
    -------
    An array of x's shape, in (-inf, 0].

    References
    ----------
    Equals torch.nn.functional.logsigmoid and jax.nn.log_sigmoid.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("logsigmoid")([-800.0, 0.0, 2.0]).round(4)
    array([-8.000e+02, -6.931e-01, -1.269e-01])
    """

    def __call__(self, x: Array) -> Any:
        return log_sigmoid(x)


class Tanhshrink(Activation):
    """What tanh takes off: ``x - tanh(x)``.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    Notes
    -----
    It goes like x**3/3 near zero, where the difference would cancel.

    References
    ----------
    Equals torch.nn.functional.tanhshrink, but near zero.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("tanhshrink")([-800.0, 1e-3, 2.0])
    array([-7.99000000e+02,  3.33333200e-10,  1.03597242e+00])
    """

    def __call__(self, x: Array) -> Any:
        return tanh_shrink(x)


class Squareplus(Activation):
    """Algebraic smooth rectifier: ``(x + sqrt(x**2 + b))/2``.

    Parameters
    ----------
    b
        How round the bend is: the result at zero is sqrt(b)/2, and with 0 it is the rectifier.

    Returns
    -------
    An array of x's shape, in [0, inf).

    Notes
    -----
    Computed as ``max(x, 0) + b/2/(sqrt(x**2 + b) + abs(x))``, which doesn't cancel, and goes like -b/(4*x) far below
    zero.

    References
    ----------
    Barron (2021). Squareplus: a softplus-like algebraic rectifier. arXiv:2112.11687. Equals jax.nn.squareplus.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("squareplus")([-1e10, 0.0, 1.5])
    array([1.e-10, 1.e+00, 2.e+00])
    """

    b: float = parameter(default=4.0, ge=0)

    def __call__(self, x: Array) -> Any:
        return squareplus(x, self.b)


class SparsePlus(Activation, name="sparse_plus"):
    """Sparse softplus: ``0 if x <= -1 else x if x >= 1 else (x + 1)**2/4``.

    Returns
    -------
    An array of x's shape, in [0, inf).

    Notes
    -----
    Its derivative is sparse_sigmoid, which is continuous.

    References
    ----------
    Blondel, Martins, Niculae (2019). Learning with Fenchel-Young losses. arXiv:1901.02324. Equals jax.nn.sparse_plus.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("sparse_plus")([-2.0, 0.0, 2.0])
    array([0.  , 0.25, 2.  ])
    """

    def __call__(self, x: Array) -> Any:
        return np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) * (x + 1) / 4))


class Exponential(Activation):
    """Exponential: ``exp(x)``.

    Returns
    -------
    An array of x's shape, in [0, inf].

    Notes
    -----
    It overflows: to infinity above 88.72 in float32, and above 709.78 in float64.

    References
    ----------
    Equals keras.activations.exponential.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("exponential")([-800.0, 0.0, 1.0]).round(4)
    array([0.    , 1.    , 2.7183])
    """

    def __call__(self, x: Array) -> Any:
        return np.exp(x)
