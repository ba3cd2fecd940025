"""Run a pipeline on columns of .csv and .parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy.typing as npt

from actspec.arrays import result_type
from actspec.cli import stores, tables
from actspec.cli.apply_arrays import Results, apply_array
from actspec.cli.atomic import replacing
from actspec.cli.batches import Batch, Reader
from actspec.cli.faults import Fault
from actspec.cli.files import ARRAYS, suffix_of
from actspec.cli.progress import Report, part
from actspec.cli.stores import Store
from actspec.cli.summary import Summary
from actspec.cli.transform import compute, shape_out, transform
from actspec.graph.coupling import coupled_axes
from actspec.pipeline import Pipeline

Array = npt.NDArray[Any]


def apply_table(pipeline: Pipeline, source: Path, columns: str | None, output: Path | None, report: Report) -> Results:
    """Work on the chosen columns of a table; the other ones pass through where the output is a table too."""
    reader = tables.read(source)
    chosen = tables.choose(reader.names, columns, str(source))
    width = _width_out(pipeline, len(chosen))
    if width != len(chosen) and output is not None and suffix_of(output) not in ARRAYS:
        made = f"{width} column{'s' * (width != 1)} of {len(chosen)}"
        raise Fault(f"{output}: {pipeline} makes {made}, which have no names in a table: write .npy")
    by_rows = _leaves_rows_apart(pipeline)
    summary = Summary()
    if suffix_of(output) in ARRAYS if output is not None else not by_rows:
        with _gathered(reader, chosen, part(report, 0, 2)) as store:
            apply_array(pipeline, store, output, summary, part(report, 1, 2))
        return {"": summary}
    work = _row_by_row if by_rows else _as_a_whole
    results = work(pipeline, reader, chosen, summary, report)
    if output is None:
        for _ in results:
            pass
        return {"": summary}
    with replacing(output) as file:
        translated = suffix_of(output) != suffix_of(source)
        dtype = result_type(reader.dtype(chosen))
        with closing(tables.write(output, file, reader.names, chosen, dtype, reader)) as writer:
            for values, batch in results:
                writer.write(values, _as_text(reader, chosen, batch) if translated else batch.columns)
    return {"": summary}


def _width_out(pipeline: Pipeline, columns: int) -> int:
    """How many columns the result has; a Fault where stages that change their number can't take so many."""
    if not any(stage.resizes for stage in pipeline.stages):
        return columns
    try:
        return pipeline.features_out(columns)
    except ValueError as error:
        raise Fault(f"{pipeline} can't run on {columns} columns: {error}") from error


def _leaves_rows_apart(pipeline: Pipeline) -> bool:
    found = [coupled_axes(stage.follow, 2) for stage in pipeline.stages]
    return all(axes is not None and 0 not in axes for axes in found)


def _row_by_row(
    pipeline: Pipeline, reader: Reader, chosen: Sequence[int], summary: Summary, report: Report
) -> Iterator[tuple[Array, Batch]]:
    """The results for each batch of rows, and the batch."""
    dtype, rows = result_type(reader.dtype(chosen)), 0
    width = _width_out(pipeline, len(chosen))
    summary.shape, summary.dtype = (rows, width), str(dtype)
    for batch in reader.batches(chosen, report):
        values = compute(pipeline, batch.values, batch.values.shape)
        rows += len(values)
        summary.shape = (rows, width)
        summary.add(values)
        yield values, batch


def _as_a_whole(
    pipeline: Pipeline, reader: Reader, chosen: Sequence[int], summary: Summary, report: Report
) -> Iterator[tuple[Array, Batch]]:
    """The same for pipelines that need all rows at once: the file is read once for the numbers, once for the rest."""
    with (
        _gathered(reader, chosen, part(report, 0, 3)) as store,
        stores.scratch(result_type(store.dtype), shape_out(pipeline, store.shape)) as result,
    ):
        transform(pipeline, store, result, summary, part(report, 1, 3))
        start = 0
        for batch in reader.batches(chosen, part(report, 2, 3)):
            stop = start + len(batch.values)
            yield result.read((slice(start, stop), slice(0, result.shape[1]))), batch
            start = stop


@contextmanager
def _gathered(reader: Reader, chosen: Sequence[int], report: Report) -> Iterator[Store]:
    """All rows of the chosen columns as an array in a temporary file."""
    dtype = reader.dtype(chosen)
    with stores.temporary_file() as file:
        rows = 0
        for batch in reader.batches(chosen, report):
            stores.write(file, batch.values)
            rows += len(batch.values)
        yield Store(file, 0, dtype, (rows, len(chosen)))


def _as_text(reader: Reader, chosen: Sequence[int], batch: Batch) -> list[Sequence[str]]:
    """The columns of a batch as strings, those chosen left empty."""
    named = enumerate(zip(batch.columns, reader.names, strict=True))
    return [() if index in chosen else reader.text(column, name) for index, (column, name) in named]
