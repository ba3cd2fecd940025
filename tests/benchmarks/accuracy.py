"""The worst error of activations: ``python tests/benchmarks/accuracy.py [SPEC...] [--type T] [--every N]``.

float32: all 2**32 bit patterns go through actspec, against a reference in float64. float64: 10**7 values, over all
exponents and dense where activations have their shape, against a reference in long double; where that is no wider than
float64, only the worst candidates count, which mpmath recomputes. Without SPEC: every elementwise built-in.

An error is the distance from the exact result in units in the last place (ulp) of the result's type at the exact
result; of subnormal results, in the smallest subnormal. Parameters count as declared, in float64. The references are
those of ``tests/support/oracles``.

``--peers`` adds the worst errors of PyTorch and JAX, over about a million values.

``--every N`` takes a part: of float32 each Nth bit pattern, from pattern ``N//3`` on, so that the lowest bits aren't
zero in all of them; of float64 an Nth of the values.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from libraries import Peers
from shared import add_outputs, elementwise, is_elementwise, machine, machine_line, paste, table

import actspec
from actspec.kernels import threads

sys.path.append(str(Path(__file__).parents[1] / "support"))
from oracles import POINTWISE, WIDE, constants

CHUNK = 1 << 16  # elements: what a chunk takes stays in cache
LIMITS = (1, 2, 4)
STRICT = ("tanh", "sigmoid", "softplus", "elu", "gaussian")  # within 2 ulp; all others within 4
PEERS = ("torch", "jax.jit")
PEER_VALUES = 1 << 20
KEPT = 16  # candidates that mpmath recomputes


def wide(stages: tuple[actspec.Activation, ...], x: Any) -> Any:
    """The stages' references one after the other; a class without one is its own, by its formula."""
    for stage in stages:
        name = stage.__definition__.name
        x = WIDE[name](stage, x) if name in WIDE else stage.formula(x)
    return x


def exact(stages: tuple[actspec.Activation, ...], x: float) -> Any:
    """The result for one x in mpmath; None where a stage has no such reference."""
    if not math.isfinite(x) or not all(stage.__definition__.name in POINTWISE for stage in stages):
        return None
    with mpmath.workdps(60):
        value = mpmath.mpf(x)
        for stage in stages:
            value = POINTWISE[stage.__definition__.name](value, **constants(stage))
        return value


@dataclass(frozen=True)
class Kind:
    """A type under test, and its numbers."""

    dtype: Any
    bits: Any
    wide: Any
    digits: int
    lowest: int  # exponent of the smallest normal number
    highest: int  # exponent of the first number that is too large

    def ulps(self, found: Any, right: Any) -> Any:
        """Errors in ulp; what is too large for the type counts as the first such number."""
        top = self.wide(2) ** self.highest
        right = np.clip(right, -top, top)
        exponent = np.clip(np.frexp(right)[1] - 1, self.lowest, self.highest - 1)
        # Two steps, as neither 2**-149 nor 2**1074 is a number of every type.
        return np.ldexp(np.abs(np.clip(found.astype(self.wide), -top, top) - right), self.digits - 1 - exponent)


class _Float32(Kind):
    def ulps(self, found: Any, right: Any) -> Any:
        """As of any type, by the bits of float64, which is faster."""
        top = 2.0**128
        right = np.clip(right, -top, top)
        exponent = (right.view(np.int64) >> 52) & 0x7FF
        np.clip(exponent, 1023 - 126, 1023 + 127, out=exponent)
        scale = ((2046 + 23 - exponent) << 52).view(np.float64)
        distance = np.clip(found.astype(np.float64), -top, top)
        distance -= right
        np.abs(distance, out=distance)
        distance *= scale
        return distance


KINDS = {
    "float32": _Float32(np.float32, np.uint32, np.float64, 24, -126, 128),
    "float64": Kind(np.float64, np.uint64, np.longdouble, 53, -1022, 1024),
}
LONG = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant


@dataclass
class Found:
    """What is known of the errors so far."""

    values: int = 0
    worst: float = 0.0
    at: float = math.nan
    worst_subnormal: float = 0.0
    at_subnormal: float = math.nan
    above: list[int] = field(default_factory=lambda: [0] * len(LIMITS))
    misplaced: int = 0
    misplaced_at: float = math.nan
    candidates: list[tuple[float, float]] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take another part's findings in."""
        self.values += other.values
        if other.worst > self.worst:
            self.worst, self.at = other.worst, other.at
        if other.worst_subnormal > self.worst_subnormal:
            self.worst_subnormal, self.at_subnormal = other.worst_subnormal, other.at_subnormal
        self.above = [a + b for a, b in zip(self.above, other.above, strict=True)]
        if other.misplaced and not self.misplaced:
            self.misplaced_at = other.misplaced_at
        self.misplaced += other.misplaced
        self.candidates = sorted({*self.candidates, *other.candidates}, reverse=True)[:KEPT]


def examine(act: actspec.Pipeline, kind: Kind, x: Any) -> Found:
    """Compare one chunk."""
    found = act(x)
    with np.errstate(all="ignore"):
        right = np.asarray(wide(act.stages, x.astype(kind.wide)), kind.wide)
        error = kind.ulps(found, right)
        # Exact results that round to infinity must be infinite; half an ulp below that, either is right.
        unknown = np.isnan(error)
        lost = np.isnan(found) != np.isnan(right)
        if np.isinf(found).any() or np.isinf(right).any():
            lost |= np.isinf(right) & (found != right)
            lost |= np.isinf(found) & ~np.isinf(right) & (np.abs(right) < np.finfo(kind.dtype).max)
        if unknown.any():
            error[unknown] = 0
        result = Found(values=x.size)
        place = int(np.argmax(error))
        result.worst, result.at = float(error[place]), float(x[place])
        if result.worst > LIMITS[0]:
            result.above = [int(np.count_nonzero(error > limit)) for limit in LIMITS]
        if not LONG and kind.digits > 24:
            best = np.argpartition(error, -KEPT)[-KEPT:] if error.size > KEPT else np.arange(error.size)
            result.candidates = [(float(error[each]), float(x[each])) for each in best]
        else:
            result.candidates = [(result.worst, result.at)]
        size = np.abs(right)
        small = (size < np.finfo(kind.dtype).smallest_normal) & (size > 0)
        if small.any():
            error[~small] = 0
            place = int(np.argmax(error))
            result.worst_subnormal, result.at_subnormal = float(error[place]), float(x[place])
        result.misplaced = int(np.count_nonzero(lost))
        if result.misplaced:
            result.misplaced_at = float(x[int(np.argmax(lost))])
    return result


def patterns(kind: Kind, values: int) -> tuple[int, Callable[[int], Any]]:
    """The number of chunks of float32 bit patterns, evenly spread where not all are wanted, and each of them."""
    step = max(1, 2**32 // values)
    start = step // 3
    count = -(-(2**32 - start) // step)

    def chunk(number: int) -> Any:
        first = number * CHUNK
        bits = np.arange(first, min(first + CHUNK, count), dtype=np.uint64) * np.uint64(step) + np.uint64(start)
        return bits.astype(np.uint32).view(kind.dtype)

    return -(-count // CHUNK), chunk


SPECIAL = (0.0, 5e-324, 2.2250738585072014e-308, 1e-300, 0.5, 1.0, 2.0, 709.782712893384, 745.1332191019411, 1e300)


def samples(kind: Kind, values: int) -> tuple[int, Callable[[int], Any]]:
    """The number of chunks of float64 values, and each of them: the same ones in every run."""
    size = min(CHUNK // 4, max(64, values))
    count = -(-values // size)

    def chunk(number: int) -> Any:
        rng = np.random.default_rng([7, number])
        quarter = -(-size // 4)
        bits = rng.integers(0, 2**64, quarter, dtype=np.uint64, endpoint=False)
        sign = rng.choice([-1.0, 1.0], quarter)
        parts = [
            bits.view(kind.dtype),  # every exponent, NaN and infinity among them
            sign * 2.0 ** rng.uniform(-60, 11, quarter),  # the exponents at which activations have their shape
            rng.uniform(-40, 40, quarter),
            rng.uniform(-760, 760, size - 3 * quarter),
        ]
        x = np.concatenate(parts)
        if number == 0:
            special = np.array([*SPECIAL, math.inf, math.nan])
            special = np.concatenate([special, -special])
            x[: special.size] = special
        return x

    return count, chunk


def sweep(act: actspec.Pipeline, kind: Kind, values: int, tell: Callable[[float], None]) -> Found:
    """Compare all values, in parallel on actspec's own threads."""
    count, chunk = (patterns if kind.digits == 24 else samples)(kind, values)
    act(chunk(0))  # compiled before the threads start
    total, lock, done = Found(), threading.Lock(), [0]

    def work(number: int) -> None:
        found = examine(act, kind, chunk(number))
        with lock:
            total.add(found)
            done[0] += 1
            tell(done[0] / count)

    threads.share(work, count)
    return total


def check(act: actspec.Pipeline, kind: Kind, found: Found) -> dict[str, float | None]:
    """The errors of the worst candidates by mpmath: the worst, and where; None where it can't say."""
    worst: tuple[float, float] | None = None
    for _, x in found.candidates:
        right = exact(act.stages, x)
        got = float(act(np.array([x], kind.dtype))[0])
        if right is None or not math.isfinite(got):
            continue
        exponent = int(mpmath.frexp(right)[1]) - 1 if right else kind.lowest
        exponent = min(max(exponent, kind.lowest), kind.highest - 1)
        with mpmath.workdps(60):
            error = float(abs(mpmath.ldexp(got - right, kind.digits - 1 - exponent)))
        worst = max(worst or (error, x), (error, x))
    return {"worst": None, "at": None} if worst is None else {"worst": worst[0], "at": worst[1]}


def worst_of_peers(act: actspec.Pipeline, kind: Kind, peers: Peers) -> dict[str, float]:
    """The worst errors of peers, over a spread of values whose exact results aren't subnormal."""
    count, chunk = (patterns if kind.digits == 24 else samples)(kind, PEER_VALUES)
    x = np.concatenate([chunk(number) for number in range(count)])
    found: dict[str, float] = {}
    with np.errstate(all="ignore"):
        right = np.asarray(wide(act.stages, x.astype(kind.wide)), kind.wide)
        counts = np.isfinite(right) & (np.abs(right) < np.finfo(kind.dtype).max)
        counts &= (np.abs(right) >= np.finfo(kind.dtype).smallest_normal) | (right == 0)
        for peer in PEERS:
            program = peers.program(peer, act.stages, x, None)
            if program is not None:
                error = kind.ulps(np.asarray(program()), right)
                found[peer] = round(float(np.max(error, initial=0.0, where=counts & ~np.isnan(error))), 2)
    return found


def judge(
    spec: str, act: actspec.Pipeline, name: str, values: int, progress: bool, peers: Peers | None = None
) -> dict[str, Any]:
    """Everything about one spec in one type."""
    kind = KINDS[name]
    start, shown = time.perf_counter(), [0.0]

    def tell(part: float) -> None:
        if progress and time.perf_counter() - shown[0] > 0.5:
            shown[0] = time.perf_counter()
            print(f"\r{spec} {name} {part:4.0%} ", end="", file=sys.stderr, flush=True)

    found = sweep(act, kind, values, tell)
    if progress:
        print("\r" + " " * (len(spec) + 20) + "\r", end="", file=sys.stderr, flush=True)
    checked = check(act, kind, found)
    if kind.digits > 24 and not LONG and checked["worst"] is not None:
        found.worst, found.at = checked["worst"], checked["at"] or 0.0
        found.above = [-1] * len(LIMITS)

    def at(x: float) -> dict[str, Any]:
        value = np.array([x], kind.dtype)
        with np.errstate(all="ignore"):
            right = exact(act.stages, x)
            right = np.asarray(wide(act.stages, value.astype(kind.wide)))[0] if right is None else right
        got = act(value)[0]
        return {
            "x": repr(float(value[0])),
            "bits": f"{value.view(kind.bits)[0]:#x}",
            "got": str(got),
            "exact": _digits(right),
        }

    limit = 2 if len(act) == 1 and act[0].__definition__.name in STRICT else 4
    return {
        "spec": spec,
        "type": name,
        "values": found.values,
        "worst": round(found.worst, 4),
        "where": at(found.at) if found.worst else None,
        "checked": None if checked["worst"] is None else round(checked["worst"], 4),
        "above": {str(each): count for each, count in zip(LIMITS, found.above, strict=True)},
        "worst_subnormal": round(found.worst_subnormal, 4),
        "where_subnormal": at(found.at_subnormal) if found.worst_subnormal else None,
        "misplaced": found.misplaced,
        "misplaced_at": at(found.misplaced_at) if found.misplaced else None,
        "reference": "accurate" if all(s.__definition__.name in WIDE for s in act) else "the class's own formula",
        "target": limit,
        "met": found.worst <= limit and not found.misplaced,
        "peers": {} if peers is None else worst_of_peers(act, kind, peers),
        "seconds": round(time.perf_counter() - start, 1),
    }


def _digits(right: Any) -> str:
    return str(mpmath.nstr(right, 21)) if isinstance(right, mpmath.mpf) else str(right)


def text(result: dict[str, Any]) -> str:
    """A result for the terminal."""
    state = "met" if result["met"] else "MISSED"
    lines = [
        f"{result['spec']} {result['type']}: worst {result['worst']:.3f} ulp of {result['values']:,} values"
        f"  target at most {result['target']}: {state}  ({result['seconds']} s)"
    ]
    for title, place in (("", "where"), ("subnormal results: ", "where_subnormal"), ("misplaced: ", "misplaced_at")):
        if result[place]:
            where = result[place]
            worst = f"{result['worst_subnormal']:.3f} ulp " if place == "where_subnormal" else ""
            lines.append(
                f"  {title}{worst}at x = {where['x']} ({where['bits']}): got {where['got']}, exact {where['exact']}"
            )
    counts = ", ".join(f"{'unknown' if n < 0 else format(n, ',')} above {each}" for each, n in result["above"].items())
    lines.append(f"  {counts} ulp; NaN or infinity misplaced: {result['misplaced']:,}")
    if result["reference"] != "accurate":
        lines.append("  the reference is the class's own formula in a wider type: it may be off where that is")
    if result["checked"] is not None and abs(result["checked"] - result["worst"]) > 0.01 * max(1, result["worst"]):
        lines.append(f"  by mpmath the worst is {result['checked']:.3f} ulp: the wider reference is off there")
    return "\n".join(lines)


def markdown(facts: dict[str, Any], results: list[dict[str, Any]]) -> str:
    """The results as a table."""
    rows = []
    for each in results:
        where = each["where"] or {"x": ""}
        counts = [f"{each['above'][str(limit)]:,}" for limit in LIMITS]
        found = (f"{each['values']:,}", f"{each['worst']:.2f}", where["x"], *counts, f"{each['worst_subnormal']:.2f}")
        met = "yes" if each["met"] else "no"
        others = [_rounded(each["peers"].get(peer)) for peer in PEERS]
        rows.append(
            (f"`{each['spec']}`", each["type"], *found, str(each["misplaced"]), str(each["target"]), met, *others)
        )
    head = ("spec", "type", "values", "worst ulp", "at x", *(f"above {limit} ulp" for limit in LIMITS))
    head = (
        *head,
        "worst subnormal result",
        "misplaced NaN, infinity",
        "target",
        "met",
        "PyTorch's worst",
        "JAX's worst",
    )
    return f"Machine: {machine_line(facts)}.\n\n{table(head, rows)}"


def _rounded(error: float | None) -> str:
    return "" if error is None else f"{error:.2f}" if error < 100 else f"{error:.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", nargs="*", help="elementwise specs (all elementwise built-ins)")
    parser.add_argument("--type", choices=KINDS, help="one type only (both)")
    parser.add_argument("--values", type=int, help="how many values (float32: all, float64: 10000000)")
    parser.add_argument("--every", type=int, default=1, help="take one of so many values (1)")
    parser.add_argument("--peers", action="store_true", help="the worst of PyTorch and JAX beside it")
    add_outputs(parser)
    options = parser.parse_args()
    if options.every < 1 or (options.values is not None and options.values < 1):
        parser.error("--values and --every must be at least 1")
    try:
        pipelines = {each: actspec.parse(each) for each in options.spec}
    except actspec.SpecError as error:
        parser.error(str(error))
    for spec, act in pipelines.items():
        if act.needs_binding() or not is_elementwise(act):
            parser.error(f"{spec}: {act.needs_binding() or 'it takes elements together'}")
    pipelines = pipelines or {str(stage): actspec.parse(stage) for stage in elementwise().values()}
    facts = machine()
    talk = not (options.json or options.markdown)
    if talk:
        print(machine_line(facts))
    results = []
    peers = Peers(PEERS) if options.peers else None
    for spec, act in pipelines.items():
        for name in (options.type,) if options.type else KINDS:
            values = options.values or max(1, (2**32 if name == "float32" else 10**7) // options.every)
            results.append(judge(spec, act, name, values, sys.stderr.isatty(), peers))
            if talk:
                print(text(results[-1]), flush=True)
    if options.json:
        print(json.dumps({"machine": facts, "results": results}, indent=1))
    elif options.markdown:
        print(markdown(facts, results))
    if options.into:
        paste(options.into, "accuracy", markdown(facts, results))


if __name__ == "__main__":
    main()
