"""Derivatives of pipelines: against differences of their formulas, mpmath and PyTorch, at kinks and in any array."""

from __future__ import annotations

import itertools
import random
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import mp, mpf

import actspec
from actspec import functions, registry
from actspec.structure import features
from tests.support import oracles, torch_oracle
from tests.support.amount import FULL, amount, spread
from tests.support.reference import as_written, assert_close, assert_same_bits, result_type
from tests.test_kernels import ALONG, LAYOUTS, MIXED, NARROW, OUTS, POINTWISE, WIDE, filled, sample, template

MODES = ["vjp", "jvp"]
pytestmark = pytest.mark.usefixtures("eager_threads")
KINKS = [-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0]


@pytest.fixture(autouse=True)
def _any_number_of_threads():
    yield
    actspec.set_num_threads(None)


def derive(mode, act, x, g, **options):
    return getattr(actspec.parse(act), mode)(x, g, **options)


def off_kinks(shape, seed=0):
    """Numbers that are no nearer to a kink than differences reach."""
    x = sample(shape, seed=seed)
    for kink in KINKS:
        x = np.where(abs(x - kink) < 0.02, kink + 0.03, x)
    return x


def differences(act, x, step=1e-3):
    """The Jacobian J[out, in] of all elements of x, by differences of the formulas as they are written."""
    columns = []
    for place in range(x.size):
        one = np.zeros(x.size)
        one[place] = step
        ahead, behind, farther, farthest = (as_written(act, x + k * one.reshape(x.shape)) for k in (1, -1, 2, -2))
        columns.append((8 * (ahead - behind) - (farther - farthest)).ravel() / (12 * step))
    return np.array(columns).T


def check_by_differences(spec, x, tolerance=1e-7):
    """vjp, jvp and, where rows are alone, jacobian against differences of the formulas."""
    act = actspec.parse(spec)
    exact = differences(act, x)
    limit = tolerance * max(1e-3, np.abs(exact).max())
    g, v = sample(x.shape, seed=1), sample(x.shape, seed=2)
    np.testing.assert_allclose(act.vjp(x, g), (g.ravel() @ exact).reshape(x.shape), rtol=0, atol=20 * limit)
    np.testing.assert_allclose(act.jvp(x, v), (exact @ v.ravel()).reshape(x.shape), rtol=0, atol=20 * limit)
    whole = exact.reshape(x.shape * 2)
    if all(not whole[a][:, b].any() for a, b in itertools.permutations(range(len(x)), 2)):
        rows = np.array([whole[row][:, row] for row in range(len(x))])
        np.testing.assert_allclose(act.jacobian(x), rows, rtol=0, atol=limit)


# ---- against differences, with no other library


# The conformance suite takes every built-in in float64, element by element and in lanes that are alone.
@pytest.mark.parametrize("spec", spread([*(POINTWISE if FULL else ()), *ALONG]))
def test_built_ins_have_the_derivatives_that_differences_show(spec):
    check_by_differences(spec, off_kinks((3, 4)))
    act, x, g = actspec.parse(spec), sample((3, 4), "f4"), sample((3, 4), "f4", seed=1)
    close(act.vjp(x, g), act.vjp(x.astype("f8"), g))


# ---- against PyTorch

VARIANTS = ["scaledtanh(-0.5,3)", "relu(max=1)", "clip(-1,1)", "clip(-inf,0.5)", "leakyrelu(-1.5)", "elu(0.5)"]
VARIANTS += ["selu(2,0.5)", "softlif(sigma=0.1)", "softlif(0.5,0.05,0.001,1)", "lgrelu(gain=2,leak=-0.5)"]
VARIANTS += ["relu(1.5,negative_slope=0.25)", "relu(threshold=0.5)", "relu(2,0.25,0.5)", "celu(0.5)", "celu(-2)"]
VARIANTS += ["shrink(1,bias=0.5)", "hardsigmoid(0.2)", "clippedlinear(-2,offset=1,min=-1)"]
VARIANTS += ["softmax(floor=0.2)", "norm:z(eps=0.5)", "norm:std(eps=0.5)", "norm:max(eps=2)"]
SLICES = "norm:max[:3]+tanh[2:]"


def check_by_torch(spec, x, seed=1):
    """The result's vjp and jvp are within 1e-10 of PyTorch's, relative to the largest of each."""
    act = actspec.parse(spec)
    g, v = sample(x.shape, seed=seed), sample(x.shape, seed=seed + 1)
    want = torch_oracle.differentiate(act, x, g, v)
    off = [torch_oracle.differentiate(act, x, g, v, jitter=np.random.default_rng(each)) for each in range(3)]
    for name, got in (("dx", act.vjp(x, g)), ("jv", act.jvp(x, v))):
        right = getattr(want, name)
        assert np.isfinite(right).all()
        moved = np.max([np.abs(getattr(each, name) - right) for each in off])  # what rounding alone does
        limit = 1e-10 * np.abs(right).max(initial=0) + 10 * moved
        np.testing.assert_allclose(got, right, rtol=0, atol=limit, err_msg=f"{name} of {act} {x.shape}")


@pytest.mark.peers
@pytest.mark.parametrize("spec", [*POINTWISE, *ALONG, *VARIANTS, SLICES])
def test_derivatives_agree_with_pytorch(spec):
    torch_oracle.torch()
    check_by_torch(spec, sample((9, 7)))


@pytest.mark.peers
@pytest.mark.parametrize("spec", ["softmax", "norm:max", "norm:z"])
def test_derivatives_along_every_axis_agree_with_pytorch(spec):
    torch_oracle.torch()
    for axis in (0, 1, 2, -3, -2, -1):
        check_by_torch(f"{spec}(axis={axis})", sample((4, 5, 6)))


def composition(seed):
    """A composition with places for parameters and the axis, and arrays to try it on."""
    draw = random.Random(seed)
    cases = draw.choices([NARROW, WIDE, MIXED], (5, 4, 1))[0]
    while True:
        made = template(draw)
        try:
            actspec.validate(filled(draw, made, 0))
        except actspec.SpecError:  # a slice inside a slice that selects nothing
            continue
        break
    if "[" in made and seed % 3:  # slices along other axes than the last are kernels of their own
        cases = [(-1, shape, "C") for _, shape, _ in cases]
    for axis, shape, order in cases[: 7 if len(made) < 60 else 3]:
        yield filled(draw, made, axis), np.array(sample(shape, seed=draw.randrange(99)), order=order)


# 300 are what is promised, but each compiles kernels of its own: by default some run.
COMPOSITIONS = amount(2, 300, "ACTSPEC_TEST_COMPOSITIONS")


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(COMPOSITIONS))
def test_derivatives_of_random_compositions_agree_with_pytorch(seed):
    torch_oracle.torch()
    for spec, x in composition(seed):
        try:
            as_written(spec, x)
        except IndexError:  # one feature of a slice that has fewer here
            for mode in MODES:
                with pytest.raises(IndexError):
                    derive(mode, spec, x, x)
            continue
        check_by_torch(spec, x, seed=seed)


# ---- kinks

SELU = 1.0507009873554805 * 1.6732632423543772
AT_KINKS = {
    "relu": ([0.0, -0.0], [0, 0]),
    "relu(max=6)": ([0.0, 6.0], [0, 0]),
    "relu(max=0)": ([0.0, 1.0], [0, 0]),
    "relu(negative_slope=0.25)": ([0.0, -0.0], [0.25, 0.25]),
    "relu(threshold=0.5)": ([0.0, 0.5], [0, 0]),
    "relu(2,0.25,0.5)": ([0.0, 0.5, 2.0], [0.25, 0.25, 0]),
    "relu6": ([0.0, 6.0], [0, 0]),
    "relu2": ([0.0, -0.0], [0, 0]),
    "thresholdedrelu": ([1.0, 0.0], [0, 0]),
    "threshold(0.5,-1)": ([0.5, 1.0], [0, 1]),
    "rrelu": ([0.0, -0.0], [11 / 48, 11 / 48]),
    "celu(2)": ([0.0, -0.0], [1, 1]),
    "celu(-2)": ([0.0, -0.0], [1, 1]),
    "hardtanh": ([-1.0, 1.0], [0, 0]),
    "hardshrink": ([-0.5, 0.0, 0.5], [0, 0, 0]),
    "softshrink": ([-0.5, 0.0, 0.5], [0, 0, 0]),
    "hardsigmoid": ([-3.0, 3.0], [0, 0]),
    "hardswish": ([-3.0, 0.0, 3.0], [0, 0.5, 1]),
    "hard_mish": ([-2.0, 0.0], [-1, 1]),
    "rect:min": ([1.0, 0.0], [0, 1]),
    "rect:minmax": ([0.0, 1.0], [0, 0]),
    "clip": ([0.0, 6.0], [0, 0]),
    "clip(-1,1)": ([-1.0, 1.0, 0.0], [0, 0, 1]),
    "leakyrelu": ([0.0, -0.0], [0.01, 0.01]),
    "veryleakyrectify": ([0.0, -0.0], [1 / 3, 1 / 3]),
    "prelu(slope=0.25)": ([0.0, -0.0], [0.25, 0.25]),
    "lgrelu(gain=2,leak=0.5)": ([0.0, -0.0], [0.5, 0.5]),
    "elu": ([0.0, -0.0], [1, 1]),
    "elu(0.5)": ([0.0, -0.0], [0.5, 0.5]),
    "selu": ([0.0, -0.0], [SELU, SELU]),
}


# Other kernels than that of vjp in float64 are made of the same rules: those of some have all operations.
ALL_KINDS = spread(AT_KINKS)


def check_elementwise(spec, x, slopes):
    """Each kind of derivative is the slope times what goes in."""
    act, x = actspec.parse(spec), np.array([x, x], "f8")
    g = np.full(x.shape, -3.0)
    np.testing.assert_allclose(act.vjp(x, g) / g, [slopes, slopes], rtol=1e-15, atol=0)
    if spec in ALL_KINDS:
        np.testing.assert_allclose(act.jvp(x, g) / g, [slopes, slopes], rtol=1e-15, atol=0)
        np.testing.assert_allclose(act.vjp(x.astype("f4"), g) / g, [slopes, slopes], rtol=1e-6, atol=0)
        np.testing.assert_allclose(act.derivative(x), [slopes, slopes], rtol=1e-15, atol=0)


@pytest.mark.parametrize("spec", AT_KINKS)
def test_derivatives_at_the_kinks_of_built_ins_are_those_of_pytorch(spec):
    check_elementwise(spec, *AT_KINKS[spec])


@pytest.mark.peers
@pytest.mark.parametrize("spec", AT_KINKS)
def test_the_table_of_kinks_is_what_pytorch_says(spec):
    torch_oracle.torch()
    x, slopes = map(np.array, AT_KINKS[spec])
    found = torch_oracle.differentiate(spec, x, np.ones(x.shape), np.ones(x.shape))
    for each in (found.dx, found.jv):
        np.testing.assert_allclose(each, slopes, rtol=1e-15)


with registry.scope():

    class Kinked(actspec.Activation):
        """Each kink has a place of its own."""

        def __call__(self, x):
            at = [x - k for k in range(8)]
            total = np.abs(at[0]) + np.maximum(at[1], 0) + np.minimum(0.0, at[2]) + np.clip(at[3], 0, 0.5)
            total = total + np.maximum(at[4], 2 * at[4]) + np.minimum(at[5], -at[5])  # of two that both depend on x
            return total + np.where(at[6] > 0, 5 * at[6], 7 * at[6]) + np.where(at[7] >= 0, 5 * at[7], 7 * at[7])


def test_kinks_of_custom_formulas_are_those_of_pytorch():
    # Far from its own kink, each term has the slope of the side that x is on.
    below, above = [-1, 0, 1, 0, 1, 1, 7, 7], [1, 1, 0, 0, 2, -1, 5, 5]
    at = [0, 0, 0, 1, 1.5, 0, 7, 5]
    slopes = [sum(above[:k]) + at[k] + sum(below[k + 1 :]) for k in range(8)]
    beside = [sum(above[: k + 1]) + (k == 3) + sum(below[k + 1 :]) for k in range(8)]
    x, ones = np.array([np.arange(8.0), np.arange(8) + 0.25]), np.ones((2, 8))
    np.testing.assert_allclose(actspec.parse(Kinked).vjp(x, ones), [slopes, beside], rtol=1e-14)


def test_ties_share_evenly():
    x, g = np.array([[2.0, -2, 1], [0, 4, 4]]), np.array([[0.0, 1, 0], [1, 0, 0]])
    want = [[0.25, 0.25, 0], [0.25, 0, 0]]  # norm:max: the magnitudes tie, each with its sign
    np.testing.assert_allclose(actspec.parse("norm:max(eps=0)").vjp(x, g), want, rtol=1e-15)
    for tied in (0.0, 800.0, -800.0):
        x = np.full((2, 4), tied)
        found = actspec.parse("softmax").vjp(x, np.full((2, 4), [4.0, 0, 0, 0]))
        np.testing.assert_allclose(found, [[0.75, -0.25, -0.25, -0.25]] * 2, rtol=1e-15)


@pytest.mark.parametrize("value", [0.0, 3.0, -0.5, 0.1, 1e5])
def test_constant_rows_have_finite_derivatives(value):
    eps = 1e-8
    for width, dtype in ((4, "f8"), (7, "f8"), (7, "f4")):
        x = np.full((3, width), value, dtype)
        x[1] = np.arange(width)  # the row between is as it was
        g = sample(x.shape, dtype, seed=3)
        centred = g - g.mean(axis=-1, keepdims=True)
        right = {"norm:mean": centred, "norm:z": centred / eps, "norm:std": g / eps, "norm:max": g / eps}
        right |= {"norm:layer": centred / 1e-5**0.5}
        if value == 0:
            right |= {"norm:l2": g / 1e-12, "norm:rms": g / 1e-6**0.5}
        for spec, want in right.items() if dtype == "f8" else [("norm:z", centred / eps)]:
            for mode in MODES if dtype == "f8" else MODES[:1]:
                found = derive(mode, spec, x, g)
                assert np.isfinite(found).all()
                # 0.1 seven times has a mean that may be a bit off, and norm:max a constant that isn't zero.
                if value != 0.1 and (spec != "norm:max" or value == 0):
                    np.testing.assert_allclose(found[::2], want[::2], rtol=1e-4, err_msg=f"{mode} of {spec}")


# ---- far from zero, and to the last digits


def off_truth(act, x, found):
    """The errors of derivatives in units in the last place of the true ones, below the smallest number in its units."""
    (stage,) = act.stages
    info = np.finfo(found.dtype)
    smallest = mpf(float(info.smallest_subnormal))
    errors = []
    with mp.workdps(60):
        for each, got in zip(x.tolist(), found.tolist(), strict=True):
            right = mpf(oracles.SLOPES[stage.__definition__.name](mpf(each), **oracles.constants(stage)))
            if got == np.inf and right > float(info.max):
                errors.append(0.0)
                continue
            unit = mp.ldexp(1, max(mp.frexp(right)[1], info.minexp + 1) - info.nmant - 1) if right else smallest
            errors.append(float(abs(mpf(got) - right) / unit))
    return np.array(errors)


def test_every_elementwise_built_in_has_its_slope_in_mpmath():
    assert {actspec.parse(spec)[0].__definition__.name for spec in POINTWISE} <= set(oracles.SLOPES)


def _grid(dtype):
    rng = np.random.default_rng(0)
    sizes = 10.0 ** np.concatenate([rng.uniform(-8, 2, 150), rng.uniform(-30, 10, 40)])
    ends = [0.0, 1.0, 6.0, 16.6, 17.4, 20.0, 37.5, 87.4, 88.8, 100.0, 104.0]
    if dtype == "f8":
        ends += [708.4, 709.9, 745.3, 800.0]
    line = np.concatenate([np.linspace(-100, 100, 201), np.linspace(-9.3, 9.3, 150)])
    return np.concatenate([sizes, -sizes, ends, np.negative(ends), line]).astype(dtype)


@pytest.mark.parametrize("spec", [*POINTWISE, "scaledtanh(0.01,1e6)", "scaledtanh(-1e7,0.5)"])
def test_float32_derivatives_are_within_8_ulp_of_the_true_ones(spec):
    act, x = actspec.parse(spec), _grid("f4")
    found = act.vjp(x, np.ones_like(x))
    assert found.dtype == np.float32
    errors = off_truth(act, x, found)
    zeros = oracles.SLOPE_ZEROS.get(act[0].__definition__.name, ())
    for zero in (zeros(x.astype("f8")),) if callable(zeros) else zeros:
        errors[abs(x - zero) < 0.2] = 0  # there it is the difference of terms much larger than itself
    worst = int(np.argmax(errors))
    assert errors[worst] <= 8, f"{errors[worst]:.3g} ulp at {x[worst]!r}: {found[worst]!r}"


@pytest.mark.parametrize("spec", POINTWISE)
def test_float64_derivatives_stay_right_far_from_zero(spec):
    act, x = actspec.parse(spec), _grid("f8")
    ones = np.ones(x.shape)
    for found in (act.vjp(x, ones), act.jvp(x, ones)):
        errors = off_truth(act, x, found)
        worst = int(np.argmax(errors))
        assert errors[worst] <= 500, f"{errors[worst]:.3g} ulp at {x[worst]!r}: {found[worst]!r}"


@pytest.mark.parametrize("b", [0, 1e-300, 1e-19, 4, 1e17, 1e19, 1e300, np.inf])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_squareplus_and_its_slope_are_right_whatever_b_is(b, dtype):
    kind = np.finfo(dtype)
    x = np.array([-np.inf, -1e30, -1e24, -2, -kind.smallest_subnormal, 0, 1.5, 1e30, np.inf], dtype)
    act = actspec.parse(f"squareplus(b={b!r})")
    with np.errstate(over="ignore"):
        height = float(np.sqrt(np.asarray(b).astype(dtype)))
    y, slope = np.maximum(x, 0), (np.sign(x) + 1) / 2
    if height == np.inf:
        y[:], slope[:] = np.inf, 0.5
    elif height:
        with mp.workdps(400):
            for place, value in enumerate(x[1:-1].tolist(), 1):
                root = mp.sqrt(mpf(value) ** 2 + mpf(height) ** 2)
                y[place], slope[place] = (mpf(value) + root) / 2, (1 + mpf(value) / root) / 2
    np.testing.assert_allclose(act(x), y, rtol=4 * kind.eps, atol=kind.smallest_subnormal)
    np.testing.assert_allclose(act.derivative(x), slope, rtol=8 * kind.eps, atol=kind.smallest_subnormal)
    for mode in MODES:
        np.testing.assert_array_equal(derive(mode, act, x, np.ones_like(x)), act.derivative(x))


def test_xielu_without_eps_has_no_kink_at_zero():
    x = np.array([-1e-9, -0.0, 0.0, 1e-9])
    act = actspec.parse("xielu(alpha_p=0.5, alpha_n=1, eps=0)")
    for mode in MODES:
        np.testing.assert_allclose(derive(mode, act, x, np.ones_like(x)), 0.5, rtol=1e-8)


def test_a_learnt_b_of_squareplus_may_be_zero():
    x = np.array([[-2.0], [1.0], [np.inf]])
    dx, changes = actspec.parse("squareplus(b=~0)").bind(features=1).vjp(x, np.ones_like(x))
    np.testing.assert_array_equal(dx, [[0], [1], [1]])
    np.testing.assert_allclose(changes["0.b"], [1 / 8 + 1 / 4])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_mish_has_its_slope_up_to_the_largest_numbers(mode, dtype):
    x = np.array([0.4, 0.6, 1.0], dtype) * np.finfo(dtype).max
    np.testing.assert_array_equal(derive(mode, "mish", x, np.ones_like(x)), np.ones_like(x))


@pytest.mark.parametrize("spec", [*ALONG, SLICES])
def test_rows_of_large_numbers_have_finite_derivatives(spec):
    for dtype, far in (("f8", 800.0), ("f4", 100.0)) if spec in ("norm:z", "softmax") else (("f8", 800.0),):
        rows = [[-far, far, 0, 1, -1, 2], [far, far, far, 0, 0, 0], [far] * 6, [-far] * 6, [0] * 6]
        rows += [[0, 0, 0, 0, 0, far], [far, -far] * 3, [-far, -far + 1, -far + 2, -far, 0, 1]]
        rows += [[1e-30, -1e-30, 0, 0, 0, 0]]
        x, g = np.array(rows, dtype), sample((9, 6), dtype, seed=4)
        for mode in MODES if dtype == "f8" else MODES[:1]:
            found = derive(mode, spec, x, g)
            assert found.dtype == x.dtype
            assert np.isfinite(found).all(), f"{mode}: {found}"


# ---- arrays of any type and layout


def norm_z_vjp(x, g, axis=-1, eps=1e-8):
    """The vjp of norm:z by hand, in float64."""
    x, g = (np.asarray(each, np.float64) for each in (x, g))
    std, centred = x.std(axis=axis, keepdims=True), x - x.mean(axis=axis, keepdims=True)
    along = np.mean(g * centred, axis=axis, keepdims=True)
    return (g - g.mean(axis=axis, keepdims=True)) / (std + eps) - centred * along / ((std + eps) ** 2 * std)


def softmax_vjp(x, g, axis=-1):
    """The vjp of softmax by hand, in float64."""
    x, g = (np.asarray(each, np.float64) for each in (x, g))
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    p = e / e.sum(axis=axis, keepdims=True)
    return p * (g - np.sum(p * g, axis=axis, keepdims=True))


def close(found, want, ulps=64, note=""):
    """Equal but for the order of sums, relative to the largest of all."""
    kind = found.dtype.newbyteorder("=")
    ulps = 1 if kind.itemsize == 2 else ulps
    assert_close(found.astype(kind), np.asarray(want).astype(kind), ulps=ulps, axis=None, note=note)


ANY = ["tanh", "norm:z", SLICES]


@pytest.mark.parametrize(
    ("spec", "dtype"), [*itertools.product(["tanh", "norm:z"], ["f2", "f4", "f8", "i4"]), (SLICES, "f8")]
)
def test_x_and_g_may_have_any_layout(spec, dtype):
    act = actspec.parse(spec)
    held, incoming = sample((21, 5), dtype), sample((21, 5), "f2", seed=3)
    for name, lay_out in LAYOUTS.items():
        if spec != "tanh" and name in ("broadcast features", "one number"):
            continue  # constant rows: rounding decides what they give
        x, like = lay_out(held), lay_out(incoming.astype("f8"))
        if len(x.shape) < 2 and (spec, dtype) in ((SLICES, "f8"), ("norm:z", "f2"), ("norm:z", "f4")):
            continue  # these are kernels of their own
        plain = np.ascontiguousarray(like).reshape(x.shape)
        cotangents = [like, plain, plain.copy(order="F"), plain.astype("f4"), plain.astype(">f2")]
        cotangents.append(np.broadcast_to(plain[..., None], (*x.shape, 2))[..., 1])
        computed = np.array(x, dtype="f4" if dtype == "f2" else result_type(dtype), order="C")
        for mode in MODES if spec == "tanh" else MODES[:1]:
            want = derive(mode, act, computed, plain)
            before = x.tobytes()
            for g in cotangents:
                kept = g.tobytes()
                found = derive(mode, act, x, g)
                assert found.dtype == result_type(dtype)
                close(np.asarray(found), want, note=f"{name}, {mode}")
                assert (x.tobytes(), g.tobytes()) == (before, kept), name
                assert not np.shares_memory(found, x)
                assert not np.shares_memory(found, g)


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "f2", "f4", ">f4", "f8", ">f8"])
def test_the_result_has_the_type_that_a_call_has_whatever_the_type_of_g(dtype):
    act, x = actspec.parse("tanh"), sample((3, 5), dtype)
    for kind in ("?", "i2", "f2", "f4", ">f8"):
        g = np.ones(x.shape, kind)
        for found in (act.vjp(x, g), act.jvp(x, g), act.derivative(x)):
            assert found.dtype == act(x).dtype
            close(found, 1 - np.tanh(x.astype("f8")) ** 2)
    assert act.jacobian(x).dtype == act(x).dtype


def test_a_scalar_gives_scalars_and_a_list_an_array():
    act = actspec.parse("tanh")
    slope = 1 - np.tanh(0.5) ** 2
    for x in (0.5, np.float64(0.5), np.array(0.5)):
        for found in (act.derivative(x), act.vjp(x, 3), act.jvp(x, np.array(3.0))):
            assert type(found) is np.float64
        assert act.derivative(x) == pytest.approx(slope, rel=1e-14)
        assert act.vjp(x, 3) == pytest.approx(3 * slope, rel=1e-14)
    assert type(act.derivative(np.float32(0.5))) is np.float32
    np.testing.assert_allclose(act.vjp([0.5, -0.5], [1, 2]), [slope, 2 * slope], rtol=1e-14)
    assert actspec.parse("norm:z").vjp(0.5, 1.0) == 0
    out = np.array(0.0)
    assert act.vjp(0.5, 1.0, out=out) is out
    assert out == act.derivative(0.5)


@pytest.mark.parametrize("spec", [*ANY, "norm:z(axis=0)"])
@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (2, 0, 3)])
def test_an_empty_array_has_empty_derivatives(spec, shape):
    act, x = actspec.parse(spec), np.empty(shape)
    for mode in MODES:
        assert derive(mode, act, x, x).shape == shape
    if spec == "tanh":
        assert act.derivative(x).shape == shape
    if "axis=0" not in spec:
        assert act.jacobian(x).shape == (*shape, shape[-1])


# Every form of kernels, and what runs on converted blocks, on views of slices, and in several kernels.
FORMS = {
    "flat": ("tanh", (41, 33), "f8"),
    "flat of half": ("tanh", (41, 33), "f2"),
    "rows": ("norm:z", (37, 71), "f8"),
    "wide rows": ("norm:z", (9, 5003), "f8"),
    "columns": ("norm:z", (333, 7), "f8"),
    "columns of half": ("norm:z", (333, 7), "f2"),
    "columns along axis 0": ("softmax(axis=0)", (29, 300), "f8"),
    "slices": (SLICES, (150, 9), "f8"),
    "slices along axis 0": ("norm:z(axis=0)[1:4]+elu", (50, 6), "f8"),
    "segments": ("norm:z+norm:z(axis=0)", (60, 20), "f8"),
    "long rows": ("norm:z", (3, 90_000), "f8"),
    "long columns": ("norm:z(axis=0)", (70_000, 3), "f8"),
    "slices of long rows": ("norm:z[1:]", (2, 40_000), "f8"),
}


@pytest.mark.parametrize("form", FORMS)
def test_out_may_have_any_layout_and_be_x_or_g_or_overlap_them(form):
    spec, shape, dtype = FORMS[form]
    act, values, given = actspec.parse(spec), sample(shape, dtype), sample(shape, dtype, seed=1)
    for mode in MODES if form in ("flat", "columns") else MODES[:1]:
        plain = derive(mode, act, values, given)
        for name, make in OUTS.items():
            out = make(shape, dtype)
            assert derive(mode, act, values, given, out=out) is out
            close(out, plain, note=f"into {name}")
            x = make(shape, dtype)
            x[...] = values
            assert derive(mode, act, x, given, out=x) is x
            close(x, plain, note=f"in place of x, {name}")
            g = make(shape, dtype)
            g[...] = given
            assert derive(mode, act, values, g, out=g) is g
            close(g, plain, note=f"in place of g, {name}")
        same = derive(mode, act, values, values)
        x = values.copy()
        derive(mode, act, x, x, out=x)
        close(x, same, note="x, g and out are one")
        for shift in (1, -1, shape[1], -3 * shape[1] - 2):
            room = np.zeros((3, values.size + 2 * abs(shift)), dtype)
            for rows in ((0, 1, 0), (1, 0, 0), (0, 0, 0)):  # where x, g and out lie
                x, g = (room[row, abs(shift) :][: values.size].reshape(shape) for row in rows[:2])
                out = room[rows[2], abs(shift) + shift :][: values.size].reshape(shape)
                x[...], g[...] = values, given
                want = derive(mode, act, x.copy(), g.copy())
                derive(mode, act, x, g, out=out)
                close(out, want, note=f"shifted by {shift}, {rows}")
        x, g = values.copy(), given.copy()
        derive(mode, act, x, g, out=x[::-1, ::-1])
        close(x[::-1, ::-1], plain, note="x the other way round")
        derive(mode, act, values, g, out=g[::-1])
        close(g[::-1], plain, note="g the other way round")


@pytest.mark.parametrize("which", [0, 1])
def test_overlap_is_seen_whatever_the_strides_of_axes_of_length_one(which):
    act = actspec.parse("tanh")
    for shape in ((1, 5), (5, 1), (1, 1, 300)):
        act.vjp(np.zeros(shape), np.zeros(shape))  # from now on arrays of this shape take the short way
        line, size = sample(310), int(np.prod(shape))
        for shift in (1, 2, 5):
            room, other = line.copy(), sample(shape, seed=2)
            mine, out = (room[None, start : start + size].reshape(shape) for start in (0, shift))
            pair = [mine, other] if which == 0 else [other, mine]
            want = act.vjp(*(each.copy() for each in pair))
            assert_same_bits(act.vjp(*pair, out=out), want)


def test_only_the_elements_of_out_are_written():
    for spec, (rows, width), dtype in FORMS.values():
        room = np.full((2 * rows + 1, 2 * width + 3), 7.0, dtype)
        mine = np.zeros(room.shape, bool)
        mine[1::2, 1:-2:2] = True
        actspec.parse(spec).vjp(sample((rows, width), dtype), sample((rows, width), dtype), out=room[1::2, 1:-2:2])
        assert (room[~mine] == 7).all(), spec


def test_derivative_writes_into_out_too():
    act, x = actspec.parse("tanh"), sample((6, 7))
    want = act.derivative(x)
    out = np.empty_like(x)
    assert act.derivative(x, out=out) is out
    assert_same_bits(out, want)
    act.derivative(x, out=x)
    assert_same_bits(x, want)


# ---- lanes of any length, side by side, on any number of threads


@pytest.mark.parametrize(("shape", "axis"), [((100, 10), -1), ((10, 1000), 0), ((5, 60, 10), 1), ((60, 3), 0)], ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_narrow_and_side_by_side_lanes_have_their_derivatives(shape, axis, dtype):
    x, g = sample(shape, dtype), sample(shape, dtype, seed=1)
    close(actspec.parse(f"norm:z(axis={axis})").vjp(x, g), norm_z_vjp(x, g, axis))


@pytest.mark.parametrize(
    ("spec", "shape", "axis", "dtype"),
    [
        ("norm:z", (2, 300_000), -1, "f8"),
        ("norm:z(axis=0)", (300_000, 3), 0, "f8"),
        ("softmax", (1, 300_000), -1, "f4"),
    ],
    ids=str,
)
def test_long_lanes_have_their_derivatives(spec, shape, axis, dtype):
    act, x, g = actspec.parse(spec), sample(shape, dtype), sample(shape, dtype, seed=1)
    want = (softmax_vjp if "softmax" in spec else norm_z_vjp)(x, g, axis)
    close(act.vjp(x, g), want)
    close(act.vjp(x, g, out=g), want)


def test_a_long_row_with_a_slice_has_its_derivative():
    act, x, g = actspec.parse("tanh[:7]+norm:z[7:]"), sample((2, 100_000)), sample((2, 100_000), seed=1)
    want = g * (1 - np.tanh(x) ** 2)
    want[:, 7:] = norm_z_vjp(x[:, 7:], g[:, 7:])
    close(act.vjp(x, g), want)


BIG = {
    "flat": ("tanh", (1500, 1001), "f4"),
    "rows": ("norm:z", (2600, 401), "f8"),
    "columns": ("norm:z", (120_001, 9), "f8"),
    "wide rows": ("norm:z", (90, 9001), "f8"),
    "slices": (SLICES, (60_001, 8), "f8"),
    "long rows": ("norm:z", (2, 700_001), "f8"),
    "long columns": ("norm:z(axis=0)", (200_001, 5), "f8"),
    "half": ("norm:z", (60_001, 9), "f2"),
    "integers": ("norm:z", (60_001, 9), "i4"),
    "segments": ("norm:z+norm:z(axis=0)", (900, 600), "f8"),
}


@pytest.mark.parametrize("name", BIG)
def test_the_number_of_threads_changes_no_bit(name):
    spec, shape, dtype = BIG[name]
    act, x, g = actspec.parse(spec), sample(shape, dtype), sample(shape, dtype, seed=1)
    for mode in MODES if name == "columns" else MODES[:1]:
        results = []
        for threads in (1, 2, 5, 5):
            actspec.set_num_threads(threads)
            results.append(derive(mode, act, x, g))
            if dtype != "i4":
                for inside in (0, 1):
                    pair = [x.copy(), g.copy()]
                    results.append(derive(mode, act, *pair, out=pair[inside]))
        for result in results[1:]:
            assert_same_bits(result, results[0])
    if name in ("rows", "columns", "wide rows", "half", "integers"):
        whole = act.vjp(x, g)
        for part in (np.s_[:2], np.s_[3:50], np.s_[len(x) // 3 :]):
            assert_same_bits(act.vjp(x[part], g[part]), whole[part], f"{part}")


def test_many_python_threads_call_at_once():
    actspec.set_num_threads(2)
    cases = []
    for spec, shape, dtype in BIG.values():
        act, x, g = actspec.parse(spec), sample(shape, dtype), sample(shape, dtype, seed=1)
        cases.append((act, x, g, act.vjp(x, g)))

    def work(number):
        for turn in range(len(cases)):
            act, x, g, want = cases[(number + turn) % len(cases)]
            assert_same_bits(act.vjp(x, g), want)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, number) for number in range(4)]:
            done.result(120)


def test_nothing_warns_whatever_goes_wrong_in_numbers():
    x = np.resize([np.nan, np.inf, -np.inf, 6e4, -6e4, 0, 1e-7, 709, 1e300, -1e300], (7, 10))
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for spec in (*ANY, "softlif", "gaussian", "norm:std", "norm:max", "softmax(axis=0)"):
            for mode in MODES:
                derive(mode, spec, x, x[::-1])


# ---- jacobian


def test_a_jacobian_has_the_result_before_the_input_and_keeps_leading_axes():
    act, x = actspec.parse("norm:std(eps=0.5)"), off_kinks((2, 3, 4))
    found = act.jacobian(x)
    assert found.shape == (2, 3, 4, 4)
    want = differences(act, x).reshape(x.shape * 2)
    for place in np.ndindex(2, 3):
        np.testing.assert_allclose(found[place], want[place][:, place[0], place[1]], rtol=0, atol=1e-7)
    assert not np.allclose(found, found.swapaxes(-1, -2))
    act, row = actspec.parse("norm:z"), x[0, 0]
    close(act.jacobian(row), act.jacobian(x)[0, 0])
    close(act.jacobian(x.astype("f4")), act.jacobian(x).astype("f4"))


def test_the_jacobian_of_an_elementwise_pipeline_is_diagonal():
    act, x = actspec.parse("tanh"), sample((5, 4))
    found = act.jacobian(x)
    np.testing.assert_array_equal(found * (1 - np.eye(4)), 0)
    close(np.einsum("bii->bi", found), act.derivative(x))


def test_the_derivative_of_slices_is_one_for_the_features_that_pass_through():
    x = sample((5, 4))
    want = np.ones(x.shape)
    want[:, 1:3] = 1 - np.tanh(x[:, 1:3]) ** 2
    close(actspec.parse("tanh[1:3]").derivative(x), want)


@settings(max_examples=60)
@given(st.sampled_from(["norm:z", SLICES, "norm:std", "softmax", "softlif"]), st.data())
def test_vjp_and_jvp_are_the_jacobian_and_adjoint_to_each_other(spec, data):
    quarters = hnp.arrays("f8", (data.draw(st.integers(2, 5)), 6), elements=st.integers(-40, 40).map(lambda n: n / 4))
    x = data.draw(quarters)
    g, v = (data.draw(hnp.arrays("f8", x.shape, elements=st.integers(-9, 9).map(float))) for _ in range(2))
    act = actspec.parse(spec)
    jacobian, back, ahead = act.jacobian(x), act.vjp(x, g), act.jvp(x, v)
    scale = np.abs(jacobian).max(initial=0) * 9
    np.testing.assert_allclose(ahead, np.einsum("boi,bi->bo", jacobian, v), rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(back, np.einsum("boi,bo->bi", jacobian, g), rtol=0, atol=1e-12 * scale)
    assert np.sum(g * ahead) == pytest.approx(np.sum(back * v), rel=0, abs=1e-11 * 9 * scale)


# ---- what can't be


@pytest.mark.parametrize("spec", ["prelu", "tanh+maxout:3", "elu(alpha=~1)", "continuous(tanh)", "prelu[:2]"])
def test_an_unbound_pipeline_says_that_it_must_be_bound(spec):
    act, x = actspec.parse(spec), np.ones((2, 3))
    for call in (act.derivative, act.jacobian, lambda x: act.vjp(x, x), lambda x: act.jvp(x, x)):
        with pytest.raises(actspec.UnboundError, match="bind"):
            call(x)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(5, 4), (5,), (1, 5), (), (4, 5, 1), (4, 6)])
def test_g_and_v_must_have_the_shape_of_x(mode, shape):
    for spec in ("tanh", "norm:z"):
        derive(mode, spec, np.ones((4, 5)), np.ones((4, 5)))  # the way of shapes that are known
        with pytest.raises(ValueError, match=r"\(4, 5\)") as caught:
            derive(mode, spec, np.ones((4, 5)), np.ones(shape))
        assert str(shape) in str(caught.value)
        assert ("g" if mode == "vjp" else "v") in str(caught.value).split()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_array_of_numbers_is_refused(mode):
    x = np.ones(3)
    name = "g" if mode == "vjp" else "v"
    for wrong in (x * 1j, np.array(["a", "b", "c"]), np.array([1, 2, None]), None, np.ma.masked_array(x)):
        with pytest.raises(TypeError, match=rf"\b{name}\b"):
            derive(mode, "tanh", x, wrong)
        with pytest.raises(TypeError, match=r"\bx\b"):
            derive(mode, "tanh", wrong, x)
    for out in (np.ones(4), np.ones((3, 1)), np.ones(3, "f4"), np.broadcast_to(x, (3,)), [0, 0, 0]):
        with pytest.raises((TypeError, ValueError), match=r"\bout\b"):
            derive(mode, "tanh", x, x, out=out)


@pytest.mark.parametrize("spec", ["norm:z", "tanh+norm:z", "relu+softmax[:3]", "norm:max(axis=0)", "(tanh+norm:z)[1:]"])
def test_derivative_of_what_couples_features_names_the_stage_and_what_to_call(spec):
    name = next(word for word in ("norm:z", "softmax", "norm:max") if word in spec)
    for shape in ((4, 5), (0, 5)):
        with pytest.raises(actspec.DerivativeError, match=name) as caught:
            actspec.parse(spec).derivative(np.ones(shape))
        assert "jacobian" in str(caught.value)
        assert "vjp" in str(caught.value)
        assert isinstance(caught.value, RuntimeError)


def test_jacobian_of_what_couples_other_axes_than_the_last_is_an_error():
    act = actspec.parse("norm:z(axis=0)")
    with pytest.raises(actspec.DerivativeError, match=r"norm:z\(axis=0\)") as caught:
        act.jacobian(np.ones((4, 5)))
    assert "vjp" in str(caught.value)
    x = np.arange(5.0)  # here axis 0 is the last one
    assert_close(act.jacobian(x), actspec.parse("norm:z").jacobian(x))


# ---- a class's own derivative

with registry.scope():

    class StraightThrough(actspec.Activation):
        """Steps, whose derivative is taken to be that of a line."""

        slope: float = 1.0

        def __call__(self, x):
            return np.where(x > 0, 1.0, 0.0)

        def derivative(self, x, y):
            return 0 * (x + y) + self.slope

    class FromResult(actspec.Activation):
        """Its derivative takes the result, and is off so that it can be told from the automatic one."""

        def __call__(self, x):
            return np.tanh(x) * 3

        def derivative(self, x, y):
            return 10 + y + x / 2

    class Branching(actspec.Activation):
        def __call__(self, x):
            return np.abs(x) if np.any(x < 0) else 2 * x

    class BranchingWithOwn(Branching):
        def __call__(self, x):
            return np.abs(x) if np.any(x < 0) else 2 * x

        def derivative(self, x, y):
            return np.where(x > 0, y / x, -7.0) if np.any(x < 0) else np.full(x.shape, 2.0)

    class Checked(FromResult):
        """A formula that is compiled, with a derivative that can't be."""

        def __call__(self, x):
            return np.tanh(x) * 3

        def derivative(self, x, y):
            assert x.shape == y.shape
            return 10 + y + x / 2 if np.any(x > 0) else 0 * x

    class BadShape(StraightThrough):
        def __call__(self, x):
            return 2 * x

        def derivative(self, x, y):
            return (x + y)[..., :3]


def check_stages(slopes, act, x):
    """The derivatives of a pipeline are the product of those of its stages."""
    act, g = actspec.parse(act), sample(x.shape, str(x.dtype), seed=1)
    for mode in MODES:
        close(derive(mode, act, x, g), slopes * g, ulps=200, note=mode)
    close(act.derivative(x), slopes, ulps=200)
    close(np.einsum("bii->bi", act.jacobian(x)), slopes, ulps=200)


def test_a_classs_own_derivative_wins_alone_and_between_others():
    x = sample((6, 5)) / 2
    for slope in (1.0, 2.5):  # the kernel of one is that of the other
        np.testing.assert_array_equal(actspec.parse(StraightThrough(slope)).derivative(x), np.full(x.shape, slope))
    inner = np.tanh(x)
    outer = functions.sigmoid(3 * np.tanh(inner))
    slopes = (1 - inner**2) * (10 + 3 * np.tanh(inner) + inner / 2) * outer * (1 - outer)
    check_stages(slopes, "tanh" + actspec.parse(FromResult) + "sigmoid", x)


def test_a_classs_own_derivative_wins_in_a_slice_and_before_a_norm():
    x, g = sample((6, 5)) / 2, sample((6, 5), seed=1)
    own = 10 + 3 * np.tanh(x) + x / 2
    sliced = np.ones(x.shape)
    sliced[:, 1:3] = own[:, 1:3]
    close(actspec.parse(features(FromResult(), 1, 3, None)).vjp(x, g), sliced * g)
    act = actspec.parse(FromResult) + "norm:mean"
    close(act.vjp(x, g), (g - g.mean(axis=-1, keepdims=True)) * own)


def test_a_derivative_that_runs_as_written_wins_though_the_formula_is_compiled():
    x = sample((6, 5)) / 2
    check_stages(10 + 3 * np.tanh(x) + x / 2, Checked, x)
    inner = np.tanh(x)
    slopes = (1 - inner**2) * (10 + 3 * np.tanh(inner) + inner / 2) * (1 - np.tanh(3 * np.tanh(inner)) ** 2)
    check_stages(slopes, "tanh" + actspec.parse(Checked) + "tanh", x)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_body_that_runs_as_written_has_its_own_derivative_alone_and_between_kernels(dtype):
    for x in (sample((6, 5), dtype), abs(sample((6, 5), dtype)) + 0.1):
        wide = x.astype("f8")

        def own(u):
            return np.where(u > 0, np.abs(u) / u, -7.0) if np.any(u < 0) else np.full(u.shape, 2.0)

        def value(u):
            return np.abs(u) if np.any(u < 0) else 2 * u

        check_stages(own(wide), BranchingWithOwn, x)
        inner = np.tanh(wide)
        slopes = (1 - inner**2) * own(inner) * (1 - np.tanh(value(inner)) ** 2)
        check_stages(slopes, "tanh" + actspec.parse(BranchingWithOwn) + "tanh", x)
        check_stages(own(wide) * own(value(wide)), actspec.parse(BranchingWithOwn) + BranchingWithOwn, x)


@pytest.mark.parametrize("between", [False, True])
def test_a_body_that_runs_as_written_without_one_is_an_error_that_says_how_to_add_it(between):
    act, x = actspec.parse(Branching), sample((6, 5))
    act = "tanh" + act + "sigmoid" if between else act
    act(x)
    for call in (act.derivative, act.jacobian, lambda x: act.vjp(x, x), lambda x: act.jvp(x, x)):
        with pytest.raises(actspec.DerivativeError, match=r"(?i)branching") as caught:
            call(x)
        assert "derivative(self, x, y)" in str(caught.value)


def test_a_derivative_of_another_shape_is_an_error_that_names_the_class():
    act, x = actspec.parse(BadShape), sample((4, 5))
    for mode in MODES:
        with pytest.raises(ValueError, match="BadShape"):
            derive(mode, act, x, x)


def test_an_axis_that_the_array_has_not_is_the_error_of_numpy():
    act = actspec.parse("norm:z(axis=3)")
    for call in (lambda x: act.vjp(x, x), lambda x: act.jvp(x, x), act.derivative, act.jacobian):
        with pytest.raises(np.exceptions.AxisError, match="axis 3"):
            call(np.ones((2, 3)))


def test_the_jacobian_of_a_scalar_is_that_of_a_row_of_one():
    for spec in ("tanh", "tanh+norm:z"):
        assert actspec.parse(spec).jacobian(1.0).shape == (1, 1)


def test_a_missing_gradient_is_named():
    act, x = actspec.parse("tanh"), np.ones((2, 3))
    act.vjp(x, x)
    with pytest.raises(TypeError, match="g must be an array"):
        act.vjp(x, None)


@pytest.mark.parametrize("spec", ["total", "tanh+total", "total[::2]+softmax", "norm:z+total+tanh"])
def test_one_number_for_all_gets_what_all_elements_get(spec):
    with registry.scope():

        class Total(actspec.Activation):
            """Sum: ``tanh(mean(x))``."""

            def __call__(self, x):
                return np.tanh(x.mean())

        for shape in ((2, 5), (3, 4)):
            x = sample(shape)
            assert actspec.parse(spec)(x).shape == shape
            check_by_differences(spec, x)
