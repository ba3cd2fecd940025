"""What each system means by a word, and on which words they disagree: made from the dialects' tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec import dialects, registry
from actspec.activation import Activation
from actspec.dialects import words
from actspec.errors import SpecError
from actspec.graph.coupling import coupled_axes
from actspec.parameters import Learnable
from actspec.pipeline import parse
from actspec.plugins import PluginError, normalise

PLAIN = "actspec"
"""The system that speaks the plain language."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A word of a system, and the canonical spelling of what it stands for, alone, with its defaults.

    Where it needs parameters, their names stand in place of values.
    """

    system: str
    word: str
    spec: str

    @property
    def numbers(self) -> tuple[float, ...]:
        """What the word makes of -2 and 2, of the row of both where features are coupled.

        Empty where it needs a parameter, a state, or what it draws.
        """
        found = _run(self.spec, registry.version())
        return () if found is None else tuple(map(float, found.ravel()))

    @property
    def coupled(self) -> bool:
        """Whether the numbers are those of a row, whose features depend on each other."""
        stage = _begun(self.spec)
        return bool(self.numbers) and stage is not None and coupled_axes(stage.follow, 1) != frozenset()


def meanings(name: str) -> tuple[Meaning, ...]:
    """What each system that has a word, or the activation of that name, means by it: actspec first.

    Where a system has no such word with actspec's meaning, the word that it has for it comes last of its own.

    >>> print(*(f"{each.system}: {each.spec}" for each in meanings("leaky_rectify")[-2:]))
    theanets: prelu lasagne: leakyrelu
    """
    return _meanings(normalise(name), registry.version())


def disagreements(name: str) -> tuple[Meaning, ...]:
    """The words that are the same as a name, or an alias of it, and stand for another pipeline than it does."""
    found = meanings(name)
    if not found or found[0].system != PLAIN:
        return ()
    entry = _entry(name)
    keys = set(entry.keys) if entry else set()
    return tuple(each for each in found if normalise(each.word) in keys and each.spec != found[0].spec)


def shown_numbers(meaning: Meaning) -> tuple[str, str]:
    """What a word makes of -2 and 2, to four digits, as tables show it."""
    numbers = [f"{number + 0.0:.4g}" for number in meaning.numbers]  # no -0
    return (*numbers, *[""] * 2)[:2]  # type: ignore[return-value]  # there are two


@lru_cache(1024)
def _meanings(key: str, _version: tuple[int, int]) -> tuple[Meaning, ...]:
    entry = _entry(key)
    keys = (key,) if entry is None else entry.keys
    found = [] if entry is None else [_meaning(PLAIN, entry.name, None)]
    for system in dialects.NAMES:
        table = dialects.load(system)
        own = [_meaning(system, word, system) for each in keys for word, _ in table.alike(each)]
        if entry is not None and not any(each.spec == found[0].spec for each in own):
            own += [_meaning(system, each, system) for each in _other(system, entry.name)]
        if entry is not None and not own:
            own = [_meaning(system, each.names[0], system) for each in table.standing_for(entry.name)]
        first: dict[str, Meaning] = {}
        for each in own:
            first.setdefault(each.spec, each)  # of two words with one meaning, the first
        found += first.values()
    return tuple(found)


def _other(system: str, name: str) -> Iterator[str]:
    """What a system calls the activation of a name, in a word that needs no parameter for it."""
    try:
        spelled = parse(name).spell(system)
    except ValueError:
        return
    if "(" not in spelled:
        yield spelled


def _entry(name: str) -> registry.Entry | None:
    try:
        return registry.find(name)
    except PluginError:
        return None


def _meaning(system: str, word: str, dialect: str | None) -> Meaning:
    try:
        spec = str(parse(word, dialect))
    except SpecError:  # it needs a parameter
        spec = _target(word, dialect)
    return Meaning(system, word, spec)


def _target(word: str, dialect: str | None) -> str:
    """What a word that needs a parameter stands for, with its parameters' names in place of their values."""
    if dialect is None:
        target, needed = word, [each.name for each in words.declared(word).values() if each.required]
    else:
        entry = dialects.load(dialect).find(word)
        assert entry is not None
        target = entry.cases[0].target
        needed = [
            given.sets or given.name
            for given, each in zip(entry.inputs, words.parameters(entry), strict=True)
            if each.required
        ]
    return f"{target}({','.join(needed)})" if needed else target


@lru_cache(1024)
def _run(spec: str, _version: tuple[int, int]) -> npt.NDArray[Any] | None:
    """What an activation makes of -2 and 2, which stand along its axis where it has one; None where it can't say."""
    stage = _begun(spec)
    if stage is None:
        return None
    axis = getattr(stage, "axis", -1)
    shape = [1] * (axis + 1 if axis >= 0 else -axis)
    shape[axis] = 2
    try:
        with np.errstate(all="ignore"):
            return np.asarray(
                stage.formula(np.array([-2.0, 2.0]).reshape(shape))
            )  # as written: this isn't worth a kernel
    except Exception:  # whatever a custom formula raises: it is told by its words then
        return None


def _begun(spec: str) -> Activation | None:
    """An activation with what it learns where it begins; None where that is drawn, or it can't run unbound."""
    try:
        stage = parse(spec)[0]
    except SpecError:
        return None
    values = [value.start if isinstance(value, Learnable) else value for value in stage._values()]
    if not all(isinstance(value, (float, int, str, type(None))) for value in values):
        return None
    fixed = type(stage)(*values)
    return None if fixed.needs_binding() else fixed
