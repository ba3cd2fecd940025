"""The tables of a dialect: what each word of a system stands for, as its data file says it.

A file names the system and lists its words. A word has ``names``, the first of which is written, and stands for one
activation of actspec (``is``), or by the values of its parameters for one of several (``cases``), some parameters of
which it may fix (``with``). Each of its own ``parameters``, in the system's order, either ``sets`` one of the
activation's, or is one that the cases look at (``when``), or has ``no_effect`` on the values. An ``instance`` of a
class that is a word too is written without parameters. Values are TOML's own; ``{ learnt = 0.25 }`` and
``{ normal = [0, 1] }`` are learnable ones with their start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from actspec.parameters import MISSING, Learnable, Normal
from actspec.plugins import normalise

Scalar = float | int | bool | str


@dataclass(frozen=True, slots=True)
class Input:
    """A parameter of a word, under the system's own name.

    ``default`` is the system's, where it isn't the activation's own; ``none`` is the value that ``none`` stands for;
    with ``learnt`` a number is where the parameter starts, as in ``torch.nn.PReLU(init=0.25)``, and with ``squared`` it
    is the square of the activation's, as what bounds a sum of squares is.
    """

    name: str
    sets: str | None = None
    default: Any = MISSING
    required: bool = False
    none: Any = MISSING
    learnt: bool = False
    squared: bool = False
    no_effect: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """An activation that a word stands for when its parameters have certain values."""

    target: str
    fixed: tuple[tuple[str, Scalar | Learnable], ...] = ()
    when: tuple[tuple[str, Scalar], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A word of a dialect; an ``instance`` reads the parameters of its class, and is written without."""

    names: tuple[str, ...]
    cases: tuple[Case, ...]
    inputs: tuple[Input, ...] = ()
    note: str = ""
    instance: bool = False

    def choices(self, name: str) -> tuple[Scalar, ...]:
        """The values of a parameter that tell the cases apart; none for any other parameter."""
        return tuple(dict.fromkeys(value for case in self.cases for key, value in case.when if key == name))


@dataclass(frozen=True)
class Table:
    """A dialect: the system's title, where its activations stand, and its words."""

    name: str
    title: str
    source: str
    entries: tuple[Entry, ...]

    def find(self, name: str) -> Entry | None:
        """The word of a name: as it is spelled, or else without case, ``_`` and ``-``."""
        return self._exact.get(name) or self._normalised.get(normalise(name))

    def alike(self, key: str) -> Iterator[tuple[str, Entry]]:
        """The words, each with its name, that are one word with a normalised name."""
        for entry in self.entries:
            name = next((name for name in entry.names if normalise(name) == key), None)
            if name is not None:
                yield name, entry

    def standing_for(self, target: str) -> Iterator[Entry]:
        """The words that stand for an activation, under their own names and with their own defaults."""
        return (entry for entry in self.entries if any(case.target == target for case in entry.cases))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name, in the order of the file."""
        return tuple(self._exact)

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """One spelling of each name, the first."""
        return distinct(self.names)

    @cached_property
    def _exact(self) -> dict[str, Entry]:
        return {name: entry for entry in self.entries for name in entry.names}

    @cached_property
    def _normalised(self) -> dict[str, Entry]:
        # The first word keeps a name that two words differ in by their case alone.
        return {normalise(name): entry for name, entry in reversed(self._exact.items())}


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The first spelling of each name."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(normalise(name), name)
    return tuple(found.values())


def read(name: str, data: Mapping[str, Any]) -> Table:
    """The table in a data file, as ``tomllib`` gives it; ValueError where it is none."""
    entries = tuple(_entry(each) for each in data["word"])
    return Table(name, data["title"], data["source"], entries)


def _entry(data: Mapping[str, Any]) -> Entry:
    try:
        cases = data["cases"] if "cases" in data else [{key: data[key] for key in ("is", "with") if key in data}]
        _check(data, {"names", "is", "with", "cases", "parameters", "note", "instance"})
        inputs = tuple(_input(each) for each in data.get("parameters", ()))
        told = {key: data[key] for key in ("note", "instance") if key in data}
        return Entry(tuple(data["names"]), tuple(map(_case, cases)), inputs, **told)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{data.get('names', data)}: {error}") from error


def _case(data: Mapping[str, Any]) -> Case:
    _check(data, {"is", "with", "when"})
    fixed = tuple((key, _value(value)) for key, value in data.get("with", {}).items())
    return Case(data["is"], fixed, tuple(data.get("when", {}).items()))


def _input(data: Mapping[str, Any]) -> Input:
    return Input(**{key: _value(value) for key, value in data.items()})


def _value(data: Any) -> Any:
    if not isinstance(data, Mapping):
        return data
    _check(data, {"learnt", "normal"})
    return Learnable(Normal(*data["normal"]) if "normal" in data else data["learnt"])


def _check(data: Mapping[str, Any], known: set[str]) -> None:
    if unknown := data.keys() - known:
        raise ValueError(f"unknown keys {', '.join(sorted(unknown))}")
