"""Names of test cases that are the same in every process, as tests that run side by side need them."""

from __future__ import annotations


def shown(value: object) -> str:
    """A value as Python shows it, without its place in memory."""
    return repr(value).partition(" at 0x")[0]
