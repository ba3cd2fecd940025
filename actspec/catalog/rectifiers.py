"""Piecewise linear activations."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.parameters import check_order, parameter


class ReLU(Activation, aliases=("rectify", "rect:max")):
    """Rectifier: ``min(x if x > threshold else negative_slope*(x - threshold), max)``.

    Parameters
    ----------
    max
        The value above which it saturates; by default it doesn't.
    negative_slope
        Slope up to the threshold; by default it is zero there.
    threshold
        Where x begins to pass.

    Returns
    -------
    An array of x's shape, in [0, max] for negative_slope = 0, else in (-inf, max].

    Notes
    -----
    The derivative at the kinks is 0, or where there is a negative slope, that slope at the threshold.

    References
    ----------
    Nair, Hinton (2010). Rectified linear units improve restricted Boltzmann machines. ICML. Equals
    torch.nn.functional.relu, and keras.activations.relu with all its parameters.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("relu(max=6)")([-1.0, 2.0, 8.0])
    array([0., 2., 6.])
    >>> actspec.parse("relu(negative_slope=0.5, threshold=1)")([-1.0, 1.0, 2.0])
    array([-1.,  0.,  2.])
    """

    max: float = parameter(default=float("inf"), ge=0)
    negative_slope: float = parameter(default=0.0, ge=0)
    threshold: float = parameter(default=0.0, ge=0)

    def __post_init__(self) -> None:
        # Known before a formula is followed, where parameters are symbols: what is left out costs nothing.
        object.__setattr__(self, "_leaks", self.negative_slope != 0)
        object.__setattr__(self, "_at_zero", self.threshold == 0)
        object.__setattr__(self, "_bounded", self.max != float("inf"))

    def __call__(self, x: Array) -> Any:
        if self._at_zero and not self._leaks:
            y = np.maximum(x, 0)
        else:
            below = self.negative_slope * (x - self.threshold) if self._leaks else 0
            y = np.where(x <= self.threshold, below, x)
        return np.minimum(y, self.max) if self._bounded else y

    _bounded: ClassVar[bool]
    _leaks: ClassVar[bool]
    _at_zero: ClassVar[bool]


class ReLU6(Activation):
    """Rectifier that saturates at six: ``min(max(x, 0), 6)``.

    Returns
    -------
    An array of x's shape, in [0, 6].

    References
    ----------
    Krizhevsky (2010). Convolutional deep belief networks on CIFAR-10. Equals torch.nn.functional.relu6.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("relu6")([-1.0, 2.0, 8.0])
    array([0., 2., 6.])
    """

    def __call__(self, x: Array) -> Any:
        return np.minimum(np.maximum(x, 0), 6)


class ReLUK(Activation):
    """Rectifier that saturates at a bound: ``min(max(x, 0), n)``.

    Parameters
    ----------
    n
        The bound.

    Returns
    -------
    An array of x's shape, in [0, n].

    References
    ----------
    thinc's ``relu_k``; ``relu(max=n)`` is the same.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("reluk(4)")([-1.0, 2.0, 8.0])
    array([0., 2., 4.])
    """

    n: float = parameter(default=6.0, ge=0)

    def __call__(self, x: Array) -> Any:
        return np.minimum(np.maximum(x, 0), self.n)


class ReLU2(Activation, aliases=("relu_squared",)):
    """Squared rectifier: ``max(x, 0)**2``.

    Returns
    -------
    An array of x's shape, in [0, inf).

    Notes
    -----
    It has no kink: its derivative, twice the rectifier, is continuous.

    References
    ----------
    So, Mańke, Liu, Dai, Shazeer, Le (2021). Primer: searching for efficient transformers for language modeling.
    arXiv:2109.08668. Equals transformers' ``relu2``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("relu2")([-1.0, 2.0, 8.0])
    array([ 0.,  4., 64.])
    """

    def __call__(self, x: Array) -> Any:
        return np.square(np.maximum(x, 0))


class ThresholdedReLU(Activation):
    """Identity above a threshold, zero up to it: ``x if x > theta else 0``.

    Parameters
    ----------
    theta
        The threshold.

    Returns
    -------
    An array of x's shape, in (theta, inf) or zero.

    References
    ----------
    Konda, Memisevic, Krueger (2014). Zero-bias autoencoders and the benefits of co-adapting features. arXiv:1402.3337.
    Equals ONNX's ThresholdedRelu and paddle.nn.functional.thresholded_relu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("thresholdedrelu(2)")([-1.0, 2.0, 3.0])
    array([0., 0., 3.])
    """

    theta: float = 1.0

    def __call__(self, x: Array) -> Any:
        return np.where(x <= self.theta, 0, x)


class Threshold(Activation):
    """Identity above a threshold, a constant up to it: ``x if x > threshold else value``.

    Parameters
    ----------
    threshold
        Above it x passes.
    value
        What stands for x up to it.

    Returns
    -------
    An array of x's shape, in (threshold, inf) or value.

    References
    ----------
    Equals torch.nn.functional.threshold.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("threshold(0.5, -1)")([-2.0, 0.5, 3.0])
    array([-1., -1.,  3.])
    """

    threshold: float
    value: float

    def __call__(self, x: Array) -> Any:
        return np.where(x <= self.threshold, self.value, x)


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


class RReLU(Activation):
    """Leaky rectifier whose slope is drawn in training: ``x if x > 0 else (lower + upper)/2*x``.

    Parameters
    ----------
    lower
        The least slope below zero.
    upper
        The largest one, at least the least.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    Notes
    -----
    In a cell in training mode (``cell.training = True``) each element below zero has a slope of its own, drawn at each
    call from the uniform distribution on [lower, upper]. Otherwise, and unbound, the slope is the mean of both.

    References
    ----------
    Xu, Wang, Chen, Li (2015). Empirical evaluation of rectified activations in convolutional network. arXiv:1505.00853.
    Equals torch.nn.functional.rrelu, in training for the same slopes.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("rrelu(0.25, 0.75)")([-2.0, 3.0])
    array([-1.,  3.])
    """

    lower: float = 1 / 8
    upper: float = 1 / 3

    def __post_init__(self) -> None:
        check_order(self, "lower", "upper")

    def __call__(self, x: Array) -> Any:
        return np.where(x > 0, x, (self.lower + self.upper) / 2 * x)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.random(shape)

    def sample(self, x: Array, noise: Array) -> Any:
        return np.where(x > 0, x, (self.lower + (self.upper - self.lower) * noise) * x)


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
    Equals numpy.clip(x, min, max); ``clip`` alone is ``relu6``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("clip(-1, 1)")([-2.0, 0.5, 8.0])
    array([-1. ,  0.5,  1. ])
    """

    min: float = 0.0
    max: float = 6.0

    def __post_init__(self) -> None:
        check_order(self, "min", "max")

    def __call__(self, x: Array) -> Any:
        return np.minimum(np.maximum(x, self.min), self.max)
