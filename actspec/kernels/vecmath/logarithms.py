"""Logarithms and what is made of them: log, log2, log10, log1p, softplus, log_sigmoid, arcsinh, arccosh, arctanh; and
cbrt, which takes exponents apart as they do.

An argument is ``2**k * m`` with m around 1, and ``log(m) = 2*artanh(s)`` where ``s = (m - 1)/(m + 1)``: an odd series,
of which a minimax polynomial takes the place (W. J. Cody and W. Waite, *Software Manual for the Elementary Functions*,
1980). Sums are ordered so that their greatest summand is exact: ``2*s`` would bring the errors of the quotient along,
while ``f - s*f``, with f = m - 1, is the same number and has less of them. A float64's k becomes a float by means of
the bits of 2**52, for AVX2 lacks instructions that convert 64-bit integers.

Coefficients are minimax by Remez's algorithm in 60 digits, rounded to the type; the error of the polynomial stands next
to them. Worst errors, in units in the last place, are of all float32s, and of 2*10**7 float64s of all sizes.
"""

from __future__ import annotations

import math

from actspec.kernels.machine import (
    Value,
    absolute,
    copysign,
    float32_to_int32,
    fma,
    int32_to_float32,
    polynomial,
    select,
    sqrt,
)

INFINITY = math.inf
LN2 = 0.6931471805599453
# What is missing from the float next to it.
LN2_TAIL_32 = -1.904654299957768e-09
LN2_TAIL_64 = 2.3190468138462996e-17
LOG2_E = 1.4426950408889634
LOG10_E = 0.4342944819032518
# Rounded down, for -inf times this and times the tail have to be of one sign.
LOG10_2_32 = 0.3010299801826477
LOG10_2_TAIL_32 = 1.5481333490135613e-08
LOG10_2_64 = 0.30102999566398114
LOG10_2_TAIL_64 = 5.270742310347266e-17
# The bits of sqrt(1/2).
SQRT_HALF_32 = 0x3F3504F3
SQRT_HALF_64 = 0x3FE6A09E667F3BCD

# (2*artanh(s) - 2*s) / s**3 by powers of s**2 in |s| <= (sqrt(2) - 1)/(sqrt(2) + 1), for the relative error of
# 2*artanh(s): 8.1e-10 and 1.3e-18.
NEAR_32 = (0.66666776, 0.39977568, 0.2987146)
NEAR_64 = (
    0.6666666666666735,
    0.3999999999940937,
    0.2857142874368025,
    0.22222198429764528,
    0.18183572309284185,
    0.1531383344985675,
    0.14798244441098182,
)

# The same in |s| <= 1/3: 4.6e-9 and 1.4e-18.
WIDE_32 = (0.6666641, 0.4002175, 0.27998203, 0.2802954)
WIDE_64 = (
    0.6666666666666631,
    0.4000000000015619,
    0.2857142854796135,
    0.2222222396407833,
    0.18181744098750882,
    0.15386556621193112,
    0.13301012855976144,
    0.12105801443968864,
    0.0834125328706172,
    0.17016584613131341,
)

# Half of it, for artanh itself, in |s| <= 0.2798: 7e-10 and 1.3e-18.
ARTANH_32 = (0.33333305, 0.20003521, 0.1415275, 0.13055411)
ARTANH_64 = (
    0.33333333333333537,
    0.19999999999896598,
    0.14285714303790464,
    0.1111110956394132,
    0.09090983835059892,
    0.0769013504462114,
    0.06705312448660664,
    0.054737141508318654,
    0.07570378372478315,
)

# (exp(r) - 1 - r) / r**2 in |r| <= ln(2)/2, for the relative error of exp(r): 3.7e-9 and 1.1e-17.
EXP_32 = (0.49999994, 0.16666521, 0.041668385, 0.0083687175, 0.0013814679)
EXP_64 = (
    0.5000000000000011,
    0.16666666666666413,
    0.041666666666530155,
    0.00833333333349447,
    0.0013888888943630361,
    0.00019841269506555356,
    2.4801493098733352e-05,
    2.755758639674158e-06,
    2.763024842243285e-07,
    2.5000053878886233e-08,
)

# ((1 - e)**(-2/3) - 1) / e in |e| <= 0.1021, for the relative error of (1 - e)**(-2/3): 1.8e-8.
CBRT_32 = (0.6666667, 0.55553657, 0.49380097, 0.45853204, 0.4287274)
# ((1 - e)**(-1/3) - 1) / e in |e| <= 0.1021, for the relative error of (1 - e)**(-1/3): 2.7e-6.
CBRT_START_64 = (0.3333298129159407, 0.22347577218245473, 0.17440471153540524)
# The start of the Taylor series of ((1 - e)**(-2/3) - 1) / e.
CBRT_64 = (2 / 3, 5 / 9, 40 / 81)


def log(x: Value) -> Value:
    """``log(x) = k*log(2) + log(m)``; worst errors 0.96 for float32, 1.19 for float64, near 0.64 and 0.71."""
    k, f = _reduced(x)
    s, c = _log1p_parts(f)
    return _unless_infinite(x, _plus_ln2(k, fma(-s, c, f)))


def log2(x: Value) -> Value:
    """``log2(x) = k + log(m)/log(2)``, its rounding carried along; worst errors 1.36 and 1.24, near 1.41."""
    k, f = _reduced(x)
    y, rest = _log1p_times(f, LOG2_E)
    return _unless_infinite(x, fma(k, _unit(x), y + rest))


def log10(x: Value) -> Value:
    """``log10(x) = k*log10(2) + log(m)/log(10)``, as log2; worst errors 1.44 and 1.33, near 1.33."""
    k, f = _reduced(x)
    y, rest = _log1p_times(f, LOG10_E)
    rest = fma(k, _unit(x) * (LOG10_2_TAIL_64 if x.is_double else LOG10_2_TAIL_32), rest)
    return _unless_infinite(x, fma(k, _unit(x) * (LOG10_2_64 if x.is_double else LOG10_2_32), y + rest))


def log1p(x: Value) -> Value:
    """``log(1 + x)`` with the rounding error of the sum carried along; worst errors 1.50 and 1.78, near 0.416."""
    u = x + 1.0
    rest = x - (u - 1.0)
    bits = u.bits()
    field = _field(bits)
    # Where 2**-k isn't a normal number, the rest is 0.
    scale = select(x < 2.0**100, (field.constant(_one(x)) - field).as_float(), 0.0)
    f = fma(scale, rest, (bits - field).as_float() - 1.0)
    s, c = _log1p_parts(f)
    y = _plus_ln2(_whole(field), fma(-s, c, f))
    y = _unless_infinite(x, y)
    y = select(x > -1.0, y, select(x == -1.0, -INFINITY, x.constant(math.nan)))
    return copysign(y, x)


def softplus(x: Value) -> Value:
    """``log(1 + e**x) = max(x, 0) + log1p(e**-|x|)``, accurate at both ends; worst errors 1.73 and 1.75, near -0.48."""
    # Of two numbers, NaN is kept if it is the second.
    return select(x < 0.0, 0.0, x) + _log1p_of_exp(-absolute(x))


def log_sigmoid(x: Value) -> Value:
    """``-log(1 + e**-x) = min(x, 0) - log1p(e**-|x|)``, as softplus; worst errors 1.73 and 1.75, near 0.48."""
    return select(x > -0.0, -0.0, x) - _log1p_of_exp(-absolute(x))


def arcsinh(x: Value) -> Value:
    """``log(x + sqrt(x*x + 1))`` from a sinh and its cosh; worst errors 1.42 and 1.60, near 1.12."""
    a = absolute(x)
    return copysign(_hyperbolic_angle(a, sqrt(fma(a, a, 1.0)), a), x)


def arccosh(x: Value) -> Value:
    """``log(x + sqrt(x*x - 1))`` from a cosh and its sinh; worst errors 1.85 and 1.85, near 1.127."""
    t = x - 1.0
    y = _hyperbolic_angle(sqrt(fma(t, t, t + t)), x, x)
    return select(x >= 1.0, y, math.nan)


def arctanh(x: Value) -> Value:
    """``log((1 + x)/(1 - x))/2``, of which the quotient is never taken; worst errors 1.41 and 1.55, near 0.461."""
    # With n = 1 + a and d = 1 - a, s = (n/d - p)/(n/d + p) = (n - p*d)/(n + p*d), where p = 2**k.
    a = absolute(x)
    n = a + 1.0
    d = 1.0 - a
    n_rest = a - (n - 1.0)
    d_rest = (1.0 - d) - a
    # The field of n/d, grown by 0.22: k is 0 for a below 0.26.
    field = (n.bits() - d.bits() + (0x3851EB851EB85 if x.is_double else 0x1C28F5)) & -(1 << _places(x))
    p = (field + _one(x)).as_float()
    s = (fma(-p, d, n) + fma(-p, d_rest, n_rest)) / fma(p, d, n)
    z = s * s
    y = fma(s * z, _polynomial(z, ARTANH_64 if x.is_double else ARTANH_32), s)
    y = fma(_whole(field), LN2 / 2 * _unit(x), y)
    return copysign(select(a < 1.0, y, select(a == 1.0, INFINITY, x.constant(math.nan))), x)


def cbrt(x: Value) -> Value:
    """The real cube root; worst errors 1.35 and 0.99, at mantissas next to 1.

    A third of the exponent, by its bits (W. Kahan, *Computing a real cube root*, 1991), makes y next to ``x**(-1/3)``.
    With ``e = 1 - x*y**3`` the cube root is ``x*y**2 * (1 - e)**(-2/3)``, and only the last step's errors count.
    """
    a = absolute(x)
    tiny = a < (2.0**-1022 if x.is_double else 2.0**-126)
    a = select(tiny, a * 2.0**54, a)
    if x.is_double:
        high = (a.bits().shift_right_unsigned(32) | 0x4330000000000000).as_float()
        y = (fma(high, -1 / 3, 2.0**52 * 4 / 3 + 0x553EE95F).bits() << 32).as_float()
        e = fma(-(y * y * a), y, 1.0)
        y = fma(y * e, polynomial(e, CBRT_START_64), y)
    else:
        y = float32_to_int32(fma(int32_to_float32(a.bits()), -1 / 3, 0x54A1F5B9)).as_float()
    c = y * y * a
    e = fma(-c, y, 1.0)
    c = fma(c * e, polynomial(e, CBRT_64 if x.is_double else CBRT_32), c)
    c = select(tiny, c * 2.0**-18, c)
    return select(a < INFINITY, copysign(c, x), x)


def _one(x: Value) -> int:
    """The bits of 1."""
    return 0x3FF0000000000000 if x.is_double else 0x3F800000


def _places(x: Value) -> int:
    """How many bits of a float stand behind its exponent."""
    return 52 if x.is_double else 23


def _field(bits: Value) -> Value:
    """The exponent k in its place, where the bits are those of ``2**k * m`` and ``sqrt(1/2) <= m < sqrt(2)``."""
    return (bits - (SQRT_HALF_64 if bits.is_double else SQRT_HALF_32)) & -(1 << _places(bits))


def _unit(x: Value) -> float:
    """What k is counted in: a float32's comes straight from the place of the exponent, 2**23 times as great."""
    return 1.0 if x.is_double else 2.0**-23


def _whole(field: Value) -> Value:
    """The exponent k as a float, in units, from its place."""
    if not field.is_double:
        return int32_to_float32(field)
    biased = (field + _one(field)).shift_right_unsigned(52)
    return (biased | 0x4330000000000000).as_float() - (2.0**52 + 1023)


def _reduced(x: Value) -> tuple[Value, Value]:
    """The numbers k, in units, and f of ``x = 2**k * (1 + f)``; k is log(x) where that is -inf or NaN."""
    small = x < (2.0**-1022 if x.is_double else 2.0**-126)
    bits = select(small, x * 2.0**54, x).bits()
    field = _field(bits)
    k = _whole(field)
    more = select(x > 0.0, -54.0 / _unit(x), select(x == 0.0, -INFINITY, x.constant(math.nan)))
    return select(small, k + more, k), (bits - field).as_float() - 1.0


def _unless_infinite(x: Value, y: Value) -> Value:
    """y, but x where that is infinite or NaN."""
    return select(x < INFINITY, y, x)


def _polynomial(x: Value, coefficients: tuple[float, ...]) -> Value:
    """A polynomial; a long one as two interleaved ones, of which a processor has two under way at once."""
    if len(coefficients) < 7:
        return polynomial(x, coefficients)
    square = x * x
    return fma(polynomial(square, coefficients[1::2]), x, polynomial(square, coefficients[::2]))


def _log1p_parts(f: Value) -> tuple[Value, Value]:
    """The numbers s and c, where ``log(1 + f) = f - s*c``."""
    s = f / (f + 2.0)
    z = s * s
    return s, fma(-z, _polynomial(z, NEAR_64 if f.is_double else NEAR_32), f)


def _log1p_times(f: Value, factor: float) -> tuple[Value, Value]:
    """``log(1 + f)*factor`` as two numbers; the second has the rounding error of the first, which is ``f*factor``."""
    s = f / (f + 2.0)
    z = s * s
    y = f * factor
    scaled = tuple(each * factor for each in (NEAR_64 if f.is_double else NEAR_32))
    return y, fma(-s, fma(-z, _polynomial(z, scaled), y), fma(f, factor, -y))


def _plus_ln2(k: Value, y: Value) -> Value:
    """``y + k*log(2)``, k in units."""
    return fma(k, LN2 * _unit(k), fma(k, LN2_TAIL_64, y) if k.is_double else y)


def _log1p_of_exp(x: Value) -> Value:
    """``log(1 + e**x)``, x at most 0: 1 + e**x is below 2, so no power of 2 is taken out of it."""
    e = _exp_of_nonpositive(x)
    s = e / (e + 2.0)
    z = s * s
    c = fma(-z, _polynomial(z, WIDE_64 if x.is_double else WIDE_32), e)
    return fma(-s, c, e)


def _exp_of_nonpositive(x: Value) -> Value:
    """``e**x``, x at most 0."""
    # Of two numbers, NaN is kept if it is the second.
    least = -746.0 if x.is_double else -105.0
    x = select(x < least, least, x)
    # With so much more, the exponent is a normal number's; the second factor takes it back, and rounds once.
    spare = 64 if x.is_double else 32
    magic = 1.5 * 2.0 ** _places(x) + (1023 if x.is_double else 127) + spare
    shifted = fma(x, LOG2_E, magic)
    k = shifted - magic
    scale = (shifted.bits() << _places(x)).as_float()
    r = fma(k, -LN2_TAIL_64 if x.is_double else -LN2_TAIL_32, fma(k, -LN2, x))
    p = fma(fma(_polynomial(r, EXP_64 if x.is_double else EXP_32), r, 1.0), r, 1.0)
    return p * scale * 2.0**-spare


def _hyperbolic_angle(sinh: Value, cosh: Value, greater: Value) -> Value:
    """The y >= 0 of which these are sinh and cosh; both are ``greater`` where one of them overflows."""
    places = 498.0 if sinh.is_double else 58.0
    huge = greater > 2.0 ** (500 if sinh.is_double else 60)
    sinh = select(huge, greater * 2.0**-places, sinh)
    cosh = select(huge, greater * 2.0**-places, cosh)
    w = sinh + cosh
    # e**y = 2**k * m with 1 <= m < 2, and s = (w - 2**k)/(w + 2**k), for k = 0 tanh(y/2).
    near = w < 2.0
    p = (w.bits() & -(1 << _places(w))).as_float()
    field = p.bits() - _one(w)
    numerator = select(near, sinh, sinh + (cosh - p))
    s = numerator / select(near, cosh + 1.0, w + p)
    z = s * s
    # 2*s without the error of the quotient: sinh - sinh*s**2 for k = 0, else f - f*s, where f = m - 1.
    f = numerator * (field.constant(_one(w)) - field).as_float()
    rest = fma(z * s, _polynomial(z, WIDE_64 if w.is_double else WIDE_32), -select(near, z, s) * f)
    y = f + rest
    k = _whole(field)
    y = _plus_ln2(select(huge, k + places / _unit(w), k), y)
    return _unless_infinite(greater, y)
