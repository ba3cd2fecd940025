"""Activations that change the number of features: splits, joins and groups, in pipelines, cells and layer lists."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

import actspec
from actspec import registry
from actspec.cli import program
from actspec.functions import sigmoid
from actspec.graph.interpret import interpret
from actspec.kernels import execute, plan
from tests.support import built_ins
from tests.support.amount import by_turns, cases


def halves(x):
    return np.split(x, 2, axis=-1)


def silu(x):
    return x * sigmoid(x)


def centred(x):
    return x - x.mean(-1, keepdims=True)


def crelu(x):
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=-1)


def glu(x):
    value, gate = halves(x)
    return value * sigmoid(gate)


# What each spec means, in NumPy.
MEANINGS = {
    "glu": glu,
    "glu(gate_first=true)": lambda x: halves(x)[1] * sigmoid(halves(x)[0]),
    "reglu": lambda x: halves(x)[0] * np.maximum(halves(x)[1], 0),
    "geglu": lambda x: halves(x)[0] * actspec.parse("gelu")[0].formula(halves(x)[1]),
    "swiglu": lambda x: halves(x)[0] * silu(halves(x)[1]),
    "swiglu(beta=2)": lambda x: halves(x)[0] * halves(x)[1] * sigmoid(2 * halves(x)[1]),
    "crelu": crelu,
    "maxgroup:3": lambda x: reduce(np.maximum, [x[..., place::3] for place in range(3)]),
    "tanh+glu": lambda x: glu(np.tanh(x)),
    "glu+norm:mean": lambda x: centred(glu(x)),
    "norm:mean+glu+tanh": lambda x: np.tanh(glu(centred(x))),
    "crelu+glu": lambda x: glu(crelu(x)),
    "glu+crelu+glu": lambda x: glu(crelu(glu(x))),
    "crelu+tanh+norm:mean+tanh[1:3]": lambda x: _sliced(centred(np.tanh(crelu(x)))),
}


@pytest.mark.parametrize("name", [*map(built_ins.fixed, built_ins.SIZED), "snake:2", "softplus(beta=2)", "owned"])
def test_every_built_in_is_one_with_what_splits_or_joins_beside_it(name):
    with registry.scope():

        class Owned(actspec.Activation):
            def __call__(self, x):
                return 2 * np.tanh(x)

            def derivative(self, x, y):
                return 0 * x + 2 - y * y / 2

        x = np.linspace(-2.0, 3.0, 8)
        for spec in (f"crelu+{name}", f"{name}+crelu", f"{name}+glu", f"glu+{name}", f"{name}+maxgroup:2"):
            stages = actspec.parse(spec).stages
            y = reduce(lambda value, stage: stage.formula(value), stages, x)
            found = x
            for segment in plan.segments(stages, 1, x.dtype):
                if isinstance(segment, plan.Split):
                    kernels = (*segment.kernels, *segment.vjp, *segment.jvp)
                    given, into = segment.parts.views(found), segment.graph.into
                    parts = [interpret(segment.graph.giving(number), *given) for number in range(into.count)]
                    found = _together(parts, into)
                else:
                    assert isinstance(segment, plan.Compiled), (spec, segment)
                    kernels = (segment, segment.vjp, segment.jvp)
                    found = interpret(segment.graph, found)
                assert all(kernel.source(kernel.forms[0]) for kernel in kernels)
            np.testing.assert_allclose(found, y, rtol=1e-12, atol=1e-15, err_msg=spec)


def test_a_derivative_of_ones_own_counts_on_parts():
    with registry.scope():

        class Lying(actspec.Activation):
            def __call__(self, x):
                return 2 * x

            def derivative(self, x, y):
                return 7 + 0 * x * y

        dx = actspec.parse("crelu+lying").vjp(np.array([1.0, -1.0]), np.array([1.0, 10.0, 100.0, 1000.0]))
        np.testing.assert_array_equal(dx, [7.0, -7000.0])


def _together(parts, into):
    y = np.empty(sum(each.shape[-1] for each in parts))
    for view, part in zip(into.views(y), parts, strict=True):
        view[...] = part
    return y


def _sliced(x):
    x = x.copy()
    x[..., 1:3] = np.tanh(x[..., 1:3])
    return x


def sample(shape, seed=0):
    return np.random.default_rng(seed).normal(0, 2, shape)


def differences(function, x, step=1e-6):
    """Central differences of a function with one number as its result."""
    found = np.empty_like(x)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += step
        below[place] -= step
        found[place] = (function(above) - function(below)) / (2 * step)
    return found


def test_every_built_in_that_resizes_has_a_meaning_here():
    assert set(built_ins.RESIZING) <= {name for spec in MEANINGS for name in _names(spec)}


def _names(spec):
    return [stage.__definition__.name for stage in actspec.parse(spec)]


# What others hold as a part of themselves.
PARTS = ["tanh+glu", "glu+norm:mean", "crelu+glu"]


@pytest.mark.parametrize("spec", cases([spec for spec in MEANINGS if spec not in PARTS], PARTS))
def test_values(spec):
    act, meaning = actspec.parse(spec), MEANINGS[spec]
    for shape in ((4, 12), (12,), (2, 3, 12)):
        x = sample(shape)
        y = meaning(x)
        assert act.features_out(12) == y.shape[-1]
        np.testing.assert_allclose(act(x), y, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("spec", cases(["swiglu", "crelu", "maxgroup:3", "norm:mean+glu+tanh"], ["crelu+glu"]))
def test_derivatives(spec):
    act, meaning = actspec.parse(spec), MEANINGS[spec]
    x, v = sample((3, 12)), sample((3, 12), 1)
    g = sample(meaning(x).shape, 2)
    dx = act.vjp(x, g)
    np.testing.assert_allclose(dx, differences(lambda x: np.sum(meaning(x) * g), x), rtol=1e-6, atol=1e-8)
    jv = act.jvp(x, v)
    assert jv.shape == g.shape
    assert np.sum(jv * g) == pytest.approx(np.sum(v * dx), rel=1e-10)
    jacobian = act.jacobian(x)
    assert jacobian.shape == (*g.shape, 12)
    np.testing.assert_allclose(np.einsum("bij,bi->bj", jacobian, g), dx, rtol=1e-10, atol=1e-12)
    with pytest.raises(actspec.DerivativeError, match="use jacobian"):
        act.derivative(x)


@pytest.mark.parametrize("name", built_ins.RESIZING)
def test_float32_has_the_derivatives_of_float64(name):
    act, x = actspec.parse(built_ins.fixed(name)), sample((3, 12)).astype("f4")
    g = sample((3, act.features_out(12)), 1)
    np.testing.assert_allclose(act.vjp(x, g), act.vjp(x.astype("f8"), g), rtol=1e-5, atol=1e-6)


def test_layouts_types_and_out():
    act = actspec.parse("tanh+swiglu")
    x = sample((6, 8))
    y = act(x)
    for given in (np.asfortranarray(x), x[::-1][::-1], np.repeat(x, 2, 0)[::2], np.repeat(x, 2, 1)[:, ::2]):
        np.testing.assert_array_equal(act(given), y)
    np.testing.assert_array_equal(act(x[:0]), np.empty((0, 4)))
    np.testing.assert_array_equal(act(np.broadcast_to(x[:1], (6, 8))), np.broadcast_to(y[:1], (6, 4)))
    for kind in ("f2", "f4"):
        assert act(x.astype(kind)).dtype == kind
    assert act(x.astype(int)).dtype == np.float64
    out = np.empty((6, 4))
    assert act(x, out=out) is out
    np.testing.assert_array_equal(out, y)
    overlapping = x.copy()
    np.testing.assert_array_equal(act(overlapping, out=overlapping[:, 2:6]), y)
    with pytest.raises(ValueError, match=r"out must have the shape \(6, 4\) of the result"):
        act(x, out=np.empty((6, 8)))
    with pytest.raises(ValueError, match=r"g must have the shape \(6, 4\) of the result, not \(6, 8\)"):
        act.vjp(x, x)
    large = sample((1 << 12, 256)).astype("f4")
    np.testing.assert_allclose(
        act(large), np.tanh(large[:, :128]) * silu(np.tanh(large[:, 128:])), rtol=1e-5, atol=1e-6
    )


def test_parts_of_some_rows_after_the_other_are_those_of_all(monkeypatch):
    stages, x = actspec.parse("tanh+swiglu").stages, sample((37, 24))
    g, v = sample((37, 12), 1), sample((37, 24), 2)
    whole = results(actspec.Pipeline(*stages), x, g, v)
    monkeypatch.setattr(execute, "WORTH_SHARING", 0)
    for most in (1, 5 << 10, 1 << 20):  # a row is too long; some rows; all of them
        monkeypatch.setattr(execute, "_BESIDE", most)
        for arrays in ((x, g, v), tuple(np.repeat(each, 2, 0)[::2] for each in (x, g, v))):
            for each, expected in zip(results(actspec.Pipeline(*stages), *arrays), whole, strict=True):
                np.testing.assert_array_equal(each, expected)


@pytest.mark.parametrize(("spec", "dtype"), by_turns(["tanh+swiglu", "crelu", "maxgroup:3"], ["f8", "f4"]))
def test_later_calls_give_what_the_first_one_gives(spec, dtype):
    act = actspec.Pipeline(*actspec.parse(spec).stages)
    for shape in ((12,), (5, 12), (2, 3, 12)):
        x, v = sample(shape).astype(dtype), sample(shape, 2).astype(dtype)
        g = sample((*shape[:-1], act.features_out(12)), 1).astype(dtype)
        first = results(act, x, g, v)
        rooms = [np.empty_like(each) for each in first]
        act(x, out=rooms[0]), act.vjp(x, g, out=rooms[1]), act.jvp(x, v, out=rooms[2])
        strided = [np.repeat(each, 2, -1)[..., ::2] for each in (x, g, v)]
        for found in (
            rooms,
            results(act, x, g, v),
            results(act, *strided),
            results(act, x.astype(x.dtype.newbyteorder()), g, v),
        ):
            for each, expected in zip(found, first, strict=True):
                np.testing.assert_array_equal(np.asarray(each, dtype), expected)
        together = np.zeros(x.size + g.size, dtype)
        together[: x.size] = x.ravel()
        out = together[3 : 3 + g.size].reshape(g.shape)  # over x, and behind it
        np.testing.assert_array_equal(act(together[: x.size].reshape(shape), out=out), first[0])
        with pytest.raises(ValueError, match="g must have the shape"):
            act.vjp(x, v[..., :5])
        with pytest.raises(ValueError, match="v must have the shape"):
            act.jvp(x, x[..., :5])


def results(act, x, g, v):
    return act(x), act.vjp(x, g), act.jvp(x, v)


def test_a_row_that_does_not_fit_is_named():
    for spec, width, needs in (("glu", 3, "an even number of features"), ("maxgroup:3", 8, "a multiple of 3 features")):
        act = actspec.parse(spec)
        for call in (act, act.features_out, lambda x, act=act: act.vjp(x, x)):
            with pytest.raises(ValueError, match=rf"{needs}.*, not {width}"):
                call(width if call == act.features_out else np.ones(width))
    with pytest.raises(actspec.SpecError, match="'glu' changes the number of features, so it takes all of them"):
        actspec.parse("tanh+glu[2:4]")
    assert actspec.parse("glu[:]") == actspec.parse("glu")  # a slice that takes everything
    with pytest.raises(ValueError, match="even number of features"):
        actspec.parse("glu")(1.0)
    np.testing.assert_array_equal(actspec.parse("crelu")(-2.0), [0.0, 2.0])


@pytest.mark.parametrize(
    "spec", ["prelu+swiglu(beta=~1)+lgrelu", "crelu+prelu", "continuous(tanh)+glu", "prelu+continuous(glu,tau=2)"]
)
def test_cells(spec):
    cell = actspec.parse(spec).bind(features=4, rng=0)
    x = sample((2, 4))
    g = sample((2, cell.pipeline.features_out(4)), 1)

    def total(x):
        cell.reset()
        return np.sum(cell(x) * g)

    total(x)
    dx, dparameters = cell.vjp(x, g)
    np.testing.assert_allclose(dx, differences(total, x), rtol=1e-6, atol=1e-8)
    for name, values in cell.parameters.items():
        start = values.copy()

        def moved(given, name=name):
            cell.parameters[name] = given
            return total(x)

        np.testing.assert_allclose(dparameters[name], differences(moved, start), rtol=1e-6, atol=1e-8)
        cell.parameters[name] = start
    if cell.state is not None:
        xs = sample((3, 2, 4))
        cell.reset()
        called = np.stack([cell(x) for x in xs])
        cell.reset()
        np.testing.assert_allclose(cell.scan(xs), called, rtol=1e-12, atol=1e-15)


def test_learnt_values_are_those_of_the_features_at_their_place():
    cell = actspec.parse("prelu+swiglu(beta=~1)+lgrelu").bind(features=6)
    assert {name: values.shape for name, values in cell.parameters.items()} == {
        "0.slope": (6,),
        "1.beta": (3,),
        "2.gain": (3,),
        "2.leak": (3,),
    }
    with pytest.raises(ValueError, match="even number"):
        actspec.parse("glu+prelu").bind(features=5)


def test_layers_fit():
    layers = actspec.parse_layers([8, (6, "glu"), (9, "maxgroup:3"), (4, "crelu")])
    assert [layer.features_out for layer in layers] == [8, 3, 3, 8]
    for layer in ((7, "glu"), {"shape": (8, 3), "activation": "glu"}):
        with pytest.raises(
            actspec.LayerError, match=r"layers\[1\]: the size doesn't fit the activation: .*even number"
        ):
            actspec.parse_layers([8, layer, 2])


def test_kernels_are_fused_and_told():
    explained = actspec.explain("tanh+glu+norm:mean")
    assert all(stage.compiled for stage in explained.stages)
    (kernel,) = explained.kernels
    assert [line for line in kernel.graph if "part" in line] == ["v0 = part 0 of x", "v1 = part 1 of x"]
    assert len(actspec.explain("crelu").kernels) == 2
    assert actspec.explain("prelu+glu").stages[1].compiled


def test_a_class_of_ones_own():
    with registry.scope():

        class Rotated(actspec.Activation):
            """Pairs of features turned by a right angle; as many as before."""

            def __call__(self, x):
                first, second = np.split(x, 2, axis=-1)
                return np.concatenate([-second, first], axis=-1)

        class Bilinear(actspec.Activation):
            def features_out(self, n):
                return n // 2

            def __call__(self, x):
                return x[..., ::2] * x[..., 1::2]

        class Branching(actspec.Activation):
            def features_out(self, n):
                return n + 1

            def __call__(self, x):
                return np.concatenate([x, np.sort(x, axis=-1)[..., :1]], axis=-1)

        class Wrong(actspec.Activation):
            def features_out(self, n):
                return n + 1

            def __call__(self, x):
                return x

        x = sample((3, 4))
        np.testing.assert_array_equal(actspec.parse("rotated")(x), np.concatenate([-x[:, 2:], x[:, :2]], -1))
        np.testing.assert_array_equal(actspec.parse("rotated[1:3]")(x)[:, 1], -x[:, 2])
        assert actspec.explain("rotated").stages[0].compiled
        np.testing.assert_array_equal(actspec.parse("rotated").vjp(x, x), actspec.parse("rotated+rotated+rotated")(x))
        with pytest.raises(ValueError, match="equal division"):
            actspec.parse("rotated")(x[:, :3])
        np.testing.assert_array_equal(actspec.parse("bilinear")(x), x[:, ::2] * x[:, 1::2])
        np.testing.assert_array_equal(actspec.parse("bilinear").vjp([1.0, 2.0, 3.0, 4.0], [1.0, 1.0]), [2, 1, 4, 3])
        assert not actspec.explain("branching").stages[0].compiled
        assert actspec.parse("tanh+branching+relu")(x).shape == (3, 5)
        with pytest.raises(actspec.DerivativeError, match="can't be followed"):
            actspec.parse("branching").vjp(x, np.ones((3, 5)))
        with pytest.raises(ValueError, match=r"must return the shape that its features_out says, \(1, 5\)"):
            actspec.parse("wrong")(x)
        with pytest.raises(TypeError, match="changes the number of features"):

            class Derived(actspec.Activation):
                def features_out(self, n):
                    return 2 * n

                def __call__(self, x):
                    return np.concatenate([x, x], axis=-1)

                def derivative(self, x, y):
                    return x * y


def test_files_take_the_new_shape(tmp_path, capsys):
    def apply(*args):
        with pytest.raises(SystemExit) as left:
            program.main(["apply", *map(str, args)], prog_name="actspec")
        return left.value.code or 0, " ".join("".join(capsys.readouterr()).split())

    x = sample((50, 6)).astype(np.float32)
    source, target, table = tmp_path / "x.npy", tmp_path / "y.npy", tmp_path / "t.csv"
    np.save(source, x)
    for spec in ("glu", "norm:z(axis=0)+crelu+norm:z(axis=0)"):
        code, said = apply(spec, source, "-o", target)
        assert code == 0, said
        np.testing.assert_allclose(np.load(target), actspec.parse(spec)(x), rtol=1e-4, atol=1e-5)
    table.write_text("a,b\n1,2\n3,4\n")
    code, said = apply("glu", table, "-o", tmp_path / "u.csv")
    assert code == 2
    assert "glu makes 1 column of 2, which have no names in a table: write .npy" in said
    code, said = apply("maxgroup:4", source, "-o", target)
    assert code == 2
    assert "a multiple of 4 features, not 6" in said


@pytest.mark.parametrize("spec", ["glu+softmax", "crelu+norm:max", "glu+sparsemax", "crelu+glu", "tanh+glu+norm:z"])
def test_no_features_stay_none(spec):
    assert actspec.parse(spec)(np.empty((3, 0))).shape == (3, 0)
