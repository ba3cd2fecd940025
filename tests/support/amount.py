"""How much the tests run: as much as fits into ten minutes, and all of it where ACTSPEC_TEST_FULL is set."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

import actspec
from actspec.kernels import plan

Case = TypeVar("Case")

FULL = os.environ.get("ACTSPEC_TEST_FULL", "0") not in ("", "0")


def amount(usual: int, full: int, variable: str = "") -> int:
    """How many cases to run; a variable of the environment may give another number."""
    return int(os.environ.get(variable, full if FULL else usual))


def cases(usual: Iterable[Case], others: Iterable[Case]) -> list[Case]:
    """Cases that always run, and those of a full run alone: what they show, the usual ones show in smaller parts."""
    return [*usual, *(others if FULL else ())]


def by_turns(names: Iterable[str], dtypes: Sequence[str]) -> list[tuple[str, str]]:
    """Each name with one of the types, by turns; a full run: with each of them."""
    turns = itertools.cycle(dtypes)
    return [(name, dtype) for name in names for dtype in (dtypes if FULL else [next(turns)])]


def operations(spec: str) -> set[Hashable]:
    """What a spec's kernels and those of its gradient compute, by the nodes of their graphs; what binding it takes."""
    act = actspec.parse(spec)
    if act.needs_binding() is not None:
        return {spec}
    found: set[Hashable] = set()
    for segment in plan.for_any_rank(act.stages, np.dtype("f8")):
        if isinstance(segment, plan.Compiled):
            for graph in (segment.graph, segment.vjp.graph):
                found |= {(node.op, node.detail if node.op == "reduce" else None) for node in graph.nodes}
    return found


def reductions(spec: str) -> set[Hashable]:
    """The reductions of a spec's kernel, in their order."""
    return {
        tuple(node.detail for node in segment.graph.nodes if node.op == "reduce")
        for segment in plan.for_any_rank(actspec.parse(spec).stages, np.dtype("f8"))
        if isinstance(segment, plan.Compiled)
    }


def spread(specs: Iterable[str], traits: Callable[[str], set[Hashable]] = operations) -> list[str]:
    """Specs that together have every trait of all of them: each has one that none before it has. A full run: all."""
    kept: list[str] = []
    seen: set[Hashable] = set()
    for spec in specs:
        mine = traits(spec)
        if FULL or mine - seen:
            kept.append(spec)
        seen |= mine
    return kept
