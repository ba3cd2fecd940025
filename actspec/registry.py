"""Names to activation classes: one table, its aliases and families, scopes, and plugins that load on first use.

Names are compared without case, ``_`` and ``-``. A family is what stands before the colon of a variant: ``norm`` of
``norm:z``. Registration happens by defining a class; users of this module need ``scope()`` alone.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any

from actspec import plugins
from actspec.errors import RegistryError, shorten
from actspec.limits import RESERVED
from actspec.plugins import ImportPath, PluginError, import_path, normalise
from actspec.suggest import closest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered class with the names it goes by, as they were declared."""

    name: str
    cls: type[Any]
    aliases: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The normalised name and aliases."""
        return tuple(normalise(name) for name in (self.name, *self.aliases))


class _Layer:
    """The registrations of one scope; ``None`` stands for a name that was lost, and hides it in the layers below."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry | None] = {}
        self.serial = next(_serials)  # an id() could come back for another scope


_serials = itertools.count()
_lock = threading.RLock()
_base = _Layer()
_scopes: ContextVar[tuple[_Layer, ...]] = ContextVar("actspec_scopes", default=())
_generation = 0


def version() -> tuple[int, int]:
    """A token that changes whenever a name could mean something else in this context, for caches to key on."""
    scopes = _scopes.get()
    return _generation, scopes[-1].serial if scopes else 0


def register(entry: Entry, *, override: bool = False) -> None:
    """Enter a class under its name and aliases in the innermost scope, all of them or none.

    RegistryError where a name is no word of the language or belongs to another class. The same class defined again
    (same module and qualified name) replaces its former self. ``override`` takes names from their owners; an owner
    that loses its primary name loses its aliases too, so that no alias leads to another class than its name.
    """
    global _generation
    for name in (entry.name, *entry.aliases):
        _check_name(name, entry.cls)
    if len(set(entry.keys)) < len(entry.keys):
        given = ", ".join((entry.name, *entry.aliases))
        raise RegistryError(f"{_class_name(entry.cls)} has the same name twice: {given}")
    with _lock:
        layers = _layers()
        lost: set[str] = set()
        for name, key in zip((entry.name, *entry.aliases), entry.keys, strict=True):
            owner = _find(layers, key)
            if owner is None:
                continue
            again = _same_class(owner.cls, entry.cls)
            if not override and not again:
                raise RegistryError(
                    f"the name {name!r} of {_class_name(entry.cls)} is taken by {_class_name(owner.cls)}: "
                    "choose another with name='...', or replace it with override=True"
                )
            lost.update(owner.keys if again or key == owner.keys[0] else (key,))
        hidden: dict[str, Entry | None] = dict.fromkeys(lost)
        layers[-1].entries = layers[-1].entries | hidden | dict.fromkeys(entry.keys, entry)
        _generation += 1


class scope:  # noqa: N801  # it is used like a function
    """Registrations inside the block end with it, however it ends.

    Scopes nest, and belong to the thread or task that opened them: others neither see nor lose a name by it.

    >>> import actspec
    >>> with actspec.registry.scope():
    ...     class Cubed(actspec.Activation):
    ...         def __call__(self, x):
    ...             return x * x * x
    ...     "cubed" in actspec.names()
    True
    >>> "cubed" in actspec.names()
    False
    """

    def __init__(self) -> None:
        self._opened: list[Token[tuple[_Layer, ...]]] = []

    def __enter__(self) -> None:
        self._opened.append(_scopes.set((*_scopes.get(), _Layer())))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _scopes.reset(self._opened.pop())


def find(name: str) -> Entry | None:
    """The class that a name means here, or None; a plugin that offers the name is imported.

    PluginError where that import fails.
    """
    key = normalise(name)
    entry = _find(_layers(), key)
    if entry is None and (offered := plugins.offers(import_path()).get(key)):
        _load(key, offered)
        entry = _find(_layers(), key)
    return entry


def entries() -> Mapping[str, Entry]:
    """What is registered here, plugins that were not used yet left out: normalised names and aliases to entries."""
    visible: dict[str, Entry | None] = {}
    for layer in _layers():
        visible.update(layer.entries)
    return {key: entry for key, entry in visible.items() if entry is not None}


def names() -> list[str]:
    """The primary names of all activations, sorted, those of plugins included (which are not imported for it).

    >>> import actspec
    >>> actspec.names()[:3]
    ['celu', 'clip', 'clippedlinear']
    """
    return sorted(set(_spellings(version(), import_path()).values()))


def explain_unknown(name: str) -> tuple[str, tuple[str, ...]]:
    """Why a name means no activation, and what it may have meant."""
    key = normalise(name)
    family, _, variant = name.rpartition(":")
    if key in RESERVED:
        return f"{name!r} is a value, not an activation", ("linear",) if key == "none" else ()
    known = entries()
    if any(each.startswith(f"{key}:") for each in known):
        return f"{name!r} is a family of activations: name one of its members", suggest(name)
    if normalise(family) in known:
        return f"{family!r} has no variant {shorten(variant)!r}", suggest(name)
    return f"unknown activation {shorten(name)!r}", suggest(name)


def suggest(name: str) -> tuple[str, ...]:
    """The registered names nearest to one that is not: the members of its family, or else at most three of all.

    >>> suggest("norm:zz")[:3]
    ('norm:z', 'norm:l2', 'norm:layer')
    """
    return _suggest(name, version(), import_path())


@lru_cache(1024)
def _suggest(name: str, _version: tuple[int, int], path: ImportPath) -> tuple[str, ...]:
    meaning = _spellings(_version, path)
    family, _, variant = normalise(name).partition(":")
    families = _families(_version, path)
    if variant and family not in families:
        family = next(iter(closest(family, families, limit=1)), family)
    if family in families:
        members = _members(meaning, family)
        ranked = {word.partition(":")[2]: word for word in members}
        near = closest(variant, ranked, limit=len(members))
        begun = [own for own in ranked if variant.startswith(normalise(own))]
        return tuple(dict.fromkeys([*(ranked[own] for own in (*near, *begun)), *members]))
    found: dict[str, str] = {}  # one spelling for each activation, the nearest
    for word in closest(name, meaning, limit=12) or (closest(family, meaning, limit=12) if variant else ()):
        found.setdefault(meaning[word], word)
    if found:
        return tuple(found.values())[:3]
    return tuple(word for near in closest(family, families, limit=1) for word in _members(meaning, near))


def _members(words: Iterable[str], family: str) -> list[str]:
    """The words that are variants of a family, sorted."""
    return sorted(word for word in words if normalise(word).startswith(f"{family}:"))


@lru_cache(8)
def _spellings(_version: tuple[int, int], path: ImportPath) -> Mapping[str, str]:
    """Every name and alias as it was declared, and the primary name that it leads to."""
    known = entries()
    words = {word: entry.name for entry in known.values() for word in (entry.name, *entry.aliases)}
    offered = [points[0].name.lower() for key, points in plugins.offers(path).items() if key not in known]
    return words | {word: word for word in offered}


@lru_cache(8)
def _families(_version: tuple[int, int], path: ImportPath) -> tuple[str, ...]:
    """What stands before the colon of some name, normalised."""
    variants = (word for word in _spellings(_version, path) if ":" in word)
    return tuple(dict.fromkeys(normalise(word.partition(":")[0]) for word in variants))


def _layers() -> tuple[_Layer, ...]:
    """What can be seen in this context, from the outermost to the innermost."""
    return (_base, *_scopes.get())


def _find(layers: tuple[_Layer, ...], key: str) -> Entry | None:
    for layer in reversed(layers):
        if key in layer.entries:
            return layer.entries[key]
    return None


def _check_name(name: object, cls: type) -> None:
    if not isinstance(name, str):
        raise TypeError(f"a name of {_class_name(cls)} must be a str, not {type(name).__name__}")
    if not plugins.NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise RegistryError(
            f"{shorten(name)!r} can't be the name of {_class_name(cls)}: a name is made of letters a-z, digits, '_', "
            f"'-', starts with a letter, may have variants after colons and at most {_LONGEST_NAME} characters; "
            "give another with name='...'"
        )
    if not plugins.spellable(name):
        raise RegistryError(f"{name!r} can't be the name of {_class_name(cls)}: it is a word of the language")


def _same_class(one: type, other: type) -> bool:
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


def _class_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _load(key: str, offered: tuple[EntryPoint, ...]) -> None:
    """Import a plugin: what it registers stays, whatever scope first named it, unless its import fails."""
    global _generation
    staged = _Layer()
    token = _scopes.set((staged,))
    try:
        cls = plugins.load(offered)
        if _find((_base, staged), key) is None and (definition := getattr(cls, "__definition__", None)) is not None:
            # Its module was imported before, in a scope that has ended, or by another thread just now.
            register(Entry(definition.name, cls, definition.aliases))  # type: ignore[arg-type]
    finally:
        _scopes.reset(token)
    with _lock:
        _base.entries = _base.entries | staged.entries
        _generation += 1
    if _find((_base,), key) is None:
        name, sources = offered[0].name, plugins.source(offered)
        raise PluginError(
            f"activation {name!r} comes from {sources}, but {offered[0].value} defines no such activation"
        )
