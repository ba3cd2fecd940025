"""Tables in files of any kind. Some columns are chosen, the others pass through."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actspec.cli import batches
from actspec.cli.batches import Reader, Writer
from actspec.cli.faults import Fault
from actspec.cli.files import suffix_of
from actspec.cli.progress import Report
from actspec.cli.stores import Store


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
    height, width = store.shape
    step = max(1, batches.BATCH_CELLS // max(1, width))
    for start in range(0, height, step):
        report(start / height)
        stop = min(start + step, height)
        writer.write(store.read((slice(start, stop), slice(0, width))), ())
