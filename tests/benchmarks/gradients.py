"""Derivatives beside their peers: ``python tests/benchmarks/gradients.py [--json | --markdown] [--only GLOB]``.

Everything is a ratio of times but memory, measured as in peers.py. Ours recomputes the forward
values and writes into an array that exists. "torch backward" is the backward pass alone, over a graph that was built
before and kept, with the forward values stored in it; "torch forward+backward" is a whole step, as a training takes it;
"jax.jit vjp" is one compiled program of both. Targets without a name are against the faster of torch backward and jax.

Memory is the growth of a process's peak while vjp runs on 400 MB of x and as much of g, in place of g, per thread.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import processes
from libraries import Peers
from processes import Result, number, say, wanted
from rounds import GROUPS, Program, Target, judge, measure, merged, ratio, state
from shared import elementwise, table

import actspec

PEERS = ("torch", "jax.jit")
RIVALS = ("torch backward", "jax.jit vjp")


@dataclass(frozen=True)
class Case:
    """One measurement: the vjp of stages on an array, or a scan over its first axis."""

    group: str
    what: str
    spec: str
    shape: tuple[int, ...]
    targets: tuple[Target, ...] = ()

    @property
    def name(self) -> str:
        """The case as the option --only knows it."""
        return f"{self.what} {self.spec} {'x'.join(map(str, self.shape))} float32 out= {GROUPS[self.group]}"


def cases(quick: bool) -> Iterator[Case]:
    """Every case of times; the quick ones are as many, and small."""

    def size(*shape: int) -> tuple[int, ...]:
        return (max(1, shape[0] // 256), *shape[1:]) if quick else shape

    step = Target("torch forward+backward", 8)
    main = (Target("forward", 2.5, ours=True), step, Target("jax.jit vjp", 3))
    yield Case("threads", "vjp", "tanh+norm:z", size(16384, 1024), main)
    for spec in ("softmax", "log_softmax", "softmin", "norm:l2", "norm:rms", "norm:layer", "glu", "swiglu"):
        yield Case("threads", "vjp", spec, size(4096, 1024), (Target("fastest", 1),))
    yield Case("threads", "vjp", "softmax", size(100_000, 10))
    steps = 100 if quick else 1000
    yield Case("threads", "scan", "continuous(tanh,tau=2)", (steps, 32, 128), (Target("NumPy loop", 10),))
    for stage in elementwise().values():
        yield Case("single", "vjp", str(stage), size(10**6), (Target("fastest", 1),))


# ---- what the peers run


def _chain(functions: list[Any], stages: tuple[Any, ...], *rest: Any) -> Any:
    def whole(x: Any) -> Any:
        for stage, function in zip(stages, functions, strict=True):
            x = function(stage, x, *rest)
        return x

    return whole


def _torch(peers: Peers, stages: tuple[actspec.Activation, ...], x: Any, g: Any) -> dict[str, Program]:
    torch, table = peers._tables["torch"]
    f = torch.nn.functional
    # Those whose backward is one function of its own.
    own = {
        "relu": lambda s, x, _: f.relu(x) if s.max == math.inf else f.hardtanh(x, 0, s.max),
        "clip": lambda s, x, _: f.hardtanh(x, s.min, s.max),
        "rect:minmax": lambda _s, x, _: f.hardtanh(x, 0, 1),
        "relu6": lambda _s, x, _: f.relu6(x),
        "reluk": lambda s, x, _: f.hardtanh(x, 0, s.n),
        "mish": lambda _s, x, _: f.mish(x),
        "selu": lambda s, x, y: f.selu(x) if s == type(s)() else table["selu"](s, x, y),
        "linear": lambda _s, x, _: x * 1,
        "maxout": lambda s, x, _: s.slope * x + s.intercept,
    }
    names = [stage.__definition__.name for stage in stages]
    if not all(name in table or name in own for name in names):
        return {}
    run = _chain([own.get(name) or table[name] for name in names], stages, None)
    leaf, given = torch.from_numpy(x).requires_grad_(), torch.from_numpy(g)

    def both() -> Any:
        return torch.autograd.grad(run(leaf), leaf, given)[0]

    held = run(leaf)
    backward = partial(torch.autograd.grad, held, leaf, given, retain_graph=True)
    return {"torch forward+backward": both, "torch backward": lambda: backward()[0]}


def _jax(peers: Peers, stages: tuple[actspec.Activation, ...], x: Any, g: Any) -> dict[str, Program]:
    jax, own = peers._tables["jax.jit"]
    own = {**own, "maxout": lambda s, x: s.slope * x + s.intercept}
    names = [stage.__definition__.name for stage in stages]
    if not all(name in own for name in names):
        return {}
    run = _chain([own[name] for name in names], stages)
    jitted = jax.jit(lambda x, g: jax.vjp(run, x)[1](g)[0])
    given = [jax.numpy.asarray(each) for each in (x, g)]
    return {"jax.jit vjp": lambda: jitted(*given).block_until_ready()}


def numpy_loop(rate: float, xs: Any, ys: Any) -> Program:
    """The steps of continuous(tanh) from state zero, one after the other, in NumPy, as its formulas are written."""
    zero = np.zeros_like(xs[0])

    def run() -> None:
        state = zero
        for x, y in zip(xs, ys, strict=True):
            state = (1 - rate) * state + rate * x
            y[...] = np.tanh(state)

    return run


def numpy_loop_on_buffers(rate: float, xs: Any, ys: Any) -> Program:
    """The same with no array made anew."""
    state, part = np.empty_like(xs[0]), np.empty_like(xs[0])

    def run() -> None:
        state[...] = 0
        for x, y in zip(xs, ys, strict=True):
            np.multiply(state, 1 - rate, out=state)
            np.multiply(x, rate, out=part)
            np.add(state, part, out=state)
            np.tanh(state, out=y)

    return run


# ---- cases


def fits(found: Any, expected: Any) -> str:
    """Why a peer's result isn't ours; empty where it is."""
    found = np.asarray(found)
    if np.allclose(found, expected, rtol=1e-3, atol=1e-4 * float(np.abs(expected).max())):
        return ""
    return f"its result differs from ours by {float(np.max(np.abs(found - expected))):.3g}"


def run_vjp(case: Case, peers: Peers, rounds: int) -> Result:
    """Measure the vjp of a case beside its forward call and its peers."""
    act, rng = actspec.parse(case.spec), np.random.default_rng(1)
    x = rng.normal(0, 2, case.shape).astype(np.float32)
    y, out = act(x), np.empty_like(x)
    g = rng.normal(0, 1, y.shape).astype(np.float32)
    expected = act.vjp(x, g)
    programs: dict[str, Program] = {"ours": partial(act.vjp, x, g, out), "forward": partial(act, x, y)}
    failed: dict[str, str] = {}
    for peer, make in zip(PEERS, (_torch, _jax), strict=True):
        if peer not in peers._tables:
            continue
        try:
            made = make(peers, act.stages, x, g)
            for name, program in made.items():
                result = program()
                result = result.numpy() if peer == "torch" else np.asarray(result)
                wrong = "it gives g itself back" if np.shares_memory(result, g) else fits(result, expected)
                if wrong:
                    failed[name] = wrong
                else:
                    programs[name] = program
        except Exception as error:  # a peer that can't do it is no reason to stop
            failed[peer] = f"{type(error).__name__}: {error}".splitlines()[0]
    return {"case": case.name, "times": measure(programs, rounds, case.group), "failed": failed}


def run_scan(case: Case, rounds: int) -> Result:
    """Measure a scan, and the way back through it, beside steps in NumPy."""
    rng = np.random.default_rng(1)
    xs, gs = (rng.normal(0, 2, case.shape).astype(np.float32) for _ in range(2))
    ys, expected = np.empty_like(xs), np.empty_like(xs)
    act = actspec.parse(case.spec)
    unit, cell = act[0], act.bind(dtype=np.float32)

    def ours() -> None:
        cell.reset()
        cell.scan(xs, ys)

    ours()
    programs: dict[str, Program] = {"ours": ours, "scan_vjp": partial(cell.scan_vjp, xs, gs)}
    failed: dict[str, str] = {}
    for name, make in (("NumPy loop", numpy_loop), ("NumPy loop on buffers", numpy_loop_on_buffers)):
        loop = make(unit.dt / unit.tau, xs, expected)
        loop()
        wrong = fits(expected, ys)
        if wrong:
            failed[name] = wrong
        else:
            programs[name] = loop
    return {"case": case.name, "times": measure(programs, rounds, case.group), "failed": failed}


def judged(case: Case, parts: list[Result]) -> Result:
    """A case's ratios, of what each process has measured, beside its targets."""
    times = merged([part["times"] for part in parts])
    ours = times.pop("ours")
    mine = [name for name in ("forward",) if name in times]
    ratios = {f"ours / {name}": ratio(ours, times[name]) for name in mine}
    ratios |= {f"{name} / ours": ratio(taken, ours) for name, taken in times.items() if name not in mine}
    rivals = [peer for peer in RIVALS if peer in times]
    fastest = min(rivals, key=lambda peer: ratios[f"{peer} / ours"]["ratio"]) if rivals else None
    targets = []
    for target in case.targets:
        peer = fastest if target.peer == "fastest" else target.peer
        found = ratios.get(f"ours / {peer}" if target.ours else f"{peer} / ours")
        targets.append(judge(target, peer or "any peer", found))
    return {
        "case": case.name,
        "group": case.group,
        "spec": case.spec,
        "shape": case.shape,
        "ratios": ratios,
        "fastest": fastest,
        "failed": processes.failures(parts),
        "targets": targets,
    }


MEMORY = {
    "tanh": (100_000_000,),
    "tanh+norm:z": (100_000, 1000),
    "softmax": (10_000_000, 10),
    "softmax[:3]+norm:max[3:]": (10_000_000, 10),
    "norm:z(axis=0)": (1_000_000, 100),
    "norm:z": (1, 100_000_000),
}


def memory_name(spec: str, shape: tuple[int, ...]) -> str:
    return f"memory of vjp {spec} {'x'.join(map(str, shape))} float32 out=g {GROUPS['threads']}"


def grow(spec: str, shape: tuple[int, ...]) -> float:
    """How many MiB of memory per thread a vjp takes beside its arrays, in this process, which does nothing else."""
    import resource

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**20

    act = actspec.parse(spec)
    # Compiled, and its threads started, on an array that has as many elements in a lane, or nearly.
    few = shape if len(shape) == 1 or shape[0] == 1 else (max(1, 600_000 // shape[1]), shape[1])
    small = np.ones(tuple(min(each, 600_000) for each in few), np.float32)
    act.vjp(small, small.copy(), out=small)
    x, g = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for array in (x, g):
        flat = array.reshape(-1)
        for start in range(0, flat.size, 10**6):
            piece = flat[start : start + 10**6]
            piece[...] = np.linspace(-3, 3, piece.size, dtype=np.float32)
    before = peak()
    act.vjp(x, g, out=g)
    return (peak() - before) / actspec.get_num_threads()


def run_memory(spec: str, shape: tuple[int, ...]) -> Result:
    """Measure the memory of a vjp in a process of its own."""
    command = [sys.executable, __file__, "--grow", json.dumps([spec, shape])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
    if done.returncode:
        return {"stopped": f"{memory_name(spec, shape)} ended early, with exit status {done.returncode}"}
    found = round(float(done.stdout), 3)
    target = {"what": "MiB per thread", "ratio": found, "target": "at most 1", "met": round(found, 2) <= 1}
    return {
        "case": memory_name(spec, shape),
        "group": "memory",
        "spec": spec,
        "shape": shape,
        "ratios": {},
        "failed": {},
        "targets": [target],
    }


# ---- processes


def child(group: str, options: argparse.Namespace) -> None:
    """Run a group's cases in this process, and say what each of them took."""
    chosen = [case for case in cases(options.quick) if case.group == group and wanted(case.name, options)]
    if not chosen:
        return
    peers = Peers(tuple(options.peers.split(",")))
    say({"missing": peers.missing})
    with np.errstate(all="ignore"):
        for case in chosen:
            say(run_scan(case, options.rounds) if case.what == "scan" else run_vjp(case, peers, options.rounds))


def run(options: argparse.Namespace) -> Iterator[Result]:
    """All that is wanted, one after the other."""
    every = {case.name: case for case in cases(options.quick)}
    yield from processes.together(__file__, options, lambda parts: judged(every[parts[0]["case"]], parts))
    for spec, shape in MEMORY.items():
        if sys.platform != "win32" and wanted(memory_name(spec, shape), options):
            few = tuple(each // 64 if each == max(shape) else each for each in shape)
            yield run_memory(spec, few if options.quick else shape)


# ---- reports


def text(result: Result) -> str:
    """A case's result for the terminal."""
    bounds = {each["what"].replace(" (the fastest)", ""): each for each in result["targets"]}
    found = {what: (each["ratio"], each) for what, each in result["ratios"].items()}
    found |= {what: (each["ratio"], None) for what, each in bounds.items() if what not in found}
    lines = [result["case"]]
    for what, (value, spread) in found.items():
        shown = "-" if value is None else f"{value:.2f}"
        line = f"  {what:34} {shown:>8}"
        if spread is not None:
            line += f"  ({spread['low']:.2f} to {spread['high']:.2f}; best {spread['best']:.2f})"
        if what in bounds:
            line += f"  target {bounds[what]['target']}: {state(bounds[what])}"
        lines.append(line)
    lines += [f"  {peer}: {reason}" for peer, reason in result["failed"].items()]
    return "\n".join(lines)


def markdown(report: Result) -> str:
    """All results as tables."""
    parts = processes.heading(report) + processes.verdicts(report, "ratio of times, or memory")
    for group, title in GROUPS.items():
        measured = [case for case in report["cases"] if case["group"] == group]
        shown = list(dict.fromkeys(what for case in measured for what in case["ratios"]))
        if measured:
            rows = [
                (
                    case["case"].removesuffix(f" {title}"),
                    *(number(case["ratios"].get(what, {}).get("ratio")) for what in shown),
                )
                for case in measured
            ]
            parts.append(table((title, *shown), rows))
    return "\n\n".join(parts + processes.left_out(report))


def main() -> None:
    parser = processes.arguments(__doc__, PEERS, "vjp softmax*")
    parser.add_argument("--grow", type=json.loads, help=argparse.SUPPRESS)
    options = processes.parsed(parser, PEERS)
    if options.grow:
        spec, shape = options.grow
        print(grow(spec, tuple(shape)))
    elif options.child:
        child(options.child, options)
    else:
        processes.publish(options, "gradients", run(options), text, markdown)


if __name__ == "__main__":
    main()
