"""Names to activation classes: one table, its aliases and families, scopes, and plugins that load on first use.

Names are compared without case, ``_`` and ``-``. A family is what stands before the colon of a variant: ``norm`` of
``norm:z``. Registration happens by defining a class; users of this module need ``scope()`` alone.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from actspec.errors import RegistryError
from actspec.limits import RESERVED
from actspec.suggest import closest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "actspec.activations"

_NAME = re.compile(r"_*[A-Za-z][A-Za-z0-9_-]*(:_*[A-Za-z][A-Za-z0-9_-]*)*")
_IGNORED = str.maketrans("", "", "_-")


class PluginError(ImportError):
    """A plugin that offers an activation could not be loaded; the message names its distribution."""


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


def normalise(name: str) -> str:
    """The form in which names are compared.

    >>> normalise("Leaky_ReLU")
    'leakyrelu'
    """
    return name.lower().translate(_IGNORED)


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
        layers = (_base, *_scopes.get())
        lost: set[str] = set()
        for name, key in zip((entry.name, *entry.aliases), entry.keys, strict=True):
            owner = _find(layers, key)
            if owner is None:
                continue
            if not override and not (_same_class(owner.cls, entry.cls) and owner.name == entry.name):
                raise RegistryError(
                    f"the name {name!r} of {_class_name(entry.cls)} is taken by {_class_name(owner.cls)}: "
                    "choose another with name='...', or replace it with override=True"
                )
            lost.update(owner.keys if key == owner.keys[0] else (key,))
        hidden: dict[str, Entry | None] = dict.fromkeys(lost)
        layers[-1].entries = layers[-1].entries | hidden | dict.fromkeys(entry.keys, entry)
        _generation += 1


@contextmanager
def scope() -> Iterator[None]:
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
    layer = _Layer()
    token = _scopes.set((*_scopes.get(), layer))
    try:
        yield
    finally:
        _scopes.reset(token)


def find(name: str) -> Entry | None:
    """The class that a name means here, or None; a plugin that offers the name is imported.

    PluginError where that import fails.
    """
    key = normalise(name)
    entry = _find((_base, *_scopes.get()), key)
    if entry is None and (offers := _plugins().get(key)):
        _load(key, offers)
        entry = _find((_base, *_scopes.get()), key)
    return entry


def entries() -> Mapping[str, Entry]:
    """What is registered here, plugins that were not used yet left out: normalised names and aliases to entries."""
    visible: dict[str, Entry | None] = {}
    for layer in (_base, *_scopes.get()):
        visible.update(layer.entries)
    return {key: entry for key, entry in visible.items() if entry is not None}


def names() -> list[str]:
    """The primary names of all activations, sorted, those of plugins included (which are not imported for it).

    >>> import actspec
    >>> actspec.names()[:3]
    ['clip', 'continuous', 'elu']
    """
    return sorted(set(_spellings().values()))


def suggest(name: str) -> tuple[str, ...]:
    """The registered names nearest to one that is not: the members of its family, or else at most three of all.

    >>> suggest("norm:zz")
    ('norm:z', 'norm:max', 'norm:mean', 'norm:std')
    """
    meaning = _spellings()
    family, _, variant = normalise(name).partition(":")
    families = {normalise(word.partition(":")[0]) for word in meaning if ":" in word}
    if variant and family not in families:
        family = next(iter(closest(family, families, limit=1)), family)
    if family in families:
        members = sorted(word for word in meaning if normalise(word).startswith(f"{family}:"))
        ranked = {word.partition(":")[2]: word for word in members}
        near = closest(variant, ranked, limit=len(members))
        begun = [own for own in ranked if variant.startswith(normalise(own))]
        return tuple(dict.fromkeys([*(ranked[own] for own in (*near, *begun)), *members]))
    found: dict[str, str] = {}  # one spelling for each activation, the nearest
    for word in closest(name, meaning, limit=12) or closest(family, meaning, limit=12):
        found.setdefault(meaning[word], word)
    return tuple(found.values())[:3]


def _spellings() -> Mapping[str, str]:
    """Every name and alias as it was declared, and the primary name that it leads to."""
    return _collect_spellings(version(), _import_path())


@lru_cache(8)
def _collect_spellings(_version: tuple[int, int], path: _Path) -> Mapping[str, str]:
    known = entries()
    words = {word: entry.name for entry in known.values() for word in (entry.name, *entry.aliases)}
    offered = [offers[0].name.lower() for key, offers in _read_plugins(path).items() if key not in known]
    return words | {word: word for word in offered}


def _find(layers: tuple[_Layer, ...], key: str) -> Entry | None:
    for layer in reversed(layers):
        if key in layer.entries:
            return layer.entries[key]
    return None


def _check_name(name: object, cls: type) -> None:
    if not isinstance(name, str):
        raise TypeError(f"a name of {_class_name(cls)} must be a str, not {type(name).__name__}")
    if not _NAME.fullmatch(name):
        raise RegistryError(
            f"{name!r} can't be the name of {_class_name(cls)}: a name is made of letters a-z, digits, '_' and '-', "
            "starts with a letter, and may have variants after colons; give another with name='...'"
        )
    if reserved := RESERVED.intersection(normalise(name).split(":")):
        word = next(iter(reserved))
        raise RegistryError(f"{name!r} can't be the name of {_class_name(cls)}: {word!r} is a word of the language")


def _same_class(one: type, other: type) -> bool:
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


def _class_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _plugins() -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of installed distributions by normalised name; read anew when the import path has changed."""
    return _read_plugins(_import_path())


_Path = tuple[tuple[str, int], ...]


def _import_path() -> _Path:
    """The folders that are imported from, and when each was last changed."""
    return tuple((path, _modified(path)) for path in sys.path)


def _modified(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


@lru_cache(1)
def _read_plugins(_path: _Path) -> Mapping[str, tuple[EntryPoint, ...]]:
    from importlib.metadata import entry_points  # slow to import, and most programs never need it

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        key = normalise(point.name)
        found[key] = (*found.get(key, ()), point)
    return found


def _load(key: str, offers: tuple[EntryPoint, ...]) -> None:
    sources = " and ".join(sorted({_distribution(point) for point in offers}))
    name = offers[0].name
    if len({point.value for point in offers}) > 1:
        raise PluginError(f"activation {name!r} is offered by {sources}: uninstall one of them")
    token = _scopes.set(())  # a module runs once, so what it registers must outlive the scope that first named it
    try:
        offers[0].load()
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"activation {name!r} comes from {sources}, which failed to import: {type(error).__name__}: {error}"
        ) from error
    finally:
        _scopes.reset(token)
    if _find((_base,), key) is None:
        raise PluginError(f"activation {name!r} comes from {sources}, but {offers[0].value} defines no such activation")


def _distribution(point: EntryPoint) -> str:
    return f"the package {point.dist.name} {point.dist.version}" if point.dist else "an unnamed package"
