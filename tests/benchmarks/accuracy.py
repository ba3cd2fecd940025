"""The worst error of activations: ``python tests/benchmarks/accuracy.py [SPEC...] [--type T] [--every N]``.

float32: all 2**32 bit patterns go through actspec in float32 and, as the reference, in float64 (``every_float32.py``).
How far the latter is from an independent reference in float64 is measured in the same run: over four million of the
patterns, where formulas change, and at the worst candidates. Where that is more than a thousandth ulp of float32, all
patterns are compared with the independent reference, which takes ten times as long. float64: 10**7 values, over all
exponents and dense where activations have their shape, against a reference in long double; where that is no wider than
float64, only the worst candidates count, which mpmath recomputes. Without SPEC: every elementwise built-in.

An error is the distance from the exact result in units in the last place (ulp) of the result's type at the exact
result; of subnormal results, in the smallest subnormal. Parameters count as declared, in float64. The independent
references are those of ``tests/support/oracles``.

``--peers`` adds the worst errors of PyTorch and JAX, over about a million values.

``--every N`` takes a part: of float32 each Nth bit pattern, from pattern ``N//3`` on, so that the lowest bits aren't
zero in all of them; of float64 an Nth of the values.

``--keep FOLDER`` writes each result into a file there, and takes what is there already, from a run that was broken off
or that took other specs. A result counts as long as the activation gives the same numbers: a hash of a million tells.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import every_float32
import mpmath
import numpy as np
from errors import KINDS, LIMITS, LONG, WIDE, Found, Kind, check, exact, examine, together, wide
from kept import kept
from libraries import Peers
from shared import add_outputs, elementwise, is_elementwise, machine, machine_line, paste, table
from values import CHUNKS, whole

import actspec

STRICT = ("tanh", "sigmoid", "softplus", "elu", "gaussian")  # within 2 ulp; all others within 4
PEERS = ("torch", "jax.jit")
PEER_VALUES = HASHED = 1 << 20


def sweep(act: actspec.Pipeline, name: str, values: int, tell: Callable[[float], None]) -> tuple[Found, float | None]:
    """Compare all values; of float32, how far off results in float64 are, where these are the reference."""
    if name == "float32":
        found = every_float32.sweep(act, values, tell)
        off = every_float32.distance(act, found)
        if off <= every_float32.TRUSTED:
            return found, off
    return beside_reference(act, name, values, tell), None


def beside_reference(act: actspec.Pipeline, name: str, values: int, tell: Callable[[float], None]) -> Found:
    """Compare all values with the independent reference."""
    count, chunk = CHUNKS[name](values)
    act(chunk(0))  # compiled before the threads start
    return together(lambda number: examine(act, KINDS[name], chunk(number)), count, tell)


def worst_of_peers(act: actspec.Pipeline, kind: Kind, peers: Peers) -> dict[str, float]:
    """The worst errors of peers, over a spread of values whose exact results aren't subnormal."""
    x = whole(np.dtype(kind.dtype).name, PEER_VALUES)
    found: dict[str, float] = {}
    with np.errstate(all="ignore"):
        right = np.asarray(wide(act.stages, x.astype(kind.wide)), kind.wide)
        counts = np.isfinite(right) & (np.abs(right) < np.finfo(kind.dtype).max)
        counts &= (np.abs(right) >= np.finfo(kind.dtype).smallest_normal) | (right == 0)
        for peer in PEERS:
            program = peers.program(peer, act.stages, x, None)
            if program is not None:
                given = np.asarray(program())
                error = np.where(np.isinf(given), np.inf, kind.ulps(given, right))
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

    found, off = sweep(act, name, values, tell)
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
        "float64_off": off,
        "target": limit,
        "met": found.worst <= limit and not found.misplaced,
        "peers": {} if peers is None else worst_of_peers(act, kind, peers),
        "machine": machine_line(machine() | {"load": None}),
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
    if result["float64_off"] is not None:
        lines.append(f"  compared with actspec in float64, within {result['float64_off']:.1e} ulp of the reference")
    if result["reference"] != "accurate":
        lines.append("  the reference is the class's own formula in a wider type: it may be off where that is")
    if result["checked"] is not None and abs(result["checked"] - result["worst"]) > 0.01 * max(1, result["worst"]):
        lines.append(f"  by mpmath the worst is {result['checked']:.3f} ulp: the wider reference is off there")
    return "\n".join(lines)


def asked(spec: str, act: actspec.Pipeline, name: str, values: int, peers: bool) -> dict[str, Any]:
    """What a result is about: with the same numbers at a million values, an activation is the same one."""
    told = hashlib.sha256(act(whole(name, HASHED)).tobytes()).hexdigest()
    return {"spec": spec, "type": name, "values": values, "peers": peers, "hash": told}


def markdown(results: list[dict[str, Any]]) -> str:
    """The results as a table."""
    rows = []
    machines = dict.fromkeys(each["machine"] for each in results)
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
    return "\n\n".join([*(f"Machine: {each}." for each in machines), table(head, rows)])


def _rounded(error: float | None) -> str:
    return "" if error is None else f"{error:.2f}" if error < 100 else f"{error:.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", nargs="*", help="elementwise specs (all elementwise built-ins)")
    parser.add_argument("--type", choices=KINDS, help="one type only (both)")
    parser.add_argument("--values", type=int, help="how many values (float32: all, float64: 10000000)")
    parser.add_argument("--every", type=int, default=1, help="take one of so many values (1)")
    parser.add_argument("--peers", action="store_true", help="the worst of PyTorch and JAX beside it")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep results there, and take those that it has")
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
            measure = partial(judge, spec, act, name, values, sys.stderr.isatty(), peers)
            if options.keep:
                question = asked(spec, act, name, values, options.peers)
                results.append(kept(options.keep, f"{spec}-{name}", question, measure))
            else:
                results.append(measure())
            if talk:
                print(text(results[-1]), flush=True)
    if options.json:
        print(json.dumps({"machine": facts, "results": results}, indent=1))
    elif options.markdown:
        print(markdown(results))
    if options.into:
        paste(options.into, "accuracy", markdown(results))


if __name__ == "__main__":
    main()
