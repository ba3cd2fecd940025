"""What is said on stdout, and what happens when it takes no more: a pipe whose reader left, a full disk."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from actspec.cli.faults import Fault


def say(text: str) -> None:
    """Print a text on stdout."""
    try:
        click.echo(text)
    except OSError as error:
        raise lost(error) from error


def lost(error: OSError) -> Fault:
    """The message for a stdout that failed, which is closed for good."""
    # What is still buffered would fail once more, with a traceback, when the interpreter ends.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Fault(f"standard output took no more: {error.strerror}")
