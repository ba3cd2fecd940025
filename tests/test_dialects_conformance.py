"""Dialects against the systems that they speak for: values and gradients in float32 and float64.

Each system runs in a process of its own. It has to agree with what actspec's formula gives in float64: a value in
float32 to 4 units in the last place, in float64 to 1e-12 of itself; a gradient, and a value of features that depend on
each other, to 8 units of the largest, or of 1, and to 1e-12. INEXACT has where a system itself is further off.
"""

from __future__ import annotations

import numpy as np
import pytest

from actspec import dialects
from actspec.dialects.tables import Entry
from tests.support.conformance import NEEDS, Array, Call, calls, comparable, ours, results

pytestmark = pytest.mark.peers

KINDS = {"onnx": ("reference", "onnxruntime")}
COUPLED = {"softmax", "softmin", "log_softmax", "sparsemax", "hardmax", "norm:l2", "norm:layer", "norm:rms"}

FAULTY = ("keras", "sparsemax")
"""A function that isn't what its name and its own documentation say."""

CASES = [(dialect, entry) for dialect in NEEDS for entry in comparable(dialect) if (dialect, entry.names[0]) != FAULTY]

CANCELS = (64 * 2.0**-23, 1e-11)
"""Digits cancel where a result is near zero: what is left is exact to some units of x or of 1, not of the result."""
SINGLE = (64 * 2.0**-23, 1e-6)
"""Parameters or constants are float32 numbers in float64 as well."""

# How far off a system is, in float32 and in float64, of the largest of 1 and the result.
INEXACT: dict[str, dict[str, tuple[float, float]]] = {
    "torch": {
        **dict.fromkeys(("gelu", "softplus", "tanhshrink"), CANCELS),
        "hardsigmoid": SINGLE,  # its derivative
    },
    "keras": {
        **dict.fromkeys(("gelu", "squareplus", "tanh_shrink"), CANCELS),
        **dict.fromkeys(("LayerNormalization", "RMSNormalization", "tanh"), SINGLE),  # computed in float32
    },
    "jax": dict.fromkeys(("gelu", "squareplus"), CANCELS),
    "reference": {
        **dict.fromkeys(("HardSigmoid", "Swish"), CANCELS),
        **dict.fromkeys(("Gelu", "HardSwish"), SINGLE),
    },
    "onnxruntime": {
        **dict.fromkeys(("Celu", "Elu", "HardSigmoid", "HardSwish", "Selu", "Sigmoid", "Swish"), CANCELS),
        "Gelu": SINGLE,
    },
    "huggingface": dict.fromkeys(
        ("gelu", "gelu_10", "gelu_new", "laplace", "quick_gelu", "sqrtsoftplus", "xielu"), CANCELS
    ),
    "paddle": {
        **dict.fromkeys(("celu", "elu", "gelu", "log_sigmoid", "mish", "softplus", "tanh", "tanhshrink"), CANCELS),
        **dict.fromkeys(("hardsigmoid", "Hardsigmoid", "rrelu", "selu", "stanh"), SINGLE),
    },
}

NO_FLOAT64 = {
    *("Celu", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu", "Selu", "Softplus", "Softsign"),
    *("Hardmax", "ThresholdedRelu"),
}
"""Operators that onnxruntime has in float32 only."""


@pytest.mark.parametrize(("dialect", "entry"), CASES, ids=lambda each: each if isinstance(each, str) else each.names[0])
def test_a_word_means_what_its_system_computes(dialect: str, entry: Entry) -> None:
    found = results(dialect)
    coupled = any(case.target in COUPLED for case in entry.cases)
    for call in calls(dialect, entry):
        y, dx = ours(call, rounded=dialect == "onnx")
        for kind in KINDS.get(dialect, (dialect,)):
            inexact = INEXACT.get(kind, {}).get(entry.names[0])
            for dtype in ("float32", "float64"):
                value = found.of(kind, call, dtype, "y")
                if value is None:
                    assert kind == "onnxruntime"
                    assert dtype == "float64"
                    assert call.word in NO_FLOAT64
                    continue
                check(value, y, dtype, call, inexact, coupled=coupled)
                gradient = found.of(kind, call, dtype, "dx")
                assert (gradient is None) == (dialect == "onnx")
                if gradient is not None:
                    check(gradient, dx, dtype, call, inexact, coupled=True)


def test_keras_has_a_faulty_sparsemax() -> None:
    call = Call("keras", "sparsemax")
    theirs = results("keras").of("keras", call, "float64", "y")
    assert theirs is not None
    exact, _ = ours(call, rounded=False)
    np.testing.assert_allclose(exact.sum(axis=-1), 1)
    alone = (exact > 0).sum(axis=-1) == 1
    assert 0 < alone.sum() < alone.size
    np.testing.assert_allclose(theirs[alone], exact[alone], atol=1e-12)
    assert (theirs.sum(axis=-1)[~alone] < 1 - 1e-3).all()


@pytest.mark.parametrize("dialect", [dialect for dialect in NEEDS if dialect != "onnx"])
def test_every_activation_of_a_system_is_a_word(dialect: str) -> None:
    own = results(dialect).names
    assert len(own) > 15
    assert set(own) <= set(dialects.load(dialect).names)


def check(
    theirs: Array, exact: Array, dtype: str, call: Call, inexact: tuple[float, float] | None, *, coupled: bool
) -> None:
    single = dtype == "float32"
    error = np.abs(theirs.astype(np.float64) - exact)
    allowed = (4 * np.spacing(np.abs(exact).astype(np.float32))).astype(np.float64) if single else 1e-12 * np.abs(exact)
    if coupled:
        allowed = np.full(exact.shape, (8 * 2.0**-23 if single else 1e-12) * max(1, np.abs(exact).max()))
    if inexact is not None:
        allowed = np.maximum(allowed, inexact[not single] * np.maximum(1, np.abs(exact)))
    assert theirs.shape == exact.shape, call
    worst = np.unravel_index(np.argmax(error - allowed), exact.shape)
    assert theirs.dtype == dtype or inexact is SINGLE, call
    assert (error <= allowed).all(), (call.spec, dtype, float(theirs[worst]), float(exact[worst]))
