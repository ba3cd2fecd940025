"""``actspec list``: every activation that is registered, by family."""

from __future__ import annotations

import sys

import click

from actspec import registry
from actspec.cli.output import say
from actspec.description import Description, describe
from actspec.errors import SpecError
from actspec.parameters import Parameter, spell

_HEADINGS = ("family", "name", "aliases", "formula", "parameters")
_NOT_LOADED = "(not loaded)"

Row = tuple[str, ...]


@click.command(short_help="List all activations by family.")
def command() -> None:
    """List all activations: family, name, aliases, formula, and parameters with their defaults.

    Plugins are imported for it; the row of one that fails says why.
    """
    rows = sorted(map(_row, registry.names()), key=lambda row: (row[0] == _NOT_LOADED, row[0]))
    if sys.stdout.isatty():
        from actspec.cli import draw  # rich is slow to import, and a pipe takes plain text

        draw.table(_HEADINGS, rows)
    else:
        say(_plain((_HEADINGS, *rows)))


def _row(name: str) -> Row:
    try:
        found: Description = describe(name)
    except SpecError as error:
        return (_NOT_LOADED, name, "", " ".join(error.reason.split()), "")
    parameters = ", ".join(map(_parameter, found.parameters))
    return (found.family, found.name, ", ".join(found.aliases), found.formula or found.summary, parameters)


def _parameter(declared: Parameter) -> str:
    return f"{declared.name} (required)" if declared.required else f"{declared.name}={spell(declared.default)}"


def _plain(rows: tuple[Row, ...]) -> str:
    """Aligned columns, one line a row, whatever its length."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in padded)
