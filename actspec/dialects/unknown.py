"""A name that the plain language hasn't got: why, and which systems have it."""

from __future__ import annotations

from collections.abc import Sequence

from actspec import dialects, registry


def explain(name: str) -> tuple[str, tuple[str, ...]]:
    """Why no activation is registered under a name and in which dialects it is a word, and the nearest that are.

    >>> explain("l2_normalize")[0]
    "unknown activation 'l2_normalize': tf has it (dialect='tf')"
    """
    reason, suggestions = registry.explain_unknown(name)
    systems = [each for each in dialects.NAMES if dialects.load(each).find(name) is not None]
    if systems:
        reason += f": {have_it(systems)} (dialect={' or '.join(map(repr, systems))})"
    return reason, suggestions


def have_it(systems: Sequence[str]) -> str:
    """That these systems have a word: ``torch, keras and jax have it``."""
    *others, last = systems
    return f"{' and '.join(filter(None, (', '.join(others), last)))} {'have' if others else 'has'} it"
