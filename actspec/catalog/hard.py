"""Hard forms of smooth activations: pieces of lines and parabolas."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.catalog.rectifiers import Clip
from actspec.parameters import check_order, parameter


class HardTanh(Clip):
    """Hard hyperbolic tangent: ``min(max(x, min), max)``.

    Parameters
    ----------
    min
        Lower bound.
    max
        Upper bound, at least the lower one.

    Returns
    -------
    An array of x's shape, in [min, max].

    Notes
    -----
    It is ``clip`` with other defaults. The derivative at the bounds is 0.

    References
    ----------
    Collobert (2004). Large scale machine learning. Equals torch.nn.functional.hardtanh.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("hardtanh")([-2.0, 0.5, 8.0])
    array([-1. ,  0.5,  1. ])
    """

    min: float = -1.0
    max: float = 1.0


class HardSigmoid(Activation):
    """Hard sigmoid: ``min(max(slope*x + offset, 0), 1)``.

    Parameters
    ----------
    slope
        Slope between the bounds.
    offset
        The value at zero.

    Returns
    -------
    An array of x's shape, in [0, 1].

    Notes
    -----
    The default slope counts as a sixth: the result keeps its digits near x = -3, where it leaves zero. The derivative
    at the bounds is 0. Slopes differ: ONNX, Theano and Keras before version 3 have 0.2.

    References
    ----------
    Courbariaux, Bengio, David (2015). BinaryConnect: training deep neural networks with binary weights during
    propagations. arXiv:1511.00363. Equals torch.nn.functional.hardsigmoid.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("hardsigmoid(slope=0.25)")([-3.0, 0.0, 1.0])
    array([0.  , 0.5 , 0.75])
    """

    slope: float = parameter(default=1 / 6, gt=0)
    offset: float = 0.5

    def __call__(self, x: Array) -> Any:
        # A sum of slope*x and offset would cancel where it leaves zero.
        return np.minimum(np.maximum(self.slope * (x + self.offset / self.slope), 0), 1)


class HardSwish(Activation, aliases=("hard_silu", "hard_swish_mobilenet")):
    """Hard swish: ``x*min(max(x + 3, 0), 6)/6``.

    Returns
    -------
    An array of x's shape, in [-0.375, inf).

    Notes
    -----
    The derivative at the kinks is 0 at -3 and 1 at 3. At -inf the result is 0, where the formula's product is NaN.

    References
    ----------
    Howard et al. (2019). Searching for MobileNetV3. arXiv:1905.02244. Equals torch.nn.functional.hardswish; thinc's
    HardSwish is another function.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("hardswish")([-4.0, -1.5, 3.0])
    array([ 0.   , -0.375,  3.   ])
    """

    def __call__(self, x: Array) -> Any:
        return np.where(x <= -3, 0, np.where(x >= 3, x, x * ((x + 3) * (1 / 6))))


class HardMish(Activation, name="hard_mish"):
    """Hard mish: ``x*min(max(x + 2, 0), 2)/2``.

    Returns
    -------
    An array of x's shape, in [-0.5, inf).

    Notes
    -----
    The derivative at -2 is -1, as that of PyTorch's clamp counts there. At -inf the result is 0, where the formula's
    product is NaN.

    References
    ----------
    timm's ``hard_mish``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("hard_mish")([-4.0, -1.0, 3.0])
    array([ 0. , -0.5,  3. ])
    """

    def __call__(self, x: Array) -> Any:
        return np.where(x < -2, 0, np.where(x > 0, x, x * (x + 2) / 2))


class ClippedLinear(Activation):
    """Line between two bounds: ``min(max(slope*x + offset, min), max)``.

    Parameters
    ----------
    slope
        Slope between the bounds.
    offset
        The value of the line at zero.
    min
        Lower bound.
    max
        Upper bound, at least the lower one.

    Returns
    -------
    An array of x's shape, in [min, max].

    References
    ----------
    thinc's ``clipped_linear``.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("clippedlinear(2, max=5)")([-1.0, 2.0, 3.0])
    array([0., 4., 5.])
    """

    slope: float = 1.0
    offset: float = 0.0
    min: float = 0.0
    max: float = 1.0

    def __post_init__(self) -> None:
        check_order(self, "min", "max")

    def __call__(self, x: Array) -> Any:
        return np.minimum(np.maximum(self.slope * x + self.offset, self.min), self.max)
