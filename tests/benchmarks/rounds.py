"""How programs are timed beside each other, and how what was found is judged."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Program = Callable[[], Any]

Times = dict[str, list[float]]
"""Seconds for one call of each program, round by round."""

GROUPS = {"threads": "all threads", "single": "one thread"}

LEAST = {"threads": 2e-2, "single": 2e-3}
"""Seconds that a turn takes at least, by group: other libraries' threads look for more work, some for milliseconds, and
keep cores from whoever comes next.
"""


@dataclass(frozen=True)
class Target:
    """A bound on a ratio to a peer, to the copy, or to the fastest of the rivals.

    Where ``ours`` is true, ours/peer must be at most the bound, else peer/ours at least.
    """

    peer: str
    bound: float
    ours: bool = False


def calls(program: Program, least: float) -> int:
    """How many calls make a turn; the program is warm then."""
    program()
    start = time.perf_counter()
    program()
    return max(1, int(least / max(time.perf_counter() - start, 1e-7)))


def turn(program: Program, count: int) -> float:
    """Seconds for one call, after as many that aren't counted: they fetch the arrays into the caches."""
    for _ in range(count):
        program()
    start = time.perf_counter()
    for _ in range(count):
        program()
    return (time.perf_counter() - start) / count


def measure(programs: dict[str, Program], rounds: int, group: str) -> Times:
    """Run the programs one after the other in each round, in an order drawn anew."""
    count = {name: calls(program, LEAST[group]) for name, program in programs.items()}
    times: Times = {name: [] for name in programs}
    gc.collect()
    gc.disable()
    try:
        order, chance = list(programs), random.Random(1)
        for _ in range(rounds):
            chance.shuffle(order)
            for name in order:
                times[name].append(turn(programs[name], count[name]))
    finally:
        gc.enable()
    return times


def merged(parts: list[Times]) -> Times:
    """The rounds of several processes as those of one: of what each of them has measured."""
    first, *rest = parts
    return {
        name: [taken for part in parts for taken in part[name]]
        for name in first
        if all(name in other for other in rest)
    }


def ratio(over: list[float], under: list[float]) -> dict[str, float]:
    """The median of the rounds' ratios, the quartiles around it, and the ratio of the fastest rounds.

    Where others use the machine too, the last one says most.
    """
    found = [a / b for a, b in zip(over, under, strict=True)]
    low, middle, high = statistics.quantiles(found, n=4) if len(found) > 1 else found * 3
    named = {"ratio": middle, "low": low, "high": high, "best": min(over) / min(under)}
    return {name: round(value, 3) for name, value in named.items()}


def judge(target: Target, peer: str, found: dict[str, float] | None) -> dict[str, Any]:
    """A target beside what was found, a ``ratio``."""
    against = f"{peer} (the fastest)" if target.peer == "fastest" else peer
    value = None if found is None else found["ratio"]
    met = None if value is None else round(value, 2) <= target.bound if target.ours else round(value, 2) >= target.bound
    return {
        "what": f"ours / {against}" if target.ours else f"{against} / ours",
        "ratio": value,
        "quartiles": found and [found["low"], found["high"]],
        "target": f"at {'most' if target.ours else 'least'} {target.bound:g}",
        "met": met,
        "close": found is not None and found["low"] <= target.bound <= found["high"],
    }


def state(judged: dict[str, Any]) -> str:
    """A verdict in a word: a target that is missed by less than the rounds differ from each other is a tie."""
    if judged["met"] is None:
        return "not measured"
    return "met" if judged["met"] else "tie" if judged.get("close") else "MISSED"
