"""What each system's process does: read calls and arrays, run the calls in both types, write the results."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

Array = Any
# A word, its arguments, x, and the cotangent for an output of some shape: the output, and what x gets (None: no such).
Run = Callable[[str, dict[str, Any], Array, Callable[[tuple[int, ...]], Array]], tuple[Array, Array | None]]


class UnsupportedError(Exception):
    """A system has no such word in this type; the reason is its own."""


def serve(runs: dict[str, Run], names: Iterable[str] = ()) -> None:
    """Run every call of a file by each of ``runs``, in float32 and float64; ``names`` are the system's activations."""
    path = Path(sys.argv[1])
    calls = json.loads(path.read_text(encoding="utf-8"))
    with np.load(path.with_suffix(".npz")) as arrays:
        x, g = arrays["x"], arrays["g"]
    results: dict[str, Array] = {}
    refused: dict[str, str] = {}
    for number, (word, given) in enumerate(calls):
        for kind, run in runs.items():
            for dtype in ("float32", "float64"):
                key = f"{kind}/{number}/{dtype}"
                try:
                    y, dx = run(word, given, x.astype(dtype), cotangents(g.astype(dtype)))
                except UnsupportedError as error:
                    refused[key] = str(error)
                    continue
                results[f"{key}/y"] = np.asarray(y)
                if dx is not None:
                    results[f"{key}/dx"] = np.asarray(dx)
    np.savez(path.with_name("results.npz"), **results)
    told = {"refused": refused, "names": sorted(names)}
    path.with_name("told.json").write_text(json.dumps(told), encoding="utf-8")


def cotangents(g: Array) -> Callable[[tuple[int, ...]], Array]:
    """The cotangent for an output of some shape, which may be smaller or larger than x."""
    return lambda shape: np.resize(g, shape)
