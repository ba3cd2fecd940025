"""What runs along an axis by more than sums and extrema: thresholds that are searched for, and first places."""

from __future__ import annotations

import numpy as np
import pytest

import actspec
from actspec.functions import simplex_threshold
from tests.support.reference import as_written, assert_close

FORMS = {
    "rows": ((5, 130), -1),
    "wide rows": ((2, 5003), -1),
    "columns": ((300, 7), -1),
    "columns along axis 1": ((2, 40, 30), 1),
    "long rows": ((2, 200_000), -1),
    "long columns": ((70_000, 3), 0),
}


def sample(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Numbers with many ties, masked ones, and lanes that differ in how many values they have near the largest."""
    random = np.random.default_rng(5)
    x = random.normal(0, 1, shape) * 10.0 ** random.integers(-4, 2, (*shape[:-1], 1))
    x = np.where(random.random(shape) < 0.1, -np.inf, x)
    return np.where(random.random(shape) < 0.5, np.round(x, 1), x).astype(dtype)


@pytest.mark.parametrize(("form", "dtype"), [(form, "f4" if "long" in form else "f8") for form in FORMS])
@pytest.mark.parametrize("name", ["sparsemax", "hardmax"])
def test_kernels_of_all_forms_do_what_the_formula_does(name: str, form: str, dtype: str) -> None:
    shape, axis = FORMS[form]
    spec = f"{name}(axis={axis})"
    x = sample(shape, dtype)
    for special in (None, np.nan, np.inf, -np.inf):
        if special is not None:  # in a lane of its own, or all over it
            x[:1] = np.where(np.arange(shape[-1]) == 2, special, x[:1]) if special != -np.inf else special
        y = actspec.parse(spec)(x)
        assert_close(y, as_written(spec, x), axis=axis, note=f"{special}")
        sums = y.sum(axis=axis, dtype="f8")
        np.testing.assert_allclose(sums[np.isfinite(sums)], 1, rtol=1e-5 if dtype == "f4" else 1e-13)


def test_hardmax_counts_exactly_beyond_what_float32_does() -> None:
    x = np.zeros(2**24 + 7, np.float32)
    x[-6:-3] = 1
    y = actspec.parse("hardmax")(x)
    assert np.flatnonzero(y).tolist() == [x.size - 6]


def test_sparsemax_gives_those_above_its_threshold_their_gradient_less_its_mean() -> None:
    act = actspec.parse("sparsemax")
    random = np.random.default_rng(6)
    for shape in ((6, 90), (2, 200_000)):
        x, g = random.normal(0, 1, shape), random.normal(size=shape)
        met = act(x) > 0
        right = met * (g - np.sum(g * met, -1, keepdims=True) / np.sum(met, -1, keepdims=True))
        np.testing.assert_allclose(act.vjp(x, g), right, rtol=0, atol=1e-13)
    np.testing.assert_allclose(act.jvp(x, g), right, rtol=0, atol=1e-13)  # it is symmetric


@pytest.mark.parametrize("shape", [(4, 9), (9, 4)], ids=str)
def test_slices_count_their_own_places(shape: tuple[int, int]) -> None:
    spec = "hardmax[2:]+(tanh+sparsemax)[::2]"
    x = sample(shape, "f8")
    np.testing.assert_allclose(actspec.parse(spec)(x), as_written(spec, x), rtol=1e-14)


@pytest.mark.parametrize("axis", [0, -1])
def test_gains_and_shifts_are_learnt_along_any_axis(axis: int) -> None:
    random = np.random.default_rng(7)
    x, g, gain = random.normal(2, 3, (8, 5)), random.normal(size=(8, 5)), random.normal(1, 0.1, 5)
    cell = actspec.parse(f"norm:layer(axis={axis},gain=~1,shift=~0)").bind(features=5)
    cell.parameters["0.gain"][:] = gain
    plain = actspec.parse(f"norm:layer(axis={axis})")
    dx, dparameters = cell.vjp(x, g)
    np.testing.assert_allclose(cell(x), plain(x) * gain, rtol=1e-13)
    np.testing.assert_allclose(dx, plain.vjp(x, g * gain), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dparameters["0.gain"], np.sum(g * plain(x), axis=0), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dparameters["0.shift"], np.sum(g, axis=0), rtol=1e-12, atol=1e-13)


@pytest.mark.peers
def test_hardmax_is_that_of_onnx() -> None:
    helper = pytest.importorskip("onnx.helper", reason="ONNX is not installed")
    reference = pytest.importorskip("onnx.reference", reason="ONNX is not installed")
    x = np.random.default_rng(8).integers(0, 4, (6, 7)).astype(np.float32)
    x[0, 3] = np.nan
    for axis in (0, 1):
        node = helper.make_node("Hardmax", ["x"], ["y"], axis=axis)
        kind = helper.np_dtype_to_tensor_dtype(x.dtype)
        names = (helper.make_tensor_value_info(name, kind, x.shape) for name in "xy")
        graph = helper.make_graph([node], "hardmax", *([each] for each in names))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        (want,) = reference.ReferenceEvaluator(model).run(None, {"x": x})
        np.testing.assert_array_equal(actspec.parse(f"hardmax(axis={axis})")(x), want)


@pytest.mark.parametrize(("shape", "axis"), [((200, 8), -1), ((100_000, 70), 0), ((50, 90), -1)])
def test_sparsemax_of_its_own_results_ends_and_stays(shape: tuple[int, int], axis: int) -> None:
    """Every zero lies on the threshold, to a rounding either way."""
    act = actspec.parse(f"sparsemax(axis={axis})")
    y = act(np.random.default_rng(0).normal(size=shape))
    np.testing.assert_allclose(act(y), y, rtol=0, atol=1e-15)
    below = y - simplex_threshold(y, axis=axis, keepdims=True)
    np.testing.assert_allclose(np.maximum(below, 0), y, rtol=0, atol=1e-15)
