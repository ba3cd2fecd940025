"""Streaming: formulas that couple more than fits into memory, in several walks over blocks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import actspec
from actspec import functions
from actspec.cli import chunks
from actspec.graph.streaming import Stream
from actspec.graph.unfollowed import UnfollowedError
from tests.support.amount import reductions, spread
from tests.support.reference import as_written
from tests.test_cli_chunks import chunked

Array = npt.NDArray[Any]

COUPLED = ["softmax", "softmax(floor=0.001)", "norm:mean", "norm:max", "norm:std", "norm:z"]
COUPLED += ["log_softmax", "hardmax", "norm:layer(gain=2,shift=1)"]
FORMULAS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "mean": (lambda x: x - np.mean(x, axis=0, keepdims=True), 2),
    "sum": (lambda x: x / x.sum(0, keepdims=True), 2),
    "prod": (lambda x: x + np.prod(np.tanh(x) + 1, axis=0, keepdims=True), 2),
    "extrema": (lambda x: (x - x.min(axis=0, keepdims=True)) / (x.max(0, keepdims=True) - np.min(x)), 2),
    "full": (lambda x: (x - np.mean(x)) / np.std(x), 2),
    "full alone": (lambda x: np.where(x > np.max(x) / 2, x, np.var(x)), 2),
    "both axes": (lambda x: x - np.mean(x, axis=(0, 1), keepdims=True) + x.sum(axis=1, keepdims=True), 2),
    "ddof": (lambda x: x / np.std(x, axis=0, keepdims=True, ddof=1), 2),
    "dtype": (lambda x: x * np.sum(x, axis=0, keepdims=True, dtype=np.float64), 2),
    "counts": (lambda x: x * np.sum(x > 0, axis=0, keepdims=True), 2),
    "logarithmic": (lambda x: x - np.logaddexp.reduce(x, axis=0, keepdims=True), 2),
    "any": (lambda x: np.where(np.logical_or.reduce(x > 2, axis=0, keepdims=True), x, -x), 2),
    "all": (lambda x: x - np.add.reduce(x, axis=None), 2),
    "one after the other": (lambda x: np.std(x - np.mean(np.abs(x - np.mean(x)))) * x, 4),
    "side by side": (lambda x: x * np.mean(x) + np.std(x) * np.max(x) - np.min(x), 2),
    "several results": (lambda x: np.modf(x - np.mean(x, axis=0, keepdims=True))[0], 2),
    "complex": (lambda x: np.abs(np.exp(1j * x) - np.mean(np.exp(1j * x))) * np.var(x * 1j), 2),
    "unused": (lambda x: (np.mean(x), x)[1], 1),
    "methods": (lambda x: x.copy().astype(np.float64).clip(-1, 1) - x.mean(), 2),
    "first": (lambda x: x * functions.first_true(x > 0.5, axis=0), 2),
    "first of what waits": (lambda x: np.where(functions.first_true(x == np.max(x), axis=1), 1.0, x), 3),
    "first and apart": (lambda x: x * functions.first_true(x > 9), 2),
    "apart": (lambda x: np.tanh(x) * 2, 1),
}


def places(shape: Sequence[int], sizes: Sequence[int]) -> list[tuple[slice, ...]]:
    cuts = (
        [slice(start, min(start + size, length)) for start in range(0, length, size)]
        for length, size in zip(shape, sizes, strict=True)
    )
    return list(itertools.product(*cuts))


def streamed(formula: Callable[[Any], Any], x: Array, sizes: Sequence[int]) -> tuple[Array, int]:
    """What a formula gives for x in blocks of these sizes, and the number of walks."""
    cut = frozenset(axis for axis, size in enumerate(sizes) if size < x.shape[axis])
    stream = Stream(formula, x.shape, cut)
    result = np.empty_like(x, np.float64)
    for walk in range(stream.walks):
        for place in places(x.shape, sizes):
            y = stream(x[place], place)
            assert (y is not None) == (walk == stream.walks - 1)
            if y is not None:
                result[place] = y
        stream.end_walk()
    return result, stream.walks


def assert_close(got: Array, want: Array, ulps: float = 32) -> None:
    """Equal up to rounding, of the type and relative to the largest value; NaN and infinities exactly."""
    eps = ulps * np.finfo(want.dtype).eps
    finite = np.abs(want[np.isfinite(want)])
    np.testing.assert_allclose(got, want, rtol=eps, atol=eps * float(finite.max(initial=0)))


@pytest.mark.parametrize("sizes", [(7, 3), (41, 2), (10, 5), (1, 1)], ids=str)
@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_give_in_blocks_what_they_give_on_the_whole(name: str, sizes: tuple[int, int]) -> None:
    formula, walks = FORMULAS[name]
    x = np.random.default_rng(1).normal(0.3, 1, size=(41, 5))
    got, walked = streamed(formula, x, sizes)
    assert_close(got, np.broadcast_to(formula(x), x.shape))
    assert walked <= walks


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x if x > 0 else -x,
        lambda x: x - np.mean(x, axis=0),
        lambda x: x - np.mean(x, axis=3, keepdims=True),
        lambda x: x - np.mean(x, keepdims=True, where=x > 0),
        lambda x: x - np.max(x, keepdims=True, initial=0),
        lambda x: x - np.subtract.reduce(x, axis=0, keepdims=True),
        lambda x: np.cumsum(x, axis=0),
        lambda x: x - functions.simplex_threshold(x, axis=0, keepdims=True),
        lambda x: x * functions.first_true(x > 0, axis=2),
        lambda x: x * np.arange(2.0),
        lambda x: x - np.mean(x, axis=0, keepdims=True),
        lambda _: 1.0,
    ],
)
def test_what_can_not_be_followed_is_refused_at_the_start(formula: Callable[[Any], Any]) -> None:
    with pytest.raises(UnfollowedError):
        Stream(formula, (100, 1_000_000), frozenset({0, 1}))


def test_formulas_run_once_for_all_that_can_be_known_together() -> None:
    assert Stream(actspec.parse("norm:z")[0].__formula__, (10,), frozenset({0})).walks == 2  # type: ignore[arg-type]
    assert streamed(lambda x: (x - np.mean(x)) / np.std(x), np.arange(9.0), (2,))[1] == 2
    assert streamed(lambda x: x / np.sum(np.exp(x - np.max(x))), np.arange(9.0), (2,))[1] == 3


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e12])
def test_sums_keep_their_digits(offset: float) -> None:
    x = np.random.default_rng(2).normal(size=100_003) + offset
    total = streamed(lambda x: np.sum(x) + 0 * x, x, (64,))[0][0]
    assert abs(total - math.fsum(x)) <= 2e-16 * math.fsum(np.abs(x))
    mean = math.fsum(x) / x.size
    exact = math.fsum((x - mean) ** 2) / x.size - (math.fsum(x - mean) / x.size) ** 2
    variance = streamed(lambda x: np.var(x) + 0 * x, x, (64,))[0][0]
    assert variance == pytest.approx(exact, rel=1e-14)


SPECIAL = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 1e-320])


@settings(max_examples=200)
@given(
    values=st.lists(st.floats(-1e3, 1e3) | SPECIAL, min_size=4, max_size=30),
    size=st.integers(1, 7),
    name=st.sampled_from(["np.sum", "np.max", "np.min", "np.mean", "np.std", "np.var", "np.prod"]),
)
def test_nan_and_infinities_come_out_where_they_do_on_the_whole(values: list[float], size: int, name: str) -> None:
    x = np.array(values)
    if name not in ("np.max", "np.min"):
        # Whether sums overflow, or products vanish before they meet an infinity, depends on their order.
        x[np.isfinite(x) & (np.abs(x) > 1e300)] = 1e10
        x[(x != 0) & (np.abs(x) < 1e-3)] = 1e-3
    reduce = getattr(np, name.removeprefix("np."))
    with np.errstate(all="ignore"):
        want = np.broadcast_to(reduce(x), x.shape)
        got = streamed(lambda x: reduce(x) + np.zeros_like(x), x, (size,))[0]
    for special in (np.isnan, np.isposinf, np.isneginf):
        np.testing.assert_array_equal(special(got), special(want))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets that nothing fits."""
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 400)
    monkeypatch.setattr(chunks, "LANE_BYTES", 500)


def streamed_stages(spec: str, x: Array) -> int:
    return sum(run.streamed for run in chunks.plan(actspec.parse(spec), x.shape, 8, fortran=x.flags.fnc))


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "float32": lambda x: x.astype(np.float32),
    "float16": lambda x: x.astype(np.float16),
    "big-endian": lambda x: x.astype(">f4"),
    "int32": lambda x: (x * 5).astype(np.int32),
    "bool": lambda x: x > 0,
}


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("shape", "axis"), [((901,), 0), ((301, 4), 0), ((3, 400), -1), ((2, 150, 3), 1)], ids=str)
def test_built_ins_stream_through_files(shape: tuple[int, ...], axis: int, layout: str) -> None:
    """Alone; and between other stages and twice, those that together have all orders of reductions, or all of them."""
    x = LAYOUTS[layout](np.random.default_rng(3).normal(size=shape))
    composed = spread(COUPLED, reductions)
    for name in COUPLED:
        call = name.replace("(", f"(axis={axis},") if "(" in name else f"{name}(axis={axis})"
        for spec in (call, f"tanh+{call}+relu", f"softlif+{call}+{call}") if name in composed else (call,):
            assert streamed_stages(spec, x) == spec.count("axis")
            got, summary = chunked(spec, x)
            want = as_written(spec, x)
            assert got.dtype == want.dtype
            assert_close(got, want, 64)
            assert summary.facts()["shape"] == str(x.shape)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize(
    "spec",
    [
        "softmax+norm:z(axis=0)",
        "norm:z(axis=0)+softmax+norm:std(axis=0)",
        "norm:z(axis=0)[1:]",
        "tanh+(relu+norm:max(axis=0))[::2]+softmax[1]",
        "norm:mean(axis=0)+norm:std(axis=0)+norm:z(axis=0)+softmax(axis=0)+norm:max(axis=0)+norm:std(axis=0)",
        "(norm:z(axis=0)+norm:z)[1:]",
    ],
)
def test_stages_of_all_kinds_run_one_after_the_other(spec: str, fortran: bool) -> None:
    x = np.random.default_rng(4).normal(size=(301, 4))
    x = np.asfortranarray(x) if fortran else x
    assert streamed_stages(spec, x) > 0
    assert_close(chunked(spec, x)[0], as_written(spec, x), 256)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    "spec", ["softmax[5:]", "tanh[-1]+norm:z[3:700:7]", "(relu+norm:z[10:])[2:-2]", "norm:z[2000:]"]
)
@pytest.mark.parametrize("shape", [(901,), (2, 901)], ids=str)
def test_slices_of_an_axis_that_is_cut(spec: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(5).normal(size=shape)
    assert streamed_stages(spec, x) > 0
    assert_close(chunked(spec, x)[0], as_written(spec, x), 64)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_with_nan_or_infinities_do_not_touch_the_others(bad: float) -> None:
    x = np.random.default_rng(6).normal(size=(4, 300))
    x[1, 200] = bad
    x[3] = 2.0
    for name in COUPLED:
        assert streamed_stages(name, x) == 1
        assert_close(chunked(name, x)[0], as_written(name, x), 64)


@pytest.mark.usefixtures("tiny")
def test_custom_formulas_stream_or_get_the_whole_lane() -> None:
    x = np.random.default_rng(7).normal(size=(300, 3))
    with actspec.registry.scope():

        class Ranged(actspec.Activation):
            """Between 0 and 1."""

            def __call__(self, x):  # type: ignore[no-untyped-def]
                low = np.min(x)
                return (x - low) / (np.max(x) - low)

        class Level(actspec.Activation):
            """The mean alone."""

            def __call__(self, x):  # type: ignore[no-untyped-def]
                return np.mean(x)

        class Masked(actspec.Activation):
            """Centred at the mean of what is positive."""

            def __call__(self, x):  # type: ignore[no-untyped-def]
                return x - np.mean(x, axis=0, keepdims=True, where=x > 0)

        for spec, count in (("ranged", 1), ("tanh+ranged+relu+level", 2), ("masked", 0), ("masked+ranged", 1)):
            assert streamed_stages(spec, x) == count
            assert_close(chunked(spec, x)[0], actspec.parse(spec)(x))


@pytest.mark.usefixtures("tiny")
def test_what_fits_the_budget_is_the_same_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(8).normal(size=(300, 3))
    monkeypatch.setattr(chunks, "LANE_BYTES", 300 * 8)
    for spec in ("norm:z(axis=0)", "norm:z(axis=0)+softmax"):
        assert streamed_stages(spec, x) == 0
        np.testing.assert_array_equal(chunked(spec, x)[0], actspec.parse(spec)(x))
    wide = np.random.default_rng(8).normal(size=(20, 3, 20))
    plan = chunks.plan(actspec.parse("norm:z(axis=0)+norm:z"), wide.shape, 8)
    assert len(plan) == 2, "400 values are too many to hold, 20 are not"


@pytest.mark.usefixtures("tiny")
def test_a_formula_that_returns_another_shape_is_told() -> None:
    with actspec.registry.scope():

        class Flattened(actspec.Activation):
            """No activation."""

            def __call__(self, x):  # type: ignore[no-untyped-def]
                return np.mean(x, axis=0, keepdims=True)

        with pytest.raises(
            Exception, match=r"flattened can't run on an array of shape \(300, 3\): .*must return the shape"
        ):
            chunked("flattened", np.ones((300, 3)))
