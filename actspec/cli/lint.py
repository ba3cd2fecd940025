"""``actspec lint``: the specs in files, checked where they are written."""

from __future__ import annotations

import errno
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from actspec import __version__
from actspec.cli.atomic import replacing
from actspec.cli.dialectoption import dialect_option
from actspec.cli.faults import Fault, reason_of
from actspec.cli.output import say
from actspec.lint import reports
from actspec.lint.check import Finding
from actspec.lint.files import MAX_SIZE, STDIN, Miss
from actspec.lint.run import Linter, Rewritten, UnwritableError


@click.command(short_help="Check the specs in YAML, TOML, JSON and Python files.")
@click.argument("names", metavar="FILE...", nargs=-1, required=True, type=click.Path(readable=False))
@click.option("--key", "keys", metavar="GLOB", multiple=True, help="A key that holds specs, beside the known ones.")
@click.option("--only-key", "only_keys", metavar="GLOB", multiple=True, help="A key that holds specs, instead of them.")
@click.option("--ignore", metavar="NAME", multiple=True, help="A name that is no fault (a glob).")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Files and folders that are passed by.")
@dialect_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    help="How findings are printed.",
)
@click.option("--fix", is_flag=True, help="Rewrite specs to their canonical spelling, and nothing else.")
@click.option("--list", "listing", is_flag=True, help="Print every spec that is found, with its place.")
@click.option("--stdin-name", metavar="NAME", default=STDIN, help="What the standard input is called, if not YAML.")
@click.option(
    "--max-size",
    type=click.IntRange(min=1),
    metavar="BYTES",
    default=MAX_SIZE,
    show_default=True,
    help="The size up to which files are read.",
)
def command(
    names: tuple[str, ...],
    keys: tuple[str, ...],
    only_keys: tuple[str, ...],
    ignore: tuple[str, ...],
    exclude: tuple[str, ...],
    dialect: str | None,
    style: str,
    fix: bool,
    listing: bool,
    stdin_name: str,
    max_size: int,
) -> None:
    """Check the specs in files: YAML, TOML, JSON, and Python, of which nothing is run.

    FILE is a file, a folder, a pattern such as "configs/**/*.yaml", or "-" for the standard input. A spec is what
    stands under a key such as activation or hidden_act, or in a layer list. The table [tool.actspec] of pyproject.toml
    sets keys, only-keys, ignore, exclude, plugins and dialect for a project.

    Exit codes: 0 all are valid, 1 some are not, 2 something could not be read.
    """
    if fix and (listing or _STDIN in names):
        raise click.UsageError(f"--fix rewrites files: it can't be used with {'--list' if listing else _STDIN!r}")
    if listing and style == "github":
        raise click.UsageError("--list prints text, json or sarif: the commands of --format github mark faults alone")
    linter = Linter(
        keys, only_keys, ignore, dialect, exclude, max_size=max_size, listing=listing, fix=fix, write=_write
    )
    findings: list[Finding] = []  # of the formats that are written at the end
    faulty = False
    misses: list[Miss] = []
    for each in _run(linter, names, stdin_name):
        if isinstance(each, Miss):
            misses.append(each)
            click.echo(str(each), err=True)
        elif isinstance(each, Rewritten):
            click.echo(f"{each.path}: rewrote {each.count} spec{'s' * (each.count > 1)}", err=True)
        else:
            faulty = not listing
            if style not in _LINES:
                findings.append(each)
            else:
                say(_LINES[style](each) if not listing else reports.as_line(each, _paint))
    if style == "json":
        say(reports.as_json(findings))
    elif style == "sarif":
        say(reports.as_sarif(findings, misses, __version__, listing=listing))
    if misses or faulty:
        raise click.exceptions.Exit(2 if misses else 1)


def _run(linter: Linter, names: tuple[str, ...], stdin_name: str) -> Iterator[Finding | Miss | Rewritten]:
    """What is found, in the order of the names."""
    for stdin, group in itertools.groupby(names, key=lambda name: name == _STDIN):
        if not stdin:
            yield from linter.files(group)
        elif sys.stdin is None:  # it was closed before the program began
            yield Miss(stdin_name, "standard input is closed: there is nothing to read")
        else:
            yield from linter.stream(sys.stdin.buffer, stdin_name)


def _write(path: Path, content: bytes) -> None:
    """Put a file's new content in its place, if the file may be written, which its folder alone doesn't say."""
    try:
        if not (os.access(path, os.W_OK) and os.stat(path).st_mode & 0o222):
            raise PermissionError(errno.EACCES, "")
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise UnwritableError(reason_of(error)) from None
    except Fault as fault:
        raise UnwritableError(fault.message) from None


def _paint(role: str, part: str) -> str:
    return click.style(part, **({"bold": True} if role == "place" else {"fg": "red"}))


_STDIN = "-"
_LINES: dict[str, Callable[[Finding], str]] = {
    "text": lambda finding: reports.as_text(finding, _paint),
    "github": reports.as_github,
}
