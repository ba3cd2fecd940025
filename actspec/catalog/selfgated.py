"""Activations that multiply x by a smooth step of x: the family of gelu and swish."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import dish, gelu, gelu_tanh, lisht, representation_error, silu, swish


class Gelu(Activation, aliases=("gelu_python",)):
    """Gaussian error linear unit: ``x*erfc(-x/sqrt(2))/2``.

    Returns
    -------
    An array of x's shape, in [-0.17, inf).

    Notes
    -----
    x times the normal distribution function, which erfc gives to its last digit: ``1 + erf(x/sqrt(2))`` cancels below
    zero, and has no digit left in float32 from -6 on.

    References
    ----------
    Hendrycks, Gimpel (2016). Gaussian error linear units (GELUs). arXiv:1606.08415. Equals torch.nn.functional.gelu and
    jax.nn.gelu(x, approximate=False), but for their negative tails.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("gelu")([-37.0, 0.0, 1.0])
    array([-2.11846135e-298,  0.00000000e+000,  8.41344746e-001])
    """

    def __call__(self, x: Array) -> Any:
        return gelu(x)


class GeluTanh(
    Activation,
    name="gelu_tanh",
    aliases=("gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_accurate", "gelu_python_tanh", "gelu_approx"),
):
    """Gaussian error linear unit by tanh: ``x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))``.

    Returns
    -------
    An array of x's shape, in [-0.171, inf).

    Notes
    -----
    x times the logistic function of twice tanh's argument, which is the same and doesn't cancel.

    References
    ----------
    Hendrycks, Gimpel (2016). Gaussian error linear units (GELUs). arXiv:1606.08415. Equals torch.nn.functional.gelu(x,
    approximate="tanh"), jax.nn.gelu, keras.activations.gelu(x, approximate=True), and thinc's gelu_approx.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("gelu_tanh")([-20.0, 0.0, 1.0])
    array([-3.37545096e-261,  0.00000000e+000,  8.41191991e-001])
    """

    def __call__(self, x: Array) -> Any:
        return gelu_tanh(x)


class QuickGelu(Activation, name="quick_gelu"):
    """Gaussian error linear unit by the logistic function: ``x*sigmoid(1.702*x)``.

    Returns
    -------
    An array of x's shape, in [-0.164, inf).

    References
    ----------
    Hendrycks, Gimpel (2016). Gaussian error linear units (GELUs). arXiv:1606.08415. Equals transformers' quick_gelu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("quick_gelu")([-800.0, 0.0, 1.0]).round(4)
    array([-0.    ,  0.    ,  0.8458])
    """

    def __call__(self, x: Array) -> Any:
        return swish(x, 1.702, representation_error(1.702, x))


class Gelu10(Activation, name="gelu_10"):
    """Clipped Gaussian error linear unit: ``min(max(gelu(x), -10), 10)``.

    Returns
    -------
    An array of x's shape, in [-0.17, 10].

    References
    ----------
    Wu, Judd, Zhang, Isaev, Micikevicius (2020). Integer quantization for deep learning inference. arXiv:2004.09602.
    Equals transformers' gelu_10.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("gelu_10")([-1.0, 1.0, 12.0]).round(4)
    array([-0.1587,  0.8413, 10.    ])
    """

    def __call__(self, x: Array) -> Any:
        return np.clip(gelu(x), -10, 10)


class Silu(Activation, aliases=("swish",)):
    """Sigmoid linear unit: ``x*sigmoid(beta*x)``.

    Parameters
    ----------
    beta
        How steep the step is: with 0 it is x/2, and far above 1 like the rectifier.

    Returns
    -------
    An array of x's shape, in [-0.28/beta, inf) for beta > 0.

    Notes
    -----
    The limit at -inf is 0.

    References
    ----------
    Elfwing, Uchibe, Doya (2017). Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning. arXiv:1702.03118. Ramachandran, Zoph, Le (2017). Searching for activation functions.
    arXiv:1710.05941. Equals torch.nn.functional.silu and jax.nn.silu, but for their negative tails in float32.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("silu")([-745.0, 0.0, 1.0])
    array([-2.10471965e-321,  0.00000000e+000,  7.31058579e-001])
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        # Known before a formula is followed, where parameters are symbols: what is left out costs nothing.
        object.__setattr__(self, "_plain", self.beta == 1)

    def __call__(self, x: Array) -> Any:
        return silu(x) if self._plain else swish(x, self.beta, representation_error(self.beta, x))

    _plain: ClassVar[bool]


class Mish(Activation):
    """Mish: ``x*tanh(log(1 + exp(x)))``.

    Returns
    -------
    An array of x's shape, in [-0.309, inf).

    Notes
    -----
    Computed as ``x*y/(1 + y)`` with ``y = z + z*z/2`` and ``z = exp(x)``, which keeps the digits of the negative tail.

    References
    ----------
    Misra (2019). Mish: a self regularized non-monotonic activation function. arXiv:1908.08681. Equals
    torch.nn.functional.mish and jax.nn.mish.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("mish")([-700.0, 0.0, 1.0])
    array([-6.90177358e-302,  0.00000000e+000,  8.65098388e-001])
    """

    def __call__(self, x: Array) -> Any:
        # Below -60 it is x*exp(x), which is scaled last, so that it is rounded once where it is subnormal.
        scale = np.where(x < -60, math.exp(-64), 1)
        scaled = np.exp(np.where(x < -60, x + 64, -np.abs(x)))
        z = scaled * scale
        above = np.where(x < 0, scaled + scaled * z / 2, 1 + 2 * z)
        below = np.where(x < 0, 1 + above * scale, above + 2 * z * z)
        return np.maximum(x, -1000) * (above / below) * scale


class Dish(Activation):
    """Swish without exponentials: ``x/2*(1 + x/sqrt(1 + x**2))``.

    Returns
    -------
    An array of x's shape, in [-0.151, inf).

    Notes
    -----
    Computed as ``max(x, 0) - a/(2 + 2*a*(a + r))`` with ``a = abs(x)`` and ``r = sqrt(1 + a**2)``, which doesn't
    cancel, and goes like 1/(4*x) far below zero.

    References
    ----------
    Equals thinc's dish, and with its tail.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("dish")([-1e8, 0.0, 1.0]).round(12)
    array([-2.50000000e-09,  0.00000000e+00,  8.53553391e-01])
    """

    def __call__(self, x: Array) -> Any:
        return dish(x)


class LiSHT(Activation):
    """Linearly scaled hyperbolic tangent: ``x*tanh(x)``.

    Returns
    -------
    An array of x's shape, in [0, inf).

    References
    ----------
    Roy, Manna, Dubey, Chaudhuri (2019). LiSHT: non-parametric linearly scaled hyperbolic tangent activation function
    for neural networks. arXiv:1901.05894.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("lisht")([-800.0, 0.0, 1.0]).round(4)
    array([8.000e+02, 0.000e+00, 7.616e-01])
    """

    def __call__(self, x: Array) -> Any:
        return lisht(x)
