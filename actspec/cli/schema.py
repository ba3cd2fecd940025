"""``actspec schema``: JSON Schemas for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from actspec import schema
from actspec.cli.faults import Fault
from actspec.cli.output import say
from actspec.lint.document import UnreadableError
from actspec.lint.project import Projects


@click.command(short_help="Print a JSON Schema of specs, layer lists and configs.")
@click.argument("of", type=click.Choice(["any", "spec", "layers", "config"]), default="any")
@click.option("--form", "forms", metavar="NAME", multiple=True, help="A form that layers may have.")
def command(of: str, forms: tuple[str, ...]) -> None:
    """Print the JSON Schema of a spec, of a layer list, or of a config that holds them; or of any of these.

    Editors complete and check by it. It is made from the registry, the names of plugins included. The keys of a config
    and the dialect are those of "actspec lint", by the table [tool.actspec] of pyproject.toml.
    """
    try:
        settings = Projects().find(Path()).settings()
    except UnreadableError as error:
        raise Fault(error.reason) from None
    say(json.dumps(schema.schema(of, settings.keys, forms, settings.dialect), indent=2))
