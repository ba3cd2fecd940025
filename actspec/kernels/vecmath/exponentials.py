"""Exponentials and what is made of them: exp, exp2, expm1, tanh, sigmoid, gaussian, the slopes of these, sinh, cosh.

Gates multiply by a number last, and scale the product last, so that it is rounded once where it is subnormal. Their
argument has two parts: what the first lost by rounding is many units in the last place of an exponential.

Arguments are reduced to a multiple of ln 2 and a rest, ``x = k*ln(2) + r`` with ``|r| <= ln(2)/2`` (W. J. Cody and
W. Waite, *Software Manual for the Elementary Functions*, 1980), so that ``exp(x) = 2**k * exp(r)``. The whole number k
falls into the lowest bits of a float when a large constant is added, so no conversion to integers is needed, for
which AVX2 lacks instructions. Where 2**k may not be a normal number, the scaling takes two steps, of which the first
is exact: a subnormal result is rounded once.

Coefficients are minimax by Remez's algorithm in 40 digits, rounded to the type afterwards; the error of the polynomial
stands next to them. Worst errors are of all float32s, and of 2*10**7 float64s of all sizes.
"""

from __future__ import annotations

import math

from actspec.kernels.machine import (
    Value,
    absolute,
    at_least,
    at_most,
    clamped,
    copysign,
    fma,
    polynomial,
    select,
)

LOG2_E = 1.4426950408889634
# What the numbers next to log2(e) leave.
LOG2_E_32_TAIL, LOG2_E_64_TAIL = 1.9259630335003816e-08, 2.0355273740931033e-17
# The numbers next to ln 2, and what they leave.
LN2_32, LN2_32_TAIL = 0.6931471824645996, -1.9046542121259336e-09
LARGEST_32, LARGEST_64 = (2 - 2.0**-23) * 2.0**127, (2 - 2.0**-52) * 2.0**1023
LN2_64, LN2_64_TAIL = 0.6931471805599453, 2.3190468138462996e-17

# (exp(r) - 1 - r) / r**2 in |r| <= ln(2)/2, for the relative error of exp(r): 3.5e-9 and 5.9e-18.
EXP_32 = (0.4999999403953552, 0.1666651964187622, 0.04166831076145172, 0.008368879556655884, 0.0013821477768942714)
EXP_64 = (
    0.5000000000000011,
    0.16666666666666427,
    0.04166666666652703,
    0.008333333333482398,
    0.0013888888944525862,
    0.0001984126953867136,
    2.4801492102362232e-05,
    2.755755246347644e-06,
    2.7630625865982887e-07,
    2.5012429418943178e-08,
)

# The same, for the relative error of exp(r) - 1: 1.7e-8 and 2.7e-17.
EXPM1_32 = (0.4999999701976776, 0.16666541993618011, 0.04166713356971741, 0.008366660214960575, 0.0013888694811612368)
EXPM1_64 = (
    0.5000000000000006,
    0.166666666666666,
    0.04166666666657491,
    0.008333333333380015,
    0.0013888888932185146,
    0.00019841269746600753,
    2.4801504503956605e-05,
    2.7557376570969923e-06,
    2.7626353601877033e-07,
    2.5065598713534753e-08,
)

# The same to 2.9e-16 of 1, for what is rounded to float32.
EXPM1_FOR_32 = (
    0.5000000000000016,
    0.16666666666610333,
    0.041666666666480494,
    0.008333333371413306,
    0.0013888888957723266,
    0.00019841184515992626,
    2.4801478104230927e-05,
    2.7635286279681045e-06,
    2.763561690992356e-07,
)

# (2**r - 1) / r in |r| <= 1/2, for the relative error of 2**r: 1.6e-8 and 2.7e-17.
EXP2_32 = (
    0.6931471824645996,
    0.24022647738456726,
    0.055503323674201965,
    0.009618433192372322,
    0.001339893089607358,
    0.00015354914648924023,
)
EXP2_64 = (
    0.6931471805599453,
    0.2402265069591013,
    0.0555041086648201,
    0.009618129107594017,
    0.0013333558146769594,
    0.00015403530457256136,
    1.5252733498856142e-05,
    1.3215435204375805e-06,
    1.0178196836383839e-07,
    7.073797571799362e-09,
    4.435232994068925e-10,
)

# a, b and c with (a + b*x*x)/c = 2*sqrt(2/pi)*log2(e)*(1 + 0.044715*x*x), all of them machine numbers but c, whose
# distance from 1 follows: the ratio of a and b is off by 2**-32.7 and 2**-65.2. The sum less a is exact,
# as a has few digits.
CUBIC_32 = (2.302125930786133, 0.10293956100940704, 0.9999642658912177, -3.573410878233662e-05)
CUBIC_64 = (2.3022081981461255, 0.102943239580104, 1.0000000000007821, 7.82140563626e-13)

# (sinh(r) - r) / r**3 by powers of r**2 in |r| <= ln(2)/2, for the relative error of sinh(r): 1.4e-8 and 5.0e-19.
SINH_32 = (0.1666654348373413, 0.00836661271750927)
SINH_64 = (
    0.16666666666666677,
    0.008333333333321579,
    0.0001984126988626717,
    2.755724406099462e-06,
    2.5109090725437797e-08,
)

# (cosh(r) - 1) / r**2 by powers of r**2 in |r| <= ln(2)/2, for the error of cosh(r): 1.0e-9 and 7.4e-18.
COSH_32 = (0.5, 0.041666265577077866, 0.0013946276158094406)
COSH_64 = (0.5000000000000013, 0.04166666666651381, 0.001388888894740028, 2.480148956782379e-05, 2.763140861686756e-07)

# (h*coth(h) - 1) / h**2 by powers of h**2 in |h| <= 0.26, for the relative error of h*coth(h): 2.5e-8 and 2.0e-19.
COTH_32 = (0.3333292305469513, -0.022024916484951973)
COTH_64 = (
    0.33333333333333315,
    -0.022222222222169713,
    0.0021164021114422173,
    -0.00021163999622930766,
    2.137306609702978e-05,
    -2.1131329534139523e-06,
)

# Numerator and denominator of (x - tanh(x)) / x**3 by powers of x**2. For the relative error: 3e-8 and, where x**2 is
# over 3.39, 1.4e-7, up to the bound beyond which tanh counts as constant; 8.5e-18 in |x| <= 1. The last coefficients of
# float32's are 1, which saves products; of the ways to round the others, this one was best in all float32s. float64's
# have a factor that keeps both from where rounding weighs most.
SHRINK_BOUND_32 = 8.279550552368164
SHRINK_LARGE_32 = 3.389253616333008
SHRINK_OVER_32 = (1190064.75, 75652.5546875, 859.6307373046875, 1.0)
SHRINK_UNDER_32 = (3570194.25, 1655035.125, 86561.9453125, 904.3550415039062, 1.0)
# x**2 times the numerator less the denominator: -tanh(x)/x by the same denominator.
MINUS_TANH_OVER_32 = (-3570194.25, -464970.375, -10909.390625, -44.72430419921875)
SHRINK_OVER_64 = (0.9200000000000004, 0.059086305199034336, 0.0006712549587221777, 4.7560011155207886e-08)
SHRINK_UNDER_64 = (2.760000000000001, 1.281258915597101, 0.06766018825790228, 0.0007016633942182166)

# h*coth(h) by powers of h**2 in |h| <= ln(2)/4, for the relative error: 3.5e-18.
SHORT_COTH_64 = (
    1.0,
    0.3333333333333332,
    -0.022222222222048914,
    0.002116402070399645,
    -0.00021163593620169034,
    2.1215471355876947e-05,
)

# b*(r/2*coth(r/2) - 1) / r**2 by powers of r**2 in |r| <= ln(2)/2, for the relative error of r/2*coth(r/2): 2.2e-9
# and 8.7e-19. The factor b keeps denominators below the powers of 2 right above which rounding weighs most.
HALF_COTH_0 = 27 / 32
HALF_COTH_32 = (0.07031232863664627, -0.0011672332184389234)
HALF_COTH_64 = (
    0.07031249999999972,
    -0.001171874999967343,
    2.790178446664466e-05,
    -6.975238375595579e-07,
    1.745714633991917e-08,
)


def exp(x: Value) -> Value:
    """``e**x``; worst error 0.90 ulp for float32 (at 5.2), 0.91 for float64 (-215)."""
    return exp_in_range(clamped(x, -746.0, 710.0) if x.is_double else clamped(x, -105.0, 89.0))


def falling_exp(x: Value) -> Value:
    """``e**x`` for an x that isn't positive, in fewer steps, with the bits that ``exp`` gives."""
    return falling_exp_in_range(at_least(x, -746.0 if x.is_double else -105.0))


def falling_exp_in_range(high: Value, low: Value | None = None) -> Value:
    """As ``exp_in_range``, for a high that isn't positive, and for float64 not below -1000."""
    scales, r = _reduced_for_lift(high, low)
    return _scaled(_exp_of_rest(r), scales)


def exp_with_tail(high: Value, low: Value) -> Value:
    """``e**(high + low)``, where high may be anything, and low is finite, some units in high's last place at most."""
    return exp_in_range(clamped(high, -746.0, 710.0) if high.is_double else clamped(high, -105.0, 89.0), low)


def exp_in_range(high: Value, low: Value | None = None) -> Value:
    """``e**(high + low)`` without a look at the range: high in -1400...1400 for float64, in -170...170 for float32."""
    scales, r = _reduced_for_two_steps(high, low)
    return _scaled(_exp_of_rest(r), scales)


def exp2(x: Value) -> Value:
    """``2**x``, a power of 2 and polynomial of the rest; worst error 0.95 ulp for float32 (-0.5), 1.16 for float64."""
    x = clamped(x, -1076.0, 1025.0) if x.is_double else clamped(x, -151.0, 129.0)
    k, scales = _two_steps(x, 1.0)
    r = x - k
    return _scaled(fma(r, _polynomial(r, EXP2_64 if x.is_double else EXP2_32), 1.0), scales)


def expm1(x: Value) -> Value:
    """``e**x - 1``, exponent and rest of which are put together last; worst error 1.25 ulp for float32 (-0.35), 1.24
    for float64 (38).
    """
    # Half of a subnormal number may not be one, and -0 would turn to 0: so tiny numbers are their own result.
    tiny = absolute(x) < (2.0**-54 if x.is_double else 2.0**-25)
    half = _half_expm1(clamped(x, -38.0, 710.0) if x.is_double else clamped(x, -18.0, 89.0))
    return select(tiny, x, half + half)


def expm1_integral(z: Value, x: Value, factor: Value, factor_rest: Value, slope: Value, slope_rest: Value) -> Value:
    """``factor*(e**z - 1 - x) + slope*x``, each factor with what it lost: in float64 even of float32, so that it keeps
    its digits where terms cancel; worst error 0.50 ulp for float32 (factor = 0.8, slope = 0.5).
    """
    if z.is_double:
        return fma(factor, expm1(z), (slope - factor) * x)
    near, x = clamped(z, -38.0, 710.0).to_float64(), x.to_float64()
    factor = factor.to_float64() + factor_rest.to_float64()
    slope = slope.to_float64() + slope_rest.to_float64()
    k, shifted = _exponent(near, LOG2_E, 1023)
    scale = _power_of_2(shifted.bits())
    r = fma(k, -LN2_64, near)
    grown = fma(scale, fma(r * r, _polynomial(r, EXPM1_FOR_32), r), scale - 1.0)
    return fma(factor, grown, (slope - factor) * x).to_float32()


def tanh(x: Value) -> Value:
    """``(e**2x - 1) / (e**2x + 1)`` where ``e**2|x| = 2**k * (c + h)/(c - h)``, ``|x| = k*ln(2)/2 + h`` and
    ``c = h*coth(h)``, the polynomial of which is short; worst error 1.88 ulp for float32 (at 0.125), 1.82 for float64
    (0.50).
    """
    half, difference = _tanh_parts(absolute(x))
    return _signed_by(half, x) / (half + difference)


def lisht(x: Value) -> Value:
    """``x*tanh(x)``; worst error 2.5 ulp for float32 (of a 64th of all), 2.7 for float64."""
    size = absolute(x)
    half, difference = _tanh_parts(size)
    return size * (half / (half + difference))


def lisht_slope(x: Value) -> Value:
    """``t + x*(1 - t*t)`` with ``t = tanh(x)``, the derivative of ``lisht``."""
    size = absolute(x)
    half, difference = _tanh_parts(size)
    inverse = 1.0 / (half + difference)
    tangent, rest = half * inverse, difference * inverse
    near = at_most(size, 24.0 if x.is_double else 12.0)
    return copysign(fma(near * rest, 1.0 + tangent, tangent), x)


def _tanh_parts(size: Value) -> tuple[Value, Value]:
    """Two positive numbers, of whose sum ``tanh(size)`` is the share of the first."""
    digits, bias = (52, 1023) if size.is_double else (23, 127)
    a = at_most(size, 24.0 if size.is_double else 12.0)
    # k is the floor of 2*a/ln(2) + 1/4: k = 0, where least is rounded, reaches to where tanh is above 1/4. The sum is
    # rounded to halves, the last bit of which is cut off.
    magic = 1.5 * 2.0 ** (digits - 1) + bias
    shifted = fma(a, 2 * LOG2_E, magic).bits() & -2
    scale = (shifted << (digits - 1)).as_float()
    # What LN2 leaves of k*ln(2)/2 counts for 0.2 ulp at most.
    h = fma(shifted.as_float() - magic, -LN2_64 / 2 if size.is_double else -LN2_32 / 2, a)
    square = h * h
    c = fma(square, polynomial(square, COTH_64 if size.is_double else COTH_32), 1.0)
    difference = c - h
    # The denominator takes the numerator in, so that its errors cancel where x is large; for k = 0 it is c itself, as
    # adding h undoes the rounding of c - h.
    return fma(fma(scale, 0.5, -0.5), difference, scale * h), difference


def sigmoid(x: Value) -> Value:
    """``1 / (1 + e**-x)``, for negative x as ``e**x / (1 + e**x)``, which keeps the tail;
    ``e**-|x| = 2**k * u/(u - b*r)`` where ``u = b*r/2*(coth(r/2) + 1)``; worst error 1.71 ulp for float32 (at -5.2),
    1.65 for float64 (-4.5).
    """
    below = _lower_share(x)
    return select(x < 0.0, below, 1.0 - below)


def logistic_density(x: Value) -> Value:
    """``e**-|x| / (1 + e**-|x|)**2``, the product of the two shares that sigmoid tells; worst error 4.5 ulp for
    float32 (at 86.6; 2.91 up to 32), 3.0 for float64.
    """
    numerator, denominator = _falling_parts(at_most(absolute(x), 746.0 if x.is_double else 105.0), 2.0)
    below = numerator / denominator
    return fma(-below, below, below)


def tanh_slope(x: Value) -> Value:
    """``1 - tanh(x)**2`` as ``w*(2 - w)`` with ``w = 1 - tanh(|x|)``; worst error 5.1 ulp for float32 (at 44.0; 2.91
    up to 31), 3.1 for float64.
    """
    numerator, denominator = _falling_parts(at_most(absolute(x), 373.0 if x.is_double else 52.5), 1.0)
    rest = (numerator + numerator) / denominator
    return fma(-rest, rest, rest + rest)


def tanh_shrink(x: Value) -> Value:
    """``x - tanh(x)``, as ``x**3`` times a quotient of polynomials in ``x**2``, all of whose terms are positive, and
    where x is large by taking tanh off; worst error 3.95 ulp for float32 (at 1.4), 3.7 for
    float64.
    """
    return _tanh_shrink_64(x) if x.is_double else _tanh_shrink_32(x)


def _tanh_shrink_32(x: Value) -> Value:
    near = clamped(x, -SHRINK_BOUND_32, SHRINK_BOUND_32)
    square = near * near
    large = square >= SHRINK_LARGE_32
    over = select(large, polynomial(square, MINUS_TANH_OVER_32), square * polynomial(square, SHRINK_OVER_32))
    return fma(near, over / polynomial(square, SHRINK_UNDER_32), select(large, x, -0.0))


def _tanh_shrink_64(x: Value) -> Value:
    size, square = absolute(x), x * x
    small = size < 1.0
    under, over = polynomial(square, SHRINK_UNDER_64), square * polynomial(square, SHRINK_OVER_64)
    # Else it is x - 1, which is exact up to 2**53, and 2/(e**2x + 1); e**2x as in tanh.
    magic = 1.5 * 2.0**52 + 1023
    near = at_most(size, 24.0)
    shifted = fma(near, 2 * LOG2_E, magic)
    h = fma(shifted - magic, -LN2_64 / 2, near)
    second = h * h
    fourth = second * second
    tail = fma(fourth, polynomial(second, SHORT_COTH_64[4:]), polynomial(second, SHORT_COTH_64[2:4]))
    c = fma(fourth, tail, polynomial(second, SHORT_COTH_64[:2]))  # in pairs, which wait less for each other
    rest = fma(_power_of_2(shifted.bits()), c + h, c - h)
    quotient = select(small, over, c - h) / select(small, under, rest)
    y = fma(select(small, size, size.constant(2.0)), quotient, select(small, 0.0, size - 1.0))
    return copysign(y, x)


def silu(x: Value) -> Value:
    """``x/(1 + e**-x)``, as ``max(x, 0) - |x|*e**-|x|/(1 + e**-|x|)``, rounded once where it is subnormal; worst error
    2.64 ulp for float32 (at -3.2), 2.72 for float64.
    """
    size = at_most(absolute(x), 1082.0 if x.is_double else 138.0)
    raised, down = _raised_share(-size, None, size)
    return fma(raised, -down, at_least(x, -0.0))


def silu_slope(x: Value) -> Value:
    """``s + x*s*(1 - s)`` with ``s = 1/(1 + e**-x)``, the derivative of ``silu``."""
    size = at_most(absolute(x), 1082.0 if x.is_double else 138.0)
    raised, down = _raised_share(-size, None)
    signed = select(x < 0.0, raised, -raised)
    below = signed * fma(size, fma(raised, down, -1.0), 1.0)
    return fma(below, down, select(x < 0.0, x.constant(0.0), 1.0))


def gelu_tanh(x: Value) -> Value:
    """``x/(1 + e**-z)`` with ``z = 2*sqrt(2/pi)*(x + 0.044715*x**3)``, put together as ``silu`` is; worst error
    3.08 ulp for float32 (at -1.3), 3 for float64.
    """
    size, _, shifted, r, unit = _cubic_exponent(x)
    raised, down = _raised_share_of(shifted, r, unit, size)
    return fma(raised, -down, at_least(x, -0.0))


def gelu_tanh_slope(x: Value) -> Value:
    """``s + x*z'*s*(1 - s)`` with ``s = 1/(1 + e**-z)``, the derivative of ``gelu_tanh``."""
    size, square, shifted, r, unit = _cubic_exponent(x)
    raised, down = _raised_share_of(shifted, r, unit)
    growth = size * fma(square, 0.21406444881780074, 1.5957691216057308)
    signed = select(x < 0.0, raised, -raised)
    below = signed * fma(growth, fma(raised, down, -1.0), 1.0)
    return fma(below, down, select(x < 0.0, x.constant(0.0), 1.0))


def _cubic_exponent(x: Value) -> tuple[Value, Value, Value, Value, float]:
    """``|x|`` within what counts, its square, and what ``_share_of`` takes, for ``e**-|z|`` with the z of
    ``gelu_tanh``.
    """
    size = at_most(absolute(x), 21.75 if x.is_double else 11.0)
    linear, cubic, scale, scale_less_1 = CUBIC_64 if x.is_double else CUBIC_32
    square = size * size
    steepness = fma(square, cubic, linear)
    # What the product's factors have lost counts in the tail.
    lost = fma(fma(size, size, -square), cubic, fma(square, cubic, linear - steepness))
    shifted = fma(-size, steepness, _share_magic(x))
    k = shifted - _share_magic(x)
    r = fma(-size, steepness, -k) + fma(k, -scale_less_1, -(size * lost))
    return size, square, shifted, r, math.log(2) / scale


def steady_swish(x: Value, beta: Value, rest: Value) -> Value:
    """``x/(1 + e**-((beta + rest)*x))``, put together as ``silu`` is; |beta| from 2**-20 to 2**20. Worst
    error 2.99 ulp for float32 (beta = 1.702, at -5.9), 2.6 for float64.
    """
    size, shifted, r = _steady_exponent(x, beta, rest)
    raised, down = _raised_share_of(shifted, r, math.log(2), size)
    # A negative beta is a positive one for -x.
    x = _signed_by(x, beta)
    return _signed_by(fma(raised, -down, at_least(x, -0.0)), beta)


def steady_swish_slope(x: Value, beta: Value, rest: Value) -> Value:
    """``s + z*s*(1 - s)`` with ``s = 1/(1 + e**-z)``, ``z = (beta + rest)*x``, the derivative of ``steady_swish``."""
    size, shifted, r = _steady_exponent(x, beta, rest)
    raised, down = _raised_share_of(shifted, r, math.log(2))
    x = _signed_by(x, beta)
    signed = select(x < 0.0, raised, -raised)
    below = signed * fma(size * absolute(beta), fma(raised, down, -1.0), 1.0)
    return fma(below, down, select(x < 0.0, x.constant(0.0), 1.0))


def steady_tanh_slope(x: Value, inner: Value, rest: Value, outer: Value) -> Value:
    """``4*(inner + rest)*outer`` times the logistic density at ``2*(inner + rest)*x``, the derivative of
    ``outer*tanh((inner + rest)*x)``, scaled last; |inner| from 2**-20 to 2**20, |inner*outer| from 2**-40 to 2**38.
    """
    _, shifted, r = _steady_exponent(x, inner * 2.0, rest * 2.0)
    raised, down = _raised_share_of(shifted, r, math.log(2))
    height = fma(inner, outer, rest * outer) * 4.0
    return (raised * height) * fma(raised, -down, 1.0) * down


def _steady_exponent(x: Value, beta: Value, rest: Value) -> tuple[Value, Value, Value]:
    """``|x|`` within what counts, and what ``_share_of`` takes, in units of ln 2, for ``e**-|(beta + rest)*x|``."""
    # What is made of beta alone is computed once, before the loop.
    steepness, rest = absolute(beta), _signed_by(rest, beta)
    high = steepness * LOG2_E
    low = fma(steepness, LOG2_E_64_TAIL if x.is_double else LOG2_E_32_TAIL, fma(steepness, LOG2_E, -high))
    low = fma(rest, LOG2_E, low)
    size, limit = absolute(x), (1082.0 if x.is_double else 138.0) / steepness
    size = select(size > limit, limit, size)
    shifted = fma(size, -high, _share_magic(x))
    r = fma(size, -low, fma(size, -high, _share_magic(x) - shifted))
    return size, shifted, r


def _signed_by(x: Value, sign: Value) -> Value:
    """x, or -x where the sign is negative."""
    return (x.bits() ^ (sign.bits() & (-(2**63) if x.is_double else -(2**31)))).as_float()


def swish(x: Value, beta: Value, rest: Value) -> Value:
    """``x/(1 + e**-((beta + rest)*x))``, 0 where beta*x is -inf; worst error 2.8 ulp for float32 and 2.3 for float64
    (of some ten thousand, beta = 1.702).
    """
    z = beta * x
    size, rest, beyond = _limited(z, fma(x, rest, fma(x, beta, -z)))
    numerator, u, r, shift = _share(-size, rest)
    down = 2.0**-shift
    # A large x is taken down first, where only a small beta leaves anything to multiply; infinity isn't multiplied.
    large = absolute(x) > 2.0**-shift * (2.0**1020 if x.is_double else 2.0**124)
    factor = clamped(x, -LARGEST_64, LARGEST_64) if x.is_double else clamped(x, -LARGEST_32, LARGEST_32)
    product = select(beyond, 0.0, numerator) * (factor * select(large, x.constant(down), 1.0))
    quotient = product / fma(numerator, down, fma(r, -HALF_COTH_0, u))
    last = select(large, 1.0, x.constant(down))
    negative = z.bits() < 0
    return fma(quotient, select(negative, last, -last), select(negative, copysign(x.constant(0.0), x), x))


def sigmoid_gate(x: Value, z: Value, rest: Value) -> Value:
    """``x / (1 + e**-(z + rest))``, 0 where z is -inf; worst error 2.8 ulp for float32 (of a thousandth of
    all, x = z), 2.5 for float64.
    """
    size, rest, beyond = _limited(z, rest)
    raised, down = _raised_share(-size, rest)
    far = z < (-400.0 if z.is_double else -60.0)
    below = raised * down
    y = x * select(far, raised, select(z < 0.0, below, 1.0 - below))
    return _unless_nothing(x, select(far, y * down, y), beyond & (z < 0.0))


def sigmoid_gate_slope(x: Value, z: Value, rest: Value) -> Value:
    """The logistic density at ``z + rest`` times x, 0 where z is infinite; worst error 2.6 ulp for float32 and
    2.2 for float64 (of some ten thousand, x = z).
    """
    size, rest, beyond = _limited(z, rest)
    raised, down = _raised_share(-size, rest)
    far = size > (400.0 if z.is_double else 60.0)
    below = raised * down
    y = x * select(far, raised, fma(-below, below, below))
    return _unless_nothing(x, select(far, y * down, y), beyond)


def normal_gate_slope(x: Value, z: Value, rest: Value) -> Value:
    """``x*e**(-(z + rest)**2/2) / sqrt(2*pi)``, 0 where z is infinite; worst error 2.4 ulp for float32 and
    2.5 for float64 (of some ten thousand, x = z).
    """
    size = absolute(z)
    a = at_most(size, 39.7 if z.is_double else 15.1)
    square = a * a
    rest = select(size > a, 0.0, select(z < 0.0, rest, -rest))
    scales, r = _reduced_for_two_steps(square * -0.5, fma(a, rest, fma(a, a, -square) * -0.5))
    y = _scaled(_exp_of_rest(r) * (x * 0.3989422804014327), scales)
    return _unless_nothing(x, y, size > (39.6 if z.is_double else 15.0))


def _unless_nothing(x: Value, y: Value, nothing: Value) -> Value:
    """y, but a zero of x's sign where there is nothing left of it, be x infinite."""
    return select(nothing & (x == x), copysign(x.constant(0.0), x), y)


def _limited(z: Value, rest: Value) -> tuple[Value, Value, Value]:
    """``|z|``, within what counts, what there is to add to ``-|z|``, and whether z is beyond what counts."""
    size, limit = absolute(z), 1082.0 if z.is_double else 138.0
    beyond = size > limit
    rest = select(beyond, 0.0, select(z < 0.0, rest, -rest))
    return select(beyond, limit, size), rest, beyond


def _raised_share(negative: Value, rest: Value | None, x: Value | None = None) -> tuple[Value, float]:
    """``e**z / (1 + e**z)`` at ``z = negative + rest``, times x and a power of 2, so that it isn't subnormal, and what
    undoes the latter.
    """
    return _raised_share_of(*_share_exponent(negative, rest), 1.0, x)


def _raised_share_of(shifted: Value, r: Value, unit: float, x: Value | None = None) -> tuple[Value, float]:
    """The same for what ``_share_of`` takes."""
    power, u, falling, shift = _share_of(shifted, r, unit)
    numerator = power * u
    denominator = fma(numerator, 2.0**-shift, fma(r, falling, u))
    return (numerator if x is None else power * x * u) / denominator, 2.0**-shift


def _lower_share(x: Value) -> Value:
    """``e**-|x| / (1 + e**-|x|)``."""
    # Both are multiplied by a power of 2, so that the quotient alone may be subnormal.
    numerator, u, r, shift = _share(at_least(-absolute(x), -746.0 if x.is_double else -105.0), None)
    return numerator / fma(u, 2.0**shift, fma(r, -HALF_COTH_0 * 2.0**shift, numerator))


def _falling_parts(size: Value, unit: float) -> tuple[Value, Value]:
    """Two numbers, whose quotient is ``1/(1 + e**(2*size/unit))``, where ``e**(-2*size/unit)`` is
    ``2**k * (c + t)/(c - t)`` with ``-size = k*unit*ln(2)/2 + t`` and ``c = t*coth(t/unit)``.
    """
    shifted = fma(size, -2 * LOG2_E / unit, _share_magic(size))
    k, halves = shifted - _share_magic(size), unit / 2
    t = fma(k, -LN2_64 * halves if size.is_double else -LN2_32 * halves, -size)
    if size.is_double:  # for float32 what LN2 leaves counts for 4 ulp at most, where the result is next to nothing
        t = fma(k, -LN2_64_TAIL * halves, t)
    coefficients = COTH_64 if size.is_double else COTH_32
    square = t * t
    q = polynomial(square, tuple(each / unit ** (2 * place + 1) for place, each in enumerate(coefficients)))
    c = fma(square, q, unit)
    # Both are multiplied by a power of 2, so that the quotient alone may be subnormal.
    numerator = _power_of_2(shifted.bits()) * (c + t)
    return numerator, fma(c - t, 2.0 ** _share_shift(size), numerator)


def _share(negative: Value, rest: Value | None) -> tuple[Value, Value, Value, int]:
    """The numbers ``2**(k + shift) * u``, u, r and shift, where ``e**(negative + rest) = 2**k * u/(u - b*r)``."""
    shifted, r = _share_exponent(negative, rest)
    power, u, _, shift = _share_of(shifted, r, 1.0)
    return power * u, u, r, shift


def _share_exponent(negative: Value, rest: Value | None) -> tuple[Value, Value]:
    """What ``_share_of`` takes for ``e**(negative + rest)``, where r counts as it is."""
    shifted = fma(negative, LOG2_E, _share_magic(negative))
    return shifted, _rest(negative, shifted - _share_magic(negative), rest)


def _share_of(shifted: Value, r: Value, unit: float) -> tuple[Value, Value, float, int]:
    """The numbers ``2**(k + shift)``, u, ``-b*unit`` and shift, where ``e**(r*unit) = u/(u - b*r*unit)`` and the lowest
    bits of ``shifted`` are k and what ``_share_magic`` adds.
    """
    square = r * r
    coefficients = HALF_COTH_64 if r.is_double else HALF_COTH_32
    q = polynomial(square, tuple(each * unit ** (2 * place + 2) for place, each in enumerate(coefficients)))
    u = fma(square, q, fma(r, HALF_COTH_0 / 2 * unit, HALF_COTH_0))
    return _power_of_2(shifted.bits()), u, -HALF_COTH_0 * unit, _share_shift(r)


def _share_shift(x: Value) -> int:
    """The power of 2 by which shares are multiplied, so that they aren't subnormal."""
    return 540 if x.is_double else 75


def _share_magic(x: Value) -> float:
    """What turns a number into a float whose lowest bits are the whole number next to it and more for a power of 2."""
    return 1.5 * 2.0 ** (52 if x.is_double else 23) + (1023 if x.is_double else 127) + _share_shift(x)


def gaussian(x: Value) -> Value:
    """``e**(-x*x)``, with the rounding error of the square carried along; worst error 0.91 ulp for float32 (at 2.7),
    0.93 for float64 (-0.58).
    """
    a = at_most(absolute(x), 27.4 if x.is_double else 10.25)
    square = a * a
    return falling_exp_in_range(-square, -fma(a, a, -square))


def gaussian_slope(x: Value) -> Value:
    """``-2*x*e**(-x*x)``, scaled last, so that a subnormal result is rounded once; worst error 1.9 ulp for float32,
    1.9 for float64.
    """
    a = at_most(absolute(x), 28.0 if x.is_double else 11.0)
    square = a * a
    scales, r = _reduced_for_lift(-square, -fma(a, a, -square))
    return _scaled(_exp_of_rest(r) * (copysign(a, x) * -2.0), scales)


def sinh(x: Value) -> Value:
    """``(e**x - e**-x) / 2``, by sinh and cosh of the rest of the reduced argument; worst error 1.58 ulp for float32
    (at 0.38), 1.85 for float64 (18.4, where e**-x is half a unit in the last place of e**x).
    """
    a = absolute(x)
    growing, falling, sinh_r, cosh_r_minus_1 = _hyperbolic(a)
    total, difference = growing + falling, growing - falling
    half = difference + fma(total, sinh_r, difference * cosh_r_minus_1)
    # Half of a subnormal number may not be one.
    return copysign(select(a < 2.0**-30, a, half + half), x)


def cosh(x: Value) -> Value:
    """``(e**x + e**-x) / 2``, by sinh and cosh of the rest of the reduced argument; worst error 1.32 ulp for float32
    (at 4.6), 1.23 for float64 (-13.5).
    """
    growing, falling, sinh_r, cosh_r_minus_1 = _hyperbolic(absolute(x))
    total, difference = growing + falling, growing - falling
    half = growing + fma(difference, sinh_r, fma(total, cosh_r_minus_1, falling))
    return half + half


def _exponent(x: Value, factor: float, bias: int) -> tuple[Value, Value]:
    """The whole number k next to ``x*factor``, and a float whose lowest bits are k + bias."""
    magic = 1.5 * 2.0 ** (52 if x.is_double else 23) + bias
    shifted = x + magic if factor == 1.0 else fma(x, factor, magic)
    return shifted - magic, shifted


def _power_of_2(biased: Value) -> Value:
    """The power of 2 whose biased exponent is in an integer's lowest bits."""
    return (biased << (52 if biased.is_double else 23)).as_float()


def _two_steps(x: Value, factor: float) -> tuple[Value, tuple[Value, Value]]:
    """The whole number k next to ``x*factor``, and 2**k as two factors that are about the same."""
    bias = 1023 if x.is_double else 127
    k, shifted = _exponent(x, factor, 2 * bias)
    whole = shifted.bits()
    half = whole.shift_right_unsigned(1)  # of the lowest bits: what is above them is even, and cut off
    return k, (_power_of_2(half), _power_of_2(whole - half))


def _scaled(x: Value, scales: tuple[Value, Value]) -> Value:
    return x * scales[0] * scales[1]


def _rest(x: Value, k: Value, low: Value | None = None) -> Value:
    """``x + low - k*ln(2)``; the first step of the two is exact."""
    r = fma(k, -LN2_64 if x.is_double else -LN2_32, x)
    minus_tail = -LN2_64_TAIL if x.is_double else -LN2_32_TAIL
    return fma(k, minus_tail, r) if low is None else r + fma(k, minus_tail, low)


def _reduced_for_two_steps(x: Value, low: Value | None) -> tuple[tuple[Value, Value], Value]:
    k, scales = _two_steps(x, LOG2_E)
    return scales, _rest(x, k, low)


def _reduced_for_lift(x: Value, low: Value | None) -> tuple[tuple[Value, Value], Value]:
    """The same for an x that isn't positive: ``2**k`` times a power of 2 that keeps it normal, and what undoes that."""
    bias, lift = (1023, 512) if x.is_double else (127, 64)
    k, shifted = _exponent(x, LOG2_E, bias + lift)
    return (_power_of_2(shifted.bits()), x.constant(2.0**-lift)), _rest(x, k, low)


def _polynomial(r: Value, coefficients: tuple[float, ...]) -> Value:
    """A polynomial; a long one as two interleaved ones, of which a processor has two under way at once."""
    if len(coefficients) < 8:
        return polynomial(r, coefficients)
    square = r * r
    return fma(polynomial(square, coefficients[1::2]), r, polynomial(square, coefficients[::2]))


def _exp_of_rest(r: Value) -> Value:
    q = _polynomial(r, EXP_64 if r.is_double else EXP_32)
    return fma(fma(q, r, 1.0), r, 1.0)


def _half_power(x: Value) -> tuple[Value, Value]:
    """The whole number k next to x/ln(2), and ``2**(k-1)``."""
    k, shifted = _exponent(x, LOG2_E, 1022 if x.is_double else 126)
    return k, _power_of_2(shifted.bits())


def _half_expm1(x: Value) -> Value:
    """``(e**x - 1) / 2``, which doesn't overflow before ``e**x - 1`` does; x in -600...710, or -80...89 for float32."""
    k, half_scale = _half_power(x)
    # The rest as two numbers: in its linear term its rounding would count.
    high = fma(k, -LN2_64 if x.is_double else -LN2_32, x)
    low = k * (-LN2_64_TAIL if x.is_double else -LN2_32_TAIL)
    r = high + low
    p_minus_high = fma(r * r, _polynomial(r, EXPM1_64 if x.is_double else EXPM1_32), low)
    return fma(half_scale, p_minus_high, fma(half_scale, high, half_scale - 0.5))


def _hyperbolic(x: Value) -> tuple[Value, Value, Value, Value]:
    """``2**k / 4``, ``2**-k / 4``, ``sinh(r)`` and ``cosh(r) - 1``, where ``x = k*ln(2) + r >= 0``."""
    x = at_most(x, 710.6 if x.is_double else 89.5)
    bias = 1021 if x.is_double else 125
    k, shifted = _exponent(x, LOG2_E, bias)
    growing = _power_of_2(shifted.bits())
    mirrored = growing.bits().constant(2 * bias << (52 if x.is_double else 23)) - growing.bits()
    # Below the normal numbers 2**-k doesn't count any more.
    falling = select(mirrored > 0, mirrored, 0).as_float()
    r = _rest(x, k)
    square = r * r
    sinh_r = fma(r * square, polynomial(square, SINH_64 if x.is_double else SINH_32), r)
    cosh_r_minus_1 = square * polynomial(square, COSH_64 if x.is_double else COSH_32)
    return growing, falling, sinh_r, cosh_r_minus_1
