"""The command line: ``actspec list``, ``show``, ``explain``, ``check``, ``lint`` and ``apply``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from actspec.cli.faults import Fault
from actspec.cli.output import lost
from actspec.cli.program import program


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line with ``args`` (default: those of the process) and leave with its exit code.

    0: done. 1: ``check`` or ``lint`` found a faulty spec. 2: bad usage, a bad spec or a bad file. 130: interrupted.
    """
    if sys.stdout is None:  # it was closed before the program began
        Fault("standard output is closed: there is nowhere to write to").show()
        sys.exit(Fault.exit_code)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character is no reason to fail
    _leave_in_order()
    if "_ACTSPEC_COMPLETE" in os.environ:
        from actspec.cli import completion  # noqa: F401  # it tells click of its shells
    try:
        program.main(args, prog_name="actspec")
    except OSError as error:  # a full or closed output, met by a help page
        fault = lost(error)
        fault.show()
        sys.exit(fault.exit_code)


def _leave_in_order() -> None:
    """Let the signals that end a process raise, so that temporary files are removed on the way out."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP: leave it so
            signal.signal(number, lambda caught, _frame: sys.exit(128 + caught))
