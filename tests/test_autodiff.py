"""Derivatives of graphs, computed by NumPy node by node: rules of primitives, reductions, slices, simplification."""

from __future__ import annotations

import numpy as np
import pytest

import actspec
from actspec import functions
from actspec.graph import autodiff
from actspec.graph.expr import Rank
from actspec.graph.interpret import interpret, interpret_sums
from actspec.graph.primitives import PRIMITIVES
from actspec.graph.trace import examine, trace
from actspec.parameters import Bound, Learnable

F64 = np.dtype(np.float64)
RNG = np.random.default_rng(4)


def traced(formula, ndim=2, owns=True):
    """The graph of a formula."""
    with actspec.registry.scope():

        class Probe(actspec.Activation):
            def __call__(self, x):
                return formula(x)

        found = examine(Probe(), ndim, F64)
        assert not found.reason, found.reason
        return trace([found], ndim, F64, owns=owns)


def central(f, x, v, h=1e-6):
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


def assert_derives(formula, x, rtol=1e-7):
    """Forward and reverse mode agree with central differences and with each other."""
    graph = traced(formula, x.ndim)
    v, g = RNG.normal(size=(2, *x.shape))
    with np.errstate(all="ignore"):
        seen = np.broadcast_to(interpret(autodiff.jvp(graph, 0), x, v), x.shape)
        back = np.broadcast_to(interpret(autodiff.vjp(graph), x, g), x.shape)
        expected = central(lambda x: np.broadcast_to(formula(x), x.shape), x, v)
    np.testing.assert_allclose(seen, expected, rtol=rtol, atol=rtol * max(1, np.abs(expected).max()))
    np.testing.assert_allclose(np.sum(g * seen), np.sum(v * back), rtol=1e-9, atol=1e-9)


DOMAINS = {"arccosh": (1.1, 3.0), "arcsin": (-0.9, 0.9), "arccos": (-0.9, 0.9), "arctanh": (-0.9, 0.9)}
POSITIVE = {"log", "log2", "log10", "sqrt", "power", "cbrt", "squareplus", "squareplus_slope"}
POSITIVE |= {f"steady_{name}" for name in ("squareplus", "squareplus_slope")}
DERIVED = [each for each in PRIMITIVES.values() if each.functions and not each.gives_truth and each.name != "where"]


def sample(name, count):
    low, high = DOMAINS.get(name, (0.2, 3.0) if name in POSITIVE else (-0.9, 2.7))
    return np.linspace(low, high, count) + 0.0123


@pytest.mark.parametrize("primitive", DERIVED, ids=lambda each: each.name)
def test_the_rules_of_each_primitive_agree_with_central_differences(primitive):
    function = primitive.functions[0]
    if primitive.name == "stop_gradient":
        assert not primitive.partials
        return
    x = sample(primitive.name, 14).reshape(2, 7)
    if primitive.arity == 1:
        assert_derives(function, x)
        return
    if primitive.arity == 6:  # two of them are what two others lost
        assert_derives(lambda x: function(x, x * x, 1 - x, 0.0, 3 * x, 0.0), x)
        return
    if primitive.name.startswith("steady"):  # the second is a number of its own
        more = (0.0, 0.7)[: primitive.arity - 2]
        assert_derives(lambda x: function(x, 1.37, *more), x)
        return
    if primitive.arity == 3:  # the third is what rounding has left out of the others
        assert_derives(lambda x: function(x, x * x - 1.3, 0.0), x)
        return
    assert_derives(lambda x: function(x, 1.37), x)
    assert_derives(lambda x: function(1.37, x), x)
    assert_derives(lambda x: function(x, x * x + 0.7), x)


def test_every_primitive_has_a_rule_or_is_constant_between_its_steps():
    steps = {"floor_divide", "sign", "floor", "ceil", "trunc", "rint", "stop_gradient", "number", "product_error"}
    assert {each.name for each in PRIMITIVES.values() if not each.gives_truth and not each.partials} == steps


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min", "std", "var"])
def test_reductions_are_derived_along_any_axis_and_along_all(name):
    x = RNG.normal(size=(3, 4, 5))
    reduce = getattr(np, name)
    for axis in (0, 1, 2, -1, (1, 2), None):
        assert_derives(lambda x, axis=axis: x * reduce(x, axis=axis, keepdims=True), x)
    assert_derives(lambda x: x / (1 + reduce(x) ** 2), x)


def test_a_value_of_a_lane_that_meets_each_element_gets_the_sum_of_what_they_get():
    x = RNG.normal(size=(3, 5))
    assert_derives(lambda x: np.mean(x, axis=-1, keepdims=True) + 0 * x, x)
    assert_derives(lambda x: x - np.mean(x - np.mean(x, axis=-1, keepdims=True) ** 2, axis=-1, keepdims=True), x)


def test_the_product_of_a_lane_is_derived_where_elements_are_zero():
    x = np.array([[2.0, 0.0, 3.0, 5.0], [0.0, 0.0, 3.0, 5.0], [2.0, 1.0, 3.0, 5.0]])
    graph = traced(lambda x: np.prod(x, axis=-1, keepdims=True) + 0 * x)
    with np.errstate(all="ignore"):
        back = interpret(autodiff.vjp(graph), x, np.full(x.shape, 0.25))
    np.testing.assert_allclose(back, [[0, 30, 0, 0], [0, 0, 0, 0], [15, 30, 10, 6]])


def test_ties_share_evenly():
    x = np.array([[1.0, 3.0, 3.0, -3.0]])
    graph = traced(lambda x: np.max(x, axis=-1, keepdims=True) + 0 * x)
    np.testing.assert_array_equal(interpret(autodiff.vjp(graph), x, np.eye(1, 4)), [[0, 0.5, 0.5, 0]])
    pair = traced(lambda x: np.maximum(x, -x))
    np.testing.assert_array_equal(interpret(autodiff.derivative(pair), np.zeros((1, 2))), [[0, 0]])


def test_what_is_not_chosen_stays_out_however_large_it_is():
    x = np.array([[800.0, -800.0, 1e100, -1e100]])
    for formula in (
        lambda x: np.where(x > 0, x, np.expm1(x)),
        lambda x: np.where(x > 0, 1.0, np.exp(x) * x) * x,
        lambda x: np.where(x < 0, 0.0, np.sqrt(x)),
        lambda x: np.maximum(np.where(x > 0, 1.0, np.exp(x)), 0.5),
    ):
        graph = traced(formula)
        with np.errstate(all="ignore"):
            assert np.isfinite(interpret(autodiff.vjp(graph), x, np.ones_like(x))).all()
            assert np.isfinite(interpret(autodiff.jvp(graph, 0), x, np.ones_like(x))).all()
            assert np.isfinite(interpret(autodiff.derivative(graph), x)).all()


@pytest.mark.parametrize(
    "spec", ["tanh[1:4]", "(tanh+norm:z)[2:]+tanh[::2]", "softmax[:3]+norm:z[3:]", "(tanh[1:]+elu)[-3:]"]
)
def test_slices_are_derived(spec):
    stages = [examine(stage, 2, F64) for stage in actspec.parse(spec).stages]
    graph = trace(stages, 2, F64, owns=True)
    x, v, g = RNG.normal(size=(3, 4, 9))
    seen = interpret(autodiff.jvp(graph, 0), x, v)
    np.testing.assert_allclose(seen, central(lambda x: interpret(graph, x), x, v), rtol=1e-7, atol=1e-7)
    back = interpret(autodiff.vjp(graph), x, g)
    np.testing.assert_allclose(np.sum(g * seen), np.sum(v * back), rtol=1e-9)


def test_slices_of_what_is_the_same_for_each_element_are_derived():
    with actspec.registry.scope():

        class Spread(actspec.Activation):
            def __call__(self, x):
                return x * 0 + np.mean(x, axis=-1, keepdims=True)

        class Step(actspec.Activation):
            def __call__(self, x):
                return np.where(x > 0, 1.0, -1.0) * 1.0

        for spec in ("spread+tanh[1:3]", "step[1:3]+tanh", "linear[1:3]+spread[2:]", "linear[2]"):
            stages = [examine(stage, 2, F64) for stage in actspec.parse(spec).stages]
            graph = trace(stages, 2, F64, owns=True)
            x, v, g = RNG.normal(size=(3, 4, 6))
            seen = np.broadcast_to(interpret(autodiff.jvp(graph, 0), x, v), x.shape)
            expected = central(lambda x, graph=graph: interpret(graph, x), x, v)
            np.testing.assert_allclose(seen, expected, rtol=1e-7, atol=1e-7)
            back = np.broadcast_to(interpret(autodiff.vjp(graph), x, g), x.shape)
            np.testing.assert_allclose(np.sum(g * seen), np.sum(v * back), rtol=1e-9, atol=1e-12)


def test_nothing_is_computed_of_what_is_known():
    assert "multiply" not in "\n".join(autodiff.derivative(traced(lambda x: x + 1)).lines())
    lines = list(autodiff.vjp(traced(lambda x: np.where(x > 0, x, -x))).lines())
    assert lines[-1].endswith("= v8") or "where" in lines[-2]


def test_sums_wait_for_no_number_of_the_lane_that_multiplies_their_terms():
    x = RNG.normal(size=(3, 7))

    def layer(x):
        centred = x - x.mean(axis=-1, keepdims=True)
        return centred * (1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 0.1))

    assert_derives(layer, x)
    # mean; then variance, with the sum over g times the centred values; these give the mean's share
    for graph in (autodiff.vjp(traced(layer)), autodiff.jvp(traced(layer), 0)):
        assert graph.levels[graph.output] == 2


def test_centred_values_are_summed_one_by_one():
    """Their sum is nothing but rounding; a difference of two large sums would be more."""
    graph = autodiff.vjp(traced(lambda x: (x - x.mean(axis=-1, keepdims=True)) ** 2 * 0.5))
    x = 1e8 + RNG.normal(size=(3, 7))
    centred = x - x.mean(axis=-1, keepdims=True)
    found = interpret(graph, x, np.ones_like(x))
    np.testing.assert_allclose(found, centred, atol=1e-7)
    sums = [node.args[0] for node in graph.nodes if node.op == "reduce" and node.detail == "sum"]
    assert all(graph.nodes[index].op != "input" for index in sums)


def test_elements_are_divided_by_a_number_of_their_lane_as_a_product():
    graph = autodiff.vjp(traced(lambda x: x / x.sum(axis=-1, keepdims=True)))
    quotients = [node for node in graph.nodes if node.op == "divide"]
    by_element = [node for node in quotients if node.rank is Rank.ELEMENT]
    assert len(by_element) == 1  # the formula's own
    assert_derives(lambda x: x / x.sum(axis=-1, keepdims=True), RNG.uniform(1, 2, (3, 7)))


def test_stop_gradient_counts_as_constant():
    x = RNG.normal(size=(2, 5))
    graph = traced(lambda x: x * functions.stop_gradient(x))
    np.testing.assert_array_equal(interpret(autodiff.derivative(graph), x), x)


def test_a_root_of_what_is_taken_together_is_zero_at_zero_and_infinite_elsewhere():
    zero = np.zeros((1, 4))
    length = traced(lambda x: x / (1 + np.sqrt(np.sum(x * x, axis=-1, keepdims=True))))
    root = traced(np.sqrt)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(interpret(autodiff.vjp(length), zero, np.ones((1, 4))), np.ones((1, 4)))
        assert np.isinf(interpret(autodiff.derivative(root), zero)).all()


def test_learnt_values_get_sums_over_all_lanes_whichever_way_lanes_run():
    values = RNG.normal(size=5)
    with actspec.registry.scope():

        class Gain(actspec.Activation):
            gain: float = 1.0
            axis: int = -1

            def __call__(self, x):
                return self.gain * np.tanh(self.gain * x) / (1 + np.max(np.abs(x), axis=self.axis, keepdims=True))

        for axis in (-1, 0):
            stage = Gain(axis=axis)
            stage.__dict__["gain"] = Bound(Learnable(1.0), values, 0, each=False)
            found = examine(stage, 3, F64, 5)
            assert not found.reason
            assert found.learns
            graph = trace([found], 3, F64, owns=True)
            assert graph.across == (axis == 0)
            x, g = RNG.normal(size=(2, 3, 4, 5))
            change = RNG.normal(size=5)

            def run(values, x=x, graph=graph):
                return interpret(graph, x, learnt={0: values})

            sums = interpret_sums(autodiff.vjp(graph), x, g, learnt={0: values})
            expected = np.sum(g * central(run, values, change))
            np.testing.assert_allclose(np.sum(sums[0] * change), expected, rtol=1e-7)
            moved = interpret(autodiff.jvp(graph, 1), x, np.zeros_like(x), learnt={0: values, 1: change})
            np.testing.assert_allclose(moved, central(run, values, change), rtol=1e-6, atol=1e-8)


def test_a_derivative_of_the_class_itself_counts_for_x_and_the_formula_for_what_is_learnt():
    with actspec.registry.scope():

        class Own(actspec.Activation):
            gain: float = 1.0

            def __call__(self, x):
                return self.gain * x * x

            def derivative(self, x, y):  # noqa: ARG002  # its signature
                return 7 * self.gain + 0 * x

        stage = Own()
        stage.__dict__["gain"] = Bound(Learnable(1.0), np.array([2.0, 3.0]), 0, each=False)
        graph = trace([examine(stage, 2, F64, 2)], 2, F64, owns=True)
        x, g = np.array([[1.0, 2.0]]), np.array([[1.0, 10.0]])
        learnt = {0: stage.gain.values}
        np.testing.assert_allclose(interpret(autodiff.vjp(graph), x, g, learnt=learnt), [[14.0, 210.0]])
        np.testing.assert_allclose(interpret_sums(autodiff.vjp(graph), x, g, learnt=learnt)[0], [1.0, 40.0])
        np.testing.assert_allclose(interpret(autodiff.derivative(graph), x, learnt=learnt), [[14.0, 21.0]])


def test_a_newer_formula_leaves_an_inherited_derivative_behind():
    with actspec.registry.scope():

        class Old(actspec.Activation):
            def __call__(self, x):
                return x * x

            def derivative(self, x, y):  # noqa: ARG002  # its signature
                return 100 * x

        class New(Old):
            def __call__(self, x):
                return x * x * x

        class Kept(Old):
            """The formula of Old and its derivative."""

        assert New().own_derivative is None
        assert Kept().own_derivative is not None


@pytest.mark.parametrize("body", [lambda _self: 1.0, lambda _self, x: x, lambda _self, x, y, z: x + y + z, 3.0])
def test_a_derivative_that_cannot_be_called_with_x_and_y_is_refused(body):
    with actspec.registry.scope(), pytest.raises(TypeError, match=r"derivative\(self, x, y\)"):

        class Wrong(actspec.Activation):
            derivative = body

            def __call__(self, x):
                return x


def test_smooth_functions_of_two_have_no_kink_where_both_are_equal():
    zero = np.zeros((1, 2))
    for function in (np.logaddexp, np.logaddexp2):
        for formula in (lambda x, f=function: f(x, 0.0), lambda x, f=function: f(0.0, x)):
            np.testing.assert_array_equal(interpret(autodiff.derivative(traced(formula)), zero), [[0.5, 0.5]])
    legs = interpret(autodiff.derivative(traced(lambda x: np.hypot(x, 1.0))), np.array([[-1.0, 0.0, 1.0]]))
    np.testing.assert_allclose(legs, [[-(0.5**0.5), 0, 0.5**0.5]])


def test_clip_in_a_formula_has_the_derivative_of_x_at_its_bounds():
    graph = traced(lambda x: np.clip(x, -1, 1))
    np.testing.assert_array_equal(
        np.broadcast_to(interpret(autodiff.derivative(graph), np.array([[-2.0, -1.0, 0.0, 1.0, 2.0]])), (1, 5)),
        [[0, 1, 1, 1, 0]],
    )
