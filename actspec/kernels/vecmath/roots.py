"""Functions of roots and quotients: hypot; squareplus and its slope; dish. None of them cancels far below zero.

Processors have one unit for roots and quotients, and it is slow. Where they estimate ``1/sqrt(x)`` without it, float32s
take their root from that, and leave the unit to the quotient.

Those that begin with ``near_`` are the short ways for an argument that isn't large, see codegen.
"""

from __future__ import annotations

import math

from actspec.kernels.machine import (
    Value,
    absolute,
    at_least,
    at_most,
    estimates_root,
    fma,
    maximum,
    minimum,
    reciprocal_root,
    select,
    sqrt,
)

INFINITY = math.inf


def hypot(a: Value, b: Value) -> Value:
    """``sqrt(a*a + b*b)``, without squares that overflow; infinite if one is, whatever the other."""
    a, b = absolute(a), absolute(b)
    most, least = maximum(a, b), minimum(a, b)
    ratio = select(most > 0.0, least / most, 0.0)
    return select((a == INFINITY) | (b == INFINITY), INFINITY, most * sqrt(ratio * ratio + 1.0))


def squareplus(x: Value, b: Value) -> Value:
    """``(x + sqrt(x*x + b))/2`` as ``max(x, 0) + b/4/((|x| + sqrt(x*x + b))/2)``, the root of b taken first."""
    size, height = absolute(x), sqrt(b)
    mean = fma(size, 0.5, hypot(x, height) * 0.5)
    half = height * 0.5
    bend = select(mean > 0.0, select(height == INFINITY, INFINITY, half * (half / mean)), mean)
    return at_least(x, -0.0) + bend


def squareplus_slope(x: Value, b: Value) -> Value:
    """``(1 + x/sqrt(x*x + b))/2``, below zero as ``b/2/(sqrt(x*x + b)*(|x| + sqrt(x*x + b)))``."""
    height = sqrt(b)
    root = hypot(x, height)
    below = height / root * (height * 0.5 / (absolute(x) + root))
    below = select((root == 0.0) | (height == INFINITY), 0.5, below)
    return select(x < 0.0, below, 1.0 - below)


def steady_squareplus(x: Value, b: Value) -> Value:
    """``(x + sqrt(x*x + b))/2`` as ``max(x, 0) + b/4/((|x| + sqrt(x*x + b))/2)``; b from 2**-60 to 2**60."""
    size, root = _hypotenuse(x, b)
    mean = fma(size, 0.5, root * 0.5)
    return at_least(x, -0.0) + b * 0.25 / mean


def near_steady_squareplus(x: Value, b: Value) -> Value:
    """The same where ``x*x`` is below ``2**9*b``, or ``2**24*b`` for float64."""
    size, square = absolute(x), fma(x, x, b)
    if estimates_root(square):
        # The root is ``(x*r + 1/r)/2``, but for half of r's relative error squared: 7e-8 at most.
        r = reciprocal_root(square)
        return at_least(x, -0.0) + b * r / fma(r, fma(square, r, size + size), 1.0)
    # A first quotient ``b/(root + |x|)`` is ``root - |x|``, and a step of Newton's method makes it exact.
    root = sqrt(square)
    apart = root - size
    half = fma(apart * (-0.5 / b), root + size, 1.0)  # by which the quotient counts, with what it misses
    return fma(apart, half, at_least(x, -0.0))


def steady_squareplus_slope(x: Value, b: Value) -> Value:
    """``(1 + x/sqrt(x*x + b))/2``, below zero as ``b/2/(sqrt(x*x + b)*(|x| + sqrt(x*x + b)))``."""
    size, root = _hypotenuse(x, b)
    # The divisor would overflow before the quotient vanishes: by one factor after the other.
    far = size > 2.0**30
    total, half = size + root, b * 0.5
    below = select(far, half / total, half) / select(far, root, total * root)
    return select(x.bits() < 0, below, 1.0 - below)


def near_steady_squareplus_slope(x: Value, b: Value) -> Value:
    """The same of an x up to 2**30, with the same bits."""
    size, root = absolute(x), sqrt(fma(x, x, b))
    below = b * 0.5 / ((size + root) * root)
    return select(x.bits() < 0, below, 1.0 - below)


def dish(x: Value) -> Value:
    """``x*(1 + x/sqrt(1 + x*x))/2`` as ``max(x, 0) - a/(2*t + 2*a*sqrt(t))`` with ``a = |x|`` and ``t = 1 + x*x``.

    Up to 2.8 ulp (float32, of all on AMD; 4.1 ulp with the worst estimate that x86 allows), 2.7 ulp (float64).
    """
    size = absolute(x)
    far = size > 2.0**60
    quotient = select(far, 0.25, size) / select(far, size, _dish_divisor(at_most(size, 2.0**60)))
    return select(x < 0.0, 0.0, x) - quotient


def near_dish(x: Value) -> Value:
    """``dish`` of an x up to 2**60, with the same bits."""
    size = absolute(x)
    return select(x < 0.0, 0.0, x) - size / _dish_divisor(size)


def _dish_divisor(size: Value) -> Value:
    """``2*(t + a*sqrt(t))`` where ``t = 1 + a*a``."""
    square = fma(size, size, 1.0)
    return fma(size, _twice_sqrt(square), square + square)


def _twice_sqrt(x: Value) -> Value:
    """``2*sqrt(x)`` of an x from 2**-100 to 2**124, or NaN; an estimated one is off by 2e-7 of itself at most."""
    if not estimates_root(x):
        root = sqrt(x)
        return root + root
    r = reciprocal_root(x)
    root = x * r
    return fma(fma(-root, root, x), r, root + root)  # a step of Newton's method


def _hypotenuse(x: Value, b: Value) -> tuple[Value, Value]:
    """``|x|`` and ``sqrt(x*x + b)``, which are the same where x is so large that its square may overflow."""
    size = absolute(x)
    near = at_most(size, 2.0**60)
    root = sqrt(fma(near, near, b))
    return size, select(size > root, size, root)
