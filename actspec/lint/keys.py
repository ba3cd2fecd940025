"""Which keys hold specs: names and globs, of one key or, with a dot, of a key and those it stands under."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Literal

LAYERS = "layers"
"""The key of layer lists, in which only tuples and dicts hold specs."""

BY_NAME = "activations"
"""The key under which a mapping is one of names to specs."""

DEFAULT_KEYS = (
    "activation",
    BY_NAME,
    "activation_function",
    "act",
    "act_fn",
    "act_layer",
    "act_cfg.type",
    "hidden_act",
    "hidden_activation",
    "output_activation",
    "recurrent_activation",
    "nonlinearity",
    "transfer_function",
    "*_activation",
    LAYERS,
)

Role = Literal["", "spec", "loose", "layers"]
"""What stands under a key: nothing of interest, a spec, perhaps a spec (only a glob says so), a layer list."""

Path = tuple[str, ...]


class Keys:
    """The keys that hold specs.

    >>> keys = Keys(["act_cfg.type", "*_activation"])
    >>> keys.role(("act_cfg",), "type"), keys.role(("conv_cfg",), "type"), keys.role((), "last_activation")
    ('spec', '', 'loose')
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(tuple(pattern.split(".")) for pattern in dict.fromkeys(patterns))
        self._above = max(map(len, self.patterns), default=1) - 1
        self._leading = {each for pattern in self.patterns for each in pattern[:-1]}
        self._ending: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._leads: dict[str, bool] = {}

    def role(self, path: Path, key: str) -> Role:
        """What stands under ``key``, where ``path`` are the last keys above it, as ``below`` gives them."""
        ending = self._ending.get(key)
        if ending is None:
            ending = tuple(pattern for pattern in self.patterns if fnmatchcase(key, pattern[-1]))
            if len(self._ending) < _REMEMBERED:
                self._ending[key] = ending
        return _find((*path, key), ending) if ending else ""

    def below(self, path: Path, key: str) -> Path:
        """The path of what stands under ``key``, as far as a pattern may ask for it: other keys are ``""`` in it."""
        if not self._above:
            return ()
        leads = self._leads.get(key)
        if leads is None:
            leads = any(fnmatchcase(key, part) for part in self._leading)
            if len(self._leads) < _REMEMBERED:
                self._leads[key] = leads
        return (*path, key if leads else "")[-self._above :]


def _find(path: Path, patterns: Iterable[tuple[str, ...]]) -> Role:
    found: Role = ""
    for pattern in patterns:
        if len(pattern) > len(path) or not all(map(fnmatchcase, path[-len(pattern) :], pattern)):
            continue
        if pattern[-1] == LAYERS:
            return "layers"
        if not _GLOB & set(pattern[-1]):
            return "spec"
        found = "loose"
    return found


_GLOB = frozenset("*?[")
_REMEMBERED = 10_000
