"""Failures that the user can act on: one message on stderr, exit code 2."""

from __future__ import annotations

import errno

import click

from actspec.errors import SpecError, UnboundError


class Fault(click.ClickException):
    """What is wrong, where, and what to do about it."""

    exit_code = 2


def fault_of(error: Exception) -> Fault | None:
    """The message for an exception that is no bug of this program; None for one that is."""
    if isinstance(error, OSError):
        return _system_fault(error)
    if isinstance(error, MemoryError):
        return Fault("not enough memory for this input")
    return Fault(str(error)) if isinstance(error, (SpecError, UnboundError)) else None


def _system_fault(error: OSError) -> Fault:
    place = "" if error.filename is None else f"{error.filename}: "
    return Fault(place + reason_of(error))


def reason_of(error: OSError) -> str:
    """What an operation on a file failed for, and what to do about it where that is known."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.errno is None else _HINTS.get(error.errno, reason)


_HINTS = {
    errno.ENOENT: "no such file",
    errno.EACCES: "permission denied",
    errno.EISDIR: "this is a folder, not a file",
    errno.ENOSPC: "the disk is full: nothing was written; free some space, or write to another one",
    errno.EDQUOT: "the disk quota is used up: nothing was written; free some space, or write elsewhere",
    errno.EFBIG: "the output is larger than a file may be here: nothing was written",
}
