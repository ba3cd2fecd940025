"""What is drawn in a terminal: tables and progress bars. The only importer of rich."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draw rows on stdout, folded to the terminal's width but for their first two cells; a line parts first cells."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for place, heading in enumerate(headings):
        drawn.add_column(heading, overflow="fold", no_wrap=place < 2)
    before = None
    for first, *cells in rows:
        if before not in (None, first):
            drawn.add_row()
        # Text, because a string would be read as markup: a formula's [k] is none.
        drawn.add_row(Text("" if first == before else first, "cyan"), *map(Text, cells))
        before = first
    Console().print(drawn)


class Bar:
    """A progress bar on stderr, which leaves no trace when it is closed."""

    def __init__(self, label: str) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), "{task.percentage:3.0f} %")
        self._progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(label, total=1.0)
        self._progress.start()

    def move(self, fraction: float) -> None:
        """Show that this part of the work, from 0 to 1, is done."""
        self._progress.update(self._task, completed=fraction)

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()
