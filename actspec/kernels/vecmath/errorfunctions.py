"""The error function and its complement.

Errors are in units in the last place: the worst of all float32s, and of 10**7 float64s of all sizes.
"""

from __future__ import annotations

from actspec.kernels.machine import (
    Value,
    absolute,
    at_least,
    at_most,
    copysign,
    fma,
    parted_polynomial,
    polynomial,
    select,
    split_polynomial,
)

# All the coefficients are minimax fits by Remez; the comment gives what, where, and the greatest error.

# erf(x)/x - 1 in x**2, |x| <= 1: 2**-29.6 of erf.
_NEAR_ZERO_32 = (
    0.128379166,
    -0.376126258,
    0.112835851,
    -0.0268538119,
    0.00518832755,
    -0.00080101922,
    7.85385616e-05,
)
# erf(x)/x - 1 in x**2, |x| <= 1: 2**-56.9 of erf.
_NEAR_ZERO_64 = (
    0.12837916709551256,
    -0.37612638903183521,
    0.11283791670944185,
    -0.026866170643111531,
    0.0052239776061188802,
    -0.00085483259293297901,
    0.00012055293577272878,
    -1.4924712308029719e-05,
    1.6447131635680484e-06,
    -1.6206314196309946e-07,
    1.3710982108482451e-08,
    -7.7794714069574147e-10,
)
# erf(x) in x - 2.3125, 1 <= x <= 3.97: 2**-26.5.
_FAR_32 = (
    0.998925935,
    0.00537030017,
    -0.0124192235,
    0.017355331,
    -0.0159239065,
    0.00952709504,
    -0.00310879167,
    -0.0002223039,
    0.0008130665,
    -0.000367275108,
    9.41617274e-06,
    5.31226097e-05,
    -1.45764056e-05,
    -1.96544445e-06,
    9.6730636e-07,
)
# log2(erfc(x)) in x, 1 <= x <= 5.95: 2**-56.5 of erf.
_LOG2_ERFC_64 = (
    -7.4042552952848906e-07,
    -1.6278995623668882,
    -0.91848321989628356,
    -0.14816808766413161,
    0.027393961001477923,
    0.00059659711820664622,
    -0.0027684423310528109,
    0.0011152561051264824,
    -0.00019699988985702249,
    -2.8170111060349508e-05,
    3.2509933197508048e-05,
    -1.2377156595959033e-05,
    3.0511552510018246e-06,
    -5.3319666374164627e-07,
    6.6271160093942356e-08,
    -5.6124295838243869e-09,
    2.9149241062500994e-10,
    -7.0193460051026721e-12,
)
# 2**x, |x| <= 0.5: 2**-58.2.
_EXP2_64 = (
    1,
    0.69314718055994529,
    0.24022650695910158,
    0.05550410866482177,
    0.0096181291075872529,
    0.001333355814637424,
    0.00015403530463727513,
    1.5252733871024657e-05,
    1.3215432534466388e-06,
    1.0178045301089768e-07,
    7.074194530714017e-09,
    4.4575322251350007e-10,
)
# (x + 0.8125)*exp(x**2)*erfc(x) in (x - 2.5322265625)/(x + 2.5322265625), 0 <= x <= 10.1: 2**-27.2.
_SCALED_32 = (
    0.697161552,
    -0.17696065,
    0.0310332598,
    0.0383534455,
    -0.0392635445,
    0.0161141887,
    -0.000912275512,
    -0.00187653532,
    0.000337986386,
    0.000226533965,
)
# (x + 0.8125)*exp(x**2)*erfc(x) in (x - 4.0205078125)/(x + 4.0205078125), 0 <= x <= 27.3: 2**-56.5.
_SCALED_64 = (
    0.65892488127381832,
    -0.15037982526031066,
    0.076290034685027833,
    -0.017837518698929397,
    -0.015988028424888476,
    0.026951808746270203,
    -0.023467306977582938,
    0.014787572612594157,
    -0.0070391105080998021,
    0.0023975391036279918,
    -0.00044127719832011826,
    -6.2260638086733574e-05,
    6.9732316681860113e-05,
    -1.5072315918896888e-05,
    -4.1214054251814062e-06,
    2.8888306933767184e-06,
    -6.2652462290897973e-08,
    -3.8476428730081533e-07,
    5.8619408230030989e-08,
    4.9977120883174338e-08,
    -7.5330741316842559e-09,
    -5.8641979999356634e-09,
    -4.6650765079714915e-10,
)
# (exp(x) - 1 - x)/x**2, |x| <= ln(2)/2: 2**-28.
_EXPM1_32 = (
    0.500000009,
    0.16666521,
    0.041666215,
    0.00836868969,
    0.00139500308,
)
# (exp(x) - 1 - x)/x**2, |x| <= ln(2)/2: 2**-57.
_EXPM1_64 = (
    0.500000000000001,
    0.16666666666666696,
    0.041666666666534319,
    0.0083333333333090974,
    0.0013888888942741014,
    0.0001984126991391474,
    2.4801493874058774e-05,
    2.7557218994354106e-06,
    2.7630009762031483e-07,
    2.5117105105188535e-08,
)
# (a + 3.375)*exp(a**2/2)*erfc(a/sqrt(2))/2 in a/(a + 3.375) - 0.40625, 0 <= a <= 15: 2**-28.3.
_NORMAL_32 = (
    0.85580802,
    -1.34862673,
    1.40801311,
    -0.81532836,
    0.00664089434,
    0.308338493,
    -0.0580115169,
    -0.145904243,
    0.0209985729,
    0.0679451749,
)
# (a + 5)*exp(a**2/2)*erfc(a/sqrt(2))/2 in a/(a + 5) - 0.4375, 0 <= a <= 39.7: 2**-55.9.
_NORMAL_64 = (
    0.8607598605188377,
    -1.6105665056657958,
    2.5191166396838485,
    -3.2614357719127436,
    3.4125154323963374,
    -2.738967954980646,
    1.4703051913966834,
    -0.24057183024555906,
    -0.36729942138032945,
    0.2918612171743488,
    0.023955153988070504,
    -0.13953201857568306,
    0.02766365815649186,
    0.06423369117130497,
    -0.023374726857197707,
    -0.03338577371585746,
    0.013792837543850316,
    0.019676106519808865,
    -0.0065542701977901845,
    -0.011260741196050503,
    0.00199413317513507,
    0.004181383784855094,
)
# (exp(-x/2) - 1 + x/2)/x**2, |x| <= ln(2), for the relative error of exp(-x/2): 2**-28.3.
_HALVED_32 = (
    0.124999985,
    -0.0208331514,
    0.00260427431,
    -0.000261522393,
    2.15853142e-05,
)
# The same: 2**-57.9.
_HALVED_64 = (
    0.12500000000000028,
    -0.020833333333333016,
    0.0026041666666581347,
    -0.0002604166666717026,
    2.1701388974423063e-05,
    -1.5500991801981106e-06,
    9.688083241439371e-08,
    -5.382341095662178e-09,
    2.6982664742616766e-10,
    -1.2207055938196256e-11,
)


def erf(x: Value) -> Value:
    """``erf(x)``: an odd polynomial where ``|x| < 1``. Elsewhere a polynomial for float32; for float64,
    ``1 - 2**p(|x|)`` with a polynomial for the logarithm of erfc.

    Worst error 1.01 (float32, 1.0002), 1.28 (float64, 0.978).
    """
    size = absolute(x)
    square = x * x
    # Both ranges are computed, and one of them chosen.
    if x.is_double:
        near_zero = fma(x, split_polynomial(square, _NEAR_ZERO_64), x)
        size = select(size > 6.0, 6.0, size)
        power = split_polynomial(size, _LOG2_ERFC_64)
        magic = 1.5 * 2.0**52
        shifted = power + magic
        fraction = power - (shifted - magic)
        complement = split_polynomial(fraction, _EXP2_64) * ((shifted.bits() + 1023) << 52).as_float()
        far = 1.0 - complement
        return select(square < 1.0, near_zero, copysign(far, x))
    near_zero = fma(x, polynomial(square, _NEAR_ZERO_32), x)
    size = select(size > 3.984375, 3.984375, size)
    far = polynomial(size - 2.3125, _FAR_32)
    return select(square < 1.0, near_zero, copysign(far, x))


def erfc(x: Value) -> Value:
    """``1 - erf(x)``, accurate in the tail down to the smallest subnormal numbers.

    Worst error 1.42 (float32, 0.478), 1.62 (float64, 5.5e-16).
    """
    size = absolute(x)
    limit = 28.0 if x.is_double else 10.5
    size = select(size > limit, limit, size)
    square = size * size
    value, lift = _raised_tail(size, square, fma(size, size, -square))
    # Processors are slow to make subnormal numbers by multiplication, and |x| > 9.2 is not rare: count units instead.
    least = 2.0 ** (lift - 1022 if x.is_double else lift - 126)
    subnormal = value < least
    units = (value + least).bits() - value.constant(least).bits()
    normal = value * select(subnormal, value.constant(2.0), 2.0**-lift)
    return select(x < 0.0, 2.0 - normal, select(subnormal, units.as_float(), normal))


def gelu(x: Value) -> Value:
    """``x*erfc(-x/sqrt(2))/2``, as ``max(x, 0) - |x|*erfc(|x|/sqrt(2))/2``, rounded once where it is subnormal.

    Worst error 3.89 (float32, -0.33), 4.00 (float64, -1.2e-4).
    """
    size = at_most(absolute(x), 39.7 if x.is_double else 15.0)
    quotient = size / _denominator(size)
    growth, scale, lift = _falling(size, None)
    share = quotient * scale * _numerator(quotient)
    return fma(fma(share, growth, share), -(2.0**-lift), at_least(x, -0.0))


def gelu_slope(x: Value) -> Value:
    """``erfc(-x/sqrt(2))/2 + x*exp(-x**2/2)/sqrt(2*pi)``, the derivative of ``gelu``."""
    size = at_most(absolute(x), 39.7 if x.is_double else 15.0)
    inverse = 1.0 / _denominator(size)
    mills = inverse * _numerator(size * inverse)
    growth, scale, lift = _falling(size, None)
    below = fma(size, -0.3989422804014327, mills) * scale
    below = fma(below, growth, below)
    return fma(select(x < 0.0, below, -below), 2.0**-lift, select(x < 0.0, x.constant(0.0), 1.0))


def normal_gate(x: Value, z: Value, rest: Value) -> Value:
    """``x*erfc(-(z + rest)/sqrt(2)) / 2``, 0 where z is -inf; scaled last, so that a subnormal result is rounded once.

    Worst error 3.70 (float32), 3.87 (float64), of laplace, where x = 1.
    """
    limit = 39.59 if z.is_double else 14.84
    size = absolute(z)
    rest = select(size > limit, 0.0, select(z < 0.0, -rest, rest))
    size = at_most(size, limit)
    denominator = _denominator(size)
    inverse = 1.0 / denominator
    # What the sum and its reciprocal lost counts where both share and argument do.
    denominator_rest = size - _without_pole(denominator) + rest
    lost = inverse * fma(-inverse, denominator_rest, fma(-inverse, denominator, 1.0))
    factor = _numerator(size * inverse, fma(size, lost, rest * inverse))
    growth, scale, lift = _falling(size, rest)
    share = fma(factor, inverse, factor * lost)
    share = fma(share, growth, share)
    down = 2.0**-lift
    far, nothing = z < -10.0, z < -limit
    # Processors are slow to make subnormal numbers: what isn't chosen is none, and what is nothing becomes none.
    lowered = scale.bits() - (lift << (52 if z.is_double else 23))
    lowered = select(lowered > 0, lowered, 0)
    share = share * select(far, select(nothing, 0.0, scale), lowered.as_float())
    y = x * select(z < 0.0, share, 1.0 - share)
    y = select(far, y * down, y)
    return select(nothing & (x == x), copysign(x.constant(0.0), x), y)


def _denominator(size: Value) -> Value:
    return size + (5.0 if size.is_double else 3.375)


def _without_pole(denominator: Value) -> Value:
    return denominator - (5.0 if denominator.is_double else 3.375)


def _numerator(quotient: Value, rest: Value | float = 0.0) -> Value:
    """``(a + k)*exp(a**2/2)*erfc(a/sqrt(2))/2``, from ``a/(a + k)`` where ``a + k`` is the denominator.

    Near zero, where the result is flat, so is the quotient, and takes up little of its error.
    """
    if quotient.is_double:
        ratio = quotient - 0.4375 + rest
        # The largest terms come last.
        slope = fma(ratio, parted_polynomial(ratio, _NORMAL_64[2:]), _NORMAL_64[1])
        return fma(ratio, slope, _NORMAL_64[0])
    ratio = quotient - 0.40625 + rest
    if isinstance(rest, Value):  # gates have errors enough: half an ulp counts
        return polynomial(ratio, _NORMAL_32)
    return fma(ratio, split_polynomial(ratio, _NORMAL_32[1:]), _NORMAL_32[0])


def _falling(size: Value, rest: Value | None) -> tuple[Value, Value, int]:
    """``exp(-(size + rest)**2/2)`` less a power of 2, and less 1; this power times ``2**lift``, and lift, which is so
    large that no such power is subnormal.
    """
    double = size.is_double
    # The exponential is 2**whole * exp(-reduced/2); the first fma is exact.
    square = size * size
    lost = fma(size, size, -square)
    lost = lost if rest is None else fma(size + size, rest, lost)
    places, bias, lift = (52, 1023, 600) if double else (23, 127, 64)
    magic = 1.5 * 2.0**places + bias + lift
    shifted = fma(square, -0.7213475204444817, magic)
    whole = shifted - magic
    reduced = fma(whole, 2 * 0.6931471805599453 if double else 2 * 0.6931471824645996, square)
    reduced = reduced + fma(whole, 2 * 2.3190468138462996e-17 if double else 2 * -1.90465430e-09, lost)
    curve = split_polynomial(reduced, _HALVED_64) if double else polynomial(reduced, _HALVED_32)
    growth = fma(curve, reduced, -0.5) * reduced
    return growth, (shifted.bits() << places).as_float(), lift


def _raised_tail(size: Value, square: Value, square_rest: Value) -> tuple[Value, int]:
    """``erfc(size)*2**lift`` and lift, for a positive number, of which the square is known to twice the digits.

    It is ``exp(-x**2) * q(t) / (x + c)``, with a polynomial in ``t = (x - k)/(x + k)`` (after Shepherd and Laframboise,
    1981); c keeps q flat, so that t needn't be exact, and k makes q(0) almost a machine number. What the factors lose
    by rounding is added last.
    """
    double = size.is_double
    centre = 4.0205078125 if double else 2.5322265625
    # One division for two reciprocals; that of 1 + size gets a correction, which makes it almost exact.
    total = size + 0.8125
    total_rest = size - (total - 0.8125)
    other = size + centre
    quotient = 1.0 / (total * other)
    reciprocal = other * quotient
    reciprocal_rest = reciprocal * fma(-reciprocal, total_rest, fma(-total, reciprocal, 1.0))
    ratio = (size - centre) * (total * quotient)
    first, *others = _SCALED_64 if double else _SCALED_32
    slope = split_polynomial(ratio, tuple(others)) if double else polynomial(ratio, tuple(others))
    scaled = fma(ratio, slope, first)
    scaled_rest = fma(ratio, slope, first - scaled)
    factor = scaled * reciprocal
    factor_rest = fma(scaled, reciprocal_rest, fma(scaled_rest, reciprocal, fma(scaled, reciprocal, -factor)))
    # exp(-x**2) = 2**whole * exp(reduced + rest).
    magic = 1.5 * 2.0**52 if double else 1.5 * 2.0**23
    shifted = fma(square, -1.4426950408889634, magic)
    whole = shifted - magic
    # The first fma is exact.
    reduced = fma(whole, -0.6931471805599453 if double else -0.6931471824645996, -square)
    rest = fma(whole, -2.3190468138462996e-17 if double else 1.90465430e-09, -square_rest)
    both = reduced + rest
    growth = split_polynomial(both, _EXPM1_64) if double else polynomial(both, _EXPM1_32)
    curve = fma(both * both, growth, rest)
    value = factor + fma(factor, reduced, fma(factor, curve, fma(factor_rest, both, factor_rest)))
    # The scale is so large at first that nothing is subnormal.
    places, bias, lift = (52, 1023, 540) if double else (23, 127, 64)
    return value * ((shifted.bits() + (bias + lift)) << places).as_float(), lift
