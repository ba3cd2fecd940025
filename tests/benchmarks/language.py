"""What reading specs costs: ``python tests/benchmarks/language.py [--json]``.

Parsing (new, known and hostile specs), importing the package, and a whole ``actspec check`` process, each beside the
target that it has to keep. Times of processes are medians of alternating runs, given as ratios to a peer.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import actspec
from actspec.pipeline import _parse, _read_part
from actspec.registry import _suggest

CORPUS = Path(__file__).parent.parent / "corpus" / "valid.txt"
HOSTILE = {
    "2,000 arguments": "a(" + ",".join(["1"] * 2000) + ")",
    "2,048 stages": "+".join(["a"] * 2048),
    "256 unknown names": "+".join(["leakyrelux", "sigmodi", "nrom:z", "softmaxx"] * 64),
    "256 long unknown names": "+".join(["leakyreluabcdef"] * 256),
    "256 different unknown names": "+".join(
        f"leakyrel{a}{b}{a}{c}" for a in "uvwx" for b in "abcdefgh" for c in "stuvwxyz"
    ),
    "1,300 learnables": "a(" + "~1," * 1300 + "1)",
    "4,096 brackets": "(" * 4096,
    "4,096 quotes": "'" * 4096,
    "1,000 strings": "a(" + "'x'," * 1000 + "1)",
    "2,000 nested stages": "a(" + "b+" * 2000 + "b)",
    "1,000 named arguments": "elu(" + ",".join(["beta=1"] * 580) + ")",
    "one name": "a" * 4096,
    "underscores": "_" * 4096,
    "one number": "elu(" + "9" * 4091 + ")",
    "blanks": " " * 4096,
    "line breaks": "tanh" + "\n+tanh" * 200 + "\n" * 2000 + "?",
    "junk": "tanh" + "+tanh" * 250 + "$" * 2000,
}


def seconds(work: Callable[[], object], repeat: int) -> float:
    """The median time of one call."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def attempt(spec: str) -> None:
    """Parse as if for the first time; a SpecError is an answer too."""
    _parse.cache_clear()
    _read_part.cache_clear()
    _suggest.cache_clear()
    try:
        actspec.parse(spec)
    except actspec.SpecError as error:
        str(error)


def process_ratio(command: list[str], peer: list[str], repeat: int = 15) -> tuple[float, float]:
    """The ratio of two processes' median times, run in turn after one of each, and the difference in seconds."""
    # Bytecode is cached, as Python does by itself; an installed package brings it along.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeat + 1):
        for each, taken in zip((command, peer), times, strict=True):
            start = time.perf_counter()
            subprocess.run(each, check=True, stdout=subprocess.DEVNULL, env=environment)
            taken.append(time.perf_counter() - start)
    ours, theirs = (statistics.median(taken[1:]) for taken in times)
    return ours / theirs, ours - theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json = parser.parse_args().json

    lines = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    attempt("tanh")
    new = statistics.median(seconds(lambda spec=line: attempt(spec), 5) for line in lines)
    actspec.parse("tanh+norm:z")
    known = seconds(lambda: [actspec.parse("tanh+norm:z") for _ in range(1000)], 21) / 1000
    hostile = {name: seconds(lambda spec=spec: attempt(spec), 5) for name, spec in HOSTILE.items()}
    worst = max(hostile, key=hostile.__getitem__)
    _, added = process_ratio([sys.executable, "-c", "import actspec"], [sys.executable, "-c", "import numpy"])
    script = str(Path(sys.executable).with_name("actspec"))
    check, _ = process_ratio([script, "check", "tanh"], [sys.executable, "-c", "import numpy, lark"])

    rows = [
        (f"parse, new, median of {len(lines)} corpus specs", new * 1e3, "ms", 1.0),
        ("parse, known", known * 1e6, "us", 2.0),
        (f"parse, hostile, worst of {len(hostile)} ({worst})", hostile[worst] * 1e3, "ms", 50.0),
        ("import actspec, above import numpy", added * 1e3, "ms", 60.0),
        ("actspec check tanh / python -c 'import numpy, lark'", check, "x", 1.5),
    ]
    if as_json:
        print(json.dumps([dict(zip(("what", "value", "unit", "target"), row, strict=True)) for row in rows], indent=1))
        return
    for what, value, unit, target in rows:
        print(f"{what:62} {value:8.2f} {unit:2}  target below {target:g} {unit}")


if __name__ == "__main__":
    main()
