"""Smooth activations: self-gated ones, sigmoids with heavy and light tails, softplus's kin, periodic ones.

Where a formula as it is written would need more digits than mpmath is given, it is written so that nothing cancels.
"""

from __future__ import annotations

import numpy as np
import scipy.special
from mpmath import mp, mpf

CUBIC = 0.044715


def _sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def _normal(x):
    """The normal distribution function; mpmath's own takes no end of time far out."""
    return (0 if x < 0 else 1) if abs(x) > mpf(10) ** 50 else mp.erfc(-x / mp.sqrt(2)) / 2


def _gelu(x):
    return x * _normal(x) if x > -(mpf(10) ** 50) else mpf(0)


def _gelu_tanh(x):
    return x * _sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mpf(CUBIC) * x**3))


def _tanhshrink(x):
    return x - mp.tanh(x) if abs(x) > 1e-10 else x**3 / 3 - 2 * x**5 / 15 + 17 * x**7 / 315


def _squareplus(x, b):
    root = mp.sqrt(x**2 + b)
    return b / 2 / (root - x) if x < 0 else (x + root) / 2


def _dish(x):
    root = mp.sqrt(1 + x**2)
    return x / 2 / (root * (root - x)) if x < 0 else x / 2 * (1 + x / root)


def _mish(x):
    return x * mp.tanh(mp.log1p(mp.exp(x)))


POINTWISE = {
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "quick_gelu": lambda x: x * _sigmoid(mpf(1.702) * x),
    "gelu_10": lambda x: min(_gelu(x), mpf(10)),
    "silu": lambda x, beta: x * _sigmoid(beta * x),
    "mish": _mish,
    "dish": _dish,
    "lisht": lambda x: x * mp.tanh(x),
    "stanh": lambda x, scale_a, scale_b: scale_b * mp.tanh(scale_a * x),
    "softsign": lambda x: x / (1 + abs(x)),
    "sparse_sigmoid": lambda x: min(max(x + 1, mpf(0)), mpf(2)) / 2,
    "laplace": lambda x, mu, sigma: _normal((x - mu) / sigma),
    "sqrtsoftplus": lambda x: mp.sqrt(mp.log1p(mp.exp(x))),
    "logsigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "tanhshrink": _tanhshrink,
    "squareplus": _squareplus,
    "sparse_plus": lambda x: mpf(0) if x <= -1 else x if x >= 1 else (x + 1) ** 2 / 4,
    "exponential": mp.exp,
    "sin": mp.sin,
    "cos": mp.cos,
    "snake": lambda x, frequency: x + mp.sin(frequency * x) ** 2 / frequency,
}
VARIANTS = [
    "silu(beta=1.702)",
    "silu(beta=-0.3)",
    "silu(beta=0)",
    "stanh(2, 0.5)",
    "laplace(mu=0, sigma=1)",
    "laplace(mu=-2.5, sigma=7)",
    "softplus(beta=0.3)",
    "softplus(beta=10)",
    "softplus(beta=2, threshold=20)",
    "softplus(threshold=-1)",
    "squareplus(b=0)",
    "squareplus(b=0.3)",
    "snake(frequency=3)",
    "snake(frequency=0.1)",
]


def _silu_slope(x, beta=1):
    return _sigmoid(beta * x) * (1 + beta * x * _sigmoid(-beta * x))


def _gelu_slope(x):
    return _normal(x) + x * mp.npdf(x)


def _gelu_tanh_slope(x):
    factor = 2 * mp.sqrt(2 / mp.pi)
    z = factor * (x + mpf(CUBIC) * x**3)
    return _sigmoid(z) * (1 + x * factor * (1 + 3 * mpf(CUBIC) * x**2) * _sigmoid(-z))


def _mish_slope(x):
    inner = mp.log1p(mp.exp(x))
    return mp.tanh(inner) + x * mp.sech(inner) ** 2 * _sigmoid(x)


def _dish_slope(x):
    root = mp.sqrt(1 + x**2)
    step = 1 / (root * (root - x)) if x < 0 else 1 + x / root
    return (step + x / root**3) / 2


def _squareplus_slope(x, b):
    return _squareplus(x, b) / mp.sqrt(x**2 + b)


SLOPES = {
    "gelu": _gelu_slope,
    "gelu_tanh": _gelu_tanh_slope,
    "quick_gelu": lambda x: _silu_slope(x, mpf(1.702)),
    "gelu_10": lambda x: _gelu_slope(x) if x <= 10 else 0,
    "silu": _silu_slope,
    "mish": _mish_slope,
    "dish": _dish_slope,
    "lisht": lambda x: mp.tanh(x) + x * mp.sech(x) ** 2,
    "stanh": lambda x, scale_a, scale_b: scale_b * scale_a * mp.sech(scale_a * x) ** 2,
    "softsign": lambda x: (1 + abs(x)) ** -2,
    "sparse_sigmoid": lambda x: mpf(abs(x) <= 1) / 2,
    "laplace": lambda x, mu, sigma: mp.npdf((x - mu) / sigma) / sigma,
    "sqrtsoftplus": lambda x: _sigmoid(x) / mp.sqrt(mp.log1p(mp.exp(x))) / 2,
    "logsigmoid": lambda x: _sigmoid(-x),
    "tanhshrink": lambda x: mp.tanh(x) ** 2,
    "squareplus": _squareplus_slope,
    "sparse_plus": lambda x: min(max(x + 1, mpf(0)), mpf(2)) / 2,
    "exponential": mp.exp,
    "sin": mp.cos,
    "cos": lambda x: -mp.sin(x),
    "snake": lambda x, frequency: 1 + mp.sin(2 * frequency * x),
}
SLOPE_ZEROS = {
    "gelu": (-0.7518,),
    "gelu_tanh": (-0.7525,),
    "quick_gelu": (-0.7512,),
    "gelu_10": (-0.7518,),
    "silu": (-1.2785,),
    "mish": (-1.1925,),
    "dish": (-0.7862,),
    "snake": lambda x: np.pi * (np.rint(x / np.pi + 0.25) - 0.25),
}

# In NumPy.


def _step(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def _soft(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _wide_normal(x, rest=0):
    """The normal distribution function: SciPy's in float64; wider by a series near zero, else by a fraction.

    The rest is what x lost, which only counts where more is known of the result.
    """
    if x.dtype == np.float64:
        return scipy.special.ndtr(x)
    size = np.minimum(np.abs(x), 200)
    coarse = np.rint(size * 2**20) / 2**20
    density = np.exp(-coarse * coarse / 2) * np.exp((coarse - size) * (coarse + size) / 2) / np.sqrt(2 * WIDE_PI)
    near = np.minimum(size, 3)
    term = total = near
    for odd in range(3, 161, 2):
        term = term * near * near / odd
        total = total + term
    far = np.maximum(size, 3)
    fraction = far
    for k in range(160, 0, -1):
        fraction = far + k / fraction
    below = np.where(size < 3, 0.5 - density * total, density / fraction)
    below = below + density * np.where(x < 0, rest, 0)
    return np.where(np.isnan(x), x, np.where(x < 0, below, 1 - below))


def _gated(x, share):
    """x times a share; 0 where x is -inf."""
    return np.where(x == -np.inf, 0, x * share)


def _halves(x):
    """A long double as two of 32 bits, whose products are exact."""
    scaled = x * x.dtype.type(2**32 + 1)
    high = scaled - (scaled - x)
    return high, x - high


def _wide_laplace(s, x):
    shifted, kind = x - s.mu, x.dtype.type
    seen = shifted - x
    z = shifted / kind(s.sigma)
    (z_high, z_low), (high, low) = _halves(z), _halves(kind(s.sigma))
    left = ((shifted - z_high * high) - z_high * low - z_low * high) - z_low * low
    rest = (left + (x - (shifted - seen)) - (s.mu + seen)) / kind(s.sigma)
    return _wide_normal(z, np.where(np.abs(z) < 1000, rest, 0))


def _wide_gelu_tanh(_, x):
    near = np.clip(x, -100, 100)
    return _gated(x, _step(2 * np.sqrt(2 / WIDE_PI.astype(x.dtype)) * (near + x.dtype.type(CUBIC) * near**3)))


def _wide_mish(_, x):
    n = np.exp(-np.abs(x))
    return _gated(x, np.where(x < 0, n * (n + 2) / (n * (n + 2) + 2), (1 + 2 * n) / (1 + 2 * n + 2 * n * n)))


def _wide_dish(_, x):
    size = np.abs(x)
    root = np.hypot(size, 1)
    ratio = 1 / np.hypot(1, 1 / size)
    return np.where(x < 0, -ratio / (root + size) / 2, x * (1 + ratio) / 2)


def _wide_tanhshrink(_, x):
    size = np.abs(x)
    square = np.minimum(size, 1) ** 2
    total = np.zeros_like(x)
    for each in _COTH:
        total = (total + each.astype(x.dtype)) * square
    far = size - 1 + 2 * _step(-2 * size)
    return np.copysign(np.where(size < 1, size * total / (1 + total), far), x)


def _wide_squareplus(s, x):
    mean = (np.abs(x) + np.hypot(x, np.sqrt(x.dtype.type(s.b)))) / 2
    return np.where(x < 0, x.dtype.type(s.b) / 4 / mean, mean)


def _wide_softplus(s, x):
    z = s.beta * x
    return np.where(z > s.threshold, x, np.maximum(x, 0) + np.log1p(np.exp(-np.abs(z))) / s.beta)


with mp.workdps(40):
    WIDE_PI = np.longdouble(mp.nstr(mp.pi, 30))
    _COTH = [
        np.longdouble(mp.nstr(2 * (-1) ** (n + 1) * mp.zeta(2 * n) / mp.pi ** (2 * n), 30)) for n in range(20, 0, -1)
    ]

WIDE = {
    "gelu": lambda _, x: _gated(x, _wide_normal(x)),
    "gelu_tanh": _wide_gelu_tanh,
    "quick_gelu": lambda _, x: _gated(x, _step(1.702 * x)),
    "gelu_10": lambda _, x: np.minimum(_gated(x, _wide_normal(x)), 10),
    "silu": lambda s, x: _gated(x, _step(s.beta * x)),
    "mish": _wide_mish,
    "dish": _wide_dish,
    "lisht": lambda _, x: x * np.tanh(x),
    "stanh": lambda s, x: s.scale_b * np.tanh(s.scale_a * x),
    "softsign": lambda _, x: np.where(np.abs(x) < np.inf, x / (1 + np.abs(x)), np.sign(x)),
    "sparse_sigmoid": lambda _, x: np.clip(x + 1, 0, 2) / 2,
    "laplace": _wide_laplace,
    "softplus": _wide_softplus,
    "sqrtsoftplus": lambda _, x: np.sqrt(_soft(x)),
    "logsigmoid": lambda _, x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    "tanhshrink": _wide_tanhshrink,
    "squareplus": _wide_squareplus,
    "sparse_plus": lambda _, x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "exponential": lambda _, x: np.exp(x),
    "sin": lambda _, x: np.sin(x),
    "cos": lambda _, x: np.cos(x),
    "snake": lambda s, x: np.where(np.isinf(x), x, x + np.sin(s.frequency * x) ** 2 / s.frequency),
}
