"""Activations that saturate on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import sigmoid


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
