"""Piecewise linear activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.parameters import Learnable, parameter, spell


class ReLU(Activation, aliases=("rectify", "rect:max")):
    """Rectifier: ``min(max(x, 0), max)``.

    Parameters
    ----------
    max
        The value above which it saturates; by default it doesn't.

    Returns
    -------
    An array of x's shape, in [0, max].

    Notes
    -----
    The derivative at the kinks is 0.

    References
    ----------
    Nair, Hinton (2010). Rectified linear units improve restricted Boltzmann machines. ICML. Equals
    torch.nn.functional.relu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("relu(max=6)")([-1.0, 2.0, 8.0])
    array([0., 2., 6.])
    """

    max: float = parameter(default=float("inf"), ge=0)

    def __call__(self, x: Array) -> Any:
        return np.minimum(np.maximum(x, 0), self.max)


class RectMin(Activation, name="rect:min"):
    """Linear up to one: ``min(x, 1)``.

    Returns
    -------
    An array of x's shape, in (-inf, 1].

    References
    ----------
    theanets' ``rect:min``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("rect:min")([-1.0, 0.5, 2.0])
    array([-1. ,  0.5,  1. ])
    """

    def __call__(self, x: Array) -> Any:
        return np.minimum(x, 1)


class RectMinMax(Activation, name="rect:minmax"):
    """Linear from zero to one: ``min(max(x, 0), 1)``.

    Returns
    -------
    An array of x's shape, in [0, 1].

    References
    ----------
    theanets' ``rect:minmax``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("rect:minmax")([-1.0, 0.5, 2.0])
    array([0. , 0.5, 1. ])
    """

    def __call__(self, x: Array) -> Any:
        return np.minimum(np.maximum(x, 0), 1)


class LeakyReLU(Activation, aliases=("leakyrectify",)):
    """Leaky rectifier: ``x if x > 0 else negative_slope*x``.

    Parameters
    ----------
    negative_slope
        Slope below zero.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    Notes
    -----
    Keras' own default slope is 0.2 or 0.3; PyTorch, JAX and ONNX take 0.01, as here.

    References
    ----------
    Maas, Hannun, Ng (2013). Rectifier nonlinearities improve neural network acoustic models. ICML workshop. Equals
    torch.nn.functional.leaky_relu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("leaky_relu:0.1")([-2.0, 3.0])
    array([-0.2,  3. ])
    """

    negative_slope: float = 0.01

    def __call__(self, x: Array) -> Any:
        return np.where(x > 0, x, self.negative_slope * x)


class VeryLeakyRectify(Activation, aliases=("veryleakyrelu",)):
    """Very leaky rectifier: ``x if x > 0 else x/3``.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    References
    ----------
    Graham (2014). Spatially-sparse convolutional neural networks. arXiv:1409.6070. Equals
    lasagne.nonlinearities.very_leaky_rectify.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("veryleakyrectify")([-3.0, 3.0])
    array([-1.,  3.])
    """

    def __call__(self, x: Array) -> Any:
        return np.where(x > 0, x, x / 3)


class Clip(Activation):
    """Linear between two bounds: ``min(max(x, min), max)``.

    Parameters
    ----------
    min
        Lower bound.
    max
        Upper bound, at least the lower one.

    Returns
    -------
    An array of x's shape, in [min, max].

    References
    ----------
    Equals numpy.clip(x, min, max); ``clip`` alone is torch.nn.functional.relu6.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("clip(-1, 1)")([-2.0, 0.5, 8.0])
    array([-1. ,  0.5,  1. ])
    """

    min: float = 0.0
    max: float = 6.0

    def __post_init__(self) -> None:
        low, high = (each.start if isinstance(each, Learnable) else each for each in (self.min, self.max))
        if isinstance(low, float) and isinstance(high, float) and low > high:
            raise ValueError(f"min must be at most max, not {spell(low)} > {spell(high)}")

    def __call__(self, x: Array) -> Any:
        return np.minimum(np.maximum(x, self.min), self.max)
