"""Checking 10,000 specs in one YAML file, beside what PyYAML alone takes to compose it.

    python tests/benchmarks/lint.py [--rounds N] [--specs N]

Layers with the specs of a project, which repeat; layers whose specs are all different, so that each costs a parse; and
nothing but a list of such specs. Ratios are to PyYAML's C loader, which lint uses where it is installed, and to its
Python loader.
"""

from __future__ import annotations

import argparse
import io
import random
import time
from collections.abc import Callable

import yaml

from actspec.lint.run import Linter

SPECS = ["tanh+norm:z", "relu", "elu(alpha=0.5)", "leakyrelu:0.1", "softmax[:5]+softplus[5:]", "Leaky_ReLU", "sigmoid"]


def config(count: int, kind: str) -> str:
    """Layers with a name, a size and an activation; or a list of activations."""
    source = random.Random(0)
    distinct = [f"leakyrelu({number / 10007:.6f})+norm:z" for number in range(count)]
    if kind == "list":
        return "activations:\n" + "".join(f"- {spec}\n" for spec in distinct)
    lines = ["model:", "  layers:"]
    for number, other in enumerate(distinct):
        spec = other if kind == "distinct" else source.choice(SPECS)
        lines += [f"  - name: dense_{number}", f"    units: {number % 512 + 1}", f"    activation: {spec}"]
    return "\n".join(lines) + "\n"


def best(work: Callable[[], object], rounds: int) -> float:
    """The shortest of some runs, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def lint(text: str) -> None:
    """Check a text as the command does, from bytes to findings, with no spec remembered."""
    from actspec import pipeline

    pipeline._parse.cache_clear()
    pipeline._read_part.cache_clear()
    assert not list(Linter().stream(io.BytesIO(text.encode()), "config.yaml"))


def main() -> None:
    """Print the times and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--specs", type=int, default=10_000)
    given = parser.parse_args()
    rounds = given.rounds
    print(f"{'specs':<10} {'lint':>9} {'C loader':>9} {'ratio':>6} {'Python loader':>14} {'ratio':>6}")
    for kind in ("repeated", "distinct", "list"):
        text = config(given.specs, kind)
        checked = best(lambda text=text: lint(text), rounds)
        c_loader = best(lambda text=text: yaml.compose(text, Loader=yaml.CSafeLoader), rounds)
        python = best(lambda text=text: yaml.compose(text, Loader=yaml.SafeLoader), 2)
        print(
            f"{kind:<10} {checked * 1e3:>6.0f} ms {c_loader * 1e3:>6.0f} ms "
            f"{checked / c_loader:>6.2f} {python * 1e3:>11.0f} ms {checked / python:>6.2f}"
        )


if __name__ == "__main__":
    main()
