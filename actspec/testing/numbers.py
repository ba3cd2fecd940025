"""Values for parameters, from the domains that they are declared with."""

from __future__ import annotations

import math
from typing import Final

from actspec.parameters import Learnable, Parameter, spell

_OTHERS: Final = {bool: "true", str: "'a'"}


def some_value(parameter: Parameter) -> str:
    """A value for a parameter, as a spec writes it."""
    return spell(number(parameter)) if parameter.type in (float, int) else _OTHERS.get(parameter.type, "tanh")


def number(parameter: Parameter) -> float:
    """A finite number in the domain of a parameter, whole where it has to be: where it starts, if that is one."""
    start = parameter.default.start if isinstance(parameter.default, Learnable) else parameter.default
    if isinstance(start, (float, int)) and math.isfinite(start):
        return start
    lows = [bound for bound in (parameter.ge, parameter.gt) if bound is not None and math.isfinite(bound)]
    highs = [bound for bound in (parameter.le, parameter.lt) if bound is not None and math.isfinite(bound)]
    if lows and highs:
        value = (max(lows) + min(highs)) / 2
    else:
        value = max(lows) + 1.5 if lows else min(highs) - 1.5 if highs else 1.5
    return value if parameter.type is float else math.floor(value) if highs and not lows else math.ceil(value)
