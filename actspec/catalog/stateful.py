"""Activations that remember their earlier inputs."""

from __future__ import annotations

from typing import Any

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.parameters import parameter


class Continuous(Activation):
    """Leaky integrator before an activation: ``s <- (1 - c)*s + c*x, c = dt/tau; then base(s)``.

    Parameters
    ----------
    base
        The activation of the state: any spec.
    tau
        Time constant, in the unit of dt.
    dt
        Time between two calls.

    Returns
    -------
    An array of x's shape, in the range of base.

    References
    ----------
    hessianfree's Continuous.

    Examples
    --------
    >>> import actspec
    >>> str(actspec.parse("continuous(tanh + norm:z, tau=2)"))
    'continuous(base=tanh+norm:z,tau=2)'
    """

    stateful = True

    base: Activation
    tau: float = parameter(default=1.0, gt=0)
    dt: float = parameter(default=1.0, gt=0)

    def advance(self, state: Array, x: Array) -> Any:
        """The next state."""
        c = self.dt / self.tau
        return (1 - c) * state + c * x

    @property
    def readout(self) -> tuple[Activation, ...]:
        return self.base.stages

    @property
    def resizes(self) -> bool:
        return self.base.resizes

    def features_out(self, n: int) -> int:
        return self.base.features_out(n)

    def __call__(self, state: Array) -> Any:
        return self.base.formula(state)
