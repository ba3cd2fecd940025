"""Specs as arguments of commands, which shells complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class SpecType(click.types.StringParamType):
    """A spec."""

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002  # click's own signature
        incomplete: str,
    ) -> list[CompletionItem[str]]:
        """The specs, of the dialect that is given, that begin with what is written; ``open`` are those that go on."""
        from click.shell_completion import CompletionItem

        from actspec.completion import complete

        found = complete(incomplete, ctx.params.get("dialect"))
        return [CompletionItem(each.text, help=each.help, open=not each.complete) for each in found]


SPEC = SpecType()
