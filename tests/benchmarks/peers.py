"""actspec beside its peers: ``python tests/benchmarks/peers.py [--json | --markdown] [--only GLOB] [--rounds N]``.

Everything is a ratio: peer/ours (above 1: actspec is faster), and ours/copy, where the copy moves the same bytes with
as many threads. In each round actspec, the copy and the peers run one after the other, so that a drift of the machine
meets all of them, and in an order drawn anew: who comes after a peer with arrays of its own finds them in the caches. A
ratio is the median over the rounds. Peers write into an array that exists where they have an ``out=``;
torch.compile's program ends in ``y.copy_(...)``, which it fuses. Each peer's result is compared with ours first.

Cases of one thread run in a process of their own, pinned to one core.
"""

from __future__ import annotations

import argparse
import fnmatch
import gc
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from libraries import PEERS, RIVALS, Peers, Program
from shared import add_outputs, cores, elementwise, machine, machine_line, paste, table

import actspec
from actspec import registry
from actspec.kernels import threads

GROUPS = {"threads": "all threads", "single": "one thread"}


@dataclass(frozen=True)
class Target:
    """A bound on a ratio to a peer, to the copy, or to the fastest of the rivals.

    Where ``ours`` is true, ours/peer must be at most the bound, else peer/ours at least.
    """

    peer: str
    bound: float
    ours: bool = False


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


LEAST = {"threads": 2e-2, "single": 2e-3}
"""Seconds that a turn takes at least, by group: other libraries' threads look for more work, some for milliseconds, and
keep cores from whoever comes next.
"""


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


def measure(programs: dict[str, Program], rounds: int, group: str) -> dict[str, list[float]]:
    """Seconds for one call of each program, round by round."""
    count = {name: calls(program, LEAST[group]) for name, program in programs.items()}
    times: dict[str, list[float]] = {name: [] for name in programs}
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


def ratio(over: list[float], under: list[float]) -> dict[str, float]:
    """The median of the rounds' ratios, the quartiles around it, and the ratio of the fastest rounds.

    Where others use the machine too, the last one says most.
    """
    found = [a / b for a, b in zip(over, under, strict=True)]
    low, middle, high = statistics.quantiles(found, n=4) if len(found) > 1 else found * 3
    named = {"ratio": middle, "low": low, "high": high, "best": min(over) / min(under)}
    return {name: round(value, 3) for name, value in named.items()}


def run_case(case: Case, peers: Peers, rounds: int) -> dict[str, Any]:
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
    times = measure(programs, rounds, case.group)
    ours = times.pop("ours")
    copy = times.pop("copy")
    ratios = {peer: ratio(taken, ours) for peer, taken in times.items()}
    rivals = [peer for peer in RIVALS if peer in ratios]
    fastest = min(rivals, key=lambda peer: ratios[peer]["ratio"]) if rivals else None
    judged = []
    for target in case.targets:
        peer = fastest if target.peer == "fastest" else target.peer
        taken = copy if peer == "copy" else times.get(peer or "")
        value = None if taken is None else ratio(ours, taken) if target.ours else ratio(taken, ours)
        judged.append(judge(target, peer or "any peer", value and value["ratio"]))
    return {
        "case": case.name,
        "group": case.group,
        "spec": case.spec,
        "shape": case.shape,
        "type": case.type,
        "copy": ratio(ours, copy),
        "peers": ratios,
        "fastest": fastest,
        "failed": failed,
        "targets": judged,
    }


def judge(target: Target, peer: str, value: float | None) -> dict[str, Any]:
    """A target beside what was found."""
    against = f"{peer} (the fastest)" if target.peer == "fastest" else peer
    met = None if value is None else round(value, 2) <= target.bound if target.ours else round(value, 2) >= target.bound
    return {
        "what": f"ours / {against}" if target.ours else f"{against} / ours",
        "ratio": value,
        "target": f"at {'most' if target.ours else 'least'} {target.bound:g}",
        "met": met,
    }


SIZES = "cost per element of tanh"


def run_sizes(group: str, rounds: int, quick: bool, large: bool) -> dict[str, Any]:
    """What an element of tanh costs in float32 arrays from 1e4 elements on, beside the cheapest."""
    act = actspec.parse("tanh")
    sizes = [10**4, 10**5] if quick else [10**4, 10**5, 10**6, 10**7, 10**8]
    ours: dict[int, float] = {}
    copies: dict[int, dict[str, float]] = {}
    for size in sizes:
        x = np.random.default_rng(1).normal(0, 2, size).astype(np.float32)
        y = np.empty_like(x)
        _one_size(group, act, x, y, rounds, ours, copies)
    failed = {}
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
                _one_size(group, act, x, y, min(rounds, 3), ours, copies)
                del x, y
        except (OSError, MemoryError) as error:
            failed["1e+09 elements"] = f"{type(error).__name__}: {error}"
    cheapest = min(cost / size for size, cost in ours.items())
    points = [
        {"elements": size, "cost": round(cost / size / cheapest, 3), "copy": copies[size]}
        for size, cost in ours.items()
    ]
    worst = max(point["cost"] for point in points)
    judged = {"what": "dearest / cheapest", "ratio": worst, "target": "at most 2", "met": round(worst, 2) <= 2}
    name = f"{SIZES} float32 out= {GROUPS[group]}"
    return {"case": name, "group": group, "sizes": points, "failed": failed, "targets": [judged]}


def _one_size(
    group: str, act: Any, x: Any, y: Any, rounds: int, ours: dict[int, float], copies: dict[int, Any]
) -> None:
    times, size = measure({"ours": partial(act, x, y), "copy": copier(x, y)}, rounds, group), x.size
    ours[size] = statistics.median(times["ours"])
    copies[size] = ratio(times["ours"], times["copy"])


def child(group: str, options: argparse.Namespace) -> None:
    """Run a group's cases in this process, and print each as one line of JSON."""

    def say(what: dict[str, Any]) -> None:
        print(json.dumps(what), flush=True)

    with registry.scope(), np.errstate(all="ignore"):

        class Above(actspec.Activation):
            def __call__(self, x: Any) -> Any:
                return x * (x > 1)

        chosen = [
            case for case in cases(options.quick) if case.group == group and fnmatch.fnmatch(case.name, options.only)
        ]
        if chosen:
            peers = Peers(tuple(options.peers.split(",")))
            say({"missing": peers.missing})
            for case in chosen:
                say(run_case(case, peers, options.rounds))
        if fnmatch.fnmatch(f"{SIZES} float32 out= {GROUPS[group]}", options.only):
            say(run_sizes(group, options.rounds, options.quick, options.large and group == "threads"))


def run_group(group: str, arguments: list[str]) -> Iterator[dict[str, Any]]:
    """Run a group's cases in a process of its own."""
    environment = dict(os.environ)
    environment.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    if group == "single":
        for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "ACTSPEC"):
            environment[f"{name}_NUM_THREADS"] = "1"
        flags = environment.get("XLA_FLAGS", "")
        environment["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    command = [sys.executable, __file__, "--child", group, *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        yield {"stopped": f"the cases with {GROUPS[group]} ended early, with exit status {process.returncode}"}


def text(result: dict[str, Any]) -> str:
    """A case's result for the terminal."""
    bounds = {each["what"]: each for each in result["targets"]}
    lines = [result["case"]]

    def line(what: str, value: float | None, spread: str = "") -> None:
        judged = bounds.pop(what, None)
        verdict = ""
        if judged is not None:
            state = {True: "met", False: "MISSED", None: "not measured"}[judged["met"]]
            verdict = f"  target {judged['target']}: {state}"
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


def markdown(report: dict[str, Any]) -> str:
    """All results as tables."""
    state = {True: "yes", False: "no", None: "not measured"}

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    parts = [f"Machine: {machine_line(report['machine'])}. {report['rounds']} rounds."]
    parts += [f"Not installed: {peer} ({reason})." for peer, reason in report["missing"].items()]
    judged = [
        (case["case"], each["what"], number(each["ratio"]), each["target"], state[each["met"]])
        for case in report["cases"]
        for each in case["targets"]
    ]
    if judged:
        parts.append(table(("case", "ratio of times", "found", "target", "met"), judged))
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
    failed = [(case["case"], peer, reason) for case in report["cases"] for peer, reason in case["failed"].items()]
    if failed:
        parts.append("\n".join(f"- {name}: {peer} was left out: {reason}" for name, peer, reason in failed))
    return "\n\n".join(parts)


@dataclass
class Report:
    """What the groups have said so far."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", metavar="GLOB", help="cases whose name matches, such as 'softmax*'")
    parser.add_argument("--rounds", type=int, help="rounds of each case (15)")
    parser.add_argument("--quick", action="store_true", help="small arrays and few rounds, to see whether it works")
    parser.add_argument(
        "--large", action="store_true", help="a memory-mapped file of 1e9 elements too: 4 GB of disk, 8 of memory"
    )
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of these: {', '.join(PEERS)}")
    parser.add_argument("--child", choices=GROUPS, help=argparse.SUPPRESS)
    add_outputs(parser)
    options = parser.parse_args()
    unknown = set(options.peers.split(",")) - set(PEERS)
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    options.rounds = options.rounds or (3 if options.quick else 15)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if options.child:
        if options.child == "single" and hasattr(os, "sched_setaffinity"):
            # Before any peer counts the cores.
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        child(options.child, options)
        return

    talk = not (options.json or options.markdown)
    facts = machine()
    if talk:
        print(machine_line(facts))
    busy = facts["load"]
    if isinstance(busy, float) and busy > cores() / 2:
        print(f"the machine is busy (load {busy}): the ratios will scatter", file=sys.stderr)
    arguments = ["--only", options.only, "--rounds", str(options.rounds), "--peers", options.peers]
    arguments += ["--quick"] * options.quick + ["--large"] * options.large
    report = Report()
    for group in GROUPS:
        for result in run_group(group, arguments):
            if "missing" in result:
                report.missing |= result["missing"]
                if talk:
                    for peer, why in result["missing"].items():
                        print(f"not installed: {peer} ({why})")
            elif "stopped" in result:
                report.stopped.append(result["stopped"])
                print(result["stopped"], file=sys.stderr)
            else:
                report.cases.append(result)
                if talk:
                    print(text(result), flush=True)
    whole = {"machine": facts, "rounds": options.rounds, "quick": options.quick, **vars(report)}
    judged = [each["met"] for case in report.cases for each in case["targets"]]
    if options.json:
        print(json.dumps(whole, indent=1))
    elif options.markdown:
        print(markdown(whole))
    else:
        print(f"targets: {judged.count(True)} met, {judged.count(False)} missed, {judged.count(None)} not measured")
    if options.into:
        paste(options.into, "peers", markdown(whole), report.stopped)


if __name__ == "__main__":
    main()
