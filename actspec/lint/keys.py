"""Which keys hold specs: names and globs, of one key or, with a dot, of a key and those it stands under."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
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
        self._ending = lru_cache(_REMEMBERED)(self._find_ending)
        self._leads = lru_cache(_REMEMBERED)(self._find_leads)

    def role(self, path: Path, key: str) -> Role:
        """What stands under ``key``, where ``path`` are the last keys above it, as ``below`` gives them."""
        found: Role = ""
        for *above, last in self._ending(key):
            if len(above) > len(path) or not all(map(fnmatchcase, path[len(path) - len(above) :], above)):
                continue
            if last == LAYERS:
                return "layers"
            if not _GLOB & set(last):
                return "spec"
            found = "loose"
        return found

    def below(self, path: Path, key: str) -> Path:
        """The path of what stands under ``key``, as far as a pattern may ask for it: other keys are ``""`` in it."""
        if not self._above:
            return ()
        return (*path, key if self._leads(key) else "")[-self._above :]

    def _find_ending(self, key: str) -> tuple[tuple[str, ...], ...]:
        """The patterns whose last part the key is."""
        return tuple(pattern for pattern in self.patterns if fnmatchcase(key, pattern[-1]))

    def _find_leads(self, key: str) -> bool:
        """Whether some pattern asks for what stands under the key."""
        return any(fnmatchcase(key, part) for part in self._leading)


_GLOB = frozenset("*?[")
_REMEMBERED = 10_000
