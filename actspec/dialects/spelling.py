"""Activations to a spec in a dialect: the way back from what a system's names stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from actspec.activation import Activation
from actspec.dialects import words
from actspec.dialects.tables import Case, Entry, Table
from actspec.parameters import MISSING, spell
from actspec.structure import Group, Sliced


def write(stages: Iterable[Activation], table: Table) -> str:
    """The spec that a dialect reads back to these activations; ValueError names what it can't express."""
    return "+".join(_stage(stage, table) for stage in stages)


def _stage(stage: Activation, table: Table) -> str:
    if isinstance(stage, Group):
        return write(stage.stages, table)
    if isinstance(stage, Sliced):
        base = _stage(stage.base, table)
        return f"({base}){stage.cut}" if isinstance(stage.base, (Group, Sliced)) else f"{base}{stage.cut}"
    return _combination(stage, table) if stage._nested else _call(stage, table)


def _combination(stage: Activation, table: Table) -> str:
    """An activation made of others, which each dialect reads under actspec's own name."""
    given = [
        f"{each.name}={_stage(value, table) if isinstance(value, Activation) else spell(value)}"
        for each, value in stage._items()
        if each.required or not _same(value, each.default)
    ]
    return f"{stage.__definition__.name}({','.join(given)})"


def _call(stage: Activation, table: Table) -> str:
    """The shortest call of a word that stands for the activation."""
    target = stage.__definition__.name
    cases = ((entry, case) for entry in table.entries for case in entry.cases if case.target == target)
    found = [(*_express(stage, entry, case), entry) for entry, case in cases]
    if not found:
        raise ValueError(f"{table.title} can't express {str(stage)!r}: no word of it reads back as {target!r}")
    left, given, entry = min(found, key=lambda each: (len(each[0]), len(each[1]), bool(each[1]) and each[2].instance))
    name = entry.names[0]
    if left:
        lost = " and ".join(left)
        raise ValueError(f"{table.title} can't express {str(stage)!r}: its {name} has no parameter for {lost}")
    return f"{name}({','.join(given)})" if given else name


def _express(stage: Activation, entry: Entry, case: Case) -> tuple[list[str], list[str]]:
    """The parameters of an activation that a word has none for, and the arguments that give the others."""
    fixed = dict(case.fixed)
    setters = {each.sets: each for each in entry.inputs if each.sets is not None}
    defaults = {each.name: each.default for each in words.parameters(entry)}
    given: dict[str, Any] = {key: value for key, value in case.when if value != defaults[key]}
    left = []
    for parameter, value in stage._items():
        each = setters.get(parameter.name)
        usual = parameter.default
        if parameter.name in fixed:
            usual = parameter.coerce(fixed[parameter.name])
        elif each is not None:
            usual = words.canonical(each, defaults[each.name])
        if _same(value, usual):
            continue
        written = MISSING if each is None else words.written(each, value)
        if each is None or written is MISSING:
            left.append(f"{parameter.name}={spell(value)}")
        else:
            given[each.name] = written
    return left, [f"{each.name}={spell(given[each.name])}" for each in entry.inputs if each.name in given]


def _same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other
