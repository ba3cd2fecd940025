"""Activations with a period."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import sin_squared, two_product, two_quotient
from actspec.parameters import parameter


class Sin(Activation):
    """Sine: ``sin(x)``.

    Returns
    -------
    An array of x's shape, in [-1, 1].

    Notes
    -----
    Exact however large x is; NaN at infinities, where it has no limit.

    References
    ----------
    Sitzmann, Martel, Bergman, Lindell, Wetzstein (2020). Implicit neural representations with periodic activation
    functions. arXiv:2006.09661. Equals numpy.sin.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("sin")([0.0, 1.0, 1e22]).round(4)
    array([ 0.    ,  0.8415, -0.8522])
    """

    def __call__(self, x: Array) -> Any:
        return np.sin(x)


class Cos(Activation):
    """Cosine: ``cos(x)``.

    Returns
    -------
    An array of x's shape, in [-1, 1].

    Notes
    -----
    Exact however large x is; NaN at infinities, where it has no limit.

    References
    ----------
    Equals numpy.cos.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("cos")([0.0, 1.0, 1e22]).round(4)
    array([1.    , 0.5403, 0.5232])
    """

    def __call__(self, x: Array) -> Any:
        return np.cos(x)


class Snake(Activation):
    """Snake: ``x + sin(frequency*x)**2/frequency``.

    Parameters
    ----------
    frequency
        How fast it winds, in radians for a unit of x.

    Returns
    -------
    An array of x's shape, in (-inf, inf).

    Notes
    -----
    It never falls: its derivative, ``1 + sin(2*frequency*x)``, is at least 0.

    References
    ----------
    Liu, Hartwig, Ueda (2020). Neural networks fail to learn periodic functions and how to fix it. arXiv:2006.08195.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("snake")([-1.0, 0.0, 2.0]).round(4)
    array([-0.2919,  0.    ,  2.8268])
    """

    frequency: float = parameter(default=1.0, gt=0)

    def __post_init__(self) -> None:
        # Known before a formula is followed, where parameters are symbols: what is left out costs nothing.
        object.__setattr__(self, "_plain", self.frequency == 1)

    def __call__(self, x: Array) -> Any:
        if self._plain:
            return np.where(np.abs(x) < np.inf, x + sin_squared(x), x)
        z, rest = two_product(self.frequency, x)
        length = two_quotient(1, self.frequency)
        wound, lost = two_product(sin_squared(z), length)
        turned = np.clip(rest, -1e-3, 1e-3) * np.sin(2 * z) * length[0]
        return np.where(np.abs(2 * z) + np.abs(wound) < np.inf, (x + wound) + (lost + turned), x)

    def derivative(self, x: Array, y: Array) -> Any:  # noqa: ARG002  # it is made of x alone
        wave = np.sin(self.frequency * x) + np.cos(self.frequency * x)
        return wave * wave

    _plain: ClassVar[bool]
