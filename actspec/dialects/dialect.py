"""A dialect as a vocabulary: the words of one system, in place of the registry's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

from actspec import dialects, registry
from actspec.activation import Activation
from actspec.dialects import spelling, words
from actspec.dialects.tables import Entry, Table
from actspec.dialects.unknown import have_it
from actspec.errors import shorten
from actspec.limits import RESERVED
from actspec.parameters import Parameter
from actspec.plugins import PluginError, normalise
from actspec.suggest import closest
from actspec.vocabulary import Plain, Word


class Dialect:
    """The words of a system, and what no system has: activations made of others, such as ``continuous``."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that has a meaning: the system's own, in the order of its table, and those of combinations."""
        combinations = (each for each in registry.entries().values() if _has_spec(each.cls.__definition__.parameters))
        found = {name: None for entry in combinations for name in (entry.name, *entry.aliases)}
        return *self.table.names, *found

    def find(self, name: str) -> Word | None:
        """The system's word of that name, or None."""
        entry = self.table.find(name)
        if entry is not None:
            return Word(_shown(entry, name), words.parameters(entry), partial(_make, entry))
        word = Plain().find(name)
        return word if word and _has_spec(word.parameters) else None

    def explain_unknown(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Why the system has no such word, who has it, and what the system calls it or has that is near to it."""
        if normalise(name) in RESERVED:
            return registry.explain_unknown(name)
        reason = f"unknown activation {shorten(name)!r} in the dialect {self.table.name!r}"
        elsewhere = dict(_elsewhere(name, self.table.name, registry.version()))
        if elsewhere:
            reason += f": {have_it(tuple(elsewhere))}"
        same = dict.fromkeys(found for found in map(self._spell, elsewhere.values()) if found)
        near = closest(name, self.table.spellings)
        return reason, tuple(dict.fromkeys((*same, *near)))[:3]

    def _spell(self, meaning: Activation | None) -> str | None:
        """The system's name alone for an activation, where it has one."""
        try:
            found = "" if meaning is None else spelling.write((meaning,), self.table)
        except ValueError:
            return None
        return found if found and "(" not in found else None


def _has_spec(parameters: Iterable[Parameter]) -> bool:
    return any(each.type is Activation for each in parameters)


def vocabulary(name: str) -> Dialect:
    """The vocabulary of a dialect; ValueError where there is none of that name."""
    return Dialect(dialects.load(name))


def _make(entry: Entry, /, **values: Any) -> Activation:
    return words.make(entry, values)


def _shown(entry: Entry, name: str) -> str:
    """The name of an entry that a writer means."""
    return name if name in entry.names else next(each for each in entry.names if normalise(each) == normalise(name))


@lru_cache(1024)
def _elsewhere(name: str, here: str, _version: tuple[int, int]) -> tuple[tuple[str, Activation | None], ...]:
    """Who else has a word, actspec itself first, and what it stands for where it needs no parameters."""
    return tuple(_meanings(name, here))


def _meanings(name: str, here: str) -> Iterator[tuple[str, Activation | None]]:
    try:
        word = Plain().find(name)
    except PluginError:
        word = None  # its own name says so; here it is enough that this system hasn't got it
    if word is not None:
        yield "actspec", alone(word)
    for other in dialects.NAMES:
        entry = dialects.load(other).find(name) if other != here else None
        if entry is not None:
            yield other, alone(Word(name, words.parameters(entry), partial(_make, entry)))


def alone(word: Word) -> Activation | None:
    """What a word stands for without any parameter; None where it needs one."""
    if any(each.required for each in word.parameters):
        return None
    try:
        return word.make()
    except (TypeError, ValueError):  # what it stands for is not registered, or another class now
        return None
