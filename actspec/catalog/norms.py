"""Activations that couple the values along an axis: softmax and the normalisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import stop_gradient
from actspec.parameters import parameter


class Softmax(Activation):
    """Normalised exponential: ``max(exp(x)/sum(exp(x)), floor)`` along an axis.

    Parameters
    ----------
    axis
        The axis along which the values sum to one.
    floor
        The least value of the result, to keep logarithms of it finite.

    Returns
    -------
    An array of x's shape, in [floor, 1], which sums to one along the axis for floor = 0.

    References
    ----------
    Bridle (1990). Probabilistic interpretation of feedforward classification network outputs. With floor = 0 it equals
    scipy.special.softmax and torch.softmax.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("softmax")([0.0, 0.0, 800.0, 800.0])
    array([0. , 0. , 0.5, 0.5])
    """

    axis: int = -1
    floor: float = parameter(default=0.0, ge=0, le=1)

    def __call__(self, x: Array) -> Any:
        e = np.exp(x - stop_gradient(np.max(x, axis=self.axis, keepdims=True)))  # a shift cancels out
        return np.maximum(e / np.sum(e, axis=self.axis, keepdims=True), self.floor)


class NormMean(Activation, name="norm:mean"):
    """Centring: ``x - mean(x)`` along an axis.

    Parameters
    ----------
    axis
        The axis along which the result's mean is zero.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    References
    ----------
    theanets' ``norm:mean``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("norm:mean")([1.0, 2.0, 6.0])
    array([-2., -1.,  3.])
    """

    axis: int = -1

    def __call__(self, x: Array) -> Any:
        return x - np.mean(x, axis=self.axis, keepdims=True)


class NormMax(Activation, name="norm:max"):
    """Scaling to the largest magnitude: ``x/(max(abs(x)) + eps)`` along an axis.

    Parameters
    ----------
    axis
        The axis along which the largest magnitude is taken.
    eps
        Keeps a row of zeros finite.

    Returns
    -------
    An array of x's shape, in [-1, 1].

    References
    ----------
    theanets' ``norm:max``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("norm:max")([1.0, -4.0, 2.0])
    array([ 0.25, -1.  ,  0.5 ])
    """

    axis: int = -1
    eps: float = parameter(default=1e-8, ge=0)

    def __call__(self, x: Array) -> Any:
        return x / (np.max(np.abs(x), axis=self.axis, keepdims=True) + self.eps)


class NormStd(Activation, name="norm:std"):
    """Scaling to unit standard deviation, not centred: ``x/(std(x) + eps)`` along an axis.

    Parameters
    ----------
    axis
        The axis along which the population standard deviation (ddof 0) is taken.
    eps
        Keeps a constant row finite.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    References
    ----------
    theanets' ``norm:std``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("norm:std")([1.0, 3.0, 5.0, 7.0]).round(4)
    array([0.4472, 1.3416, 2.2361, 3.1305])
    """

    axis: int = -1
    eps: float = parameter(default=1e-8, ge=0)

    def __call__(self, x: Array) -> Any:
        return x / (np.std(x, axis=self.axis, keepdims=True) + self.eps)


class NormZ(Activation, name="norm:z"):
    """Standard score: ``(x - mean(x))/(std(x) + eps)`` along an axis.

    Parameters
    ----------
    axis
        The axis along which mean and population standard deviation (ddof 0) are taken.
    eps
        Keeps a constant row finite.

    Returns
    -------
    An array of x's shape, in (-inf, inf), with mean 0 and standard deviation 1 along the axis.

    Notes
    -----
    Layer normalisation differs: there eps stands inside the root, beside the variance.

    References
    ----------
    theanets' ``norm:z``. Equals scipy.stats.zscore for eps = 0.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("norm:z")([1.0, 3.0, 5.0, 7.0]).round(4)
    array([-1.3416, -0.4472,  0.4472,  1.3416])
    """

    axis: int = -1
    eps: float = parameter(default=1e-8, ge=0)

    def __call__(self, x: Array) -> Any:
        centred = x - np.mean(x, axis=self.axis, keepdims=True)
        return centred / (np.std(x, axis=self.axis, keepdims=True) + self.eps)
