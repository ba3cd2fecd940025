"""Rate models of spiking neurons."""

from __future__ import annotations

from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.functions import softplus
from actspec.parameters import parameter


class SoftLIF(Activation):
    """Smooth leaky integrate-and-fire rate: ``amp/(tau_ref + tau_rc*log1p(1/j)), j = sigma*softplus(x/sigma)``.

    Parameters
    ----------
    sigma
        Width of the smooth onset, in units of x; the hard rate is its limit at 0.
    tau_rc
        Membrane time constant, in seconds.
    tau_ref
        Refractory period, in seconds.
    amp
        Height of one spike: the result is amp times the rate in spikes per second.

    Returns
    -------
    An array of x's shape, in [0, amp/tau_ref].

    Notes
    -----
    x is the input current above threshold. Far below zero it goes like amp/(tau_ref - tau_rc*x/sigma), never through
    0*inf, though j itself underflows there.

    References
    ----------
    Hunsberger, Eliasmith (2015). Spiking deep networks with LIF neurons. arXiv:1510.08829. hessianfree's SoftLIF, with
    its formula kept for every x.

    Examples
    --------
    >>> import actspec
    >>> actspec.parse("softlif")([-10.0, 0.0, 2.0]).round(4)
    array([0.0495, 0.5035, 1.0301])
    """

    sigma: float = parameter(default=1.0, gt=0)
    tau_rc: float = parameter(default=0.02, gt=0)
    tau_ref: float = parameter(default=0.002, gt=0)
    amp: float = 0.01

    def __call__(self, x: Array) -> Any:
        z = x / self.sigma
        softened = softplus(z)
        j, far = self.sigma * softened, z < -20
        # There log(softplus(z)) is z - softplus(z)/2 to the last bit, and log1p(1/j) is log1p(j) - log(j).
        logarithm = np.log1p(np.where(far, j, 1 / j))
        tail = logarithm - np.log(self.sigma) - z + softened / 2
        # In units of the longer time constant nothing overflows, and no digit is lost where the rate saturates.
        unit = np.maximum(self.tau_ref, self.tau_rc)
        waiting = self.tau_rc / unit * np.where(far, tail, logarithm)
        return self.amp / unit / (self.tau_ref / unit + waiting)
