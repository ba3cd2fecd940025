"""What the names in a spec are looked up in: the registry, for the plain language; a dialect has words of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from actspec import catalog, registry
from actspec.activation import Activation
from actspec.parameters import Parameter

assert catalog.__all__  # importing the catalog has registered the built-ins


class Word(NamedTuple):
    """A name as it is shown, the parameters that may follow it, and what makes an activation of their values."""

    name: str
    parameters: tuple[Parameter, ...]
    make: Callable[..., Activation]


class Vocabulary(Protocol):
    """Names and what they stand for."""

    def find(self, name: str) -> Word | None:
        """The word of that name, or None; PluginError where a plugin that offers it fails."""

    def explain_unknown(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Why a name means no activation, and what it may have meant."""


class Plain:
    """The names of the registry, each with its own parameters and defaults."""

    def find(self, name: str) -> Word | None:
        """The registered activation of that name, or None."""
        entry = registry.find(name)
        return None if entry is None else Word(entry.name, entry.cls.__definition__.parameters, entry.cls)
