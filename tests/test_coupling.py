"""Which axes a formula couples; the answer is checked by splitting arrays."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import actspec
from actspec import functions
from actspec.graph.coupling import coupled_axes
from tests.support import built_ins
from tests.support.reference import as_written


@pytest.mark.parametrize(
    ("formula", "axes"),
    [
        (lambda _: 1.0, set()),
        (lambda x: np.where(x > 0, x, 0.1 * x), set()),
        (lambda x: np.clip(x, -1, 1) + x.clip(0, 1) ** 2, set()),
        (lambda x: np.modf(x)[0], set()),
        (lambda x: x * functions.erfc(-x) + functions.erf(x) * functions.gaussian(x), set()),
        (lambda x: x.copy().astype(np.float64), set()),
        (lambda x: x - np.mean(x, axis=-1, keepdims=True), {2}),
        (lambda x: x - x.mean(0, keepdims=True), {0}),
        (lambda x: x / np.max(np.abs(x), axis=1, keepdims=True) + x.sum(axis=(0, 2), keepdims=True), {0, 1, 2}),
        (lambda x: x - np.max(x), {0, 1, 2}),
        (lambda x: x - np.add.reduce(x, axis=1, keepdims=True), {1}),
        (lambda x: x - np.add.reduce(x, keepdims=True), {0}),
        (lambda x: np.maximum(x - functions.simplex_threshold(x, axis=0, keepdims=True), 0), {0}),
        (lambda x: x * functions.first_true(x > 0, axis=1), {1}),
        (lambda x: x - x.prod(axis=2, keepdims=True), {2}),
        (lambda x: np.add(x, 1, where=x > np.max(x, axis=0, keepdims=True)), {0}),
        (lambda x: x - np.mean(x, axis=0, keepdims=True, where=x > np.min(x, axis=1, keepdims=True)), {0, 1}),
    ],
)
def test_coupled_axes(formula: object, axes: set[int]) -> None:
    assert coupled_axes(formula, 3) == axes  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x if x > 0 else -x,
        lambda x: x * np.arange(3.0),
        lambda x: x[..., ::-1],
        lambda x: np.sort(x),
        lambda x: np.cumsum(x, axis=0),
        lambda x: np.add.accumulate(x),
        lambda x: x - np.add.reduce(x),
        lambda x: x - np.mean(x, axis=0, keepdims=True, where=np.ones(3) > 0),
        lambda x: np.matmul(x, x),
        lambda x: x - np.mean(x, axis=0),
        lambda x: np.asarray(x) * 2,
        lambda x: np.max(x, out=np.empty(3)),
        lambda x: np.mean(x, 0, np.float64, keepdims=True),
        lambda x: np.mean(np.ones(3)) * x.shape[0],
    ],
)
def test_what_cannot_be_told_is_none(formula: object) -> None:
    assert coupled_axes(formula, 3) is None  # type: ignore[arg-type]


BUILT_INS = [built_ins.fixed(name) for name in built_ins.SIZED]


@pytest.mark.parametrize("spec", [*BUILT_INS, *(f"{spec}[1:]" for spec in BUILT_INS)])
def test_every_built_in_can_be_told_and_split(spec: str) -> None:
    """Slices by their formulas as written, as their kernels are compiled for this alone."""
    act = actspec.parse(spec)
    run, close = (partial(as_written, spec), 1e-13) if spec.endswith("[1:]") else (act, 0)
    x = np.random.default_rng(0).normal(size=(4, 3, 5))
    axes = coupled_axes(act[0].follow, x.ndim)
    assert axes is not None
    assert axes <= {2}
    for axis in {0, 1, 2} - axes:
        parts = [run(part) for part in np.split(x, x.shape[axis], axis)]
        np.testing.assert_allclose(np.concatenate(parts, axis), run(x), rtol=close, atol=close)


def test_groups_couple_what_their_stages_couple() -> None:
    def axes(spec: str) -> frozenset[int] | None:
        return coupled_axes(actspec.parse(spec).as_stage().follow, 3)

    assert axes("tanh+norm:z(axis=0)+softmax(axis=1)") == {0, 1}
    assert axes("(tanh+norm:z(axis=0))[1:]") == {0, 2}
    with actspec.registry.scope():

        class Sorted(actspec.Activation):
            """``sort(x)``."""

            def __call__(self, x):  # type: ignore[no-untyped-def]
                return np.sort(x)

        assert axes("tanh+sorted") is None
        assert axes("sorted[1:]") is None
