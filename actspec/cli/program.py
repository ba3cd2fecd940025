"""The group of commands: each is imported when it is used, and what goes wrong in it becomes one message."""

from __future__ import annotations

import importlib
import os
from typing import Any

import click

from actspec import __version__
from actspec.cli.faults import fault_of

_COMMANDS = {
    "apply": "actspec.cli.apply",
    "cache": "actspec.cli.cache",
    "check": "actspec.cli.check",
    "explain": "actspec.cli.explain",
    "lint": "actspec.cli.lint",
    "list": "actspec.cli.listing",
    "schema": "actspec.cli.schema",
    "show": "actspec.cli.show",
}


class Program(click.Group):
    """Commands that are loaded by name, so that each starts without the libraries of the others."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return sorted(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None where there is none."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a failure that its user can act on becomes a message and an exit code."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            raise fault from error


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def program() -> None:
    """Name, compose, check and run activation functions.

    A SPEC names a pipeline from left to right: "tanh+norm:z" is tanh, then norm:z. Quote it, so that the shell
    leaves its brackets alone.
    """
