"""The activations of the first release, as the contract gives them."""

from __future__ import annotations

import numpy as np
from mpmath import mp, mpf


def _over(row, divisor):
    return [x / divisor for x in row]


def _std(row):
    mean = mp.fsum(row) / len(row)
    return mp.sqrt(mp.fsum((x - mean) ** 2 for x in row) / len(row))


POINTWISE = {
    "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "tanh": mp.tanh,
    "scaledtanh": lambda x, scale_in, scale_out: scale_out * mp.tanh(scale_in * x),
    "softplus": lambda x, beta, threshold: x if beta * x > threshold else mp.log1p(mp.exp(beta * x)) / beta,
    "rect:min": lambda x: min(x, mpf(1)),
    "rect:minmax": lambda x: min(x if x > 0 else mpf(0), mpf(1)),
    "leakyrelu": lambda x, negative_slope: x if x > 0 else negative_slope * x,
    "veryleakyrectify": lambda x: x if x > 0 else x / 3,
    "elu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
    "selu": lambda x, scale, alpha: scale * (x if x > 0 else alpha * mp.expm1(x)),
    "gaussian": lambda x: mp.exp(-(x**2)),
    "clip": lambda x, **k: k["min"] if x < k["min"] else k["max"] if x > k["max"] else x,
    "softlif": lambda x, sigma, tau_rc, tau_ref, amp: (
        amp / (tau_ref + tau_rc * mp.log1p(1 / (sigma * mp.log1p(mp.exp(x / sigma)))))
    ),
}
ROWS = {
    "softmax": lambda row, floor: [max(e, floor) for e in _over(list(map(mp.exp, row)), mp.fsum(map(mp.exp, row)))],
    "norm:mean": lambda row: [x - mp.fsum(row) / len(row) for x in row],
    "norm:max": lambda row, eps: _over(row, max(map(abs, row)) + eps),
    "norm:std": lambda row, eps: _over(row, _std(row) + eps),
    "norm:z": lambda row, eps: _over([x - mp.fsum(row) / len(row) for x in row], _std(row) + eps),
}
VARIANTS = [
    "scaledtanh(0.5, 3)",
    "scaledtanh(scale_in=-2, scale_out=1.7159)",
    "relu:6",
    "relu(max=0)",
    "leakyrelu(0.3)",
    "leakyrelu(0)",
    "leakyrelu(-1.5)",
    "elu(0.5)",
    "elu(alpha=3)",
    "selu(2, 0.5)",
    "clip(-1, 1)",
    "clip(-inf, 2)",
    "clip(1, 1)",
    "softlif(sigma=0.1)",
    "softlif(sigma=0.02, tau_rc=0.05, tau_ref=0.001, amp=1)",
    "softlif(sigma=30)",
    "prelu(0.1)",
    "lgrelu(gain=2, leak=-0.5)",
    "maxout(1, slope=2, intercept=-1)",
]
POINTWISE |= {
    "prelu": lambda x, slope: x if x > 0 else slope * x,
    "lgrelu": lambda x, gain, leak: gain * x if x > 0 else leak * x,
    "maxout": lambda x, pieces, slope, intercept: slope * x + intercept + 0 * pieces,
}


def _softlif_slope(x, sigma, tau_rc, tau_ref, amp):
    z = x / sigma
    j = sigma * mp.log1p(mp.exp(z))
    rate = tau_ref + tau_rc * mp.log1p(1 / j)
    return amp * tau_rc / (1 + mp.exp(-z)) / (j * (1 + j) * rate**2)


SLOPES = {
    "linear": lambda _: 1,
    "sigmoid": lambda x: mp.exp(-abs(x)) / (1 + mp.exp(-abs(x))) ** 2,
    "tanh": lambda x: mp.sech(x) ** 2,
    "scaledtanh": lambda x, scale_in, scale_out: scale_out * scale_in * mp.sech(scale_in * x) ** 2,
    "softplus": lambda x, beta, threshold: 1 if beta * x > threshold else 1 / (1 + mp.exp(-beta * x)),
    "rect:min": lambda x: x < 1,
    "rect:minmax": lambda x: 0 < x < 1,
    "clip": lambda x, **k: k["min"] < x < k["max"],
    "leakyrelu": lambda x, negative_slope: 1 if x > 0 else negative_slope,
    "veryleakyrectify": lambda x: 1 if x > 0 else mpf(1) / 3,
    "prelu": lambda x, slope: 1 if x > 0 else slope,
    "lgrelu": lambda x, gain, leak: gain if x > 0 else leak,
    "maxout": lambda _, **k: k["slope"],
    "elu": lambda x, alpha: 1 if x > 0 else alpha * mp.exp(x),
    "selu": lambda x, scale, alpha: scale * (1 if x > 0 else alpha * mp.exp(x)),
    "gaussian": lambda x: -2 * x * mp.exp(-x * x),
    "softlif": _softlif_slope,
}


def _pick(where, yes, no):
    """numpy.where, that computes only what is needed."""
    if where.all():
        return yes()
    return np.where(where, yes(), no()) if where.any() else no()


def _sigmoid(_, x):
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, 1) / (1 + z)


def _softplus(_, x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _elu(s, x):
    return _pick(x > 0, lambda: x, lambda: s.alpha * np.expm1(np.minimum(x, 0)))


def _gaussian(_, x):
    near = np.clip(x, -1000, 1000)
    # The square of x has more digits than x: that of its first 30 is exact, the rest is small.
    coarse = np.rint(near * 2**20) / 2**20
    return np.exp(-coarse * coarse) * np.exp((coarse - near) * (coarse + near))


def _softlif(s, x):
    z = x / s.sigma
    j = s.sigma * _softplus(None, z)
    # There softplus(z) is exp(z), and may be too small for the type.
    far = z < -45

    def tail():
        return np.log1p(j) - np.log(x.dtype.type(s.sigma)) - z

    logarithm = _pick(far, tail, lambda: np.log1p(1 / j))
    return s.amp / (s.tau_ref + s.tau_rc * logarithm)


WIDE = {
    "linear": lambda _, x: x,
    "tanh": lambda _, x: np.tanh(x),
    "scaledtanh": lambda s, x: s.scale_out * np.tanh(s.scale_in * x),
    "sigmoid": _sigmoid,
    "rect:min": lambda _, x: np.minimum(x, 1),
    "rect:minmax": lambda _, x: np.minimum(np.maximum(x, 0), 1),
    "clip": lambda s, x: np.minimum(np.maximum(x, s.min), s.max),
    "leakyrelu": lambda s, x: np.where(x > 0, x, s.negative_slope * x),
    "veryleakyrectify": lambda _, x: np.where(x > 0, x, x / 3),
    "prelu": lambda s, x: np.where(x > 0, x, s.slope * x),
    "lgrelu": lambda s, x: np.where(x > 0, s.gain * x, s.leak * x),
    "elu": _elu,
    "selu": lambda s, x: s.scale * _elu(s, x),
    "gaussian": _gaussian,
    "softlif": _softlif,
    "maxout": lambda s, x: s.slope * x + s.intercept,
}
