"""The formulas of the built-ins, written anew in mpmath: a module for each family, and here all of them together.

A module has ``POINTWISE`` (name to a function of x and the parameters by name), ``ROWS`` (of a list of numbers and the
parameters, without ``axis``) and ``VARIANTS`` (specs with other parameters than the defaults, for elementwise ones).
``SLOPES`` has the derivatives of elementwise ones, as ``POINTWISE``, and ``SLOPE_ZEROS`` the places where one crosses
zero as a difference of terms that are much larger (or a function that gives the one next to x). ``WIDE`` has
elementwise ones in NumPy, of the stage and an array: stable for every x in x's type, which is wider than the one under
test.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from mpmath import mpf

POINTWISE: dict[str, Callable[..., Any]] = {}
ROWS: dict[str, Callable[..., Any]] = {}
VARIANTS: list[str] = []
WIDE: dict[str, Callable[[Any, Any], Any]] = {}
SLOPES: dict[str, Callable[..., Any]] = {}
SLOPE_ZEROS: dict[str, tuple[float, ...] | Callable[[Any], Any]] = {}

for _found in pkgutil.iter_modules(__path__):
    _family = importlib.import_module(f"{__name__}.{_found.name}")
    POINTWISE |= getattr(_family, "POINTWISE", {})
    ROWS |= getattr(_family, "ROWS", {})
    VARIANTS += getattr(_family, "VARIANTS", [])
    WIDE |= getattr(_family, "WIDE", {})
    SLOPES |= getattr(_family, "SLOPES", {})
    SLOPE_ZEROS |= getattr(_family, "SLOPE_ZEROS", {})


def constants(stage: Any) -> dict[str, mpf]:
    """A stage's parameters in mpmath, ``axis`` left out."""
    names = (each.name for each in stage.__definition__.parameters)
    return {name: mpf(getattr(stage, name)) for name in names if name != "axis"}
