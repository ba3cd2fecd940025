"""What the words of dialects are compared with: the systems themselves, each run once in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import actspec
from actspec import Learnable, dialects
from actspec.dialects import words
from actspec.dialects.tables import Entry
from actspec.graph import autodiff
from actspec.graph.interpret import interpret
from actspec.graph.trace import examine, trace
from actspec.parameters import spell

Array = npt.NDArray[Any]

ROOT = Path(__file__).parent.parent.parent
NEEDS = {
    "torch": ("torch",),
    "keras": ("keras", "jax"),
    "jax": ("jax",),
    "onnx": ("onnx", "onnxruntime"),
    "huggingface": ("transformers", "torch"),
    "paddle": ("paddle",),
}
"""The packages that each system's process imports."""

# No value is at a kink, and float32 holds them all; their tails are where float32 formulas lose their digits.
_RANDOM = np.random.default_rng(5)
X = np.concatenate([_RANDOM.normal(0, 2, 96), _RANDOM.uniform(-9, 9, 40), _RANDOM.uniform(-30, 30, 8)])
X = _RANDOM.permutation(X).reshape(2, 6, 12).astype(np.float32).astype(np.float64)
G = _RANDOM.normal(size=X.shape).astype(np.float32).astype(np.float64)


@dataclass(frozen=True)
class Call:
    """A word of a dialect with some of its parameters."""

    dialect: str
    word: str
    given: tuple[tuple[str, Any], ...] = ()

    @property
    def spec(self) -> str:
        """The call as the dialect writes it."""
        given = ",".join(f"{key}={spell(value)}" for key, value in self.given)
        return f"{self.word}({given})" if given else self.word


@cache
def calls(dialect: str, entry: Entry) -> tuple[Call, ...]:
    """Every name of a word with its defaults, the first with two other settings."""
    usual = tuple((each.name, _VALUES[each.type][0]) for each in words.parameters(entry) if each.required)
    plain = [Call(dialect, name, usual) for name in entry.names]
    others = [Call(dialect, entry.names[0], given) for given in (_other(entry, 0), _other(entry, 1)) if given]
    return tuple(dict.fromkeys(plain + others))


_VALUES: dict[type, tuple[Any, Any]] = {float: (0.75, 1.5), int: (2, 3), bool: (True, False)}
# Those that depend on each other, by the parameter that is set.
_SETS = {
    "min": (-0.75, -2.5),
    "max": (1.25, 0.5),
    "lower": (0.0625, 0.25),
    "upper": (0.5, 0.75),
    "axis": (1, -2),
    "scale": (1.25, 1.5),
}


def _other(entry: Entry, number: int) -> tuple[tuple[str, Any], ...]:
    """The parameters of a word with other values than their defaults, of which each is there in two ways."""
    given = []
    for each, parameter in zip(entry.inputs, words.parameters(entry), strict=True):
        if each.no_effect:
            continue
        if isinstance(parameter, words.Choice):
            given.append((each.name, parameter.choices[(number + 1) % len(parameter.choices)]))
        else:
            given.append((each.name, _SETS.get(each.sets or "", _VALUES[parameter.type])[number]))
    return tuple(given)


@dataclass(frozen=True)
class Results:
    """What a system made of every call: outputs and gradients, by kind of run, call and type; and its own names."""

    arrays: dict[str, Array]
    refused: dict[str, str]
    names: list[str]
    numbers: dict[Call, int]

    def of(self, kind: str, call: Call, dtype: str, what: str) -> Array | None:
        """An output ("y") or a gradient ("dx"); None where the system has none."""
        return self.arrays.get(f"{kind}/{self.numbers[call]}/{dtype}/{what}")


def results(dialect: str) -> Results:
    """What a system made of all its calls; where it isn't installed, the test that asks is skipped."""
    for package in NEEDS[dialect]:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    found = _results(dialect)
    assert isinstance(found, Results), found
    return found


@cache
def _results(dialect: str) -> Results | str:
    """Run a system's process once: its results, or what it said when it failed."""
    every = [call for entry in comparable(dialect) for call in calls(dialect, entry)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.json"
        path.write_text(json.dumps([(call.word, dict(call.given)) for call in every]), encoding="utf-8")
        np.savez(path.with_suffix(".npz"), x=X, g=G)
        command = [sys.executable, "-m", f"tests.support.systems.{dialect}", str(path)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
        if done.returncode:
            return done.stderr
        with np.load(path.with_name("results.npz")) as arrays:
            found = dict(arrays)
        told = json.loads(path.with_name("told.json").read_text(encoding="utf-8"))
    return Results(found, told["refused"], told["names"], {call: number for number, call in enumerate(every)})


def comparable(dialect: str) -> Iterator[Entry]:
    """The words of a dialect but those that draw, and those that its system has in other operators alone."""
    for entry in dialects.load(dialect).entries:
        if entry.names[0] not in ("gumbel_softmax", "ScaledTanh"):
            yield entry


def ours(call: Call, *, rounded: bool) -> tuple[Array, Array]:
    """What actspec's formula and its derivative make of X in float64; with ``rounded``, with float32 parameters."""
    (stage,) = actspec.parse(call.spec, dialect=call.dialect)
    stage = type(stage)(*(_fixed(value, rounded=rounded) for value in stage._values()))
    with np.errstate(all="ignore"):
        y = stage.formula(X)
        g = np.resize(G, y.shape)
        found = examine(stage, X.ndim, X.dtype)
        if found.reason or y.shape != X.shape:
            return y, actspec.Pipeline(stage).vjp(X, g)
        graph = autodiff.vjp(trace((found,), X.ndim, X.dtype))
        return y, np.broadcast_to(interpret(graph, X, g), X.shape)


def _fixed(value: Any, *, rounded: bool) -> Any:
    """A parameter's value where it begins."""
    if isinstance(value, Learnable):
        value = value.start
    return float(np.float32(value)) if rounded and isinstance(value, float) else value
