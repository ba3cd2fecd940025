"""Arithmetic of derivatives on operands and plain numbers: what is known to be zero or one isn't computed.

A product with a choice is a choice of products, so that what isn't chosen, infinite as it may be, stays out. What is
the same for a lane is divided by once, and multiplied by after the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from actspec.graph.expr import Expr, Rank

Value = Expr | float


def plain(value: Value) -> Value:
    """A constant of the graph as a number."""
    if isinstance(value, Expr) and value.node.op == "constant" and not value.node.truth:
        return float(value.node.detail)
    return value


def is_zero(value: Value) -> bool:
    """Whether a value is known to be zero."""
    value = plain(value)
    return not isinstance(value, Expr) and value == 0


def plus(a: Value, b: Value) -> Value:
    """``a + b``."""
    a, b = plain(a), plain(b)
    if is_zero(a) or is_zero(b):
        return b if is_zero(a) else a
    if isinstance(a, Expr) and isinstance(b, Expr):
        if a.index == b.index:
            return times(2.0, a)
        one, other = _choice(a), _choice(b)
        if one and other and one[0].index == other[0].index and (_with_zero(one) and _with_zero(other)):
            return choose(one[0], plus(one[1], other[1]), plus(one[2], other[2]))
    total: Value = a + b
    return total


def times(a: Value, b: Value) -> Value:
    """``a * b``, which is zero wherever one of them is known to be."""
    a, b = plain(a), plain(b)
    if is_zero(a) or is_zero(b):
        return 0.0
    if not isinstance(a, Expr):
        a, b = b, a
    if not isinstance(a, Expr):
        return a * b
    for one, other in ((a, b), (b, a)):
        choice = _choice(one)
        if choice and (_with_zero(choice) or _with_numbers(choice)):
            return choose(choice[0], times(choice[1], other), times(choice[2], other))
    if not isinstance(b, Expr):
        return a if b == 1 else -a if b == -1 else b * a
    for one, other in ((a, b), (b, a)):
        if one.node.op == "negative":
            return minus(times(_argument(one, 0), other))
        if one.node.op == "divide" and _is_one(_argument(one, 0)) and one.node.rank is not Rank.LANE:
            return over(other, _argument(one, 1))
    product: Value = a * b
    return product


def over(a: Value, b: Expr) -> Value:
    """``a / b``; by a product of elements and one quotient where b is the same for a lane."""
    if is_zero(a):
        return 0.0
    if isinstance(a, Expr) and a.node.rank is Rank.ELEMENT and b.node.rank is Rank.LANE:
        return times(a, 1.0 / b)
    quotient: Value = plain(a) / b
    return quotient


def minus(a: Value) -> Value:
    """``-a``."""
    return -plain(a)


def summed(value: Expr, ndim: int) -> Value:
    """The sum of a value along the lane; by sums of its terms, without what is the same for all elements, where these
    wait for fewer other results of the lane: then a walk along it is saved.

    A term that a number of the lane is added to isn't taken apart: centred values cancel one by one.
    """
    levels = value.graph.levels
    terms = list(_terms(value))
    if not all(levels[term.index] < levels[value.index] for term, _ in terms):
        return value.reduced("sum", ndim)
    total: Value = 0.0
    for term, steps in terms:
        share: Value = term.reduced("sum", ndim)
        for step in steps:
            share = step(share)
        total = plus(total, share)
    return total


_Steps = tuple[Callable[[Value], Value], ...]


def _terms(value: Expr, after: _Steps = ()) -> Iterator[tuple[Expr, _Steps]]:
    """The values that one is the sum of, once steps that are the same for all elements are taken with each of them."""
    name = value.node.op
    args = [_argument(value, place) for place in range(len(value.node.args))]
    by_element = [arg.node.rank is Rank.ELEMENT for arg in args]
    if name == "negative":
        yield from _terms(args[0], (minus, *after))
    elif name in ("add", "subtract") and all(by_element):
        yield from _terms(args[0], after)
        yield from _terms(args[1], after if name == "add" else (minus, *after))
    elif name in ("multiply", "divide") and by_element == [True, False]:
        yield from _terms(args[0], (partial(times if name == "multiply" else over, b=args[1]), *after))
    elif name == "multiply" and by_element == [False, True]:
        yield from _terms(args[1], (partial(times, b=args[0]), *after))
    else:
        yield value, after


def choose(condition: Expr, a: Value, b: Value) -> Value:
    """``a`` where the condition holds, else ``b``."""
    a, b = plain(a), plain(b)
    if not isinstance(a, Expr) and not isinstance(b, Expr) and a == b:
        return a
    if isinstance(a, Expr) and isinstance(b, Expr) and a.index == b.index:
        return a
    chosen: Any = np.where(condition, a, b)  # NumPy hands it to the operands
    return chosen  # type: ignore[no-any-return]  # which make it one of themselves


def _choice(value: Any) -> tuple[Expr, Value, Value] | None:
    if not isinstance(value, Expr) or value.node.op != "where":
        return None
    condition, yes, no = (_argument(value, place) for place in range(3))
    return condition, plain(yes), plain(no)


def _with_zero(choice: tuple[Expr, Value, Value]) -> bool:
    return is_zero(choice[1]) or is_zero(choice[2])


def _with_numbers(choice: tuple[Expr, Value, Value]) -> bool:
    """Whether all that is chosen from are numbers, or choices of numbers."""
    inner = [_choice(each) for each in choice[1:]]
    return all(
        not isinstance(each, Expr) or (deeper is not None and _with_numbers(deeper))
        for each, deeper in zip(choice[1:], inner, strict=True)
    )


def _argument(value: Expr, place: int) -> Expr:
    return Expr(value.graph, value.node.args[place], value.ndim)


def _is_one(value: Expr) -> bool:
    return plain(value) == 1.0 if not isinstance(plain(value), Expr) else False
