"""The parameters of an activation: how they are declared, what values they take, how a value is spelled."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from actspec.errors import shorten
from actspec.limits import RESERVED
from actspec.syntax import quote


class _Missing:
    def __repr__(self) -> str:
        return "required"


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an activation: its name, type, default and domain.

    ``type`` is ``float``, ``int``, ``bool``, ``str`` or the class ``Activation``, whose ``from_value`` says what
    becomes one; ``optional`` parameters also take ``None``.
    """

    name: str
    type: type
    default: Any = MISSING
    optional: bool = False
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    start: bool = False
    """Whether it is a part of where a learnable parameter starts: a finite number, and not learnable itself."""
    per: str | None = None
    """The whole-number parameter that says how many values there are for each feature where it is learnt."""

    @property
    def required(self) -> bool:
        """Whether the parameter has no default."""
        return self.default is MISSING

    def __str__(self) -> str:
        kind = f"{self.type.__name__}{' or none' if self.optional else ''}"
        return f"{self.name}: {kind}" if self.required else f"{self.name}: {kind} = {spell(self.default)}"

    def coerce(self, value: object, written: str | None = None) -> Any:
        """The value as the activation keeps it; TypeError for a wrong type, ValueError outside the domain.

        ``written`` is the value's text in a spec, for the message.
        """
        if value is None and self.optional:
            return None
        if isinstance(value, Learnable):
            return self._check_learnable(value, written)
        coerce = _COERCIONS.get(self.type) or self.type.from_value  # type: ignore[attr-defined]
        try:
            coerced = coerce(value)
        except OverflowError:
            if self.start:
                raise ValueError(f"{self.name} must be a finite number, not {_shown(value, written)}") from None
            raise ValueError(f"{self.name} must be {self.expected}: the number is too large") from None
        if coerced is None:
            raise TypeError(f"{self.name} must be {self.expected}, not {_shown(value, written)}")
        if self.type in (float, int):
            if coerced != coerced:
                raise ValueError(f"{self.name} must be {self.expected}, not nan")
            if self.start and math.isinf(coerced):
                raise ValueError(f"{self.name} must be a finite number, not {_shown(value, written)}")
            self._check_domain(coerced, value, written)
        return coerced

    def _check_learnable(self, value: Learnable, written: str | None) -> Learnable:
        if self.start:
            raise TypeError(f"{self.name} must be a number: what a start is drawn from is not learnt itself")
        if self.type is not float:
            raise TypeError(f"{self.name} must be {self.expected}, and can't be learnable: only floats can")
        if not isinstance(value.start, (Normal, Uniform)):
            self._check_domain(value.start, value, written)
        return value

    @property
    def expected(self) -> str:
        """What the parameter takes, in words: ``a number greater than 0``."""
        bounds = ((self.gt, "greater than"), (self.ge, "of at least"), (self.lt, "below"), (self.le, "of at most"))
        domain = " and ".join(f"{relation} {spell(bound)}" for bound, relation in bounds if bound is not None)
        words = " ".join(filter(None, (_EXPECTED.get(self.type, "an activation"), domain)))
        return f"{words} or none" if self.optional else words

    def _check_domain(self, value: float, given: object, written: str | None) -> None:
        if (
            (self.gt is not None and not value > self.gt)
            or (self.ge is not None and not value >= self.ge)
            or (self.lt is not None and not value < self.lt)
            or (self.le is not None and not value <= self.le)
        ):
            raise ValueError(f"{self.name} must be {self.expected}, not {_shown(given, written)}")


@dataclass(frozen=True, slots=True)
class Normal:
    """A start drawn from the normal distribution with this mean and standard deviation: ``~normal(1, 0.1)``."""

    mean: float
    std: float

    parameters: ClassVar = (Parameter("mean", float, start=True), Parameter("std", float, ge=0, start=True))

    def __post_init__(self) -> None:
        _coerce_fields(self, self.parameters)

    def __str__(self) -> str:
        return f"normal({spell(self.mean)},{spell(self.std)})"


@dataclass(frozen=True, slots=True)
class Uniform:
    """A start drawn evenly from low to high: ``~uniform(0, 1)``."""

    low: float
    high: float

    parameters: ClassVar = (Parameter("low", float, start=True), Parameter("high", float, start=True))

    def __post_init__(self) -> None:
        _coerce_fields(self, self.parameters)
        if self.low > self.high:
            raise ValueError(f"low must be at most high, not {spell(self.low)} > {spell(self.high)}")

    def __str__(self) -> str:
        return f"uniform({spell(self.low)},{spell(self.high)})"


@dataclass(frozen=True, slots=True)
class Learnable:
    """The value of a parameter that is learnt, one value per feature; ``start`` is where it begins: ``~1``.

    >>> str(Learnable(0.25)), str(Learnable(Normal(1, 0.1)))
    ('~0.25', '~normal(1,0.1)')
    """

    start: float | Normal | Uniform

    def __post_init__(self) -> None:
        if not isinstance(self.start, (Normal, Uniform)):
            _coerce_fields(self, (Parameter("start", float, start=True),))

    def __str__(self) -> str:
        return f"~{self.start}" if isinstance(self.start, (Normal, Uniform)) else f"~{spell(self.start)}"


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A learnable parameter in a cell: its live values, one row a feature, and the number of the first column.

    A formula is given one column, or where there are several ``each`` feature, a tuple of them.
    """

    start: Learnable
    values: npt.NDArray[np.floating[Any]]
    first: int
    each: bool

    @property
    def pieces(self) -> int:
        """How many values each feature has."""
        return self.values.shape[1] if self.each else 1

    def of(self, columns: Sequence[Any]) -> Any:
        """What a formula is given, of its columns."""
        return tuple(columns) if self.each else columns[0]

    def columns(self, dtype: np.dtype[Any]) -> list[npt.NDArray[Any]]:
        """The values as arrays of a type, each with one value a feature."""
        return [*self.values.T.astype(dtype)] if self.each else [self.values.astype(dtype)]


DRAWS: Final[dict[str, type[Normal] | type[Uniform]]] = {"normal": Normal, "uniform": Uniform}


@dataclass(frozen=True, slots=True)
class Field:
    """A default and a domain, as ``parameter()`` gives them to the class body."""

    default: Any
    ge: float | None
    gt: float | None
    le: float | None
    lt: float | None
    per: str | None


def parameter(
    *,
    default: Any = MISSING,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    per: str | None = None,
) -> Any:
    """Declare a parameter with a domain in the body of a class, as in ``eps: float = parameter(ge=0)``.

    ``ge``, ``gt``, ``le``, ``lt``: at least, greater than, at most, below. No default: the parameter is required.
    ``per`` names a whole-number parameter: where this one is learnt, each feature has that many values of it, and the
    formula is given a tuple of them.
    """
    return Field(default, ge, gt, le, lt, per)


def start(value: Any) -> Any:
    """Where a parameter starts: the start of what is learnt, as a number or a distribution; any other value itself."""
    if isinstance(value, Bound):
        value = value.start
    return value.start if isinstance(value, Learnable) else value


def check_order(activation: object, low: str, high: str) -> None:
    """ValueError where the value of one float parameter is above that of another, or starts there."""
    values = [start(getattr(activation, name)) for name in (low, high)]
    if all(isinstance(each, float) for each in values) and values[0] > values[1]:
        raise ValueError(f"{low} must be at most {high}, not {spell(values[0])} > {spell(values[1])}")


def declare(name: str, annotation: Any, default: Any, activation: type) -> Parameter:
    """The parameter that an annotated class attribute declares; TypeError where it can't be one."""
    if not _PARAMETER_NAME.fullmatch(name) or name.lower() in RESERVED:
        raise TypeError(f"{name!r} can't be the name of a parameter: a spec could not write it; choose another")
    kind, optional = _unwrap(annotation, activation)
    if kind is None:
        raise TypeError(
            f"parameter {name!r} has the type {annotation!r}: use float, int, bool, str or Activation, "
            "or ClassVar for what is no parameter"
        )
    field = default if isinstance(default, Field) else Field(default, None, None, None, None, None)
    _check_bounds(name, kind, field)
    declared = Parameter(name, kind, MISSING, optional, field.ge, field.gt, field.le, field.lt, per=field.per)
    return declared if field.default is MISSING else replace(declared, default=declared.coerce(field.default))


def _check_bounds(name: str, kind: type, field: Field) -> None:
    """TypeError or ValueError where a domain can't be that of the parameter."""
    bounds = {"ge": field.ge, "gt": field.gt, "le": field.le, "lt": field.lt}
    given = {key: bound for key, bound in bounds.items() if bound is not None}
    for key, bound in given.items():
        if kind not in (float, int):
            raise TypeError(f"parameter {name!r} takes no {key}={bound!r}: only numbers have bounds")
        if _float(bound) is None or bound != bound:
            raise TypeError(f"{key} of parameter {name!r} must be a number, not {bound!r}")
    lows = [bound for key, bound in given.items() if key in ("ge", "gt")]
    highs = [bound for key, bound in given.items() if key in ("le", "lt")]
    if lows and highs and max(lows) > min(highs):
        raise ValueError(f"parameter {name!r} has an empty domain: from {max(lows)} to {min(highs)}")


def spell(value: object) -> str:
    """A parameter's value as the language writes it: numbers as short as they read back to the same value.

    >>> spell(1.0), spell(1e-5), spell(float("-inf")), spell(True), spell("a b")
    ('1', '1e-5', '-inf', 'true', "'a b'")
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        shortest = repr(value).removesuffix(".0")
        return _EXPONENT_ZEROS.sub(r"e\1", shortest) if "e" in shortest else shortest
    return quote(value) if isinstance(value, str) else str(value)


def read_number(text: str) -> int | float:
    """The value of a number in a spec; ValueError where it has none that a machine can hold."""
    if _INTEGER.fullmatch(text):
        if len(text.lstrip("+-0")) > _MOST_DIGITS:
            raise ValueError("the number is too large")
        return int(text)
    value = float(text)
    if math.isnan(value):
        raise ValueError("nan is not a value")
    if math.isinf(value) and "inf" not in text.lower():
        raise ValueError("the number is too large")
    return value


_PARAMETER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_MOST_DIGITS = 600  # more than any float has, fewer than Python refuses to read
_EXPONENT_ZEROS = re.compile(r"e\+?(-?)0*", re.ASCII)
LARGEST: Final = 2**31 - 1  # what NumPy takes as an axis
_EXPECTED: Final[dict[type, str]] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a quoted string",
}


def _float(value: object) -> float | None:
    if isinstance(value, (bool, np.bool_)):
        return None
    if not isinstance(value, float):
        try:
            value = float(operator.index(value))  # type: ignore[arg-type]
        except TypeError:
            # NumPy's float16, float32 and longdouble are no floats, but know how to become one.
            if not isinstance(value, (np.floating, np.ndarray)) or value.shape != () or value.dtype.kind != "f":
                return None
            value = float(value)
    return float(value) + 0.0  # -0.0 equals 0.0, so both are spelled 0


def _int(value: object) -> int | None:
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        whole = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None
    if abs(whole) > LARGEST:
        raise OverflowError
    return whole


def _bool(value: object) -> bool | None:
    return bool(value) if isinstance(value, (bool, np.bool_)) else None


def _str(value: object) -> str | None:
    return str.__str__(value) if isinstance(value, str) else None  # a subclass may print itself in its own way


_COERCIONS: Final[dict[type, Any]] = {float: _float, int: _int, bool: _bool, str: _str}


def _coerce_fields(frozen: object, parameters: tuple[Parameter, ...]) -> None:
    """Put the coerced values in place of those that a frozen dataclass was made with."""
    for each in parameters:
        object.__setattr__(frozen, each.name, each.coerce(getattr(frozen, each.name)))


def _shown(value: object, written: str | None) -> str:
    return describe_value(value) if written is None else written


def describe_value(value: object) -> str:
    """A value in a message: as the language writes it where it can, and never long."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, float):
        return repr(float(value))  # as Python writes it, so that 1.0 doesn't look like a whole number
    if value is None or isinstance(value, (bool, int, str, Learnable)):
        return shorten(spell(value))
    return f"an object of type {type(value).__name__}"


def _unwrap(annotation: Any, activation: type) -> tuple[type | None, bool]:
    """The parameter type that an annotation stands for, and whether ``None`` is allowed too."""
    if annotation in (float, int, bool, str, activation):
        return annotation, False
    members = getattr(annotation, "__args__", ())
    others = [member for member in members if member is not type(None)]
    if len(others) == 1 and len(members) == 2 and others[0] in (float, int, bool, str, activation):
        return others[0], True
    return None, False
