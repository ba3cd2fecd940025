"""Activations that draw random numbers at every call."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import stop_gradient
from actspec.parameters import parameter


class GumbelSoftmax(Activation, name="gumbel_softmax"):
    """Softmax of noisy logits: ``softmax((x + g)/tau), g standard Gumbel noise`` along an axis.

    Parameters
    ----------
    tau
        Temperature: near 0, each sample is close to one-hot; for large tau, close to uniform.
    hard
        Whether the result is one-hot, at the largest x + g, with the gradient of the soft sample (straight through).
    axis
        The axis along which the values sum to one.

    Returns
    -------
    An array of x's shape, in [0, 1], which sums to one along the axis; with hard, of zeros and ones.

    Notes
    -----
    It draws at every call, in training and out of it, so that it runs in a cell only: bind(rng=...). A hard sample is
    class k with the probability softmax(x)[k], for every tau. Noise is drawn in float64, is always finite, and is
    rounded to the type that is computed in. Where rounding makes several x + g the largest, the one with the largest
    noise counts; where that is the same too, they share the one.

    References
    ----------
    Jang, Gu, Poole (2017). Categorical reparameterization with Gumbel-softmax; Maddison, Mnih, Teh (2017). The concrete
    distribution. Equals torch.nn.functional.gumbel_softmax for the same noise.

    Examples
    --------
    >>> import actspec
    >>> cell = actspec.parse("gumbel_softmax(hard=true)").bind(rng=0)
    >>> cell([[0.0, 0.0, 9.0], [9.0, 0.0, 0.0]])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """

    tau: float = parameter(default=1.0, gt=0)
    hard: bool = False
    axis: int = -1

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        # Minus the logarithm of exponential noise is Gumbel noise; zero, which is drawn once in 2**53 times, isn't.
        return -np.log(np.maximum(rng.standard_exponential(shape), 2.0**-54))

    def sample(self, x: Array, noise: Array) -> Any:
        noisy = (x + noise) / self.tau
        top = np.max(noisy, axis=self.axis, keepdims=True)
        e = np.exp(noisy - stop_gradient(top))  # a shift cancels out
        soft = e / np.sum(e, axis=self.axis, keepdims=True)
        if not self.hard:
            return soft
        first = np.where(noisy == top, noise, -np.inf)
        chosen = 1.0 * (first == np.max(first, axis=self.axis, keepdims=True))
        one_hot = chosen / np.sum(chosen, axis=self.axis, keepdims=True)
        return stop_gradient(one_hot) + (soft - stop_gradient(soft))
