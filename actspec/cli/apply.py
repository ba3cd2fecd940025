"""``actspec apply``: run a pipeline on the numbers in a file."""

from __future__ import annotations

from pathlib import Path

import click

from actspec.activation import refusal
from actspec.cli import apply_arrays, apply_tables
from actspec.cli.dialectoption import dialect_option
from actspec.cli.faults import Fault
from actspec.cli.files import ARRAYS, check_input, suffix_of
from actspec.cli.output import say
from actspec.cli.progress import progress
from actspec.cli.spectype import SPEC
from actspec.errors import UnboundError
from actspec.pipeline import parse


@click.command(short_help="Run a spec on the numbers in a file.")
@click.argument("spec", type=SPEC)
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write; without it, print a summary.")
@click.option("--columns", metavar="A,B,C", help="The columns of a table to work on; the others pass through.")
@click.option("--key", "keys", metavar="NAME", multiple=True, help="An array of an .npz file to work on; repeatable.")
@dialect_option
def command(
    spec: str, source: Path, output: Path | None, columns: str | None, keys: tuple[str, ...], dialect: str | None
) -> None:
    """Run SPEC on the array in INPUT: a .npy, .npz, .csv or .parquet file.

    The columns of a table are the last axis of an array (rows, columns). They all have to hold numbers, or --columns
    names those that do, in the order in which the spec sees them. A .csv file has a header of names, or numbers only;
    then its columns are called 0, 1 and so on. Every array of an .npz file is worked on, or those that --key names.
    What is not worked on passes through unchanged where the output has a place for it.

    The output may be another kind of file than the input, or the input itself. It appears under its name only once it
    is complete.
    """
    pipeline = parse(spec, dialect)
    if why := refusal(pipeline.needs_binding()):
        raise UnboundError(why)
    check_input(source)
    suffix = suffix_of(source)
    if output is not None:
        suffix_of(output)
    if columns is not None and suffix in ARRAYS:
        raise Fault(f"--columns names columns of a .csv or .parquet file, and {source} is none")
    if keys and suffix != ".npz":
        raise Fault(f"--key names an array of an .npz file, and {source} is none")
    with progress(source.name) as report:
        if suffix == ".npy":
            results = apply_arrays.apply_npy(pipeline, source, output, report)
        elif suffix == ".npz":
            results = apply_arrays.apply_npz(pipeline, source, keys, output, report)
        else:
            results = apply_tables.apply_table(pipeline, source, columns, output, report)
    for name, summary in results.items():
        if output is None:
            say(f"array  {name}\n{summary.lines()}" if name else summary.lines())
        else:
            say(f"{output}{f', array {name}' if name else ''}: {summary.line()}")
