"""Bound pipelines: learnable parameters, what they get, saving them; states, steps and scans."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest

import actspec
from actspec import registry
from actspec.kernels.recurrence import _apart
from tests.support import built_ins
from tests.support.amount import amount, cases

RNG = np.random.default_rng(11)


def cell_of(spec, features=6, **options):
    return actspec.parse(spec).bind(features=features, rng=3, **options)


def changed(cell, dparams, scale):
    """Change the live parameters."""
    for name, change in dparams.items():
        cell.parameters[name][...] += scale * change


def central(cell, run, x, v, dparams, h=1e-6):
    """How a result changes, by central differences, each from a state of zero."""
    results = []
    for sign in (1, -1):
        cell.reset()
        changed(cell, dparams, sign * h)
        results.append(run(x + sign * h * v))
        changed(cell, dparams, -sign * h)
    return (results[0] - results[1]) / (2 * h)


LEARNING = cases(
    [
        "prelu",
        "lgrelu+norm:z",
        "norm:mean+lgrelu",
        "(prelu+maxout:2)[1:4]+softmax",
        "norm:z(axis=0, eps=~0.5)",
    ],
    [
        "maxout:3+tanh",
        "elu(alpha=~normal(1, 0.1))",
        "prelu[2:5]+tanh",
        "scaledtanh(scale_in=~2)+norm:max(axis=0)+prelu",
        "norm:max+maxout:2+lgrelu+elu(alpha=~1)",
        "softmax+maxout:2",
    ],
)
REMEMBERING = cases(
    [
        "tanh+continuous(norm:z, tau=~2)+prelu",
        "continuous(continuous(tanh, tau=3)+norm:max, tau=2)[1:4]+norm:z(axis=0)",
    ],
    ["continuous(tanh, tau=2)", "(prelu+continuous(prelu, tau=2))[2:]"],
)


@pytest.mark.parametrize("spec", LEARNING)
def test_what_x_and_parameters_get_agrees_with_central_differences(spec):
    cell = cell_of(spec)
    x, v, g = RNG.normal(size=(3, 5, 6))
    dparams = {name: RNG.normal(size=values.shape) for name, values in cell.parameters.items()}
    expected = central(cell, cell, x, v, dparams)
    np.testing.assert_allclose(cell.jvp(x, v, dparams), expected, rtol=1e-6, atol=1e-7)
    dx, given = cell.vjp(x, g)
    assert {name: each.shape for name, each in given.items()} == {n: each.shape for n, each in cell.parameters.items()}
    total = np.sum(dx * v) + sum(np.sum(given[name] * dparams[name]) for name in dparams)
    np.testing.assert_allclose(total, np.sum(g * expected), rtol=1e-6)


LEARNERS = [spec for name in built_ins.SIZED if "~" in (spec := built_ins.learning(name))]


@pytest.mark.parametrize("seed", range(amount(2, 100)))
def test_gradients_of_random_compositions_that_learn_are_those_of_their_changes(seed):
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    stages = [*draw.choices(LEARNERS, k=draw.choice((1, 2))), draw.choice(built_ins.ALONG)]
    draw.shuffle(stages)
    rows, features = draw.choice([(5, 6), (70, 6), (5, 200)])
    cell = cell_of("+".join(stages), features)
    x, v, g = rng.normal(size=(3, rows, features))
    dparams = {name: rng.normal(size=values.shape) for name, values in cell.parameters.items()}
    by_jvp = np.sum(g * cell.jvp(x, v, dparams))
    dx, given = cell.vjp(x, g)
    total = np.sum(dx * v) + sum(np.sum(given[name] * dparams[name]) for name in dparams)
    np.testing.assert_allclose(total, by_jvp, rtol=1e-8, atol=1e-10, err_msg=str(cell))


@pytest.mark.parametrize("spec", REMEMBERING)
def test_derivatives_of_the_latest_call_and_scan_agree_with_central_differences(spec):
    cell = cell_of(spec)
    dparams = {name: RNG.normal(size=values.shape) for name, values in cell.parameters.items()}
    xs, vs, gs = RNG.normal(size=(3, 7, 5, 6))
    expected = central(cell, cell.scan, xs, vs, dparams)
    cell.reset()
    cell.scan(xs)
    state = cell.state
    dxs, given = cell.scan_vjp(xs, gs)
    total = np.sum(dxs * vs) + sum(np.sum(given[name] * dparams[name]) for name in dparams)
    np.testing.assert_allclose(total, np.sum(gs * expected), rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(cell.state[0]), np.asarray(state[0]))
    expected = central(cell, cell, xs[0], vs[0], dparams)
    cell.reset()
    for _ in range(2):  # before a call and after it, as its states are those that it began with
        np.testing.assert_allclose(cell.jvp(xs[0], vs[0], dparams), expected, rtol=1e-6, atol=1e-7)
        dx, given = cell.vjp(xs[0], gs[0])
        total = np.sum(dx * vs[0]) + sum(np.sum(given[name] * dparams[name]) for name in dparams)
        np.testing.assert_allclose(total, np.sum(gs[0] * expected), rtol=1e-6)
        cell(xs[0])


@pytest.mark.parametrize("spec", REMEMBERING)
@pytest.mark.parametrize("shape", [(40, 5, 6), (9, 6), (5, 2, 3, 6)])
def test_a_scan_gives_what_calls_one_after_the_other_give(spec, shape):
    if "axis=0" in spec and len(shape) == 2:
        shape = (*shape, 6)
    one, other = cell_of(spec), cell_of(spec)
    xs = RNG.normal(size=shape)
    ys = one.scan(xs)
    np.testing.assert_allclose(ys, [other(x) for x in xs], rtol=1e-12, atol=1e-14)
    for mine, theirs in zip(np.atleast_1d(one.state), np.atleast_1d(other.state), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("eager_threads")
def test_a_long_scan_in_several_turns_and_threads_is_the_same():
    xs = RNG.normal(size=(600, 8, 100)).astype(np.float32)
    for spec in ("continuous(tanh, tau=2)", "tanh+continuous(tanh+norm:z, tau=2)"):
        cell = actspec.parse(spec).bind()
        ys = cell.scan(xs)
        state = cell.state
        actspec.set_num_threads(1)
        try:
            cell.reset()
            out = np.empty_like(xs)
            assert cell.scan(xs, out=out) is out
        finally:
            actspec.set_num_threads(None)
        np.testing.assert_array_equal(out, ys)
        np.testing.assert_array_equal(cell.state, state)
        cell.reset()
        np.testing.assert_allclose(np.stack([cell(x) for x in xs]), ys, rtol=2e-5, atol=2e-6)
        cell.reset()
        inplace = xs.copy()
        np.testing.assert_array_equal(cell.scan(inplace, out=inplace), ys)


@pytest.mark.parametrize("offset", [0, 4, 16, 2048, 4092])
def test_the_state_of_a_scan_begins_with_a_line_of_the_caches_far_from_its_results(offset):
    y = np.zeros(4096, np.float32)[offset // 4 :][:6]
    state = np.arange(6, dtype=np.float32).reshape(2, 3)
    held = _apart(state, y)
    np.testing.assert_array_equal(held, state)
    assert held.ctypes.data % 64 == 0
    assert 2048 <= (held.ctypes.data - y.ctypes.data) % 4096 < 2048 + 64


def test_a_leaky_integrator_advances_as_its_formula_says():
    cell = actspec.parse("continuous(sigmoid, tau=2, dt=0.5)").bind(features=3)
    x = np.array([1.0, -2.0, 4.0])
    np.testing.assert_array_equal(cell.state, np.zeros(3))
    state = np.zeros(3)
    for _ in range(3):
        state = 0.75 * state + 0.25 * x
        np.testing.assert_allclose(cell(x), 1 / (1 + np.exp(-state)), rtol=1e-14)
        np.testing.assert_allclose(cell.state, state, rtol=1e-14)
    np.testing.assert_array_equal(cell.d_input, [0.25] * 3)
    np.testing.assert_array_equal(cell.d_state, [0.75] * 3)
    s = 1 / (1 + np.exp(-state))
    np.testing.assert_allclose(cell.d_output, s * (1 - s), rtol=1e-13)


def test_the_derivative_of_a_coupled_output_by_its_state_is_a_matrix_for_each_row():
    cell = actspec.parse("tanh+continuous(tanh+norm:z, tau=2)").bind()
    cell(RNG.normal(size=(3, 4)))
    expected = actspec.parse("tanh+norm:z").jacobian(cell.state)
    np.testing.assert_array_equal(cell.d_output, expected)
    assert cell.d_output.shape == (3, 4, 4)


def test_reset_goes_back_to_zero_or_to_what_it_is_given():
    cell = actspec.parse("continuous(linear, tau=2)").bind(features=2)
    x = np.array([[2.0, 4.0], [0.0, 0.0]])
    first = cell(x)
    assert not np.array_equal(cell(x), first)
    cell.reset()
    np.testing.assert_array_equal(cell(x), first)
    for init in (3.0, [3.0, 3.0], np.full((2, 2), 3.0)):
        cell.reset(init)
        np.testing.assert_array_equal(cell(x), [[2.5, 3.5], [1.5, 1.5]])
    cell.reset(np.zeros((5, 2)))
    with pytest.raises(ValueError, match=r"\(5, 2\).*\(2, 2\)"):
        cell(x)


def test_another_batch_asks_for_a_reset():
    cell = actspec.parse("continuous(tanh)").bind()
    cell(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"reset\(\)"):
        cell(np.zeros((4, 2)))
    cell.reset()
    assert cell(np.zeros((4, 2))).shape == (4, 2)


def test_several_states_are_a_tuple_and_none_is_none():
    cell = actspec.parse("continuous(tanh)+continuous(linear, tau=2)").bind()
    cell(np.ones((2, 3)))
    assert [each.shape for each in cell.state] == [(2, 3), (2, 3)]
    assert [each.shape for each in cell.d_state] == [(2, 3), (2, 3)]
    cell.reset((1.0, None))
    with pytest.raises(ValueError, match="2 states"):
        cell.reset((1.0,))
    still = actspec.parse("tanh").bind()
    assert still.state is None
    assert still.d_state is None
    still.reset()


def test_what_a_state_gives_is_a_copy():
    cell = actspec.parse("continuous(linear, tau=2)").bind()
    cell(np.ones(2))
    state = cell.state
    cell(np.ones(2))
    np.testing.assert_array_equal(state, [0.5, 0.5])


def test_derivatives_of_a_state_before_any_call_say_to_call():
    cell = actspec.parse("continuous(tanh)").bind()
    for name in ("d_input", "d_state", "d_output"):
        with pytest.raises(actspec.UnboundError, match="call the cell first"):
            getattr(cell, name)


def test_cells_derive_and_give_jacobians_of_the_latest_call():
    x = RNG.normal(size=(2, 3))
    cell = actspec.parse("continuous(tanh, tau=2)").bind()
    cell(x)
    expected = 0.5 * (1 - np.tanh(0.5 * x) ** 2)
    np.testing.assert_allclose(cell.derivative(x), expected, rtol=1e-12)
    np.testing.assert_allclose(cell.jacobian(x), expected[..., None] * np.eye(3), rtol=1e-12, atol=1e-15)
    coupled = actspec.parse("continuous(norm:z, tau=2)").bind()
    coupled(x)
    with pytest.raises(actspec.DerivativeError, match="jacobian"):
        coupled.derivative(x)
    assert coupled.jacobian(x).shape == (2, 3, 3)
    learning = cell_of("prelu", features=3)
    np.testing.assert_array_equal(learning.derivative([-1.0, 0.0, 1.0]), [0.25, 0.25, 1.0])
    np.testing.assert_array_equal(learning.jacobian([-1.0, 0.0, 1.0]), np.diag([0.25, 0.25, 1.0]))


def test_an_activation_of_ones_own_can_remember():
    with actspec.registry.scope():

        class Fading(actspec.Activation):
            """Largest magnitude so far, which fades: ``x/(1 + s), s <- max(abs(x), keep*s)``."""

            stateful = True
            keep: float = 0.5

            def advance(self, state, x):
                return np.maximum(np.abs(x), self.keep * state)

            def __call__(self, state):
                return 1 / (1 + state)

        for spec in ("fading", "fading(keep=~0.5)"):
            cell = actspec.parse(spec).bind(features=2)
            xs = np.array([[4.0, 1.0], [1.0, -3.0], [0.0, 0.0]])
            np.testing.assert_allclose(cell.scan(xs), 1 / (1 + np.array([[4, 1], [2, 3], [1, 1.5]])))
            np.testing.assert_allclose(cell.d_state, [[0.5, 0.5]][0])
            dxs, dparams = cell.scan_vjp(xs, np.ones_like(xs))
            assert np.isfinite(dxs).all()
            if dparams:
                assert (dparams["0.keep"] != 0).all()


def test_a_next_state_that_cannot_be_followed_runs_as_written_and_has_no_derivative():
    with actspec.registry.scope():

        class Branching(actspec.Activation):
            stateful = True

            def advance(self, state, x):
                return state + x if x.min() > 0 else state

            def __call__(self, state):
                return state

        cell = actspec.parse("branching").bind()
        np.testing.assert_array_equal(cell.scan([[1.0], [-5.0], [2.0]]), [[1.0], [1.0], [3.0]])
        with pytest.raises(actspec.DerivativeError, match="branches on the data"):
            cell.scan_vjp([[1.0], [-5.0], [2.0]], [[1.0], [1.0], [1.0]])
        explained = actspec.explain("branching")
        assert not explained.stages[0].compiled
        assert "branches on the data" in explained.stages[0].reason


def test_a_state_inside_a_parameter_of_another_activation_is_refused():
    with actspec.registry.scope():

        class Twice(actspec.Activation):
            base: actspec.Activation

            def __call__(self, x):
                return self.base(x) * 2

        with pytest.raises(actspec.UnboundError, match="can't hold"):
            actspec.parse("twice(continuous(tanh))").bind()
        cell = actspec.parse("twice(prelu)").bind(features=2)
        assert list(cell.parameters) == ["0.base.slope"]
        np.testing.assert_array_equal(cell([-4.0, 4.0]), [-2.0, 8.0])


# parameters


def test_parameters_have_names_shapes_and_an_order():
    cell = cell_of(
        "prelu[1:3]+(lgrelu+tanh+elu(alpha=~2))[2:]+maxout:3+continuous(prelu+tanh, tau=~2)", dtype="float32"
    )
    assert {name: values.shape for name, values in cell.parameters.items()} == {
        "0.slope": (2,),
        "1.0.gain": (4,),
        "1.0.leak": (4,),
        "1.2.alpha": (4,),
        "2.slope": (6, 3),
        "2.intercept": (6, 3),
        "3.base.0.slope": (6,),
        "3.tau": (6,),
    }
    assert {values.dtype for values in cell.parameters.values()} == {np.dtype(np.float32)}
    assert (cell.parameters["1.2.alpha"] == 2).all()


def test_gradients_have_the_names_shapes_and_type_of_their_parameters():
    cell = cell_of("(prelu+maxout:2)[1:4]+continuous(prelu, tau=~2)", dtype="float32")
    dx, dparams = cell.vjp(np.ones((2, 6), np.float32), np.ones((2, 6), np.float32))
    assert dx.dtype == np.float32
    assert list(dparams) == ["0.0.slope", "0.1.slope", "0.1.intercept", "1.base.slope", "1.tau"]
    assert {name: each.shape for name, each in dparams.items()} == {n: p.shape for n, p in cell.parameters.items()}
    assert {each.dtype for each in dparams.values()} == {np.dtype(np.float32)}


def test_parameters_are_live():
    cell = cell_of("prelu", features=2)
    cell.parameters["0.slope"] *= 2
    np.testing.assert_array_equal(cell([-1.0, -1.0]), [-0.5, -0.5])
    live = cell.parameters["0.slope"]
    cell.parameters["0.slope"] = [1.0, 3.0]
    assert cell.parameters["0.slope"] is live
    np.testing.assert_array_equal(cell([-1.0, -1.0]), [-1.0, -3.0])
    cell.parameters["0.slope"] = 0.5
    np.testing.assert_array_equal(live, [0.5, 0.5])
    assert "0.slop" not in cell.parameters
    with pytest.raises(KeyError, match=r"0\.slope"):
        cell.parameters["0.slop"] = [1.0, 3.0]
    with pytest.raises(ValueError, match=r"\(2,\), not \(3,\)"):
        cell.parameters["0.slope"] = [1.0, 3.0, 4.0]
    with pytest.raises(TypeError, match="can't remove"):
        del cell.parameters["0.slope"]


def test_draws_repeat_with_the_seed_and_go_on_with_a_generator():
    spec = "maxout:2+prelu(slope=~normal(0.25, 0.1))+elu(alpha=~uniform(1, 2))"
    one, two = cell_of(spec), cell_of(spec)
    for name, values in one.parameters.items():
        np.testing.assert_array_equal(values, two.parameters[name])
    rng = np.random.default_rng(3)
    first = actspec.parse(spec).bind(features=6, rng=rng)
    second = actspec.parse(spec).bind(features=6, rng=rng)
    np.testing.assert_array_equal(first.parameters["0.slope"], one.parameters["0.slope"])
    assert not np.array_equal(first.parameters["0.slope"], second.parameters["0.slope"])
    assert ((one.parameters["2.alpha"] >= 1) & (one.parameters["2.alpha"] <= 2)).all()


def test_a_draw_outside_the_domain_says_so():
    with pytest.raises(ValueError, match=r"0\.tau.*normal\(1,5\).*greater than 0"):
        actspec.parse("continuous(tanh, tau=~normal(1, 5))").bind(features=50, rng=0)


def test_parameters_are_saved_and_bound_again(tmp_path):
    cell = cell_of("prelu[1:3]+maxout:2")
    saved = cell.state_dict()
    saved["1.slope"][...] = 7  # a copy
    assert not (cell.parameters["1.slope"] == 7).any()
    np.savez(tmp_path / "cell.npz", **cell.state_dict())
    with np.load(tmp_path / "cell.npz") as file:
        again = actspec.parse("prelu[1:3]+maxout:2").bind(parameters=file)
        other = actspec.parse("prelu[1:3]+maxout:2").bind(features=6)
        other.load_state_dict(file)
    x = RNG.normal(size=(4, 6))
    assert again.features == 6
    np.testing.assert_array_equal(again(x), cell(x))
    np.testing.assert_array_equal(other(x), cell(x))


@pytest.mark.parametrize("spec", ["elu(alpha=~1e39)", "prelu(slope=~normal(1e39, 1))"])
def test_values_that_are_too_large_for_a_cells_type_are_refused(spec):
    with pytest.raises(ValueError, match=r"starts at ~.*, which is more than float32 can hold"):
        actspec.parse(spec).bind(features=2, dtype="float32")
    saved = actspec.parse(spec).bind(features=2).state_dict()
    with pytest.raises(ValueError, match="as saved, which is more than float32 can hold"):
        actspec.parse(spec).bind(parameters=saved, dtype="float32")
    cell = actspec.parse(spec.replace("1e39", "1")).bind(features=2, dtype="float32")
    before = cell.state_dict()
    with pytest.raises(ValueError, match="as saved, which is more than float32 can hold"):
        cell.load_state_dict(saved)
    np.testing.assert_array_equal(*(each.popitem()[1] for each in (before, cell.state_dict())))


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        ({}, r"no 0\.slope"),
        ({"0.slope": np.zeros(6), "1.slope": np.zeros(6)}, r"1\.slope too many"),
        ({"0.slope": np.zeros(5)}, r"\(6,\), not \(5,\)"),
        ({"0.slope": np.zeros((6, 1))}, r"\(6,\), not \(6, 1\)"),
    ],
)
def test_parameters_of_another_pipeline_are_refused_and_nothing_changes(saved, told):
    cell = cell_of("prelu")
    with pytest.raises(ValueError, match=told):
        cell.load_state_dict(saved)
    np.testing.assert_array_equal(cell.parameters["0.slope"], np.full(6, 0.25))
    with pytest.raises(ValueError, match=told):
        actspec.parse("prelu").bind(features=6, parameters=saved)


def test_binding_says_what_it_needs():
    pipeline = actspec.parse("prelu+tanh")
    with pytest.raises(TypeError, match=r"features=.*0\.slope"):
        pipeline.bind()
    with pytest.raises(TypeError, match="float32 or float64"):
        pipeline.bind(features=3, dtype=int)
    with pytest.raises(TypeError, match="whole number"):
        pipeline.bind(features=2.5)
    with pytest.raises(ValueError, match="at least 0"):
        pipeline.bind(features=-1)
    with pytest.raises(ValueError, match="feature 7"):
        actspec.parse("prelu[7]").bind(features=3)


def test_arrays_of_another_width_are_refused():
    cell = cell_of("prelu")
    for call in (cell, lambda x: cell.vjp(x, x), lambda x: cell.jvp(x, x), cell.derivative):
        with pytest.raises(ValueError, match=r"6 features.*not 5"):
            call(np.zeros((2, 5)))
    remembering = cell_of("continuous(prelu)")
    for call in (remembering, lambda x: remembering.vjp(x, x)):
        with pytest.raises(ValueError, match=r"6 features.*not 5"):
            call(np.zeros((2, 5)))


def test_changes_of_parameters_that_do_not_fit_are_refused():
    cell = cell_of("prelu")
    x = np.zeros((2, 6))
    with pytest.raises(ValueError, match=r"'0\.gain' is no parameter"):
        cell.jvp(x, x, {"0.gain": np.zeros(6)})
    with pytest.raises(ValueError, match=r"dparams.*\(6,\), not \(5,\)"):
        cell.jvp(x, x, {"0.slope": np.zeros(5)})
    with pytest.raises(ValueError, match="g must have the shape"):
        cell_of("continuous(prelu)").vjp(x, np.zeros((2, 5)))
    with pytest.raises(ValueError, match="axis of steps"):
        cell_of("continuous(prelu)").scan(np.zeros(6))


@pytest.mark.parametrize("spec", ["prelu+norm:z", "continuous(tanh, tau=2)", "tanh"])
def test_cells_take_every_layout_and_type_as_pipelines_do(spec):
    x = RNG.normal(size=(4, 6))
    expected = cell_of(spec)(x)
    buffer = np.zeros((8, 12))
    buffer[::2, ::2] = x
    for given in (x[:, ::-1][:, ::-1], np.asfortranarray(x), x.astype(">f8"), buffer[::2, ::2], x.tolist()):
        np.testing.assert_allclose(cell_of(spec)(given), expected, rtol=1e-13)
    for kind, rtol in ((np.float32, 1e-5), (np.float16, 5e-3)):
        y = cell_of(spec)(x.astype(kind))
        assert y.dtype == kind
        np.testing.assert_allclose(y, expected, rtol=rtol, atol=rtol)
    assert cell_of(spec)(np.arange(12).reshape(2, 6)).dtype == np.float64
    out = np.empty_like(x)
    assert cell_of(spec)(x, out=out) is out
    np.testing.assert_array_equal(out, expected)
    mine = x.copy()
    np.testing.assert_array_equal(cell_of(spec)(mine, out=mine), expected)
    assert cell_of(spec)(np.zeros((0, 6))).shape == (0, 6)
    dx, _ = cell_of(spec).vjp(np.zeros((0, 6)), np.zeros((0, 6)))
    assert dx.shape == (0, 6)


@pytest.mark.usefixtures("eager_threads")
def test_sums_are_the_same_for_any_number_of_threads():
    cell = cell_of("tanh+prelu", features=40, dtype="float32")
    x, g = RNG.normal(size=(2, 9000, 40)).astype(np.float32)
    dx, dparams = cell.vjp(x, g)
    actspec.set_num_threads(1)
    try:
        again, same = cell.vjp(x, g)
    finally:
        actspec.set_num_threads(None)
    np.testing.assert_array_equal(dx, again)
    np.testing.assert_array_equal(dparams["0.slope" if "0.slope" in dparams else "1.slope"], same["1.slope"])
    y = np.tanh(x.astype(float))
    np.testing.assert_allclose(same["1.slope"], np.sum(np.where(y > 0, 0, y) * g, axis=0), rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 300_000), (20_000, 3), (2, 3, 70)])
def test_lanes_of_any_length_give_sums(shape):
    cell = actspec.parse("prelu+norm:mean").bind(features=shape[-1])
    x, g = RNG.normal(size=(2, *shape))
    dx, dparams = cell.vjp(x, g)
    centred = g - g.mean(axis=-1, keepdims=True)
    rows = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(dx, np.where(x > 0, 1, 0.25) * centred, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(dparams["0.slope"], np.sum(np.minimum(x, 0) * centred, axis=rows), rtol=1e-9, atol=1e-9)


def test_lanes_across_the_features_give_sums_however_long_they_are():
    cell = actspec.parse("norm:z(axis=0, eps=~0.5)").bind(features=3)
    for length in (7, 200_000):
        x, g = RNG.normal(size=(2, length, 3))
        _, dparams = cell.vjp(x, g)
        want = -np.sum(g * (x - x.mean(axis=0)), axis=0) / (x.std(axis=0) + 0.5) ** 2
        np.testing.assert_allclose(dparams["0.eps"], want, rtol=1e-8)


def test_a_formula_that_runs_as_written_learns_nothing_and_says_so():
    with actspec.registry.scope():

        class Own(actspec.Activation):
            gain: float = 1.0

            def __call__(self, x):
                return self.gain * x if np.any(x > 0) else x

            def derivative(self, x, y):  # noqa: ARG002  # its signature
                return self.gain * np.ones_like(x)

        cell = actspec.parse("own(gain=~2)").bind(features=2)
        np.testing.assert_array_equal(cell([1.0, 2.0]), [2.0, 4.0])
        with pytest.raises(actspec.DerivativeError, match=r"learns.*derivative of its own is by x alone"):
            cell.vjp([1.0, 2.0], [1.0, 1.0])


def test_cells_show_themselves_and_are_no_pipelines():
    cell = cell_of("prelu")
    assert repr(cell) == "actspec.parse('prelu').bind(features=6)"
    assert cell.pipeline == actspec.parse("prelu")
    assert repr(cell.parameters).startswith("{'0.slope'")
    assert actspec.parse("tanh").bind().features is None
    for same in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        same.parameters["0.slope"][...] = 9
        np.testing.assert_array_equal(cell.parameters["0.slope"], np.full(6, 0.25))
        np.testing.assert_array_equal(same([-1.0] * 6), [-9.0] * 6)


def test_a_state_that_is_what_it_was_given_last_is_derived():
    with actspec.registry.scope():

        class Last(actspec.Activation):
            stateful = True

            def advance(self, state, x):  # noqa: ARG002  # its signature
                return x

            def __call__(self, state):
                return np.tanh(state)

        xs = RNG.normal(size=(4, 3))
        cell = actspec.parse("last").bind()
        np.testing.assert_allclose(cell.scan(xs), np.tanh(xs), rtol=1e-14)
        dxs, _ = cell.scan_vjp(xs, np.ones_like(xs))
        np.testing.assert_allclose(dxs, 1 - np.tanh(xs) ** 2, rtol=1e-12)


def test_a_stateful_class_without_a_next_state_is_refused():
    with actspec.registry.scope(), pytest.raises(TypeError, match=r"advance\(self, state, x\)"):

        class Wrong(actspec.Activation):
            stateful = True

            def __call__(self, state):
                return state


def test_a_base_that_cannot_be_followed_says_how_to_add_a_derivative():
    with actspec.registry.scope():

        class Fold(actspec.Activation):
            def __call__(self, x):
                return -x if x.min() < 0 else x

        cell = actspec.parse("continuous(fold)").bind()
        with pytest.raises(actspec.DerivativeError, match=r"derivative\(self, x, y\)"):
            cell.vjp(np.ones((2, 3)), np.ones((2, 3)))


def test_several_states_are_not_reset_to_one_array():
    cell = actspec.parse("continuous(tanh)+continuous(linear)").bind()
    with pytest.raises(TypeError, match="tuple of 2 states"):
        cell.reset(np.zeros((2, 3)))


def test_a_parameter_with_several_values_a_feature_is_a_tuple_in_formulas_always():
    with actspec.registry.scope():

        class Lines(actspec.Activation):
            pieces: int = 3
            weight: float = actspec.parameter(default=actspec.Learnable(0.5), per="pieces")

            def __call__(self, x):
                return sum(weight * x for weight in self.weight)

        x = np.array([[1.0, -2.0]])
        np.testing.assert_array_equal(actspec.parse("lines(2, weight=3)")(x), 6 * x)
        np.testing.assert_array_equal(actspec.parse("lines(2)").bind(features=2)(x), x)


def test_a_formula_that_cannot_learn_a_parameter_names_it():
    with actspec.registry.scope():

        class Choosing(actspec.Activation):
            k: float = 1.0

            def __call__(self, x):
                return x if self.k > 0 else -x

        with pytest.raises(ValueError, match="Choosing can't learn k"):
            actspec.parse("choosing(k=~1)").bind(features=2)(np.ones(2))


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"rng": "a"}, TypeError, "rng must be a seed"),
        ({"rng": True}, TypeError, "rng must be a seed"),
        ({"parameters": "cell.npz"}, TypeError, r"numpy\.load"),
    ],
)
def test_arguments_of_bind_are_named(options, error, told):
    with pytest.raises(error, match=told):
        actspec.parse("prelu").bind(features=2, **options)


def test_vjp_is_that_of_the_latest_call_and_scan_vjp_that_of_the_latest_scan():
    cell, xs = actspec.parse("continuous(tanh,tau=2)").bind(), np.array([[1.0], [2.0], [3.0]])
    cell.scan(xs)
    scanned = cell.scan_vjp(xs, np.ones_like(xs))[0]
    copied = copy.copy(cell)
    cell(xs[0])
    called = cell.vjp(xs[0], [1.0])[0]
    np.testing.assert_array_equal(cell.scan_vjp(xs, np.ones_like(xs))[0], scanned)
    cell.scan(xs)
    np.testing.assert_array_equal(cell.vjp(xs[0], [1.0])[0], called)
    # a copy has been called by nobody: it begins with the state of now
    now = actspec.parse("continuous(tanh,tau=2)").bind()
    now.reset(copied.state)
    np.testing.assert_array_equal(copied.vjp(xs[0], [1.0])[0], now.vjp(xs[0], [1.0])[0])


@pytest.mark.parametrize(
    "spec",
    ["continuous(tanh)", "continuous(softmax)", "gumbel_softmax", "continuous(prelu,tau=~2)"],
)
def test_empty_batches_and_scalars_work_in_cells_that_remember_or_draw(spec):
    cell, x = actspec.parse(spec).bind(features=3, rng=0), np.ones((0, 3))
    for derived in (cell(x), cell.vjp(x, x)[0], cell.jvp(x, x)):
        assert derived.shape == (0, 3)
    if "continuous" in spec:
        assert cell.d_input.shape == cell.d_state.shape == (0, 3)
        assert cell.d_output.shape == ((0, 3, 3) if "softmax" in spec else (0, 3))
    if "~" not in spec and "prelu" not in spec:
        scalar = actspec.parse(spec).bind(rng=0)
        scalar(1.0)
        assert scalar.jacobian(1.0).shape == (1, 1)


@pytest.mark.parametrize("spec", ["prelu", "elu(alpha=~1)", "maxout:2", "prelu+norm:z", "norm:max(eps=~1)"])
def test_no_features_are_features_too(spec):
    cell = actspec.parse(spec).bind(features=0)
    assert cell(np.ones((2, 0))).shape == (2, 0)
    assert cell.vjp(np.ones((2, 0)), np.ones((2, 0)))[0].shape == (2, 0)


@pytest.mark.parametrize("spec", ["continuous(tanh)[1:3]", "glu+continuous(tanh,tau=2)"])
def test_the_state_at_the_beginning_has_the_features_of_its_place(spec):
    cell = actspec.parse(spec).bind(features=4)
    assert cell.state.shape == (2,)
    cell.reset(cell.state)
    assert cell(np.ones((5, 4))).shape[0] == 5
    assert cell.state.shape == (5, 2)


def test_what_learns_and_cannot_be_followed_is_not_told_to_have_a_derivative_of_its_own():
    with registry.scope():

        class Ranked(actspec.Activation):
            """Distance from the sorted row: ``x - b*sort(x)``."""

            b: float = 1.0

            def __call__(self, x):
                return x - self.b * np.sort(x, axis=-1)

        cell, x = actspec.parse("ranked(b=~2)").bind(features=4), np.ones((3, 4))
        cell(x)
        with pytest.raises(actspec.DerivativeError, match=r"Write it without that$"):
            cell.vjp(x, x)


def test_names_that_are_no_strings_are_a_value_error():
    cell = actspec.parse("prelu").bind(features=2)
    with pytest.raises(ValueError, match=r"no 0\.slope; 0 too many"):
        cell.load_state_dict({0: np.ones(2)})
