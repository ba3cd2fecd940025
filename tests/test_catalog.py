"""The built-ins against independent oracles (mpmath, SciPy, PyTorch), the contract's table, and their docstrings.

The matrix comes from the registry: an activation without an oracle, a limit or a row in the table fails a test.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import math
import re
import textwrap
import warnings

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

import actspec
from actspec import Learnable, registry
from tests.support import built_ins, oracles

BUILT_INS = [name for name in actspec.names() if registry.find(name).cls.__module__.startswith("actspec.")]
CLASSES = {name: registry.find(name).cls for name in BUILT_INS}
PARAMETERS = {name: actspec.describe(name).parameters for name in BUILT_INS}
RUNNABLE = [
    name
    for name in BUILT_INS
    if not (CLASSES[name].stateful or CLASSES[name].draws == "always")
    and not any(p.required or isinstance(p.default, Learnable) for p in PARAMETERS[name])
]
REQUIRING = {
    name: ",".join("tanh" if p.type is actspec.Activation else "4" for p in PARAMETERS[name] if p.required)
    for name in BUILT_INS
    if any(p.required for p in PARAMETERS[name])
}
ROWS = [name for name in RUNNABLE if name in built_ins.ALONG]
POINTWISE = [name for name in RUNNABLE if name in built_ins.POINTWISE]


@pytest.fixture(autouse=True)
def _precision():
    with mp.workdps(60):
        yield


# ---- the contract's table: aliases, then parameters in declared order with their defaults

LEARNT = object()
REQUIRED = object()
TABLE = {
    "linear": (("identity",), {}),
    "sigmoid": (("logistic",), {}),
    "tanh": ((), {}),
    "scaledtanh": ((), {"scale_in": 1.0, "scale_out": 1.0}),
    "softplus": ((), {"beta": 1.0, "threshold": math.inf}),
    "softmax": ((), {"axis": -1, "floor": 0.0}),
    "relu": (("rectify", "rect:max"), {"max": math.inf, "negative_slope": 0.0, "threshold": 0.0}),
    "rect:min": ((), {}),
    "rect:minmax": ((), {}),
    "leakyrelu": (("leakyrectify",), {"negative_slope": 0.01}),
    "veryleakyrectify": (("veryleakyrelu",), {}),
    "elu": ((), {"alpha": 1.0}),
    "selu": ((), {"scale": 1.0507009873554805, "alpha": 1.6732632423543772}),
    "gaussian": ((), {}),
    "clip": ((), {"min": 0.0, "max": 6.0}),
    "softlif": ((), {"sigma": 1.0, "tau_rc": 0.02, "tau_ref": 0.002, "amp": 0.01}),
    "norm:mean": ((), {"axis": -1}),
    "norm:max": ((), {"axis": -1, "eps": 1e-8}),
    "norm:std": ((), {"axis": -1, "eps": 1e-8}),
    "norm:z": ((), {"axis": -1, "eps": 1e-8}),
    "prelu": ((), {"slope": Learnable(0.25)}),
    "lgrelu": (("leakygainrelu",), {"gain": Learnable(1), "leak": Learnable(0.25)}),
    "maxout": ((), {"pieces": REQUIRED, "slope": LEARNT, "intercept": LEARNT}),
    "continuous": ((), {"base": REQUIRED, "tau": 1.0, "dt": 1.0}),
}


def test_the_contract_is_kept():
    assert set(TABLE) <= set(BUILT_INS)


@pytest.mark.parametrize("name", TABLE)
def test_names_parameters_order_and_defaults_are_those_of_the_contract(name):
    aliases, parameters = TABLE[name]
    described = actspec.describe(name)
    assert described.name == name
    assert described.aliases == aliases
    assert [p.name for p in described.parameters] == list(parameters)
    for declared, default in zip(described.parameters, parameters.values(), strict=True):
        if default is REQUIRED:
            assert declared.required
        elif default is LEARNT:
            assert isinstance(declared.default, Learnable)
        else:
            assert declared.default == default
            assert type(declared.default) is type(default)


@pytest.mark.parametrize("name", BUILT_INS)
def test_aliases_and_other_spellings_are_the_same_activation(name):
    arguments = f"({REQUIRING[name]})" if name in REQUIRING else ""
    act = actspec.parse(name + arguments)
    assert str(act).partition("(")[0] == name
    for other in (*actspec.describe(name).aliases, name.upper(), name.replace("l", "_l"), name.replace("u", "-u")):
        assert actspec.parse(other + arguments) == act


# ---- oracles: the formulas of the contract, written anew in mpmath, with each parameter by name

POINTWISE_ORACLES, ROW_ORACLES, VARIANTS = oracles.POINTWISE, oracles.ROWS, oracles.VARIANTS


def _constants(act):
    """The parameters of a pipeline's one stage, in high precision, axis left out."""
    (stage,) = act.stages
    return oracles.constants(stage)


def ulps(value, exact):
    """The distance from the exact result in units of the last place there, below the smallest number in its units."""
    dtype = np.dtype(type(value))
    with np.errstate(over="ignore"):
        rounded = dtype.type(float(exact))
    if not np.isfinite(rounded):
        return 0.0 if value == rounded else math.inf
    return float(abs(mpf(float(value)) - exact) / mpf(float(np.spacing(np.abs(rounded)))))


GRID64 = np.concatenate(
    [
        np.linspace(-45, 45, 181),
        [-800.0, 800.0, -745.2, -709.8, 709.8, -300.3, 300.3, -99.9, 99.9, -16.0, -15.999, -16.001, -37.5, 36.9],
        [0.0, 5e-324, -5e-324, 1e-300, -1e-300, 1e-20, -1e-20, 1e-9, -1e-9, 1e-4, -1e-4, 1.0, -1.0, 1e10, -1e10],
    ]
)
GRID32 = np.concatenate(
    [
        np.linspace(-100, 100, 401),
        [-103.9, -104.1, -88.7, 88.7, -87.4, -17.33, 16.6, 1e-45, -1e-45, 1e-30, -1e-30, 1e-6, -1e-6, 0.02, -0.02],
    ]
).astype(np.float32)
GRIDS = {"float64": GRID64, "float32": GRID32}


def test_every_built_in_has_an_oracle():
    assert set(POINTWISE) | {"prelu", "lgrelu", "maxout"} <= set(POINTWISE_ORACLES)
    assert set(ROWS) <= set(ROW_ORACLES)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
@pytest.mark.parametrize("spec", [*POINTWISE, *VARIANTS])
def test_values_are_within_a_few_ulp_of_mpmath(spec, grid):
    act = actspec.parse(spec)
    constants, oracle = _constants(act), POINTWISE_ORACLES[act[0].__definition__.name]
    y = act(grid)
    assert y.dtype == grid.dtype
    # A parameter that is no number of the type itself (0.01 in float32) is off by half an ulp before the work begins.
    worst, at = max(
        (ulps(value, oracle(mpf(float(x)), **constants)), float(x)) for x, value in zip(grid, y, strict=True)
    )
    assert worst <= 5, f"{worst:.3g} ulp at {at!r}"


WITHOUT_LIMIT = {"sin", "cos"}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", [name for name in POINTWISE if name not in WITHOUT_LIMIT])
def test_both_ends_have_their_limit(name, dtype):
    act = actspec.parse(name)
    far = 800 if dtype == np.float64 else 100
    oracle, constants = POINTWISE_ORACLES[name], _constants(act)
    for x, infinite in ((-far, -math.inf), (far, math.inf)):
        assert np.isfinite(act(dtype(x))) or (name == "exponential" and x > 0)
        # What the oracle gives much farther out is what the formula tends to.
        limit = float(oracle(mpf(x) * mpf(10) ** 700, **constants))
        assert act(dtype(infinite)) == dtype(limit)
    assert np.isnan(act(dtype(math.nan)))


@pytest.mark.parametrize("name", sorted(WITHOUT_LIMIT))
def test_what_has_no_limit_is_nan_at_infinities(name):
    assert np.isnan(actspec.parse(name)([-math.inf, math.inf, math.nan])).all()


@pytest.mark.parametrize("spec", ["xielu(alpha_p=0.8,alpha_n=0.8)", "xielu(alpha_p=0.8,alpha_n=1.3,beta=0.7)"])
def test_float32_keeps_its_digits_where_xielu_crosses_zero(spec):
    act = actspec.parse(spec)
    constants, oracle = _constants(act), POINTWISE_ORACLES["xielu"]
    zero = mpmath.findroot(lambda x: oracle(x, **constants), -2)
    steps = np.arange(-100, 100, dtype=np.int32)
    x = (np.float32(zero).view(np.int32) + steps).view(np.float32)
    for y in (act(x), act[0].formula(x)):
        assert max(ulps(value, oracle(mpf(float(each)), **constants)) for each, value in zip(x, y, strict=True)) < 2


@pytest.mark.parametrize("spec", ["xielu(~0.3, ~0.7, beta=0.7)", "xielu(0.3, 0.7, beta=~0.7)"])
def test_what_a_learnt_slope_of_xielu_has_lost_is_lost_by_the_fixed_one_too(spec):
    x = np.array([[-1e10], [-2.0]], np.float32)
    fixed = actspec.parse("xielu(0.3, 0.7, beta=0.7)")
    np.testing.assert_allclose(actspec.parse(spec).bind(features=1)(x), fixed(x), rtol=1e-6)
    np.testing.assert_allclose(fixed(x)[0], 0.7 * np.expm1(-1e10), rtol=1e-6)


@pytest.mark.parametrize("spec", ["softlif", "softlif(sigma=0.02)", "softlif(sigma=5,tau_rc=0.1)"])
def test_softlif_keeps_its_formula_far_below_zero(spec):
    act = actspec.parse(spec)
    constants = _constants(act)
    for x in (-16.0, -17.0, -40.0, -744.0, -746.0, -800.0, -1e5, -1e10, -1e30):
        for kind in (np.float64, np.float32):
            assert ulps(act(kind(x)), _softlif_tail(float(kind(x)), **constants)) <= 5
            assert act(kind(x)) > 0
    asymptote = constants["amp"] / (constants["tau_ref"] - constants["tau_rc"] * mpf(-1e8) / constants["sigma"])
    assert abs(mpf(float(act(-1e8))) / asymptote - 1) < 1e-5


def _softlif_tail(x, sigma, tau_rc, tau_ref, amp):
    """By the logarithm of j, with the softplus's own series where its exp(z) is too small even for mpmath to add."""
    z = mpf(x) / sigma
    log_j = mp.log(sigma) + (mp.log(mp.log1p(mp.exp(z))) if z > -200 else z - mp.exp(z) / 2)
    return amp / (tau_ref + tau_rc * mp.log1p(mp.exp(-log_j)))


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "elu", "selu", "tanh", "gaussian", "softlif"])
def test_float32_tails_keep_their_digits(name):
    x = np.nextafter(np.linspace(-103, -5, 500).astype(np.float32), np.float32(0))
    act, oracle = actspec.parse(name), POINTWISE_ORACLES[name]
    constants = _constants(act)
    if name == "gaussian":
        x = np.linspace(-10, 10, 500).astype(np.float32)
    assert max(ulps(y, oracle(mpf(float(each)), **constants)) for each, y in zip(x, act(x), strict=True)) <= 5


# ---- rows

_random = np.random.default_rng(7)
DATA = {
    "normal": _random.normal(0, 3, (4, 9)),
    "wide": _random.normal(0, 1, (3, 16)) * np.logspace(-3, 3, 16),
    "offset": 1000 + _random.normal(0, 1, (3, 12)),
    "ends": np.array([[-800.0, 0.0, 800.0], [800.0, 800.0, -800.0], [-800.0, -800.0, -799.0]]),
    "pair": np.array([[1.0, -1.0], [0.0, 5.0]]),
    "zeros": np.zeros((2, 5)),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", DATA)
@pytest.mark.parametrize(
    "spec", [*ROWS, "softmax(floor=0.01)", "norm:z(eps=0.5)", "norm:max(eps=2)", "norm:std(eps=0.1)"]
)
def test_rows_agree_with_mpmath(spec, case, dtype):
    act, rows = actspec.parse(spec), DATA[case].astype(dtype)
    if dtype == np.float32:
        rows = np.clip(rows, -100, 100) if case == "ends" else rows
    oracle = ROW_ORACLES[act[0].__definition__.name]
    for row, y in zip(rows, act(rows), strict=True):
        exact = np.array([float(e) for e in oracle([mpf(float(x)) for x in row], **_constants(act))])
        # x - max is rounded once before exp, and x - mean loses what the mean is larger by than the spread: the
        # conditioning of the formula, in any arithmetic of this precision.
        spread = float(row.max() - row.min()) or 1.0
        eps = float(np.finfo(dtype).eps)
        scale = np.abs(exact).max() or 1.0
        if spec.startswith("softmax"):
            np.testing.assert_allclose(
                y, exact, rtol=eps * (8 + spread), atol=float(np.finfo(dtype).smallest_subnormal)
            )
        else:
            lost = max(1.0, float(np.abs(row).max()) / spread)
            np.testing.assert_allclose(y, exact, rtol=0, atol=8 * eps * lost * scale)


def test_softmax_sums_to_one_and_holds_its_floor():
    x = _random.normal(0, 50, (20, 11))
    np.testing.assert_allclose(actspec.parse("softmax")(x).sum(-1), 1, rtol=1e-14)
    y = actspec.parse("softmax(floor=0.001)")(x)
    np.testing.assert_array_equal(y, np.maximum(actspec.parse("softmax")(x), 0.001))
    assert y.min() == 0.001
    assert np.isfinite(actspec.parse("softmax")([-np.inf, 0.0, 3.0])).all()  # a masked entry


def test_std_is_that_of_the_population():
    x = np.array([1.0, 3.0, 5.0, 7.0])
    np.testing.assert_allclose(actspec.parse("norm:std(eps=0)")(x), x / np.sqrt(5), rtol=1e-15)


# ---- SciPy and PyTorch


def _scipy_oracles():
    special = pytest.importorskip("scipy.special", reason="SciPy is not installed")
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    return {
        "sigmoid": special.expit,
        "tanh": np.tanh,
        "softplus": lambda x: -special.log_expit(-x),
        "elu": lambda x: np.where(x > 0, x, special.expm1(np.minimum(x, 0))),
        "softmax": lambda x: special.softmax(x, axis=-1),
        "norm:z(eps=0)": lambda x: stats.zscore(x, axis=-1),
        "softmax(axis=0)": lambda x: special.softmax(x, axis=0),
        "log_softmax": lambda x: special.log_softmax(x, axis=-1),
        "norm:z(axis=0,eps=0)": lambda x: stats.zscore(x, axis=0),
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_agree_with_scipy(dtype):
    x = _random.normal(0, 8, (40, 11)).astype(dtype)
    for spec, oracle in _scipy_oracles().items():
        y = actspec.parse(spec)(x)
        np.testing.assert_allclose(
            y, oracle(x), rtol=40 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps, err_msg=spec
        )


TORCH = {
    "linear": lambda _, x: x,
    "sigmoid": lambda f, x: f.sigmoid(x),
    "tanh": lambda f, x: f.tanh(x),
    "softplus": lambda f, x: f.softplus(x, threshold=math.inf),
    "softmax": lambda f, x: f.softmax(x, dim=-1),
    "softmax(axis=0)": lambda f, x: f.softmax(x, dim=0),
    "log_softmax": lambda f, x: f.log_softmax(x, dim=-1),
    "softmin": lambda f, x: f.softmin(x, dim=-1),
    "norm:l2": lambda f, x: f.normalize(x, dim=-1),
    "norm:rms": lambda f, x: f.rms_norm(x, (12,), eps=1e-6),
    "norm:layer": lambda f, x: f.layer_norm(x, (12,)),
    "relu": lambda f, x: f.relu(x),
    "relu(max=6)": lambda f, x: f.relu6(x),
    "relu(negative_slope=0.2)": lambda f, x: f.leaky_relu(x, 0.2),
    "relu6": lambda f, x: f.relu6(x),
    "thresholdedrelu": lambda f, x: f.threshold(x, 1, 0),
    "threshold(-1,20)": lambda f, x: f.threshold(x, -1, 20),
    "rrelu": lambda f, x: f.rrelu(x),
    "celu": lambda f, x: f.celu(x),
    "celu(-2)": lambda f, x: f.celu(x, -2),
    "hardtanh": lambda f, x: f.hardtanh(x),
    "hardshrink": lambda f, x: f.hardshrink(x),
    "softshrink(1)": lambda f, x: f.softshrink(x, 1),
    "hardsigmoid": lambda f, x: f.hardsigmoid(x),
    "hardswish": lambda f, x: f.hardswish(x),
    "clip": lambda f, x: f.relu6(x),
    "clip(-1,1)": lambda f, x: f.hardtanh(x),
    "rect:minmax": lambda f, x: f.hardtanh(x, 0.0, 1.0),
    "leakyrelu": lambda f, x: f.leaky_relu(x),
    "leakyrelu:0.2": lambda f, x: f.leaky_relu(x, 0.2),
    "veryleakyrectify": lambda f, x: f.leaky_relu(x, 1 / 3),
    "elu": lambda f, x: f.elu(x),
    "elu(0.5)": lambda f, x: f.elu(x, 0.5),
    "selu": lambda f, x: f.selu(x),
    "prelu(slope=0.25)": lambda f, x: f.prelu(x, x.new_full((1,), 0.25)),
}


@pytest.mark.peers
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("spec", TORCH)
def test_values_agree_with_pytorch(spec, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PyTorch says while it is imported
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = np.concatenate([_random.normal(0, 4, (9, 12)), [[0.0, -0.0, 1, -1, 6, -6, 30, -30, 80, -80, 1e-6, -1e-6]]])
    x = x.astype(dtype)
    expected = TORCH[spec](torch.nn.functional, torch.from_numpy(x)).numpy()
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(actspec.parse(spec)(x), expected, rtol=100 * eps, atol=4 * eps)


# ---- actspec.functions


def test_functions_agree_with_mpmath():
    for name, oracle in {
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
        "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)),
        "softplus": lambda x: mp.log1p(mp.exp(x)),
        "erf": mp.erf,
        "erfc": mp.erfc,
    }.items():
        function = getattr(actspec.functions, name)
        for grid in (GRID64, GRID32):
            with np.errstate(all="ignore"):
                y = function(grid)
            assert y.dtype == grid.dtype
            worst, at = max((ulps(v, oracle(mpf(float(x)))), float(x)) for x, v in zip(grid, y, strict=True))
            assert worst <= 5, f"{name}: {worst:.3g} ulp at {at!r}"


@pytest.mark.parametrize("name", ["sigmoid", "log_sigmoid", "softplus", "erf", "erfc"])
@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u4", "i8"])
def test_functions_compute_integers_in_float64(name, dtype):
    function = getattr(actspec.functions, name)
    x = np.array([0, 1, 3, 100]).astype(dtype)
    y = function(x)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, function(x.astype(np.float64)))
    if dtype == "i1":
        np.testing.assert_array_equal(function(np.int8([-128])), function(np.float64([-128])))


# ---- what learns, remembers or draws: known, described, spelled, refused until bound; with fixed values it runs


def test_the_activations_that_have_to_be_bound_are_those_that_learn_remember_or_draw():
    specs = {name: name if name not in REQUIRING else f"{name}({REQUIRING[name]})" for name in BUILT_INS}
    found = [name for name, spec in specs.items() if actspec.parse(spec).needs_binding()]
    assert found == ["continuous", "gumbel_softmax", "lgrelu", "maxout", "prelu", "xielu"]


UNBOUND_SPECS = [
    "prelu",
    "prelu(~0.5)",
    "prelu(slope=~uniform(0,1))",
    "lgrelu",
    "lgrelu(gain=2)",
    "lgrelu(leak=0.1)",
    "maxout:4",
    "xielu",
    "xielu(alpha_p=1)",
    "maxout(2,slope=1)",
    "continuous(tanh)",
    "continuous(tanh+norm:z,tau=2)",
    "elu(alpha=~1)",
    "elu(alpha=~normal(1,0.1))",
    "tanh+prelu",
    "prelu[:2]",
    "(tanh+prelu)[1:]",
    "continuous(relu)[0]",
    "gumbel_softmax",
    "tanh+gumbel_softmax(hard=true,tau=0.5)[1:]",
]


@pytest.mark.parametrize("spec", UNBOUND_SPECS)
def test_what_learns_remembers_or_draws_is_spelled_and_says_to_bind_it(spec):
    act = actspec.parse(spec)
    assert actspec.parse(str(act)) == act
    assert eval(repr(act), {"actspec": actspec}) == act
    name = re.search("prelu|lgrelu|maxout|continuous|gumbel_softmax|xielu|elu", spec)[0]
    for call in (act, act[-1], lambda x: act(x, out=np.empty(3)), lambda x: act(np.asarray(x)[:0])):
        with pytest.raises(actspec.UnboundError, match=rf"{name}(.|\n)*\b(bind|bound)\b"):
            call([1.0, 2.0, 3.0])


@pytest.mark.parametrize("spec", UNBOUND_SPECS)
def test_the_unbound_error_says_bind(spec):
    with pytest.raises(actspec.UnboundError, match=r"\bbind\b"):
        actspec.parse(spec)([1.0])
    assert issubclass(actspec.UnboundError, RuntimeError)


def test_with_fixed_values_what_learns_runs_unbound():
    x = [-2.0, 0.0, 3.0]
    np.testing.assert_array_equal(actspec.parse("prelu(slope=0.25)")(x), [-0.5, 0, 3])
    np.testing.assert_array_equal(actspec.parse("prelu:0.5")(x), [-1, 0, 3])
    np.testing.assert_array_equal(actspec.parse("lgrelu(gain=2,leak=0.5)")(x), [-1, 0, 6])
    np.testing.assert_array_equal(actspec.parse("maxout(3,slope=2,intercept=1)")(x), [-3, 1, 7])
    np.testing.assert_array_equal(actspec.parse("(prelu(slope=0.25)+relu)[1:]")(x), [-2, 0, 3])


@pytest.mark.parametrize(
    "spec",
    ["maxout", "maxout(0)", "maxout(2.5)", "maxout(true)", "continuous", "continuous(3)", "continuous(tanh,tau=0)"],
)
def test_bad_parameters_of_what_learns_or_remembers_are_spec_errors(spec):
    with pytest.raises(actspec.SpecError):
        actspec.parse(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "softlif(sigma=0)",
        "softlif(tau_rc=-1)",
        "softlif(tau_ref=0)",
        "softmax(floor=-1)",
        "softmax(axis=0.5)",
        "norm:z(eps=-1)",
        "clip(2,1)",
        "relu(max=-1)",
        "relu(negative_slope=-0.1)",
        "relu(threshold=-1)",
        "threshold",
        "threshold(1)",
        "rrelu(0.5,0.25)",
        "rrelu(~0.5,0.25)",
        "celu(0)",
        "celu(~0)",
        "hardtanh(1,0)",
        "hardshrink(-1)",
        "softshrink(-1)",
        "hardsigmoid(0)",
        "clippedlinear(min=2)",
        "xielu(eps=0.1)",
        "elu('a')",
        "elu(none)",
        "norm:z(axis=~1)",
    ],
)
def test_values_outside_their_domain_are_spec_errors(spec):
    with pytest.raises(actspec.SpecError):
        actspec.parse(spec)


# ---- docstrings


def _section(doc, title):
    found = re.search(rf"^[ \t]*{title}\n[ \t]*-{{3,}}\n(.*?)(?=^[ \t]*\w+\n[ \t]*-{{3,}}|\Z)", doc, re.M | re.S)
    return found[1].strip() if found else ""


@pytest.mark.parametrize("name", BUILT_INS)
def test_every_docstring_has_a_formula_a_range_a_reference_and_an_example(name):
    cls = CLASSES[name]
    doc = cls.__dict__["__doc__"]
    summary = doc.strip().splitlines()[0]
    assert re.fullmatch(r"[A-Z].*: ``[^`]+``.*\.", summary), summary
    assert re.search(r"array (of x's shape|with .* features?.*), in .|range of base", _section(doc, "Returns"), re.S)
    assert len(_section(doc, "References")) > 10
    examples = doctest.DocTestParser().get_examples(doc)
    assert any(f'parse("{word}' in e.source for e in examples for word in (name, "leaky_relu")), "no example of its own"
    for declared in PARAMETERS[name]:
        assert re.search(rf"^\s*{declared.name}\n\s+\S", _section(doc, "Parameters") + "\n", re.M), declared.name


def test_an_activation_is_a_few_lines_of_code():
    """Formulas and declarations, docstrings and blank lines aside: at most eight lines on average."""
    counts = {name: _lines_of_code(cls) for name, cls in CLASSES.items()}
    assert sum(counts.values()) / len(counts) <= 8, counts


def _lines_of_code(cls):
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    docstrings = {
        line
        for node in ast.walk(tree)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node)
        for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)
    }
    written = inspect.getsource(cls).splitlines()
    return sum(1 for number, line in enumerate(written, 1) if line.strip() and number not in docstrings)


@pytest.mark.parametrize("name", BUILT_INS)
def test_every_docstring_has_examples(name):  # which are run as all docstrings' are
    assert doctest.DocTestParser().get_examples(inspect.getdoc(CLASSES[name]))


@pytest.mark.parametrize("name", BUILT_INS)
def test_every_built_in_describes_itself(name):
    described = actspec.describe(name)
    assert described == actspec.describe(CLASSES[name])
    for field in ("summary", "formula", "reference", "range", "family"):
        assert getattr(described, field), field
    assert "``" not in described.summary
    assert f"``{described.formula}``" in " ".join(CLASSES[name].__doc__.split())
    assert name in str(described)
    for alias in described.aliases:
        assert actspec.describe(alias) == described


def test_mpmath_is_precise_enough():
    with mp.workdps(60):
        assert mpmath.mp.dps == 60
        assert abs(mp.log1p(mp.exp(mpf(-800))) / mp.exp(mpf(-800)) - 1) < mpf(10) ** -50


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_snake_is_x_where_a_turn_is_too_long_or_too_short_to_be_seen(dtype):
    x = np.array([1.0, -2.0, 0.0, 1e30, np.inf, -np.inf, np.nan], dtype)
    for frequency in (1e-310, 1e308, *((1e-39, 1e39) if dtype == "float32" else ())):
        np.testing.assert_array_equal(actspec.parse(f"snake(frequency={frequency})")(x), x)
