"""``actspec show``: an activation or a pipeline in words, with a plot."""

from __future__ import annotations

import sys

import click
import numpy as np

from actspec.cli.dialectoption import dialect_option
from actspec.cli.output import say
from actspec.cli.plot import plot
from actspec.cli.spectype import SPEC
from actspec.description import Description, describe, explain
from actspec.errors import SpecError, shorten
from actspec.graph.coupling import coupled_axes
from actspec.meanings import meanings, shown_numbers
from actspec.pipeline import Pipeline, parse
from actspec.plugins import NAME
from actspec.structure import leaves

_LOW, _HIGH, _POINTS = -4.0, 4.0, 481


@click.command(short_help="Show what a spec is, with a plot.")
@click.argument("spec", type=SPEC)
@click.option("--dialects", is_flag=True, help="Show what each system means by a name, at x = -2 and 2.")
@dialect_option
def command(spec: str, dialects: bool, dialect: str | None) -> None:
    """Show what SPEC is: formulas, parameters, aliases, references, stages, and a plot of its output."""
    if dialects:
        if dialect is not None:
            raise click.UsageError("--dialects shows the word of every system: it can't be used with --dialect")
        say(_systems(spec.strip()))
        return
    try:
        pipeline = parse(spec, dialect)
    except SpecError as fault:
        if dialect is not None:
            raise  # what describes a name alone knows actspec's own
        say(_words(_by_name(spec, fault)))
        say(f"\nNo plot: {fault.reason}.")
        return
    names = dict.fromkeys(type(leaf).__definition__.name for leaf in leaves(pipeline.stages))
    if len(pipeline) > 1 or str(pipeline) not in names:
        say(f"{explain(pipeline).words}\n")
    say("\n\n".join(_words(describe(name)) for name in names))
    say(f"\n{_picture(pipeline)}")


def _systems(name: str) -> str:
    """A table of who means what by a name."""
    if not NAME.fullmatch(name):
        raise click.UsageError(f"--dialects takes one name, not {shorten(name)!r}")
    found = meanings(name)
    if not found:
        describe(name)  # nobody knows it: this says what was meant
    rows = [("system", "word", "stands for", "x = -2", "x = 2")]
    rows += [(each.system, each.word, each.spec, *shown_numbers(each)) for each in found]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if any(each.coupled for each in found):
        lines.append("Features depend on each other: the numbers are those of the row (-2, 2).")
    return "\n".join(lines)


def _by_name(name: str, fault: SpecError) -> Description:
    """The activation that is meant by a name alone, which is no spec where it needs a parameter."""
    try:
        return describe(name.strip())
    except SpecError:
        raise fault from None


def _words(found: Description) -> str:
    facts = {
        "formula": found.formula,
        "parameters": ", ".join(map(str, found.parameters)),
        "aliases": ", ".join(found.aliases),
        "returns": found.range,
        "notes": found.notes,
        "reference": found.reference,
        "elsewhere": found.elsewhere,
        "family": found.family,
    }
    lines = [f"  {f'{label}:':<12}{text}" for label, text in facts.items() if text]
    return "\n".join([click.style(found.name, bold=True) + f": {found.summary}", *lines])


def _picture(pipeline: Pipeline) -> str:
    if reason := pipeline.needs_binding():
        return f"No plot: {reason}, so it has to be bound before it runs."
    if any(stage.resizes for stage in pipeline.stages):
        return "No plot: its result has other features than its input."
    x = np.linspace(_LOW, _HIGH, _POINTS)
    try:
        with np.errstate(all="ignore"):
            y = pipeline.as_stage().formula(x)  # as it is written: a picture isn't worth a kernel
    except Exception as error:  # whatever a custom formula raises: the words above hold without the plot
        return f"No plot: on a row of {_POINTS} points, {' '.join(str(error).split())}"
    drawn = plot(x, y, encoding=sys.stdout.encoding or "ascii")
    if all(coupled_axes(stage.follow, 1) == frozenset() for stage in pipeline.stages):
        return drawn
    note = f"Its features depend on each other or on their place: this is one row of {_POINTS} features from -4 to 4."
    return f"{drawn}\n{note}"
