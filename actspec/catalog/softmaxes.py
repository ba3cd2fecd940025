"""Softmax and its kin: what shares out one along an axis, or takes its logarithm."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import first_true, simplex_threshold, stop_gradient
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

    def __post_init__(self) -> None:
        # Known before a formula is followed, where parameters are symbols: what is left out costs nothing.
        object.__setattr__(self, "_plain", self.floor == 0)

    def __call__(self, x: Array) -> Any:
        e = np.exp(x - stop_gradient(np.max(x, axis=self.axis, keepdims=True)))  # a shift cancels out
        share = e * (1 / np.sum(e, axis=self.axis, keepdims=True))
        return share if self._plain else np.maximum(share, self.floor)

    _plain: ClassVar[bool]


class LogSoftmax(Activation, name="log_softmax"):
    """Logarithm of softmax: ``x - log(sum(exp(x)))`` along an axis.

    Parameters
    ----------
    axis
        The axis along which the exponentials of the result sum to one.

    Returns
    -------
    An array of x's shape, in (-inf, 0].

    Notes
    -----
    The largest value is taken off first, so that no exponential overflows, and what softmax rounds to zero keeps its
    logarithm. A masked entry, -inf, stays -inf; a row of nothing else gives NaN.

    References
    ----------
    scipy.special.log_softmax, torch.nn.functional.log_softmax.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("log_softmax")([0.0, 800.0, 800.0]).round(4)
    array([-8.006931e+02, -6.931000e-01, -6.931000e-01])
    """

    axis: int = -1

    def __call__(self, x: Array) -> Any:
        shifted = x - stop_gradient(np.max(x, axis=self.axis, keepdims=True))  # a shift cancels out
        return shifted - np.log(np.sum(np.exp(shifted), axis=self.axis, keepdims=True))


class Softmin(Activation):
    """Softmax of the negative: ``exp(-x)/sum(exp(-x))`` along an axis.

    Parameters
    ----------
    axis
        The axis along which the values sum to one.

    Returns
    -------
    An array of x's shape, in [0, 1], which sums to one along the axis.

    References
    ----------
    torch.nn.functional.softmin.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("softmin")([0.0, 0.0, 800.0, 800.0])
    array([0.5, 0.5, 0. , 0. ])
    """

    axis: int = -1

    def __call__(self, x: Array) -> Any:
        e = np.exp(stop_gradient(np.min(x, axis=self.axis, keepdims=True)) - x)  # a shift cancels out
        return e * (1 / np.sum(e, axis=self.axis, keepdims=True))


class Sparsemax(Activation):
    """Projection on the probability simplex: ``max(x - t, 0)`` along an axis, with the t for which it sums to one.

    Parameters
    ----------
    axis
        The axis along which the values sum to one.

    Returns
    -------
    An array of x's shape, in [0, 1], which sums to one along the axis: of all such arrays, the nearest to x.

    Notes
    -----
    What lies far enough below the largest value is zero, and so is its derivative. Any other value gets its own
    gradient less the mean of the gradients of those above t. Where t is met, the derivative is that of zero.

    References
    ----------
    Martins, Astudillo (2016). From softmax to sparsemax: a sparse model of attention and multi-label classification.
    arXiv:1602.02068. Equals tfa.activations.sparsemax.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("sparsemax")([1.0, 0.75, -3.0])
    array([0.625, 0.375, 0.   ])
    """

    axis: int = -1

    def __call__(self, x: Array) -> Any:
        shifted = x - stop_gradient(np.max(x, axis=self.axis, keepdims=True))  # a shift cancels out
        return np.maximum(shifted - simplex_threshold(shifted, axis=self.axis, keepdims=True), 0)


class Hardmax(Activation):
    """Choice of the largest value: ``1 if x is the first max(x) else 0`` along an axis.

    Parameters
    ----------
    axis
        The axis along which one value is chosen.

    Returns
    -------
    An array of x's shape, in {0, 1}, with a single one along the axis.

    Notes
    -----
    Of equal values the first is chosen, and NaN counts as the largest, as in numpy.argmax. The derivative is zero.

    References
    ----------
    The operator Hardmax of ONNX.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("hardmax")([1.0, 3.0, 3.0, 2.0])
    array([0., 1., 0., 0.])
    """

    axis: int = -1

    def __call__(self, x: Array) -> Any:
        largest = (x == np.max(x, axis=self.axis, keepdims=True)) | np.isnan(x)
        return np.where(first_true(largest, axis=self.axis), 1.0, 0.0)
