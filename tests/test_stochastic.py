"""Activations that draw random numbers: gumbel_softmax, rrelu in training, classes with draw and sample."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import actspec
from actspec.catalog import GumbelSoftmax, RReLU
from actspec.testing import CHECKS, check_activation

RNG = np.random.default_rng(11)


def gumbel(parameters: str = "", *, rng: object = 0):
    return actspec.parse(f"gumbel_softmax({parameters})").bind(rng=rng)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def dropout():
    class Dropout(actspec.Activation):
        """Dropout: ``0 with probability rate, else x/(1 - rate)``.

        Returns
        -------
        An array of x's shape, in (-inf, inf).
        """

        rate: float = actspec.parameter(default=0.5, ge=0, lt=1)

        def __call__(self, x):
            return x

        def draw(self, rng, shape):
            return rng.random(shape)

        def sample(self, x, noise):
            return np.where(noise < self.rate, 0, x / (1 - self.rate))

    return Dropout


# ---- gumbel_softmax


@pytest.mark.parametrize("tau", [0.3, 5.0])
def test_a_hard_sample_is_each_class_as_often_as_softmax_says(tau):
    logits = np.array([2.0, 1.0, 0.0, -1.0, -3.0], np.float32)
    y = gumbel(f"tau={tau},hard=true")(np.tile(logits, (40_000, 1)))
    assert y.dtype == np.float32
    assert set(np.unique(y)) == {0.0, 1.0}
    assert (y.sum(axis=-1) == 1).all()
    expected = softmax(logits.astype(float)) * len(y)
    chi_square = np.sum((y.sum(axis=0) - expected) ** 2 / expected)
    assert chi_square < 25  # of four degrees of freedom: once in twenty thousand


def test_noise_is_standard_gumbel_and_always_finite():
    noise = GumbelSoftmax().draw(np.random.default_rng(0), (200_000,))
    assert noise.dtype == np.float64
    assert abs(noise.mean() - np.euler_gamma) < 0.01
    assert abs(noise.var() - np.pi**2 / 6) < 0.03
    uniform = np.sort(np.exp(-np.exp(-noise)))  # by its distribution function
    assert np.max(np.abs(uniform - np.arange(len(noise)) / len(noise))) < 2 / np.sqrt(len(noise))

    class Least:
        def standard_exponential(self, shape):
            return np.zeros(shape)

    assert np.isfinite(GumbelSoftmax().draw(Least(), (3,)).astype(np.float32)).all()


def test_results_repeat_with_the_seed_and_go_on_with_a_generator():
    x = RNG.normal(size=(4, 6))
    first, second = gumbel(), gumbel()
    y = first(x)
    np.testing.assert_array_equal(y, second(x))
    assert not np.array_equal(first(x), y)
    assert not np.array_equal(gumbel(rng=1)(x), y)
    rng = np.random.default_rng(0)
    cell = gumbel(rng=rng)
    assert cell.rng is rng
    np.testing.assert_array_equal(cell(x), y)
    np.testing.assert_array_equal(cell(x), second(x))
    np.testing.assert_array_equal(rng.random(3), first.rng.random(3))


def test_every_type_of_float_is_given_the_same_noise():
    x = RNG.normal(size=(4, 6)).astype(np.float16)
    y = gumbel()(x.astype(np.float64))
    for kind, rtol in ((np.float32, 1e-5), (np.float16, 2e-3)):
        z = gumbel()(x.astype(kind))
        assert z.dtype == kind
        np.testing.assert_allclose(z, y, rtol=rtol, atol=1e-6)
    assert gumbel()(np.arange(6)).dtype == np.float64
    out = np.empty_like(y)
    assert gumbel()(x.astype(np.float64), out=out) is out
    np.testing.assert_array_equal(out, y)


def test_a_sample_is_the_softmax_of_the_noisy_logits():
    x = RNG.normal(size=(2, 3, 6))
    cell = gumbel("tau=0.7")
    y = cell(x)
    np.testing.assert_allclose(y, softmax((x + cell.noise) / 0.7), rtol=1e-12)
    cell.noise[...] = 0  # a copy
    assert cell.noise.all()
    np.testing.assert_array_equal(gumbel()(np.full((2, 3), [-np.inf, 0.0, -np.inf])), [[0, 1, 0]] * 2)
    assert np.isnan(gumbel("hard=true")([np.nan, 1.0])).all()


def test_where_rounding_makes_several_the_largest_the_noise_decides():
    x = np.full((500, 7), 1e30, np.float32)
    cell = gumbel("hard=true")
    y = cell(x)
    np.testing.assert_array_equal(y.argmax(axis=-1), cell.noise.argmax(axis=-1))
    assert (y.sum(axis=-1) == 1).all()
    same = GumbelSoftmax(hard=True).sampled(np.zeros((1, 4)), np.array([[1.0, 2.0, 2.0, 0.0]]))
    np.testing.assert_array_equal(same, [[0, 0.5, 0.5, 0]])


@pytest.mark.peers
@pytest.mark.parametrize("parameters", ["tau=0.7", "tau=0.7,hard=true", "axis=0"])
def test_values_and_gradients_are_those_of_pytorch_for_the_same_noise(parameters, monkeypatch):
    torch = pytest.importorskip("torch")
    x, g = RNG.normal(size=(2, 4, 6))
    cell = gumbel(parameters)
    y = cell(x)
    exponential = torch.tensor(np.exp(-cell.noise))
    monkeypatch.setattr(torch.Tensor, "exponential_", lambda self: self.copy_(exponential))
    logits = torch.tensor(x, requires_grad=True)
    stage = cell.pipeline.stages[0]
    expected = torch.nn.functional.gumbel_softmax(logits, stage.tau, stage.hard, dim=stage.axis)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12, atol=1e-15)
    (gradient,) = torch.autograd.grad(expected, logits, torch.tensor(g))
    np.testing.assert_allclose(cell.vjp(x, g)[0], gradient.numpy(), rtol=1e-10, atol=1e-14)


def test_a_hard_sample_has_the_gradient_of_the_soft_one():
    x, g = RNG.normal(size=(2, 4, 6))
    hard, soft = gumbel("hard=true,tau=0.5"), gumbel("tau=0.5")
    hard(x), soft(x)
    np.testing.assert_allclose(hard.vjp(x, g)[0], soft.vjp(x, g)[0], rtol=1e-12, atol=1e-15)


# ---- rrelu


def test_rrelu_draws_slopes_in_training_only():
    x = np.linspace(-3, 1, 20_001)[:-1]
    act = actspec.parse("rrelu(lower=0.1,upper=0.4)")
    np.testing.assert_allclose(act(x), np.where(x > 0, x, 0.25 * x), rtol=1e-14)
    cell = act.bind(rng=0)
    np.testing.assert_array_equal(cell(x), act(x))
    cell.training = True
    y = cell(x)
    np.testing.assert_array_equal(y[x > 0], x[x > 0])
    slopes = cell.derivative(x)[x <= 0]
    assert slopes.min() >= 0.1
    assert slopes.max() <= 0.4
    uniform = (np.sort(slopes) - 0.1) / 0.3
    assert np.max(np.abs(uniform - np.arange(len(slopes)) / len(slopes))) < 2 / np.sqrt(len(slopes))
    np.testing.assert_allclose(y[x <= 0], slopes * x[x <= 0], rtol=1e-14)
    assert not np.array_equal(cell(x), y)
    cell.training = False
    np.testing.assert_allclose(cell.derivative(x), np.where(x > 0, 1, 0.25), rtol=1e-14)


def test_the_slopes_of_rrelu_can_be_learnt():
    x, g = RNG.normal(size=(2, 40, 3))
    cell = actspec.parse("rrelu(lower=~0.1,upper=~0.4)").bind(features=3, rng=0)
    cell.training = True
    cell(x)
    _, dparams = cell.vjp(x, g)
    given = np.where(x > 0, 0, g * x)
    np.testing.assert_allclose(dparams["0.upper"], np.sum(given * cell.noise, axis=0), rtol=1e-12)
    np.testing.assert_allclose(dparams["0.lower"], np.sum(given * (1 - cell.noise), axis=0), rtol=1e-12)


@pytest.mark.peers
def test_rrelu_is_that_of_pytorch_for_the_same_slopes(monkeypatch):
    torch = pytest.importorskip("torch")
    x, g = RNG.normal(size=(2, 50, 6))
    x[0] = 0
    given, slopes = torch.tensor(x, requires_grad=True), torch.empty(x.shape, dtype=torch.float64)
    expected = torch.ops.aten.rrelu_with_noise(given, slopes, 1 / 8, 1 / 3, True)
    noise = (slopes.numpy() - 1 / 8) / (1 / 3 - 1 / 8)
    monkeypatch.setattr(RReLU, "draw", lambda *_: noise)
    cell = actspec.parse("rrelu").bind()
    cell.training = True
    np.testing.assert_allclose(cell(x), expected.detach().numpy(), rtol=1e-12)
    (gradient,) = torch.autograd.grad(expected, given, torch.tensor(g))
    np.testing.assert_allclose(cell.vjp(x, g)[0], gradient.numpy(), rtol=1e-12)
    cell.training = False
    np.testing.assert_allclose(cell(x), torch.nn.functional.rrelu(torch.tensor(x)).numpy(), rtol=1e-14)


# ---- cells that draw


def test_a_scan_draws_what_calls_one_by_one_draw():
    xs = RNG.normal(size=(5, 2, 6))
    spec = "gumbel_softmax[1:]+continuous(gumbel_softmax+tanh,tau=2)"
    one, all_at_once = (actspec.parse(spec).bind(rng=3) for _ in range(2))
    ys = np.stack([one(x) for x in xs])
    np.testing.assert_array_equal(all_at_once.scan(xs), ys)
    first, second = all_at_once.noise
    assert (first.shape, second.shape) == ((5, 2, 5), (5, 2, 6))
    np.testing.assert_array_equal(one.noise[1], second[-1])
    np.testing.assert_array_equal(one.rng.random(3), all_at_once.rng.random(3))


def test_a_long_scan_is_drawn_for_every_step():
    xs = np.zeros((3, 300, 512), np.float32)  # several pieces
    cell = gumbel()
    ys = cell.scan(xs)
    np.testing.assert_allclose(ys, softmax(cell.noise.astype(float)), rtol=1e-5)


def test_derivatives_are_of_the_latest_call():
    x = RNG.normal(size=(3, 6))
    cell = gumbel()
    for ask in (lambda: cell.vjp(x, x), lambda: cell.jvp(x, x), lambda: cell.jacobian(x), lambda: cell.noise):
        with pytest.raises(actspec.UnboundError, match="call the cell first"):
            ask()
    y = cell(x)
    state = cell.rng.bit_generator.state
    jacobian = np.einsum("...i,ij->...ij", y, np.eye(6)) - y[..., :, None] * y[..., None, :]
    np.testing.assert_allclose(cell.jacobian(x), jacobian, atol=1e-14)
    np.testing.assert_allclose(cell.vjp(x, x)[0], np.einsum("...ij,...i->...j", jacobian, x), atol=1e-14)
    assert cell.rng.bit_generator.state == state  # which draw nothing
    with pytest.raises(ValueError, match=r"\(3, 6\), but x asks for \(2, 6\): call"):
        cell.vjp(x[:2], x[:2])
    with pytest.raises(ValueError, match="those of a call: scan the cell first"):
        cell.scan_vjp(x, x)
    cell.scan(x)
    with pytest.raises(ValueError, match=r"those of a scan: call the cell first, or ask for scan_vjp"):
        cell.vjp(x, x)
    with pytest.raises(actspec.DerivativeError, match="jacobian"):
        cell.derivative(x)
    cell.reset()
    with pytest.raises(actspec.UnboundError, match="bound or reset"):
        cell.noise  # noqa: B018  # asking is what raises


def test_unbound_it_says_why_and_how_to_bind_it():
    with pytest.raises(actspec.UnboundError, match=r"'gumbel_softmax' draws random numbers: bind it.*bind\(rng=0\)"):
        actspec.parse("relu+gumbel_softmax")([1.0, 2.0])
    with pytest.raises(actspec.UnboundError, match="draws random numbers"):
        GumbelSoftmax()([1.0, 2.0])
    with pytest.raises(actspec.UnboundError, match="draws random numbers"):
        GumbelSoftmax().formula(np.ones(2))
    cell = actspec.parse("continuous(gumbel_softmax)").bind(rng=0)
    cell(np.ones((2, 3)))
    with pytest.raises(actspec.DerivativeError, match=r"draws random numbers of the state: use vjp"):
        cell.d_output  # noqa: B018  # asking is what raises


def test_cells_copy_and_pickle_with_their_generators_and_their_noise():
    x = RNG.normal(size=(3, 6))
    cell = actspec.parse("prelu+gumbel_softmax").bind(features=6, rng=0)
    y = cell(x)
    assert list(cell.state_dict()) == ["0.slope"]
    copies = [copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))]
    dx, _ = cell.vjp(x, y)
    after = cell(x)
    for same in copies:
        np.testing.assert_array_equal(same.vjp(x, y)[0], dx)
        assert same.noise.shape == y.shape
        np.testing.assert_array_equal(same(x), after)
    cell.load_state_dict(copies[0].state_dict())


# ---- classes that draw


def test_dropout_draws_in_training_only():
    with actspec.registry.scope():
        assert dropout().draws == "training"
        x = RNG.normal(size=(200, 50))
        act = actspec.parse("tanh+dropout(0.25)")
        np.testing.assert_allclose(act(x), np.tanh(x), rtol=1e-15)
        cell = act.bind(rng=0)
        assert cell.training is False
        np.testing.assert_array_equal(cell(x), act(x))
        assert cell.noise is None
        cell.training = True
        y = cell(x)
        kept = y != 0
        assert abs(kept.mean() - 0.75) < 0.02
        np.testing.assert_allclose(y[kept], np.tanh(x[kept]) / 0.75, rtol=1e-12)
        np.testing.assert_array_equal(kept, cell.noise >= 0.25)
        slopes = np.where(kept, (1 - np.tanh(x) ** 2) / 0.75, 0)
        np.testing.assert_allclose(cell.derivative(x), slopes, rtol=1e-12, atol=1e-15)
        again = pickle.loads(pickle.dumps(cell.rng))
        np.testing.assert_array_equal(again.random(3), cell.rng.random(3))
        cell.training = False
        np.testing.assert_array_equal(cell(x), act(x))
        np.testing.assert_allclose(cell.vjp(x, x)[0], act.vjp(x, x), rtol=1e-14)
        with pytest.raises(TypeError, match="training must be True or False, not 'yes'"):
            cell.training = "yes"


def test_the_conformance_suite_runs_what_draws():
    with actspec.registry.scope():
        others = set(CHECKS) - {"runs", "repeats", "differentiable", "own_derivative", "noise"}
        report = check_activation(dropout(), skip=others)
        assert [each.status for each in report.findings if each.check == "noise"] == ["passed"]

        class Stuck(dropout(), name="stuck"):
            """Dropout: ``with the same numbers at each call``."""

            def draw(self, rng, shape):  # noqa: ARG002  # its signature
                return np.linspace(0, 1, int(np.prod(shape))).reshape(shape)

        with pytest.raises(actspec.testing.ConformanceError, match=r"failed +noise\n.*the same result twice"):
            check_activation(Stuck, skip=others)


def test_what_scales_the_noise_can_be_learnt():
    with actspec.registry.scope():

        class Jitter(actspec.Activation):
            std: float = 0.1

            def draw(self, rng, shape):
                return rng.standard_normal(shape[-1:])  # one number for each feature

            def sample(self, x, noise):
                return np.tanh(x + self.std * noise)

        assert Jitter.draws == "always"
        assert actspec.describe("jitter").formula == "tanh(x + std * noise)"
        x, g = RNG.normal(size=(2, 4, 3))
        cell = actspec.parse("jitter(std=~0.5)[1:]").bind(features=3, rng=0)
        y = cell(x)
        assert cell.noise.shape == (4, 2)
        np.testing.assert_array_equal(cell.noise, np.tile(cell.noise[0], (4, 1)))
        np.testing.assert_array_equal(y[:, 0], x[:, 0])
        _, dparams = cell.vjp(x, g)
        np.testing.assert_allclose(
            dparams["0.std"], np.sum(g[:, 1:] * (1 - y[:, 1:] ** 2) * cell.noise, axis=0), rtol=1e-12
        )
        change = cell.jvp(x, np.zeros_like(x), {"0.std": np.ones(2)})
        np.testing.assert_allclose(change[:, 1:], (1 - y[:, 1:] ** 2) * cell.noise, rtol=1e-12)


def test_a_sample_that_cannot_be_followed_runs_as_it_is_written():
    with actspec.registry.scope():

        class Shuffling(actspec.Activation):
            def draw(self, rng, shape):
                return rng.random(shape)

            def sample(self, x, noise):
                return np.take_along_axis(x, np.argsort(noise, axis=-1), axis=-1)

        x = RNG.normal(size=(3, 5))
        cell = actspec.parse("shuffling").bind(rng=0)
        y = cell(x)
        np.testing.assert_array_equal(np.sort(y), np.sort(x))
        assert not np.array_equal(y, x)
        (stage,) = actspec.explain("shuffling").stages
        assert (stage.compiled, stage.derivative) == (False, "none")
        with pytest.raises(actspec.DerivativeError, match=r"'shuffling' can't be differentiated: its sample"):
            cell.vjp(x, x)


def test_an_own_derivative_is_that_of_the_formula_and_not_of_the_sample():
    with actspec.registry.scope():

        class Noisy(actspec.Activation):
            def __call__(self, x):
                return np.tanh(x)

            def derivative(self, x, y):  # noqa: ARG002  # its signature
                return 1 - y * y

            def draw(self, rng, shape):
                return rng.random(shape)

            def sample(self, x, noise):
                return noise * x

        x = RNG.normal(size=(3, 5))
        cell = actspec.parse("noisy").bind(rng=0)
        np.testing.assert_allclose(cell.derivative(x), 1 - np.tanh(x) ** 2, rtol=1e-12)
        cell.training = True
        cell(x)
        np.testing.assert_array_equal(cell.derivative(x), cell.noise)


def test_what_draws_cannot_stand_in_a_parameter():
    with actspec.registry.scope():
        dropout()

        class Residual(actspec.Activation):
            base: actspec.Activation

            def __call__(self, x):
                return x + self.base.formula(x)

        with pytest.raises(actspec.UnboundError, match=r"can't hold 'gumbel_softmax' as a parameter, which draws"):
            actspec.parse("residual(gumbel_softmax)").bind()
        cell = actspec.parse("residual(dropout)").bind()
        np.testing.assert_array_equal(cell([1.0, 2.0]), [2, 4])
        with pytest.raises(actspec.UnboundError, match=r"can't hold 'dropout' as a parameter.*in training"):
            cell.training = True
        assert cell.training is False


@pytest.mark.parametrize(
    ("drawn", "error", "told"),
    [
        (np.zeros((2, 2)), ValueError, r"the noise of .*Wrong has the shape \(2, 2\), which doesn't fit \(2, 3\)"),
        (np.zeros((2, 3), complex), TypeError, "the noise of .*Wrong"),
        (np.zeros((4, 2, 3)), ValueError, r"the noise of .*Wrong has the shape \(4, 2, 3\)"),
    ],
)
def test_noise_that_does_not_fit_is_refused(drawn, error, told):
    with actspec.registry.scope():

        class Wrong(actspec.Activation):
            def draw(self, rng, shape):  # noqa: ARG002  # its signature
                return drawn

            def sample(self, x, noise):
                return x + noise

        cell = actspec.parse("wrong").bind(rng=0)
        with pytest.raises(error, match=told):
            cell(np.zeros((2, 3)))


def _draw(self, rng, shape):  # noqa: ARG001  # its signature
    return rng.random(shape)


def _sample(self, x, noise):  # noqa: ARG001  # its signature
    return x + noise


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"sample": _sample}, r"needs a method draw\(self, rng, shape\)"),
        ({"draw": _draw}, r"needs a method sample\(self, x, noise\)"),
        ({"draw": _draw, "sample": lambda self, x: x}, r"needs a method sample\(self, x, noise\)"),  # noqa: ARG005
        ({"draw": _sample, "sample": _draw, "draws": "always"}, "must not define 'draws'"),
        (
            {"draw": _draw, "sample": _sample, "stateful": True, "advance": _sample, "__call__": lambda _, x: x},
            "write two activations",
        ),
    ],
)
def test_classes_that_cannot_draw_are_refused(members, told):
    with actspec.registry.scope(), pytest.raises(TypeError, match=told):
        type("Wrong", (actspec.Activation,), members)


def test_each_feature_may_have_a_temperature_of_its_own():
    cell = actspec.parse("gumbel_softmax(tau=~1)").bind(features=3, rng=0)
    x, g = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 0.0, 2.0]])
    cell.parameters["0.tau"] = [0.5, 1.0, 2.0]
    y = cell(x)

    def total(tau):
        scaled = (x + cell.noise) / tau
        shares = np.exp(scaled - scaled.max())
        return np.sum(g * shares / shares.sum())

    np.testing.assert_allclose(np.sum(y * g), total(np.array([0.5, 1.0, 2.0])), rtol=1e-12)
    steps = 1e-6 * np.eye(3)
    want = [(total(cell.parameters["0.tau"] + step) - total(cell.parameters["0.tau"] - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(cell.vjp(x, g)[1]["0.tau"], want, rtol=1e-6)


def test_relu_without_a_bound_has_its_slope_at_infinity():
    np.testing.assert_array_equal(actspec.parse("relu").derivative([np.inf, 0.0, -np.inf]), [1, 0, 0])
    np.testing.assert_array_equal(actspec.parse("relu(max=6)").derivative([np.inf, 6.0, 5.0]), [0, 0, 1])
