"""What the benchmark programs share: facts of the machine, the built-ins to measure, ways to print."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

import actspec
from actspec import registry
from actspec.parameters import MISSING, Learnable

PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "numexpr", "torch", "jax", "jaxlib")


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, object]:
    """What the numbers depend on: the machine, how busy it is, and the versions of what was measured."""
    versions = {"actspec": actspec.__version__}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": versions,
    }


def _cpu() -> str:
    facts: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name") or platform.processor() or platform.machine()
    number = f" (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else ""
    widest = next((word for word in ("avx512f", "avx2") if word in facts.get("flags", "").split()), "")
    return f"{name}{number}{f', {widest}' if widest else ''}"


def machine_line(facts: dict[str, object]) -> str:
    """The facts in one line of text."""
    versions = facts["versions"]
    assert isinstance(versions, dict)
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    load = "" if facts["load"] is None else f"; load before the run: {facts['load']}"
    return f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}, Python {facts['python']}, {named}{load}"


def fixed(cls: type[actspec.Activation]) -> actspec.Activation | None:
    """An instance that runs unbound: learnables have their start as value. None where the class can't run so."""
    given: dict[str, object] = {}
    for each in cls.__definition__.parameters:
        if isinstance(each.default, Learnable):
            start = each.default.start
            given[each.name] = start if isinstance(start, float) else 1.0
        elif each.default is MISSING:
            if each.type not in (int, float):
                return None
            given[each.name] = each.type(2)
    stage = cls(**given)
    return None if stage.needs_binding() else stage


def elementwise() -> dict[str, actspec.Activation]:
    """The built-ins whose results depend on one element each, by name."""
    found = {}
    for entry in registry.entries().values():
        if entry.cls.__module__.startswith("actspec.catalog."):
            stage = fixed(entry.cls)
            if stage is not None and not stage.resizes and is_elementwise(stage):
                found[entry.name] = stage
    return dict(sorted(found.items()))


def is_elementwise(act: actspec.Activation | actspec.Pipeline) -> bool:
    """Whether a change of one element changes no other one's result; nothing is compiled for that."""
    before = after = np.linspace(-1.5, 2.5, 35).reshape(5, 7)
    after = after.copy()
    after[2, 3] += 2
    for stage in act.stages:
        before, after = stage.formula(before), stage.formula(after)
    changed = before != after
    changed[2, 3] = False
    return not changed.any()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; every column but the first is aligned to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def paste(page: Path, mark: str, text: str, stopped: Sequence[str] = ()) -> None:
    """Replace what a page has between ``<!-- begin MARK -->`` and ``<!-- end MARK -->``, unless some cases stopped."""
    if stopped:
        raise SystemExit(f"{page} stays as it is: some cases are missing")
    begin, end = f"<!-- begin {mark} -->\n", f"<!-- end {mark} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{page.name} has no place for the tables of {mark}")
    page.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """The options that say how to print."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON")
    how.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument(
        "--into", type=Path, metavar="PAGE", help="write the tables into a Markdown page, at their marks"
    )
