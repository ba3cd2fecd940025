"""Activations that installed packages offer through entry points: what there is, and its import on first use."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from actspec.limits import RESERVED

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "actspec.activations"
NAME = re.compile(r"_*[A-Za-z][A-Za-z0-9_-]*(:_*[A-Za-z][A-Za-z0-9_-]*)*")
"""What a name is made of, by the grammar."""

ImportPath = tuple[tuple[str, int], ...]

_IGNORED = str.maketrans("", "", "_-")


class PluginError(ImportError):
    """A plugin that offers an activation could not be loaded; the message names its distribution."""


@lru_cache(4096)
def normalise(name: str) -> str:
    """The form in which names are compared.

    >>> normalise("Leaky_ReLU")
    'leakyrelu'
    """
    return name.lower().translate(_IGNORED)


def spellable(name: str) -> bool:
    """Whether a spec can write the name: it is made as names are, and none of its words stands for a value."""
    return NAME.fullmatch(name) is not None and RESERVED.isdisjoint(normalise(name).split(":"))


def import_path() -> ImportPath:
    """The folders that are imported from, and when each was last changed."""
    return tuple((path, _modified(path)) for path in sys.path)


def _modified(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


@lru_cache(1)
def offers(_path: ImportPath) -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of all distributions on an import path, by normalised name; nothing is imported."""
    from importlib.metadata import entry_points  # slow to import, and most programs never need it

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=GROUP):
        if spellable(point.name):
            key = normalise(point.name)
            found[key] = (*found.get(key, ()), point)
    return found


def load(offered: tuple[EntryPoint, ...]) -> object:
    """Import an activation's class; PluginError where that fails or two distributions offer different ones."""
    name, sources = offered[0].name, source(offered)
    if len({point.value for point in offered}) > 1:
        raise PluginError(f"activation {name!r} is offered by {sources}: uninstall one of them")
    try:
        return offered[0].load()
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(f"activation {name!r} comes from {sources}, which failed to import: {reason}") from error


def source(offered: tuple[EntryPoint, ...]) -> str:
    """The distributions that the entry points belong to, in words."""
    return " and ".join(sorted({_distribution(point) for point in offered}))


def _distribution(point: EntryPoint) -> str:
    return f"the package {point.dist.name} {point.dist.version}" if point.dist else "an unnamed package"
