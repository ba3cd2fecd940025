"""Trigonometric functions and their inverses; the argument is reduced exactly, however large it is.

``x/pi`` is needed modulo 2 only, so the bits of 1/pi that make whole turns with every bit of x are left out of the
product. For which bits that is so depends on x's exponent (Payne and Hanek, 1983). The rest of 1/pi is a sum of a few
floats, and fma makes the products exact.

Errors are in units in the last place: the worst of all float32s, and of 10**7 float64s of all sizes.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from actspec.kernels.machine import Value, absolute, copysign, fma, lookup, polynomial, rint, select, split_polynomial

# All the coefficients are minimax fits by Remez; the comment gives what, where, and the greatest relative error.

# sin(pi*x)/x - 2 in x**2, |x| <= 0.515, each coefficient rounded before the next was fitted: 2**-27 of the sine.
_SINE_32 = (
    1.14159262,
    -5.1677084,
    2.55004525,
    -0.598083794,
    0.0772344694,
)
# (sin(x)/x - 1)/x**2 in x**2, |x| <= pi/2: 2**-27.3 of the sine.
_HALF_SINE_32 = (
    -0.166666597,
    0.00833306648,
    -0.000198095964,
    2.60576348e-06,
)
# (sin(x)/x - 1)/x**2 in x**2, |x| <= pi/4: 2**-57.8 of the sine.
_SINE_64 = (
    -0.16666666666666638,
    0.008333333333323735,
    -0.00019841269830669841,
    2.7557313946305177e-06,
    -2.5050792943534753e-08,
    1.5898595296932165e-10,
)
# (cos(x) - 1)/x**2 in x**2, |x| <= pi/4: 2**-64.5 of the cosine.
_COSINE_64 = (
    -0.5,
    0.041666666666666519,
    -0.0013888888888866648,
    2.4801587286198678e-05,
    -2.75573136061145e-07,
    2.0875638549792391e-09,
    -1.1355845233108832e-11,
)
# (sin(x)**2/x**2 - 1)/x**2 in x**2, |x| <= pi/4: 2**-30 of the square.
_SQUARED_SINE_32 = (
    -0.33333328,
    0.044443753,
    -0.0031712689,
    0.00013471872,
)
# The same: 2**-55.8 of the square.
_SQUARED_SINE_64 = (
    -0.3333333333333313,
    0.04444444444436285,
    -0.0031746031734819153,
    0.00014109346709977364,
    -4.2755341597222505e-06,
    9.391879115119302e-08,
    -1.5163713541642479e-09,
)

# (tan(x)/x - 1)/x**2 in x**2, |x| <= pi/4: 2**-29.4 of the tangent.
_TANGENT_32 = (
    0.333333453,
    0.133327746,
    0.0540499573,
    0.0213246132,
    0.0107425121,
    0.000191839518,
    0.00433201519,
)
# (tan(x)/x - 1)/x**2 in x**2, |x| <= pi/4: 2**-55.9 of the tangent.
_TANGENT_64 = (
    0.33333333333333182,
    0.13333333333371514,
    0.05396825394344041,
    0.021869489271253074,
    0.0088632232504793507,
    0.0035922568919868648,
    0.0014549308902700134,
    0.00059441457349390268,
    0.00022410810507454633,
    0.00013329189703816682,
    -2.2220563576255421e-05,
    8.5935448285327367e-05,
    -4.3124910491821256e-05,
    2.0473145069366545e-05,
)
# (arctan(x)/x - 1)/x**2 in x**2, |x| <= 1: 2**-28.3 of the arctangent.
_ARCTANGENT_32 = (
    -0.333333086,
    0.199987976,
    -0.142666313,
    0.109636979,
    -0.0843488848,
    0.0584662341,
    -0.0316608807,
    0.0111634052,
    -0.00184726833,
)
# (arctan(x)/x - 1)/x**2 in x**2, |x| <= 1: 2**-54.7 of the arctangent.
_ARCTANGENT_64 = (
    -0.33333333333332982,
    0.19999999999892776,
    -0.14285714277540976,
    0.11111110825153085,
    -0.090909033484628268,
    0.076922332962697376,
    -0.066659988469512849,
    0.058779968477696169,
    -0.052418045225729411,
    0.046812635993193991,
    -0.041086417945926247,
    0.034338102466068519,
    -0.026178225334064952,
    0.017326413727769049,
    -0.0094429681586385948,
    0.0039947735960704049,
    -0.0012150406803508981,
    0.00023446674731515763,
    -2.1443416230200461e-05,
)

# From each of these exponents of two on, float32 arguments have another part of 1/pi.
_RANGES_32 = (44, 66, 88, 110)


def sin(x: Value) -> Value:
    """``sin(x)``: float32 is reduced to half a turn, for one odd polynomial; float64 to a quarter of a turn, for those
    of sine and cosine. Worst error 1.76 (float32, 6.18e21), 1.17 (float64, 0.799).
    """
    return _sine_64(x, 0.0) if x.is_double else _sine_32(x, 0.0)


def cos(x: Value) -> Value:
    """``cos(x)``, which is ``sin(x + pi/2)``. Worst error 1.75 (float32, 3.2e13), 1.19 (float64, 9.2e4)."""
    return _sine_64(x, 1.0) if x.is_double else _sine_32(x, 0.5)


def near_sin(x: Value) -> Value:
    """``sin(x)`` up to 2**15, or 2**40 for float64, the reduction of which takes no table. Worst error 2.0 for float32,
    1.5 for float64 (of 10**5).
    """
    return _sine_of(x, *_near_reduced_64(x), 0.0) if x.is_double else _near_sine_32(x, 0.0)


def near_cos(x: Value) -> Value:
    """``cos(x)`` up to 2**15, or 2**40 for float64. Worst error 2.0 for float32, 1.5 for float64 (of 10**5)."""
    return _sine_of(x, *_near_reduced_64(x), 1.0) if x.is_double else _near_sine_32(x, 0.5)


def sin_squared(x: Value) -> Value:
    """``sin(x)**2``: one polynomial in the square of what quarters of a turn leave of x.

    Worst error 1.00 (float32, -4.6e4), 1.04 (float64, -7.0e3), of 10**7 each.
    """
    return _squared_sine(*_quarter(x))


def near_sin_squared(x: Value) -> Value:
    """``sin(x)**2`` up to 2**15, or 2**40 for float64. Worst error 1.81 (float32), 1.78 (float64, of 10**7)."""
    magic = 1.5 * 2.0 ** (52 if x.is_double else 23)
    parts = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
    parts = parts if x.is_double else (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15)
    shifted = fma(x, 0.6366197723675814, magic)
    quarters = shifted - magic
    first = fma(quarters, -parts[0], x)  # exact, as their difference is less than one
    angle = fma(quarters, -parts[1], first)
    # Where most of the number is gone, the difference isn't exact, and what the angle lost is little.
    lost = select(absolute(angle) < 2.0**-8, 0.0, fma(quarters, -parts[1], first - angle))
    rest = lost - quarters * parts[2]
    return _squared_sine(angle, rest, (shifted.bits() & 1) != 0)


def tan(x: Value) -> Value:
    """``tan(x)``: an odd polynomial in ``|r| <= pi/4``, and ``-1/tan(r)`` in every other quarter.

    Worst error 1.35 (float32, 1.46e32), 1.47 (float64, 1.3e288).
    """
    angle, rest, odd = _quarter(x)
    square = angle * angle
    slope = split_polynomial(square, _TANGENT_64) if x.is_double else polynomial(square, _TANGENT_32)
    more = fma(square * angle, slope, fma(rest, square, rest))
    tangent = angle + more
    tangent_rest = more - (tangent - angle)
    # The quotient is put right by its remainder, for the rounding of the tangent as well.
    inverse = -1.0 / tangent
    remainder = fma(inverse, tangent_rest, fma(inverse, tangent, 1.0))
    value = select(odd, fma(inverse, remainder, inverse), tangent)
    return select(absolute(x) < (2.0**-27 if x.is_double else 2.0**-12), x, value)


def arctan(x: Value) -> Value:
    """``arctan(x)``: an odd polynomial where ``|x| <= 1``, and ``pi/2 - arctan(1/x)`` elsewhere.

    Worst error 1.40 (float32, 1.079), 1.54 (float64, 1.014).
    """
    size = absolute(x)
    inverted = size > 1.0
    ratio = select(inverted, -1.0, size) / select(inverted, size, 1.0)
    square = ratio * ratio
    if x.is_double:
        # The large terms come last, one after the other.
        slope = split_polynomial(square, _ARCTANGENT_64[5:])
        for each in reversed(_ARCTANGENT_64[:5]):
            slope = fma(square, slope, each)
    else:
        slope = polynomial(square, _ARCTANGENT_32)
    start = select(inverted, x.constant(1.5707963267948966), 0.0)
    value = start + ratio
    # What pi/2 and the sum lost by rounding.
    rest = select(inverted, x.constant(6.123233995736766e-17 if x.is_double else -4.371139e-08), 0.0)
    rest = rest + (ratio - (value - start))
    return copysign(value + fma(ratio * square, slope, rest), x)


def _quarter(x: Value) -> tuple[Value, Value, Value]:
    """``angle + rest``, which is x less a number of quarters of a turn, and whether that is odd."""
    if x.is_double:
        angle, rest, turned = _reduced_64(x)
        return angle, rest, ((turned + 1.5 * 2.0**52).bits() & 1) != 0
    fraction, quarters = _reduced_32(x, 2.0, 0.0)
    exact = fraction * 1.5707963267948966
    angle = exact.to_float32()
    return angle, (exact - angle.to_float64()).to_float32(), (quarters & 1) != 0


def _sine_32(x: Value, shift: float) -> Value:
    """``sin(x + shift*pi)``."""
    fraction, turned = _reduced_32(x, 1.0, shift)
    turns = (fraction.bits() ^ (turned << 63)).as_float().to_float32()
    sine = fma(turns, polynomial(turns * turns, _SINE_32), turns + turns)
    return sine if shift else select(absolute(x) < 2.0**-12, x, sine)


def _reduced_32(x: Value, parts: float, shift: float) -> tuple[Value, Value]:
    """A float64 and an integer which sum up to ``x*parts/pi + shift`` modulo 2*parts; the first is 0.52 at most."""
    size, wide = absolute(x), x.to_float64()
    first, second = (wide.constant(each * parts) for each in _parts_32(None))
    for bits in _RANGES_32:
        large = size >= 2.0**bits
        others = _parts_32(bits - 23)
        first, second = select(large, others[0] * parts, first), select(large, others[1] * parts, second)
    high = wide * first
    low = fma(wide, second, fma(wide, first, -high))
    # A large constant leaves the nearest whole number in the lowest bits.
    magic = 1.5 * 2.0**52
    if shift:
        shifted = (high + shift) + magic
        return (high - (shifted - magic) + shift) + low, shifted.bits()
    shifted = high + magic
    return (high - (shifted - magic)) + low, shifted.bits()


def _sine_64(x: Value, quarters: float) -> Value:
    """``sin(x + quarters*pi/2)``."""
    return _sine_of(x, *_reduced_64(x), quarters)


def _sine_of(x: Value, angle: Value, rest: Value, turned: Value, quarters: float) -> Value:
    """``sin(x + quarters*pi/2)``, where x is ``angle + rest + turned*pi/2``."""
    square = angle * angle
    sine = angle + fma(square * angle, polynomial(square, _SINE_64), rest)
    # The derivative of the cosine is taken as -angle.
    cosine = 1.0 + fma(square, polynomial(square, _COSINE_64), -(angle * rest))
    quarter = (turned + (1.5 * 2.0**52 + quarters)).bits()
    value = select((quarter & 1) == 0, sine, cosine)
    value = (value.bits() ^ ((quarter & 2) << 62)).as_float()
    return value if quarters else select(absolute(x) < 2.0**-27, x, value)


def _squared_sine(angle: Value, rest: Value, odd: Value) -> Value:
    """``sin(angle + rest)**2``, or the square of the cosine where ``odd``."""
    square = angle * angle
    lost = fma(angle + angle, rest, fma(angle, angle, -square))
    coefficients = _SQUARED_SINE_64 if angle.is_double else _SQUARED_SINE_32
    # The line is within 0.02 of the derivative of sin(x)**2 by x**2.
    lost = lost * fma(square, -0.6, 1.0)
    more = fma(square * square, polynomial(square, coefficients), lost)
    other = 1.0 - square
    return select(odd, other, square) + select(odd, ((1.0 - other) - square) - more, more)


def _near_reduced_64(x: Value) -> tuple[Value, Value, Value]:
    """``angle + rest``, which is x less ``quarters*pi/2``, and quarters."""
    magic = 1.5 * 2.0**52
    quarters = fma(x, 0.6366197723675814, magic) - magic
    # Both are multiples of 2**-53, and their difference is less than one: it is exact.
    first = fma(quarters, -1.5707963267948966, x)
    angle = fma(quarters, -6.123233995736766e-17, first)
    return angle, quarters * 1.4973849048591698e-33, quarters


def _near_sine_32(x: Value, shift: float) -> Value:
    """``sin(x + shift*pi)``."""
    magic = 1.5 * 2.0**23
    shifted = fma(x, 0.3183098861837907, shift) + magic if shift else fma(x, 0.3183098861837907, magic)
    turns = (shifted - magic) - shift if shift else shifted - magic
    first = fma(turns, -3.1415927410125732, x)  # exact, as for float64
    angle = fma(turns, 8.742277657347586e-08, first)
    rest = turns * 3.4302490200117637e-15
    square = angle * angle
    sine = angle + fma(square * angle, polynomial(square, _HALF_SINE_32), rest)
    value = (sine.bits() ^ (shifted.bits() << 31)).as_float()
    return value if shift else select(absolute(x) < 2.0**-12, x, value)


def _reduced_64(x: Value) -> tuple[Value, Value, Value]:
    """``angle + rest``, which is x less ``quarters*pi/2``, and quarters modulo 4 (but up to 2**20)."""
    size = absolute(x)
    large = size >= 2.0
    bits = x.bits()
    # Numbers of 16 neighbouring exponents share a part of 2/pi; scaled, they are between 2**-15 and 2.
    scaled = select(large, ((bits & -0x7F00000000000001) | (63 << 56)).as_float(), x)
    index = select(large, (bits.shift_right_unsigned(54) & 0x1FC) - (63 * 4), 0)
    table = _table_64()
    parts = [lookup(table, index + place) for place in range(4)]

    first = scaled * parts[0]
    # The product's two halves are multiples of 2**-50; so the sum of what is left of them is exact.
    first = (first - 4.0 * rint(first * 0.25)) + fma(scaled, parts[0], -first)
    second = scaled * parts[1]
    second_rest = fma(scaled, parts[1], -second)
    third = scaled * parts[2]
    third_rest = fma(scaled, parts[2], -third)
    quarters = rint(first)
    first = first - quarters
    more = rint(second)
    second = second - more
    last = rint(first + second)
    fraction, error = _two_sum(first - last, second)
    low, low_rest = _two_sum(second_rest, third)
    fraction, rest = _two_sum(fraction, error + low)
    rest = rest + (low_rest + fma(scaled, parts[3], third_rest))

    # Infinity becomes NaN.
    half_pi = select(size < float("inf"), x.constant(1.5707963267948966), float("nan"))
    angle = fraction * half_pi
    rest = fma(fraction, half_pi, -angle) + fma(fraction, 6.123233995736766e-17, rest * 1.5707963267948966)
    return angle, rest, quarters + more + last


def _two_sum(a: Value, b: Value) -> tuple[Value, Value]:
    """``a + b`` and its rounding error (Knuth)."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


@cache
def _inverse_pi() -> int:
    """``2**1300 / pi``, by Machin's formula for pi."""
    one = 1 << 1400

    def arctan_inverse(x: int) -> int:
        power = total = one // x
        for k in range(3, 1400, 2):
            power //= -x * x
            total += power // k
        return total

    return (one << 1300) // (4 * (4 * arctan_inverse(5) - arctan_inverse(239)))


def _without_turns(lowest: int) -> Fraction:
    """``2**lowest / pi`` modulo 2, between -1 and 1."""
    modulus = 2 << 1300
    scaled = _inverse_pi() << lowest if lowest >= 0 else _inverse_pi() >> -lowest
    rest = scaled % modulus
    return Fraction(rest - modulus if 2 * rest > modulus else rest, 1 << 1300)


@cache
def _parts_32(lowest: int | None) -> tuple[float, float]:
    """1/pi as two float64, without the bits that make whole turns with multiples of ``2**lowest``."""
    exact = Fraction(_inverse_pi(), 1 << 1300) if lowest is None else _without_turns(lowest) / 2**lowest
    first = float(exact)
    return first, float(exact - Fraction(first))


@cache
def _table_64() -> tuple[float, ...]:
    """2/pi in four parts without the bits that make whole turns, for each 16 exponents, as ``_reduced_64`` needs it."""
    table: list[float] = []
    for group in range(63, 128):
        rest = 2 * _without_turns(16 * group - 1075)
        # The first two end at fixed places: their products with x can be added without rounding.
        for unit in (50, 103, None, None):
            part = Fraction(float(rest)) if unit is None else Fraction(round(rest * 2**unit), 2**unit)
            table.append(float(part * 2**67))
            rest -= part
    return tuple(table)
