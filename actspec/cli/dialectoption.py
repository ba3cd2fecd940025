"""The option that says which system's names and defaults specs have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from actspec.dialects import NAMES

F = TypeVar("F", bound=Callable[..., Any])


def dialect_option(command: F) -> F:
    """A command with the option --dialect."""
    return click.option("--dialect", type=click.Choice(NAMES), help=_HELP)(command)


_HELP = "The system whose names and defaults the specs have."
