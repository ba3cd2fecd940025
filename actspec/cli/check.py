"""``actspec check``: whether specs are valid, and how they are spelled."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from actspec.cli.dialectoption import dialect_option
from actspec.cli.faults import Fault
from actspec.cli.output import say
from actspec.cli.spectype import SPEC
from actspec.errors import SpecError
from actspec.pipeline import parse


@click.command(short_help="Check specs and print their canonical spelling.")
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=SPEC)
@dialect_option
def command(specs: tuple[str, ...], dialect: str | None) -> None:
    """Check specs; print the canonical spelling of each.

    A fault is shown on stderr with a caret under it, and makes the exit code 1; all specs are checked. "-" stands
    for the lines of the standard input, one spec each; blank lines are skipped.
    """
    faulty = False
    for spec, place in _read(specs):
        try:
            say(str(parse(spec, dialect)))
        except SpecError as error:
            faulty = True
            click.echo(f"{place}{error}", err=True)
    if faulty:
        raise click.exceptions.Exit(1)


def _read(specs: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each spec, and where it stands, as a fault's message begins."""
    for spec in specs:
        if spec != "-":
            yield spec, ""
            continue
        for number, line in enumerate(sys.stdin.buffer if sys.stdin else (), 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise Fault(f"standard input, line {number}: this is not UTF-8 text") from None
            if text.strip():
                yield text, f"line {number}: "
