"""What a fresh process pays: ``python tests/benchmarks/start.py [--json | --markdown] [--rounds N]``.

The time of a whole process that runs ``tanh+norm:z`` on one array, above that of ``python -c "import numba"``: with
nothing cached (cold), and with the kernel on disk (warm). Processes run in turn; the numbers are medians of the rounds'
differences. Python's bytecode is cached, as an installed package brings it along.

Compilations are counted in processes of their own, by Numba's events.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from shared import add_outputs, machine, machine_line, paste, table

BASE = "import numba"
FIRST = """
import numpy as np
import actspec
actspec.parse("tanh+norm:z")(np.ones((4, 10), np.float32))
"""
COUNTED = """
import json, sys
from numba.core import event
class Counter(event.Listener):
    depth = count = 0
    def on_start(self, _):  # what a kernel calls is compiled as a part of it
        self.count += not self.depth
        self.depth += 1
    def on_end(self, _):
        self.depth -= 1
counter = Counter()
event.register("numba:compile", counter)
import numpy as np
import actspec
for spec in json.loads(sys.argv[1]):
    actspec.parse(spec)(np.ones((4, 10), np.float32))
print(counter.count)
"""
TWENTY = [f"elu(alpha={0.1 * n:.1f})+norm:z(eps={n}e-6)" for n in range(1, 21)]


def environment(cache: Path) -> dict[str, str]:
    """Bytecode is cached, and kernels in a folder of this run."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"ACTSPEC_CACHE_DIR": str(cache)}


def seconds(code: str, cache: Path) -> float:
    """How long a process takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=environment(cache))
    return time.perf_counter() - start


def compilations(specs: list[str], cache: Path) -> int:
    """How often Numba compiles in a fresh process that runs specs."""
    command = [sys.executable, "-c", COUNTED, json.dumps(specs)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment(cache))
    return int(done.stdout)


def measure(rounds: int) -> list[dict[str, Any]]:
    """All rows: what, the value, its unit, the target."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = folder / "warm"
        cold_count = compilations(["tanh+norm:z"], warm)
        warm_count = compilations(["tanh+norm:z"], warm)
        twenty = compilations(TWENTY, folder / "twenty")
        times: dict[str, list[float]] = {"base": [], "cold": [], "warm": []}
        for number in range(rounds):  # caches of bytecode and files are filled by now
            times["base"].append(seconds(BASE, warm))
            times["cold"].append(seconds(FIRST, folder / f"cold {number}"))
            times["warm"].append(seconds(FIRST, warm))

    def above(which: str) -> float:
        differences = [a - b for a, b in zip(times[which], times["base"], strict=True)]
        return round(statistics.median(differences), 3)

    rows = [
        ("warm start, above import numba", above("warm"), "s", 0.35),
        ("cold start, above import numba", above("cold"), "s", 2.5),
        ("import numba itself", round(statistics.median(times["base"]), 3), "s", None),
        ("compilations of a cold start", cold_count, "", None),
        ("compilations of a warm start", warm_count, "", 0),
        ("compilations of twenty specs that differ in float parameters", twenty, "", 1),
    ]
    return [
        {"what": what, "value": value, "unit": unit, "target": bound, "met": None if bound is None else value <= bound}
        for what, value, unit, bound in rows
    ]


def markdown(facts: dict[str, Any], rows: list[dict[str, Any]], rounds: int) -> str:
    """The rows as a table."""
    state = {True: "yes", False: "no", None: ""}
    cells = [
        (
            row["what"],
            f"{row['value']} {row['unit']}".strip(),
            "" if row["target"] is None else f"at most {row['target']} {row['unit']}".strip(),
            state[row["met"]],
        )
        for row in rows
    ]
    return f"Machine: {machine_line(facts)}. {rounds} rounds.\n\n{table(('what', 'found', 'target', 'met'), cells)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of three processes each (9)")
    parser.add_argument("--quick", action="store_true", help="one round, to see whether it works")
    add_outputs(parser)
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    facts = machine()
    rows = measure(rounds)
    if options.json:
        print(json.dumps({"machine": facts, "rounds": rounds, "rows": rows}, indent=1))
    elif options.markdown:
        print(markdown(facts, rows, rounds))
    else:
        print(machine_line(facts))
        for row in rows:
            target = "" if row["target"] is None else f"  target at most {row['target']:g} {row['unit']}".rstrip()
            state = {True: ": met", False: ": MISSED", None: ""}[row["met"]]
            print(f"{row['what']:62} {row['value']:8g} {row['unit']:1}{target}{state}")
    if options.into:
        paste(options.into, "start", markdown(facts, rows, rounds))


if __name__ == "__main__":
    main()
