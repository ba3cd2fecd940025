"""The piecewise activations: rectifiers, shrinkage, hard sigmoids and their products, celu and xielu."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from mpmath import mp, mpf


def _meant(value):
    """A parameter's value, or the fraction of small numbers that rounds to it: a default of 1/6 is a sixth."""
    near = Fraction(float(value)).limit_denominator(100)
    return mpf(near.numerator) / near.denominator if float(near) == float(value) else value


def _relu(x, negative_slope, threshold, **k):
    return min(x if x > threshold else negative_slope * (x - threshold), k["max"])


def _relu_slope(x, negative_slope, threshold, **k):
    if _relu(x, negative_slope, threshold, **k) >= k["max"]:
        return 0
    return 1 if x > threshold else negative_slope


def _between(x, low, high):
    return min(max(x, low), high)


def _shrink(x, lambd, bias):
    return 0 if abs(x) <= lambd else x - bias * mp.sign(x)


def _xielu(x, alpha_p, alpha_n, beta, eps):
    return beta * x + (alpha_p * x**2 if x > 0 else alpha_n * (mp.expm1(min(x, eps)) - x))


def _xielu_slope(x, alpha_p, alpha_n, beta, eps):
    return beta + (2 * alpha_p * x if x > 0 else alpha_n * ((mp.exp(x) if x < eps else 0) - 1))


POINTWISE = {
    "relu": _relu,
    "relu6": lambda x: _between(x, 0, 6),
    "reluk": lambda x, n: _between(x, 0, n),
    "relu2": lambda x: max(x, 0) ** 2,
    "thresholdedrelu": lambda x, theta: x if x > theta else 0,
    "threshold": lambda x, threshold, value: x if x > threshold else value,
    "rrelu": lambda x, lower, upper: x if x > 0 else (lower + upper) / 2 * x,
    "celu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x / alpha),
    "hardshrink": lambda x, lambd: _shrink(x, lambd, 0),
    "softshrink": lambda x, lambd: _shrink(x, lambd, lambd),
    "shrink": _shrink,
    "hardtanh": lambda x, **k: _between(x, k["min"], k["max"]),
    "hardsigmoid": lambda x, slope, offset: _between(_meant(slope) * x + offset, 0, 1),
    "hardswish": lambda x: x * _between(x + 3, 0, 6) / 6,
    "hard_mish": lambda x: x * _between(x + 2, 0, 2) / 2,
    "clippedlinear": lambda x, slope, offset, **k: _between(slope * x + offset, k["min"], k["max"]),
    "xielu": _xielu,
}
# What x is compared with, or added to, is a number of float32: else rounding the parameter would show.
VARIANTS = [
    "relu(negative_slope=0.3)",
    "relu(threshold=1.5)",
    "relu(6, negative_slope=0.125, threshold=1)",
    "reluk(3)",
    "thresholdedrelu(-2)",
    "threshold(0.5, 20)",
    "threshold(-1, -inf)",
    "rrelu(0.1, 0.3)",
    "rrelu(-1, 0.5)",
    "celu(2)",
    "celu(0.25)",
    "celu(alpha=3)",
    "celu(-2)",
    "hardtanh(-2, 0.5)",
    "hardshrink(0)",
    "hardshrink(3)",
    "softshrink(2)",
    "shrink(lambd=1, bias=0.5)",
    "shrink(lambd=1, bias=-2)",
    "hardsigmoid(0.2)",
    "hardsigmoid(slope=0.25, offset=0.125)",
    "clippedlinear(2, offset=1, min=-4, max=8)",
    "clippedlinear(slope=-0.5)",
]


SLOPES = {
    "relu": _relu_slope,
    "relu6": lambda x: 0 < x < 6,
    "reluk": lambda x, n: 0 < x < n,
    "relu2": lambda x: 2 * max(x, 0),
    "thresholdedrelu": lambda x, theta: x > theta,
    "threshold": lambda x, threshold, **_: x > threshold,
    "rrelu": lambda x, lower, upper: 1 if x > 0 else (lower + upper) / 2,
    "celu": lambda x, alpha: 1 if x > 0 else mp.exp(x / alpha),
    "hardshrink": lambda x, lambd: abs(x) > lambd,
    "softshrink": lambda x, lambd: abs(x) > lambd,
    "shrink": lambda x, lambd, **_: abs(x) > lambd,
    "hardtanh": lambda x, **k: k["min"] < x < k["max"],
    "hardsigmoid": lambda x, slope, offset: _meant(slope) * (0 < _meant(slope) * x + offset < 1),
    "hardswish": lambda x: 0 if x <= -3 else 1 if x >= 3 else (2 * x + 3) / 6,
    "hard_mish": lambda x: 0 if x < -2 else 1 if x > 0 else x + 1,
    "clippedlinear": lambda x, slope, offset, **k: slope * (k["min"] < slope * x + offset < k["max"]),
    "xielu": _xielu_slope,
}
SLOPE_ZEROS = {"xielu": (-0.98,)}


def _celu(s, x):
    return np.where(x > 0, x, s.alpha * np.expm1(np.where(x > 0, 0, x) / s.alpha))


def _wide_xielu(s, x):
    below = s.alpha_n * (np.expm1(np.minimum(x, s.eps)) - x) + s.beta * x
    return np.where(x > 0, s.alpha_p * x * x + s.beta * x, np.where(x == -np.inf, np.inf, below))


WIDE = {
    "relu": lambda s, x: np.minimum(
        np.where(x <= s.threshold, s.negative_slope * (x - s.threshold) if s.negative_slope else 0, x), s.max
    ),
    "relu6": lambda _, x: np.clip(x, 0, 6),
    "reluk": lambda s, x: np.clip(x, 0, s.n),
    "relu2": lambda _, x: np.clip(x, 0, None) ** 2,
    "thresholdedrelu": lambda s, x: np.where(x <= s.theta, 0, x),
    "threshold": lambda s, x: np.where(x <= s.threshold, s.value, x),
    "rrelu": lambda s, x: np.where(x > 0, x, x * (s.lower / 2 + s.upper / 2)),
    "celu": _celu,
    "hardshrink": lambda s, x: np.where((x < -s.lambd) | (x > s.lambd) | np.isnan(x), x, 0),
    "softshrink": lambda s, x: x - np.clip(x, -s.lambd, s.lambd),
    "shrink": lambda s, x: np.where(x < -s.lambd, x + s.bias, np.where(x <= s.lambd, 0, x - s.bias)),
    "hardtanh": lambda s, x: np.clip(x, s.min, s.max),
    "hardsigmoid": lambda s, x: np.clip((x + s.offset / s.slope) * s.slope, 0, 1),
    "hardswish": lambda _, x: np.where(x == -np.inf, 0, x * (np.clip(x + 3, 0, 6) / 6)),
    "hard_mish": lambda _, x: np.where(x == -np.inf, 0, x * (np.clip(x + 2, 0, 2) / 2)),
    "clippedlinear": lambda s, x: np.clip(s.slope * x + s.offset, s.min, s.max),
    "xielu": _wide_xielu,
}
