"""What a table is to this program: columns with names, read and written in batches of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from actspec.cli.progress import Report

Array = npt.NDArray[Any]
Column = Any  # as its own module keeps it: strings, or an Arrow array

BATCH_CELLS = 1 << 17


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows: the chosen columns as an array (rows, chosen), and all columns as the file keeps them."""

    values: Array
    columns: Sequence[Column]


class Reader(Protocol):
    """A table in a file."""

    names: tuple[str, ...]
    headed: bool

    def dtype(self, chosen: Sequence[int]) -> np.dtype[Any]:
        """The type of the chosen columns' array; Fault where one holds no numbers."""

    def batches(self, chosen: Sequence[int], report: Report) -> Iterator[Batch]:
        """The rows from the first to the last; each call starts anew."""

    def text(self, column: Column, name: str) -> Sequence[str]:
        """A column of a batch as strings, for a file of another kind."""


class Writer(Protocol):
    """A table that is being written."""

    def write(self, values: Array, columns: Sequence[Column]) -> None:
        """Add rows: the chosen columns from ``values``, the others from ``columns``, where those chosen are unused."""

    def close(self) -> None:
        """Write what remains; the file stays open."""
