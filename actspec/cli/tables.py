"""Tables: columns with names, read and written in batches of rows. Some columns are chosen, the others pass through."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from actspec.cli.faults import Fault
from actspec.cli.files import suffix_of
from actspec.cli.progress import Report
from actspec.cli.stores import Store

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


def read(path: Path) -> Reader:
    """The table in a .csv or .parquet file."""
    if suffix_of(path) == ".csv":
        from actspec.cli import csvtable

        return csvtable.CsvReader(path)
    from actspec.cli import parquet  # imports pyarrow

    return parquet.ParquetReader(path)


def write(
    path: Path,
    file: io.BufferedRandom,
    names: Sequence[str],
    chosen: Sequence[int],
    dtype: np.dtype[Any],
    like: Reader | None,
) -> Writer:
    """Begin a table in an open file, of the kind that ``path`` names; ``like`` is the table that it comes from."""
    if suffix_of(path) == ".csv":
        from actspec.cli import csvtable

        return csvtable.CsvWriter(file, names, chosen, like)
    from actspec.cli import parquet  # imports pyarrow

    return parquet.ParquetWriter(file, names, chosen, dtype, like)


def choose(names: Sequence[str], wanted: str | None, place: str) -> list[int]:
    """The positions of the columns in a comma-separated list, in its order; of all columns for None."""
    if wanted is None:
        return list(range(len(names)))
    try:
        (listed,) = filter(None, csv.reader([wanted], skipinitialspace=True, strict=True))
    except (csv.Error, ValueError):  # a stray quote, or no name at all
        raise Fault(f"--columns {wanted!r}: give the names of columns with commas between them") from None
    for name in listed:
        if name not in names:
            known = ", ".join(map(repr, names[:20])) + ", ..." * (len(names) > 20)
            raise Fault(f"{place}: there is no column {name!r}; its columns are {known}")
        if names.count(name) > 1:
            raise Fault(f"{place}: several columns are called {name!r}: rename them first")
        if listed.count(name) > 1:
            raise Fault(f"--columns {wanted!r}: the column {name!r} is named twice")
    return [names.index(name) for name in listed]


def write_array(store: Store, writer: Writer, report: Report) -> None:
    """Write a 2-D array as the rows of a table."""
    rows, width = store.shape
    step = max(1, BATCH_CELLS // max(1, width))
    for start in range(0, rows, step):
        report(start / rows)
        stop = min(start + step, rows)
        writer.write(store.read((slice(start, stop), slice(0, width))), ())
