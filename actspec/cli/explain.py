"""``actspec explain``: what each stage of a spec does."""

from __future__ import annotations

import click

from actspec.cli.dialectoption import dialect_option
from actspec.cli.output import say
from actspec.cli.spectype import SPEC
from actspec.description import explain
from actspec.pipeline import parse


@click.command(short_help="Say what each stage of a spec does.")
@click.argument("spec", type=SPEC)
@click.option("--code", is_flag=True, help="Print the kernels' generated source as well.")
@dialect_option
def command(spec: str, code: bool, dialect: str | None) -> None:
    """Say what each stage of SPEC does, whether it is compiled, and the kernels' graphs and passes."""
    explanation = explain(parse(spec, dialect))
    say(str(explanation))
    if code:
        say(f"\n{explanation.code}" if explanation.kernels else "no stage is compiled: there is no source")
