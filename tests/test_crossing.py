"""Bodies that take values together along different axes: kernels of which one takes what others give."""

from __future__ import annotations

import numpy as np
import pytest

import actspec
from actspec import functions, registry
from actspec.kernels import compile as compiler
from tests.support import torch_oracle
from tests.support.amount import cases
from tests.support.reference import as_written, assert_close, assert_same_bits, slack
from tests.test_derivatives import check_by_differences
from tests.test_kernels import sample
from tests.test_trace import reason

pytestmark = pytest.mark.usefixtures("eager_threads")

with registry.scope():

    class BothWays(actspec.Activation):
        """Rows centred, features scaled."""

        eps: float = 1.0

        def __call__(self, x):
            return (x - x.mean(-1, keepdims=True)) / (self.eps + x.std(0, keepdims=True))

    class Twice(actspec.Activation):
        """What is taken together is taken together again, along the same axis and others."""

        def __call__(self, x):
            least = np.min(x, axis=-1, keepdims=True)
            return x * least.max(axis=0, keepdims=True) + least.sum(-1, keepdims=True) - np.mean(x.max())

    class Apart(actspec.Activation):
        """Axes that are no neighbours, and what corrects a variance."""

        def __call__(self, x):
            ends = (0, x.ndim - 1) if x.ndim > 1 else 0
            spread = np.var(x, axis=ends, keepdims=True, ddof=1)
            return x / (1 + spread) + np.sum(x, axis=ends, keepdims=True) - np.var(x, axis=0, keepdims=True, ddof=1)

    class Placed(actspec.Activation):
        """A place along one axis, a projection and a product along another."""

        def __call__(self, x):
            first = functions.first_true(x > 0.1, axis=0)
            below = x - np.max(x, axis=-1, keepdims=True)
            rest = np.maximum(below - functions.simplex_threshold(below, axis=-1, keepdims=True), 0)
            return np.where(first, 2 * x, x) + rest * np.prod(x, axis=0, keepdims=True)

    class Balanced(actspec.Activation):
        """Two steps towards shares that add up to one along both axes."""

        def __call__(self, x):
            y = np.exp(x - x.max())
            for _ in range(2):
                y = y / y.sum(axis=-1, keepdims=True)
                y = y / y.sum(axis=0, keepdims=True)
            return y

    BODIES = [BothWays, Twice, Apart, Placed, Balanced]
    BESIDE = cases(["bothways[1:4]+tanh", "glu+bothways"], ["(tanh+bothways)[::2]+norm:z", "bothways+balanced"])
    LEARNING = "bothways(eps=~0.7)"
    REMEMBERING = cases(["bothways+continuous(tanh, tau=2)"], ["continuous(bothways, tau=2)+bothways"])
    READ = {spec: actspec.parse(spec) for spec in (*BESIDE, LEARNING, *REMEMBERING)}


def both_ways(**parameters):
    return actspec.Pipeline(BothWays(**parameters))


SHAPES = cases(
    [(BothWays, (3, 4)), (Twice, (3, 4))],
    [(body, shape) for body in BODIES for shape in ((3, 4), (2, 3, 2), (1, 5), (5, 1))],
)
ARRAYS = cases(
    [*((*each, "f8") for each in SHAPES), (BothWays, (5, 61), "f4"), (Placed, (3, 4), "f8"), (Apart, (2, 3, 2), "f8")],
    [
        (body, shape, dtype)
        for body in BODIES
        for shape in ((40, 7), (5, 61), (3, 4, 5), (11,))
        for dtype in ("f4", "f8")
    ],
)


@pytest.mark.parametrize(("body", "shape", "dtype"), ARRAYS)
def test_bodies_are_compiled_and_are_numpys_formulas(body, shape, dtype):
    act, x = actspec.Pipeline(body()), sample(shape, dtype)
    before, want, allowed = x.copy(), as_written(act, x), slack(act, x)
    assert_close(act(x), want, slack=allowed, axis=None)
    assert_close(act(np.asfortranarray(x)), want, slack=allowed, axis=None)
    np.testing.assert_array_equal(x, before)
    act(x, out=x)
    assert_close(x, want, slack=allowed, axis=None)
    assert not reason(act)


@pytest.mark.parametrize(("body", "shape"), SHAPES)
def test_bodies_have_the_derivatives_that_differences_show(body, shape):
    check_by_differences(actspec.Pipeline(body()), sample(shape, seed=3), tolerance=1e-6)


@pytest.mark.peers
def test_derivatives_agree_with_pytorch():
    torch = torch_oracle.torch()
    x, g = sample((6, 5)), sample((6, 5), seed=1)
    given = torch.tensor(x, requires_grad=True)
    centred = given - given.mean(-1, keepdim=True)
    (centred / (1 + given.std(0, keepdim=True, correction=0))).backward(torch.tensor(g))
    np.testing.assert_allclose(both_ways().vjp(x, g), given.grad.numpy(), rtol=1e-10, atol=1e-13)


def test_x_g_and_out_may_be_the_same_or_overlap():
    act = both_ways()
    x, g = sample((6, 5)), sample((6, 5), seed=1)
    want = act.vjp(x, g)
    for place in range(2):
        arrays = [x.copy(), g.copy()]
        act.vjp(*arrays, out=arrays[place])
        assert_same_bits(arrays[place], want)
    assert_same_bits(act.vjp(x, g, out=np.empty((5, 6)).T), want)
    room = np.concatenate([x.ravel(), np.zeros(5)])
    act(room[:30].reshape(6, 5), out=room[5:].reshape(6, 5))
    assert_same_bits(room[5:].reshape(6, 5), act(x))


def test_neighbours_that_take_each_element_apart_are_in_the_same_kernels():
    act = "tanh" + both_ways() + "relu"
    assert [kernel.stages for kernel in actspec.explain(act).kernels] == [
        "tanh+bothways+relu, for its input 3",
        "tanh+bothways+relu",
    ]
    x = sample((40, 7))
    assert_close(act(x), as_written(act, x), slack=slack(act, x), axis=None)


def test_values_of_a_parameter_share_kernels():
    x, g = sample((8, 6)), sample((8, 6), seed=1)
    both_ways()(x), both_ways().vjp(x, g)
    before = compiler.counts()
    for eps in (0.5, 2.0, 3.0):
        act = both_ways(eps=eps)
        assert_close(act(x), as_written(act, x), axis=None)
        act.vjp(x, g)
    assert compiler.counts().compiled == before.compiled


@pytest.mark.parametrize("spec", BESIDE)
def test_slices_groups_and_gates_stand_beside_them(spec):
    act, x = READ[spec], sample((9, 6))
    assert all(stage.compiled for stage in actspec.explain(act).stages)
    if "glu" in spec:
        assert_same_bits(act(x), both_ways()(actspec.parse("glu")(x)))
        return
    assert_close(act(x), as_written(act, x), slack=slack(act, x), axis=None)
    check_by_differences(act, sample((3, 6)), tolerance=1e-6)


def test_what_they_learn_gets_its_share():
    act = READ[LEARNING]
    cell = act.bind(features=5)
    x, g, v = (sample((2, 3, 5), seed=seed) for seed in range(3))
    dx, dparameters = cell.vjp(x, g)
    changes = {name: sample(values.shape, seed=9) for name, values in cell.parameters.items()}
    step, found = 1e-5, []
    for sign in (1, -1):
        moved = {name: values + sign * step * changes[name] for name, values in cell.parameters.items()}
        found.append(act.bind(features=5, parameters=moved)(x + sign * step * v))
    exact = (found[0] - found[1]) / (2 * step)
    np.testing.assert_allclose(cell.jvp(x, v, changes), exact, rtol=0, atol=1e-6)
    total = np.vdot(dx, v) + sum(np.vdot(dparameters[name], changes[name]) for name in changes)
    np.testing.assert_allclose(total, np.vdot(g, exact), rtol=1e-7)


@pytest.mark.parametrize("spec", REMEMBERING)
def test_scans_go_through_them_step_by_step(spec):
    cell = READ[spec].bind(features=4)
    xs, g, v = (sample((5, 3, 4), seed=seed) for seed in range(3))
    ys = cell.scan(xs)
    cell.reset()
    np.testing.assert_allclose(ys, np.stack([cell(x) for x in xs]), rtol=1e-12)
    cell.reset()
    dxs = cell.scan_vjp(xs, g)[0]
    step, found = 1e-5, []
    for sign in (1, -1):
        cell.reset()
        found.append(cell.scan(xs + sign * step * v))
    np.testing.assert_allclose(np.vdot(dxs, v), np.vdot(g, found[0] - found[1]) / (2 * step), rtol=1e-7)


def test_the_number_of_threads_changes_no_bit():
    x, g = sample((30, 7)), sample((30, 7), seed=1)
    results = []
    for threads in (1, 2, 3):
        actspec.set_num_threads(threads)
        results.append((both_ways()(x), both_ways().vjp(x, g)))
    actspec.set_num_threads(None)
    for y, dx in results[1:]:
        assert_same_bits(y, results[0][0])
        assert_same_bits(dx, results[0][1])


def test_derivative_and_jacobian_say_what_to_call():
    x = sample((3, 4))
    with pytest.raises(actspec.DerivativeError, match="'bothways' couples the values along an axis"):
        both_ways().derivative(x)
    with pytest.raises(actspec.DerivativeError, match=r"another axis than the last.*vjp\(x, g\)"):
        both_ways().jacobian(x)
    assert actspec.Pipeline(Twice()).jacobian(x[0]).shape == (4, 4)  # a row alone has but one axis


def test_constant_lanes_have_finite_derivatives():
    for x in (np.array([[1.0, 2, 3]]), np.array([[1.0, 2, 0], [3, 4, 0], [0, 1, 0]])):
        for made in (both_ways().vjp(x, np.ones_like(x)), both_ways().jvp(x, np.ones_like(x))):
            assert np.isfinite(made).all()


def test_empty_arrays_stay_empty():
    for shape in ((0,), (0, 5), (5, 0), (2, 0, 3)):
        x = np.zeros(shape)
        assert both_ways()(x).shape == both_ways().vjp(x, x).shape == shape


def test_what_they_cannot_be_runs_as_it_is_written_and_says_why():
    with registry.scope():

        class Ties(actspec.Activation):
            def __call__(self, x):
                return x - np.max(x, axis=(0, 2), keepdims=True)

        class Owned(BothWays):
            def __call__(self, x):
                return super().__call__(x)

            def derivative(self, x, y):
                return np.ones_like(x - y)

        class Gated(actspec.Activation):
            def __call__(self, x):
                a, b = np.split(x, 2, axis=-1)
                return np.concatenate([a - a.mean(-1, keepdims=True) - a.mean(0, keepdims=True), b], axis=-1)

        x = sample((3, 4, 6))
        for body, why in ((Ties, "neighbours"), (Owned, "derivative of its own"), (Gated, "splits")):
            act = actspec.Pipeline(body())
            assert_close(act(x), as_written(act, x), axis=None)
            (segment,) = act._running().segments(3, x.dtype)
            assert why in segment.reason
        np.testing.assert_array_equal(actspec.Pipeline(Owned()).vjp(x, x), x)
