"""How far a long piece of work is: a bar where someone watches, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actspec.cli.draw import Bar

Report = Callable[[float], None]

PATIENCE = 1.0
"""Seconds of work before a bar is shown."""


def part(report: Report, number: int, count: int) -> Report:
    """The report of one of ``count`` equal parts of the work."""
    return lambda fraction: report((number + fraction) / count)


@contextmanager
def progress(label: str) -> Iterator[Report]:
    """A function that takes the fraction of the work that is done; its bar shows on a terminal's stderr only."""
    started = time.monotonic()
    bar: Bar | None = None

    def report(fraction: float) -> None:
        nonlocal bar
        if bar is None and watched and time.monotonic() - started > PATIENCE:
            from actspec.cli import draw  # rich is slow to import, and short work never needs it

            bar = draw.Bar(label)
        if bar is not None:
            bar.move(fraction)

    watched = sys.stderr is not None and sys.stderr.isatty()
    try:
        yield report
    finally:
        if bar is not None:
            bar.close()
