"""actspec beside its peers: ``python tests/benchmarks/peers.py [--json | --markdown] [--only GLOB]``.

Everything is a ratio: peer/ours (above 1: actspec is faster), and ours/copy, where the copy moves the same bytes with
as many threads. In each round actspec, the copy and the peers run one after the other, so that a drift of the machine
meets all of them, and in an order drawn anew: who comes after a peer with arrays of its own finds them in the caches. A
ratio is the median over the rounds. Peers write into an array that exists where they have an ``out=``;
torch.compile's program ends in ``y.copy_(...)``, which it fuses. Each peer's result is compared with ours first.

The rounds are shared among several processes, as arrays lie well or badly in memory for as long as one runs. Cases with
a target between the quartiles get more of them. Cases of one thread have processes of their own, pinned to one core.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import processes
from libraries import PEERS, RIVALS, Peers
from processes import Result, number, say, wanted
from rounds import GROUPS, Program, Target, Times, judge, measure, merged, ratio, state
from shared import elementwise, table

import actspec
from actspec import registry
from actspec.kernels import threads


@dataclass(frozen=True)
class Case:
    """One measurement: stages on an array, with ``out=`` or, where ``fresh``, into a new array."""

    group: str
    spec: str
    shape: tuple[int, ...]
    type: str
    targets: tuple[Target, ...] = ()
    fresh: bool = False
    formula: str = ""

    @property
    def name(self) -> str:
        """The case as the option --only knows it."""
        how = "act(x)" if self.fresh else "out="
        return f"{self.formula or self.spec} {'x'.join(map(str, self.shape))} {self.type} {how} {GROUPS[self.group]}"


def cases(quick: bool) -> Iterator[Case]:
    """Every case; the quick ones are as many, and small."""

    def size(*shape: int) -> tuple[int, ...]:
        return (max(1, shape[0] // 256), *shape[1:]) if quick and math.prod(shape) > 1 << 17 else shape

    main = "tanh+norm:z"
    yield Case(
        "threads",
        main,
        size(16384, 1024),
        "float32",
        (
            Target("copy", 1.5, ours=True),
            Target("NumPy formula", 8),
            Target("jax.jit", 4),
            Target("torch.compile", 6),
        ),
    )
    yield Case("threads", main, size(16384, 1024), "float64")
    for shape in ((4096, 1024), (100_000, 10)):
        yield Case("threads", "softmax", size(*shape), "float32", (Target("torch", 1), Target("jax.jit", 1)))
    for spec in ("log_softmax", "softmin", "norm:l2", "norm:rms", "norm:layer", "glu", "swiglu"):
        yield Case("threads", spec, size(4096, 1024), "float32", (Target("torch", 1), Target("jax.jit", 1)))
    for spec in ("sparsemax", "hardmax"):
        yield Case("threads", spec, size(4096, 1024), "float32", (Target("fastest", 1),))
    for spec in ("norm:mean", "norm:max", "norm:std", "norm:z", "relu+norm:max"):
        yield Case("threads", spec, size(4096, 1024), "float32")
    for each in ("float32", "float64"):
        yield Case("threads", "above", size(10**7), each, (Target("NumPy formula", 3),), formula="x*(x>1)")
    yield Case("single", main, (256, 512), "float32", (Target("np.tanh", 1.3, ours=True),))
    for shape in ((64, 10), (1, 10)):
        yield Case(
            "single", main, shape, "float32", (Target("np.tanh", 3.5, ours=True), Target("torch.tanh", 1)), fresh=True
        )
    for stage in elementwise().values():
        for each in ("float32", "float64"):
            yield Case("single", str(stage), size(10**6), each, (Target("fastest", 1),))


def copier(x: Any, y: Any) -> Program:
    """A copy of x's bytes by as many threads as actspec uses, where the array is worth it."""
    count = actspec.get_num_threads()
    if count == 1 or x.size < 1 << 21:
        return partial(np.copyto, y, x)
    source, target, piece = x.reshape(-1), y.reshape(-1), -(-x.size // (2 * count))

    def part(number: int) -> None:
        place = slice(number * piece, (number + 1) * piece)
        np.copyto(target[place], source[place])

    return partial(threads.share, part, -(-x.size // piece), count)


def run_case(case: Case, peers: Peers, rounds: int) -> Result:
    """Measure a case."""
    act = actspec.parse(case.spec)
    # Near zero on both sides, where an activation has its shape.
    x = np.random.default_rng(1).normal(0, 2, case.shape).astype(case.type)
    expected = act(x).copy()
    y = None if case.fresh else np.empty_like(expected)
    programs: dict[str, Program] = {"ours": partial(act, x) if y is None else partial(act, x, y)}
    programs["copy"] = x.copy if y is None else copier(x, y if y.shape == x.shape else np.empty_like(x))
    wanted = {target.peer for target in case.targets}
    if "np.tanh" in wanted:
        programs["np.tanh"] = partial(np.tanh, x) if y is None else partial(np.tanh, x, y)
    failed: dict[str, str] = {}
    if "torch.tanh" in wanted and "torch" not in peers.missing and "torch" in peers._tables:
        torch, _ = peers._tables["torch"]
        programs["torch.tanh"] = partial(torch.tanh, torch.from_numpy(x))
    for peer in PEERS:
        try:
            program = peers.program(peer, act.stages, x, y)
            if program is None:
                continue
            result = program()
            found = np.asarray(y if result is None else result)
            if np.shares_memory(found, x):
                failed[peer] = "it gives x itself back"
                continue
            if not np.allclose(found, expected, rtol=1e-3, atol=1e-4):
                worst = float(np.max(np.abs(found - expected)))
                failed[peer] = f"its result differs from ours by {worst:.3g}"
                continue
        except Exception as error:  # a peer that can't do it is no reason to stop
            failed[peer] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        programs[peer] = program
    return {"case": case.name, "times": measure(programs, rounds, case.group), "failed": failed}


def judged(case: Case, parts: list[Result]) -> Result:
    """A case's ratios, of what each process has measured, beside its targets."""
    times = merged([part["times"] for part in parts])
    ours = times.pop("ours")
    copy = times.pop("copy")
    ratios = {peer: ratio(taken, ours) for peer, taken in times.items()}
    rivals = [peer for peer in RIVALS if peer in ratios]
    fastest = min(rivals, key=lambda peer: ratios[peer]["ratio"]) if rivals else None
    targets = []
    for target in case.targets:
        peer = fastest if target.peer == "fastest" else target.peer
        taken = copy if peer == "copy" else times.get(peer or "")
        value = None if taken is None else ratio(ours, taken) if target.ours else ratio(taken, ours)
        targets.append(judge(target, peer or "any peer", value))
    return {
        "case": case.name,
        "group": case.group,
        "spec": case.spec,
        "shape": case.shape,
        "type": case.type,
        "copy": ratio(ours, copy),
        "peers": ratios,
        "fastest": fastest,
        "failed": processes.failures(parts),
        "targets": targets,
    }


SIZES = "cost per element of tanh"


def sizes_name(group: str) -> str:
    return f"{SIZES} float32 out= {GROUPS[group]}"


def run_sizes(group: str, rounds: int, quick: bool, large: bool) -> Result:
    """Measure what tanh costs in float32 arrays from 1e4 elements on, beside a copy."""
    act = actspec.parse("tanh")
    found: dict[int, Times] = {}
    failed = {}
    for size in [10**4, 10**5] if quick else [10**4, 10**5, 10**6, 10**7, 10**8]:
        x = np.random.default_rng(1).normal(0, 2, size).astype(np.float32)
        y = np.empty_like(x)
        found[size] = measure({"ours": partial(act, x, y), "copy": copier(x, y)}, rounds, group)
    if large:
        size = 10**9
        try:
            with tempfile.TemporaryDirectory() as folder:
                x = np.memmap(Path(folder, "x"), np.float32, mode="w+", shape=size)
                part = np.random.default_rng(1).normal(0, 2, 10**7).astype(np.float32)
                for start in range(0, size, part.size):
                    x[start : start + part.size] = part
                x.flush()
                y = np.zeros(size, np.float32)  # in memory: to write to a file costs what the disk takes
                found[size] = measure({"ours": partial(act, x, y), "copy": copier(x, y)}, min(rounds, 3), group)
                del x, y
        except (OSError, MemoryError) as error:
            failed["1e+09 elements"] = f"{type(error).__name__}: {error}"
    return {"case": sizes_name(group), "sizes": list(found.items()), "failed": failed}


def judged_sizes(group: str, parts: list[Result]) -> Result:
    """What an element costs beside the cheapest, of what each process has measured."""
    every = [dict(part["sizes"]) for part in parts]
    times = {size: merged([sizes[size] for sizes in every if size in sizes]) for size in every[0]}
    costs = {size: statistics.median(each["ours"]) / size for size, each in times.items()}
    cheapest = min(costs.values())
    points = [
        {"elements": size, "cost": round(cost / cheapest, 3), "copy": ratio(times[size]["ours"], times[size]["copy"])}
        for size, cost in costs.items()
    ]
    worst = max(point["cost"] for point in points)
    target = {"what": "dearest / cheapest", "ratio": worst, "target": "at most 2", "met": round(worst, 2) <= 2}
    return {
        "case": sizes_name(group),
        "group": group,
        "sizes": points,
        "failed": processes.failures(parts),
        "targets": [target],
    }


def child(group: str, options: argparse.Namespace) -> None:
    """Run a group's cases in this process, and say what each of them took."""
    with registry.scope(), np.errstate(all="ignore"):

        class Above(actspec.Activation):
            def __call__(self, x: Any) -> Any:
                return x * (x > 1)

        chosen = [case for case in cases(options.quick) if case.group == group and wanted(case.name, options)]
        if chosen:
            peers = Peers(tuple(options.peers.split(",")))
            say({"missing": peers.missing})
            for case in chosen:
                say(run_case(case, peers, options.rounds))
        if wanted(sizes_name(group), options):
            say(run_sizes(group, options.rounds, options.quick, options.large and group == "threads"))


def text(result: Result) -> str:
    """A case's result for the terminal."""
    bounds = {each["what"]: each for each in result["targets"]}
    lines = [result["case"]]

    def line(what: str, value: float | None, spread: str = "") -> None:
        judged = bounds.pop(what, None)
        verdict = ""
        if judged is not None:
            verdict = f"  target {judged['target']}: {state(judged)}"
        shown = "-" if value is None else f"{value:.2f}"
        lines.append(f"  {what:34} {shown:>8}{spread}{verdict}")

    def spread(found: dict[str, float]) -> str:
        return f"  ({found['low']:.2f} to {found['high']:.2f}; best {found['best']:.2f})"

    if "sizes" in result:
        for point in result["sizes"]:
            line(f"{point['elements']:.0e} elements / cheapest", point["cost"])
            line("     ours / copy", point["copy"]["ratio"], spread(point["copy"]))
    else:
        line("ours / copy", result["copy"]["ratio"], spread(result["copy"]))
        for peer, found in result["peers"].items():
            line(f"{peer} / ours", found["ratio"], spread(found))
    for judged in list(bounds.values()):
        line(judged["what"], judged["ratio"])
    lines += [f"  {peer}: {reason}" for peer, reason in result["failed"].items()]
    return "\n".join(lines)


def markdown(report: Result) -> str:
    """All results as tables."""
    parts = processes.heading(report) + processes.verdicts(report, "ratio of times")
    for group, title in GROUPS.items():
        measured = [case for case in report["cases"] if case["group"] == group and "peers" in case]
        if measured:
            shown = [peer for peer in ("np.tanh", "torch.tanh", *PEERS) if any(peer in c["peers"] for c in measured)]
            head = (title, "ours / copy", *(f"{peer} / ours" for peer in shown))
            rows = []
            for case in measured:
                ratios = [number(case["peers"].get(peer, {}).get("ratio")) for peer in shown]
                rows.append((case["case"].removesuffix(f" {title}"), number(case["copy"]["ratio"]), *ratios))
            parts.append(table(head, rows))
    for case in report["cases"]:
        if "sizes" in case:
            rows = [(f"{p['elements']:.0e}", number(p["cost"]), number(p["copy"]["ratio"])) for p in case["sizes"]]
            parts.append(table((case["case"], "cost, beside the cheapest", "ours / copy"), rows))
    return "\n\n".join(parts + processes.left_out(report))


def main() -> None:
    parser = processes.arguments(__doc__, PEERS, "softmax*")
    parser.add_argument(
        "--large", action="store_true", help="a memory-mapped file of 1e9 elements too: 4 GB of disk, 8 of memory"
    )
    options = processes.parsed(parser, PEERS)
    if options.child:
        child(options.child, options)
        return
    every = {case.name: case for case in cases(options.quick)}

    def finish(parts: list[Result]) -> Result:
        name = parts[0]["case"]
        if name in every:
            return judged(every[name], parts)
        return judged_sizes(next(group for group in GROUPS if name == sizes_name(group)), parts)

    results = processes.together(__file__, options, finish, *["--large"] * options.large)
    processes.publish(options, "peers", results, text, markdown)


if __name__ == "__main__":
    main()
