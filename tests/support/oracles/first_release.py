"""The activations of the first release, as the contract gives them."""

from __future__ import annotations

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
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "relu": lambda x, **k: min(x if x > 0 else mpf(0), k["max"]),
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
