"""Run a pipeline on the arrays of .npy and .npz files."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from contextlib import closing
from pathlib import Path

from actspec.arrays import result_type
from actspec.cli import npy, npz, stores, tables
from actspec.cli.atomic import replacing
from actspec.cli.faults import Fault
from actspec.cli.files import TABLES, suffix_of
from actspec.cli.progress import Report, part
from actspec.cli.stores import Store
from actspec.cli.summary import Summary
from actspec.cli.transform import shape_out, transform
from actspec.pipeline import Pipeline

Results = dict[str, Summary]


def apply_npy(pipeline: Pipeline, source: Path, output: Path | None, report: Report) -> Results:
    """Work on the array of an .npy file."""
    summary = Summary()
    with source.open("rb") as file:
        apply_array(pipeline, npy.read(file, str(source)), output, summary, report)
    return {"": summary}


def apply_npz(pipeline: Pipeline, source: Path, keys: tuple[str, ...], output: Path | None, report: Report) -> Results:
    """Work on the arrays of an .npz file, by their keys; the other ones pass through."""
    with npz.read(source) as archive:
        chosen = archive.choose(keys)
        results: Results = {}
        if output is not None and suffix_of(output) == ".npz":
            with replacing(output) as file, zipfile.ZipFile(file, "w") as written:
                for key, info in archive.members.items():
                    with npz.entry(written, key, info) as member:
                        if key not in chosen:
                            archive.copy(key, member)
                            continue
                        results[key] = Summary()
                        with archive.array(key) as store, stores.temporary_file() as result:
                            step = part(report, len(results) - 1, len(chosen))
                            _into_npy(pipeline, store, result, results[key], step)
                            npz.copy(result, member)
            return results
        if output is not None and len(chosen) > 1:
            listed = ", ".join(map(repr, chosen))
            raise Fault(f"{output}: it has room for one array, and {source} has {listed}: choose one with --key")
        for number, key in enumerate(chosen):
            results[key] = Summary()
            with archive.array(key) as store:
                apply_array(pipeline, store, output, results[key], part(report, number, len(chosen)))
        return results


def apply_array(pipeline: Pipeline, store: Store, output: Path | None, summary: Summary, report: Report) -> None:
    """Work on one array, and write the result as a file of any kind, or not at all."""
    if output is None:
        transform(pipeline, store, None, summary, report)
        return
    suffix = suffix_of(output)
    if suffix in TABLES and len(store.shape) not in (1, 2):
        raise Fault(f"{output}: a table has rows and columns, an array of shape {store.shape} has not: write .npy")
    with replacing(output) as file:
        if suffix in TABLES:
            _into_table(pipeline, store, output, file, summary, report)
        elif suffix == ".npz":
            with zipfile.ZipFile(file, "w") as written, stores.temporary_file() as result:
                _into_npy(pipeline, store, result, summary, report)
                with npz.entry(written, "arr_0") as member:
                    npz.copy(result, member)
        else:
            _into_npy(pipeline, store, file, summary, report, str(output))


def _into_npy(
    pipeline: Pipeline,
    store: Store,
    file: io.BufferedRandom,
    summary: Summary,
    report: Report,
    name: str = stores.TEMPORARY,
) -> None:
    shape = shape_out(pipeline, store.shape)
    target = npy.create(file, result_type(store.dtype), shape, fortran=store.fortran, name=name)
    transform(pipeline, store, target, summary, report)


def _into_table(
    pipeline: Pipeline, store: Store, output: Path, file: io.BufferedRandom, summary: Summary, report: Report
) -> None:
    shape = shape_out(pipeline, store.shape)
    with stores.scratch(result_type(store.dtype), shape, fortran=store.fortran) as result:
        transform(pipeline, store, result, summary, part(report, 0, 2))
        table = result if len(shape) == 2 else dataclasses.replace(result, shape=(*shape, 1))
        columns = range(table.shape[1])
        with closing(tables.write(output, file, tuple(map(str, columns)), columns, result.dtype, None)) as writer:
            tables.write_array(table, writer, part(report, 1, 2))
