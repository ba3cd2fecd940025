"""Normalisations: what scales or shifts the values along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.parameters import parameter


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
    Layer normalisation, ``norm:layer``, differs: there eps stands inside the root, beside the variance.

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


class NormL2(Activation, name="norm:l2"):
    """Scaling to unit length: ``x/max(sqrt(sum(x**2)), eps)`` along an axis.

    Parameters
    ----------
    axis
        The axis along which the result's length is one.
    eps
        The least length that is divided by, to keep a row of zeros finite.

    Returns
    -------
    An array of x's shape, in [-1, 1].

    Notes
    -----
    eps is a bound here, no summand: rows longer than eps come out at length one. TensorFlow bounds the square of the
    length instead, by 1e-12, which is ``norm:l2(eps=1e-6)``.

    References
    ----------
    torch.nn.functional.normalize.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("norm:l2")([[3.0, -4.0], [0.0, 0.0]])
    array([[ 0.6, -0.8],
           [ 0. ,  0. ]])
    """

    axis: int = -1
    eps: float = parameter(default=1e-12, ge=0)

    def __call__(self, x: Array) -> Any:
        return x / np.maximum(np.sqrt(np.sum(x * x, axis=self.axis, keepdims=True)), self.eps)


class NormRMS(Activation, name="norm:rms"):
    """Root mean square normalisation: ``x/sqrt(mean(x**2) + eps)*gain`` along an axis, not centred.

    Parameters
    ----------
    axis
        The axis along which the mean square is taken.
    eps
        Keeps a row of zeros finite.
    gain
        What the result is multiplied by; ``~1`` learns one per feature.

    Returns
    -------
    An array of x's shape, in (-inf, inf), with mean square gain**2 along the axis.

    Notes
    -----
    The default of eps is that of Keras and of the language models that use it. PyTorch's is the distance from one to
    the next number of x's type: 1.2e-7 in float32, 2.2e-16 in float64.

    References
    ----------
    Zhang, Sennrich (2019). Root mean square layer normalization. arXiv:1910.07467. Equals
    torch.nn.functional.rms_norm for the same eps.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("norm:rms")([1.0, -1.0, 7.0, -7.0]).round(4)
    array([ 0.2, -0.2,  1.4, -1.4])
    """

    axis: int = -1
    eps: float = parameter(default=1e-6, ge=0)
    gain: float = 1.0

    def __call__(self, x: Array) -> Any:
        return x * (1 / np.sqrt(np.mean(x * x, axis=self.axis, keepdims=True) + self.eps)) * self.gain


class NormLayer(Activation, name="norm:layer"):
    """Layer normalisation: ``(x - mean(x))/sqrt(var(x) + eps)*gain + shift`` along an axis.

    Parameters
    ----------
    axis
        The axis along which mean and population variance (ddof 0) are taken.
    eps
        Keeps a constant row finite.
    gain
        What the normalised values are multiplied by; ``~1`` learns one per feature.
    shift
        What is added to them; ``~0`` learns one per feature.

    Returns
    -------
    An array of x's shape, in (-inf, inf), with mean shift and, but for eps, standard deviation gain along the axis.

    Notes
    -----
    eps stands inside the root, beside the variance; ``norm:z`` adds it to the standard deviation.

    References
    ----------
    Ba, Kiros, Hinton (2016). Layer normalization. arXiv:1607.06450. Equals torch.nn.functional.layer_norm.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("norm:layer(eps=0)")([1.0, 3.0, 5.0, 7.0]).round(4)
    array([-1.3416, -0.4472,  0.4472,  1.3416])
    >>> str(actspec.parse("norm:layer(gain=~1, shift=~0)"))
    'norm:layer(gain=~1,shift=~0)'
    """

    axis: int = -1
    eps: float = parameter(default=1e-5, ge=0)
    gain: float = 1.0
    shift: float = 0.0

    def __call__(self, x: Array) -> Any:
        centred = x - np.mean(x, axis=self.axis, keepdims=True)
        share = 1 / np.sqrt(np.var(x, axis=self.axis, keepdims=True) + self.eps)
        return centred * share * self.gain + self.shift
