"""``actspec explain``: what each stage of a spec does."""

from __future__ import annotations

import click

from actspec.cli.output import say
from actspec.description import explain


@click.command(short_help="Say what each stage of a spec does.")
@click.argument("spec")
def command(spec: str) -> None:
    """Say what each stage of SPEC does, and whether it is compiled."""
    say(str(explain(spec)))
