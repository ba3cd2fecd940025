"""A word of a dialect as the language sees it: its parameters, and the activation that their values make."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from actspec import registry
from actspec.activation import Activation
from actspec.dialects.tables import Case, Entry, Input, Scalar
from actspec.parameters import MISSING, Learnable, Parameter, describe_value, spell


@dataclass(frozen=True, slots=True)
class Choice(Parameter):
    """A parameter with a few values, by which a word stands for one activation or another."""

    choices: tuple[Scalar, ...] = ()

    def coerce(self, value: object, written: str | None = None) -> Any:
        """The choice that the value is; TypeError where it is none."""
        for choice in self.choices:
            if value == choice and isinstance(value, bool) == isinstance(choice, bool):
                return choice
        shown = describe_value(value) if written is None else written
        raise TypeError(f"{self.name} must be {self.expected}, not {shown}")

    @property
    def expected(self) -> str:
        """The choices, in words."""
        return " or ".join(map(spell, self.choices))


@dataclass(frozen=True, slots=True)
class Plain(Parameter):
    """A number that can't be learnable: the square of the activation's parameter, or where that starts."""

    def coerce(self, value: object, written: str | None = None) -> Any:
        """The value as a number; TypeError where it is to be learnt."""
        if isinstance(value, Learnable):
            raise TypeError(f"{self.name} must be {self.expected}, and can't be learnable")
        return Parameter.coerce(self, value, written)


def parameters(entry: Entry) -> tuple[Parameter, ...]:
    """What may follow a word: its own parameters, with the types and domains of those that they set."""
    return tuple(_parameter(entry, each) for each in entry.inputs)


def _parameter(entry: Entry, given: Input) -> Parameter:
    if choices := entry.choices(given.name):
        return Choice(given.name, type(choices[0]), given.default, choices=choices)
    if given.sets is None:
        return Parameter(given.name, type(given.default), given.default)
    own = declared(entry.cases[0].target).get(given.sets, Parameter(given.sets, float))
    default = own.default if given.default is MISSING else own.coerce(given.default)
    optional = own.optional or given.none is not MISSING
    if given.squared or given.learnt:
        return Plain(given.name, float, default, ge=0 if given.squared else own.ge)
    return replace(own, name=given.name, default=MISSING if given.required else default, optional=optional)


def declared(target: str) -> dict[str, Parameter]:
    """The parameters of an activation of actspec, by name; none where it isn't registered."""
    entry = registry.find(target)
    return {} if entry is None else {each.name: each for each in entry.cls.__definition__.parameters}


def make(entry: Entry, values: Mapping[str, Any]) -> Activation:
    """The activation that a word stands for with these values, and its defaults for the others.

    ValueError where it stands for none, TypeError or ValueError where the activation refuses its parameters.
    """
    complete = {each.name: values.get(each.name, each.default) for each in parameters(entry)}
    case = _case(entry, complete)
    found = registry.find(case.target)
    if found is None:
        raise ValueError(f"{entry.names[0]} stands for {case.target!r}, which isn't registered")
    setters = {each.sets: canonical(each, complete[each.name]) for each in entry.inputs if each.sets is not None}
    try:
        activation: Activation = found.cls(**dict(case.fixed), **setters)
    except ValueError as error:
        raise ValueError(_in_own_names(entry, str(error))) from error
    return activation


def _in_own_names(entry: Entry, reason: str) -> str:
    """What an activation says of its parameters, under the names that the word has for them."""
    own = {each.sets: each.name for each in entry.inputs if each.sets is not None}
    return re.sub(r"\w+", lambda found: own.get(found[0], found[0]), reason)


def _case(entry: Entry, values: Mapping[str, Any]) -> Case:
    for case in entry.cases:
        if all(values[key] == value for key, value in case.when):
            return case
    given = ", ".join(f"{key}={spell(values[key])}" for key in dict(entry.cases[0].when))
    raise ValueError(f"{entry.names[0]} stands for nothing with {given}")


def canonical(given: Input, value: Any) -> Any:
    """A parameter's value, as the activation that it is set on takes it."""
    if value is None and given.none is not MISSING:
        return given.none
    if given.squared:
        return math.sqrt(value)
    return Learnable(value) if given.learnt and isinstance(value, float) else value


def written(given: Input, value: Any) -> Any:
    """What a word's parameter has to be for the value that the activation has; MISSING where nothing is."""
    if given.learnt:
        return value.start if isinstance(value, Learnable) and isinstance(value.start, float) else MISSING
    if given.squared:
        square = value * value if isinstance(value, float) else math.nan
        return square if square >= 0 and math.sqrt(square) == value else MISSING
    return value
