"""``actspec cache``: the folder of compiled kernels."""

from __future__ import annotations

import click

from actspec.cli.output import say
from actspec.cli.progress import progress
from actspec.cli.spectype import SPEC
from actspec.kernels import disk_cache
from actspec.pipeline import parse


@click.group(short_help="Look at compiled kernels, make or remove them.")
def command() -> None:
    """Look at the folder of compiled kernels, fill it, or empty it.

    They are kept for later processes. ACTSPEC_CACHE_DIR names another folder for them.
    """


@command.command(short_help="Say where they are kept, how many, and their size.")
def info() -> None:
    """Say where compiled kernels are kept, how many there are, and their size."""
    found = disk_cache.info()
    state = "in use" if found.fault is None else f"not in use: {found.fault}"
    facts = {"folder": str(found.folder), "state": state, "kernels": str(found.kernels), "size": _size(found.bytes)}
    say("\n".join(f"{name:<8} {fact}" for name, fact in facts.items()))


@command.command(short_help="Remove all of them.")
def clear() -> None:
    """Remove all compiled kernels; they are compiled again when they are needed."""
    removed = disk_cache.clear()
    say(f"removed {removed} file{'' if removed == 1 else 's'} from {disk_cache.folder()}")


@command.command(short_help="Compile the kernels of specs ahead of their use.")
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True, type=SPEC)
@click.option(
    "--dtype",
    "dtypes",
    type=click.Choice(["float32", "float64"]),
    multiple=True,
    help="The type of the arrays; repeatable. Without it, both.",
)
def warm(specs: tuple[str, ...], dtypes: tuple[str, ...]) -> None:
    """Compile the kernels of each SPEC, so that later processes find them; of what has to be bound, those of its cells.

    Lanes that no cache holds, of some ten thousand elements, have kernels of their own, compiled at their first use.
    """
    pipelines = [parse(spec) for spec in specs]
    from actspec.cli.warm import compile_ahead  # brings Numba along, which the other commands don't need

    with progress("compiling") as report:
        done = compile_ahead(pipelines, dtypes or ("float32", "float64"), report)
    say(f"{done.compiled} compiled, {done.loaded} in the cache already, in {disk_cache.folder()}")


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}" if unit != "bytes" else f"{count} {unit}"
        count /= 1024
    return f"{count:.3g} GiB"
