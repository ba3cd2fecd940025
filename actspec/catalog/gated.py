"""Activations with another number of features than their input: gates on halves, largest of groups, both signs."""

from __future__ import annotations

from functools import reduce
from typing import Any, ClassVar

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.catalog.selfgated import Gelu
from actspec.functions import representation_error, sigmoid, silu, swish
from actspec.parameters import parameter


class _Gated(Activation, register=False):
    """One half of the features, times what opens the gate of the other half."""

    gate_first: bool = False

    def features_out(self, n: int) -> int:
        if n % 2:
            raise ValueError(f"'{self}' needs an even number of features, two halves, not {n}")
        return n // 2

    def __call__(self, x: Array) -> Any:
        value, gate = np.split(x, 2, axis=-1)
        return gate * self.opened(value) if self.gate_first else value * self.opened(gate)

    def opened(self, gate: Any) -> Any:
        raise NotImplementedError


class GLU(_Gated, aliases=("siglu",)):
    """Gated linear unit: ``a*sigmoid(b)`` for the halves a, b of the last axis.

    Parameters
    ----------
    gate_first
        Whether the gate is the first half instead: ``sigmoid(a)*b``.

    Returns
    -------
    An array with half of x's features, in (-inf, inf).

    References
    ----------
    Dauphin, Fan, Auli, Grangier (2017). Language modeling with gated convolutional networks. arXiv:1612.08083. Equals
    torch.nn.functional.glu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("glu")([1.0, 2.0, 0.0, 800.0])
    array([0.5, 2. ])
    """

    def opened(self, gate: Any) -> Any:
        return sigmoid(gate)


class ReGLU(_Gated):
    """Gated linear unit with a rectifier: ``a*max(b, 0)`` for the halves a, b of the last axis.

    Parameters
    ----------
    gate_first
        Whether the gate is the first half instead: ``max(a, 0)*b``.

    Returns
    -------
    An array with half of x's features, in (-inf, inf).

    References
    ----------
    Shazeer (2020). GLU variants improve transformer. arXiv:2002.05202.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("reglu")([3.0, 2.0, -1.0, 4.0])
    array([0., 8.])
    """

    def opened(self, gate: Any) -> Any:
        return np.maximum(gate, 0)


class GEGLU(_Gated):
    """Gated linear unit with gelu: ``a*gelu(b)`` for the halves a, b of the last axis.

    Parameters
    ----------
    gate_first
        Whether the gate is the first half instead: ``gelu(a)*b``.

    Returns
    -------
    An array with half of x's features, in (-inf, inf).

    References
    ----------
    Shazeer (2020). GLU variants improve transformer. arXiv:2002.05202.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("geglu")([3.0, 2.0, 0.0, 1.0]).round(4)
    array([0.    , 1.6827])
    """

    def opened(self, gate: Any) -> Any:
        return Gelu().formula(gate)


class SwiGLU(_Gated):
    """Gated linear unit with silu: ``a*b*sigmoid(beta*b)`` for the halves a, b of the last axis.

    Parameters
    ----------
    gate_first
        Whether the gate is the first half instead: ``a*sigmoid(beta*a)*b``.
    beta
        Steepness of the sigmoid; where it is learnable, one for each feature of the result.

    Returns
    -------
    An array with half of x's features, in (-inf, inf).

    Notes
    -----
    Systems disagree on the halves: Paddle's swiglu, and transformers that compute gate and value in one product, have
    the gate first.

    References
    ----------
    Shazeer (2020). GLU variants improve transformer. arXiv:2002.05202. With gate_first it equals
    paddle.incubate.nn.functional.swiglu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("swiglu")([3.0, 2.0, 0.0, 100.0])
    array([  0., 200.])
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "_plain", self.beta == 1)  # as SiLU has it

    def opened(self, gate: Any) -> Any:
        return silu(gate) if self._plain else swish(gate, self.beta, representation_error(self.beta, gate))

    _plain: ClassVar[bool]


class CReLU(Activation):
    """Rectifiers of both signs: ``[max(x, 0), max(-x, 0)]``, side by side on the last axis.

    Returns
    -------
    An array with twice x's features, in [0, inf).

    References
    ----------
    Shang, Sohn, Almeida, Lee (2016). Understanding and improving convolutional neural networks via concatenated
    rectified linear units. arXiv:1603.05201. Equals tf.nn.crelu.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("crelu")([1.0, -2.0])
    array([1., 0., 0., 2.])
    """

    def features_out(self, n: int) -> int:
        return 2 * n

    def __call__(self, x: Array) -> Any:
        return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=-1)


class MaxGroup(Activation):
    """Largest of each group of neighbouring features: ``max(x[size*j], ..., x[size*j + size-1])``.

    Parameters
    ----------
    size
        How many features a group has.

    Returns
    -------
    An array with one feature for each group of x's, in (-inf, inf).

    References
    ----------
    Goodfellow, Warde-Farley, Mirza, Courville, Bengio (2013). Maxout networks. arXiv:1302.4389. Equals
    lasagne.layers.FeaturePoolLayer and paddle.nn.functional.maxout on the last axis.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("maxgroup:2")([1.0, 3.0, -2.0, -5.0])
    array([ 3., -2.])
    """

    size: int = parameter(ge=1)

    def features_out(self, n: int) -> int:
        if n % self.size:
            raise ValueError(f"'{self}' needs a multiple of {self.size} features, not {n}")
        return n // self.size

    def __call__(self, x: Array) -> Any:
        return reduce(np.maximum, [x[..., place :: self.size] for place in range(self.size)])
