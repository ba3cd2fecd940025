"""A word of a dialect as the language sees it: its parameters, and the activation that their values make."""

from __future__ import annotations

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
    activation: Activation = found.cls(**dict(case.fixed), **setters)
    return activation


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
    return Learnable(value) if given.learnt and isinstance(value, float) else value
