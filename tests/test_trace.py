"""What of a formula becomes a graph and a kernel, what runs as it is written, and why."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np
import pytest

import actspec
from actspec import functions, registry
from actspec.graph.trace import examine, trace
from actspec.graph.unfollowed import UnfollowedError
from actspec.kernels import compile as compiler
from actspec.kernels import plan
from tests.support import built_ins
from tests.support.amount import cases
from tests.support.reference import as_written, assert_close, slack

FLOATS = [np.float32, np.float64]


def sample(shape=(40, 7), dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(0.3, 2, shape).astype(dtype)


def reason(act):
    """Why the first stage isn't compiled; empty where it is."""
    (stage, *_) = actspec.explain(act).stages
    assert stage.compiled == (not stage.reason)
    return stage.reason


def sources(act, ndim=2, dtype=np.float32):
    found = plan.segments(actspec.parse(act).stages, ndim, np.dtype(dtype))
    return [kernel.source("rows" if kernel.axes else "flat") for kernel in plan.kernels(found)]


def graph(act, ndim=2, dtype=np.float32):
    return trace([examine(each, ndim, np.dtype(dtype)) for each in actspec.parse(act)], ndim, np.dtype(dtype))


def assert_right(act, dtype=np.float64, shapes=((40, 7), (5, 61), (11,), (3, 4, 5))):
    for shape in shapes:
        x = sample(shape, dtype)
        assert_close(act(x), as_written(act, x), slack=slack(act, x), note=f"{act} {shape}")


# ---- parameters

PARAMETERS = [0.1 * (1 + number) for number in range(20)]


@pytest.mark.parametrize(
    "spec",
    [
        "elu(alpha={0})",
        "leakyrelu({0})+scaledtanh({0},{0})",
        "softlif(sigma={0},tau_rc={0})",
        "norm:z(eps={0})+clip(-{0},{0})",
        "elu({0})[1:]+norm:max(eps={0})",
        "relu(max={0})",
    ],
)
def test_specs_that_differ_in_float_parameters_have_one_source(spec):
    specs = [spec.format(value) for value in PARAMETERS]
    assert len({str(actspec.parse(each)) for each in specs}) == len(specs)
    first, *others = (tuple(sources(each)) for each in specs)
    assert set(others) == {first}
    for each in specs:
        assert not reason(each)


def test_specs_that_differ_in_float_parameters_are_compiled_once():
    x = sample((6, 5))
    with registry.scope():

        class Only(actspec.Activation):
            """With a constant that no other kernel has."""

            theta: float = 1.0

            def __call__(self, x):
                return np.tanh(x * self.theta) + 0.12358

        before = compiler.counts()
        for value in PARAMETERS:
            spec = f"elu({value})+only({value})"
            assert_close(actspec.parse(spec)(x), as_written(spec, x), note=spec)
        after = compiler.counts()
    assert after.compiled + after.loaded - before.compiled - before.loaded == 1


def test_formulas_that_are_equal_share_a_source():
    assert sources("norm:z(axis=0)") == sources("norm:z")
    assert sources("prelu(slope=0.5)") == sources("leakyrelu(0.1)")
    assert sources("tanh+norm:z") != sources("norm:z+tanh")
    assert sources("tanh", dtype=np.float32) != sources("tanh", dtype=np.float64)
    assert sources("tanh[1:]") != sources("tanh[2:]")


def test_float_parameters_are_given_at_run_time_and_in_order():
    assert graph("elu(0.25)+scaledtanh(2,3)+elu(7)").parameters == [0.25, 2.0, 3.0, 7.0]
    assert graph("clip(max=inf)").parameters == [0.0, np.inf]


with registry.scope():

    class Powers(actspec.Activation):
        """An integer, a truth value and a string, each part of the structure."""

        times: int = 2
        halved: bool = False
        kind: str = "tanh"
        gain: float = 1.0

        def __call__(self, x):
            for _ in range(self.times):
                x = x * self.gain
            if self.halved:
                x = x / 2
            return np.tanh(x) if self.kind == "tanh" else np.exp(-x * x)

    class Branching(actspec.Activation):
        """A branch on a parameter, not on data."""

        theta: float = 1.0

        def __call__(self, x):
            if self.theta > 1:
                return np.tanh(x) * self.theta
            return x * self.theta

    class Spelt(actspec.Activation):
        """A parameter as Python's float."""

        theta: float = 1.0

        def __call__(self, x):
            return x * max(self.theta, 0.5) + float(self.theta) + round(self.theta)


def test_integers_truth_values_and_strings_are_structure():
    variants = [Powers(), Powers(times=3), Powers(halved=True), Powers(kind="bell")]
    assert len({tuple(sources(each)) for each in variants}) == len(variants)
    assert sources(Powers(gain=2)) == sources(Powers(gain=3))
    for each in variants:
        assert not reason(each)
        assert_right(each)


@pytest.mark.parametrize("kind", [Branching, Spelt])
def test_a_branch_on_a_parameter_makes_it_structure_and_is_still_compiled(kind):
    small, large, larger = kind(0.75), kind(2), kind(3)
    assert graph(large).parameters == []
    assert len({tuple(sources(each)) for each in (small, large, larger)}) == 3
    for each in (small, large, larger):
        assert not reason(each)
        assert_right(each)


def test_neighbours_of_such_a_branch_keep_their_parameters():
    assert graph(actspec.parse("elu(0.5)") + Branching(2) + "elu(3)").parameters == [0.5, 3.0]


def test_zeros_and_infinities_among_constants_keep_their_signs():
    with registry.scope():

        class Signed(actspec.Activation):
            def __call__(self, x):
                return np.copysign(x, -0.0) + np.copysign(1, 0.0) + np.where(x > 0, np.inf, -np.inf)

        x = np.array([[1.0, -2.0, 0.0, -0.0]])
        assert not reason(Signed())
        np.testing.assert_array_equal(Signed()(x), as_written(Signed(), x))


# ---- formulas that are compiled

SLOPE = 0.3
with registry.scope():

    class Thresholded(actspec.Activation):
        theta: float = 1.0

        def __call__(self, x):
            return x * (x > self.theta)

    class Where(actspec.Activation):
        def __call__(self, x):
            return np.where(x > 0, x, SLOPE * x)

    class Clipped(actspec.Activation):
        low: float = -1.0
        high: float = 1.0

        def __call__(self, x):
            return np.clip(x, self.low, self.high) + x.clip(self.low) + np.clip(x, None, self.high) + x.clip(max=2)

    class Methods(actspec.Activation):
        def __call__(self, x):
            y = x.copy().astype(x.dtype)
            shifted = y - x.mean(axis=-1, keepdims=True)
            return shifted / (x.max(axis=-1, keepdims=True) - x.min(-1, keepdims=True) + x.std(-1, keepdims=True))

    class Reductions(actspec.Activation):
        def __call__(self, x):
            total = np.sum(np.abs(x), axis=-1, keepdims=True)
            return (x - np.min(x, axis=-1, keepdims=True)) / (np.max(x, axis=-1, keepdims=True) + total + 9)

    class Deviations(actspec.Activation):
        def __call__(self, x):
            var = np.var(x, axis=-1, keepdims=True, ddof=1)
            return x / (np.std(x, axis=-1, keepdims=True, ddof=1) + 1) + x / (var + 1) + np.var(x, -1, keepdims=True)

    class Products(actspec.Activation):
        def __call__(self, x):
            return x * np.prod(1 + 0.1 * np.tanh(x), axis=-1, keepdims=True)

    class Reduced(actspec.Activation):
        """A ufunc's own reduction."""

        def __call__(self, x):
            return x / (1 + np.add.reduce(x * x, axis=-1, keepdims=True)) + np.maximum.reduce(x, axis=-1, keepdims=True)

    class Whole(actspec.Activation):
        """Along all axes at once, with and without keepdims."""

        def __call__(self, x):
            return (x - np.mean(x)) / (np.std(x, keepdims=True) + 1)

    class Masks(actspec.Activation):
        def __call__(self, x):
            inside = (x > -1) & (x < 1) | ~(x != 0) ^ (x == 3)
            return np.where(inside, x, np.sign(x)) * np.logical_not(x > 2) + inside - 0.5 * (inside * (x > 0))

    class Counting(actspec.Activation):
        def __call__(self, x):
            return x * np.sum(x > 0, axis=-1, keepdims=True) + np.mean(x < 1, axis=-1, keepdims=True)

    class Helped(actspec.Activation):
        gain: float = 2.0

        def __call__(self, x):
            return self.stretched(x) + self.bump(x) + bump_outside(x)

        def stretched(self, x):
            return self.gain * x

        @staticmethod
        def bump(x):
            return functions.gaussian(x - 1)

    def bump_outside(x):
        return functions.softplus(-x) + functions.erf(x)

    class Wrapped(actspec.Activation):
        """A parameter that is an activation, called inside."""

        base: actspec.Activation
        mix: float = 0.5

        def __call__(self, x):
            return self.mix * x + (1 - self.mix) * self.base(x)

    class Piped(actspec.Activation):
        """A pipeline inside a formula."""

        def __call__(self, x):
            return x + actspec.parse("elu(0.7)+norm:z")(x)

    class Operators(actspec.Activation):
        def __call__(self, x):
            return (-x + 2) ** 2 / 3 - (+x) % 1.5 + abs(x) // 0.5 + 1 / (1 + x**2) + 2 ** (0.1 * x) + x**-1

    class Nested(actspec.Activation):
        """Reductions of what reductions make."""

        def __call__(self, x):
            centred = x - np.mean(x, axis=-1, keepdims=True)
            far = np.max(np.abs(centred), axis=-1, keepdims=True)
            return np.tanh(centred / (far + 0.1)) - np.mean(np.tanh(centred / (far + 0.1)), axis=-1, keepdims=True)

    class Even(actspec.Activation):
        """One number, whatever x is."""

        def __call__(self, x):  # noqa: ARG002
            return 3.0

    class Numbers(actspec.Activation):
        """Numbers of NumPy's, and one that is worked out from a parameter."""

        theta: float = 0.5

        def __call__(self, x):
            return x * np.float64(2) + np.float32(0.5) * np.int64(3) + np.array(1.5) + np.exp(self.theta) * np.pi

    class Composed(actspec.Activation):
        """Functions that NumPy makes of others."""

        def __call__(self, x):
            whole, rest = divmod(x, 0.7)
            low, high = x < -1, x > 2
            wide = np.ptp(x, axis=-1, keepdims=True) + np.sinc(x) + np.around(x, 1) - x.round(-1)
            met = np.any(high, axis=-1, keepdims=True) & (x != 0).all(axis=-1, keepdims=True)
            return np.select([low, high], [whole, wide], np.conj(rest)) + np.where(met, 1, 2)

    COMPILED = {
        "threshold": Thresholded(),
        "threshold with a parameter": Thresholded(-0.3),
        "where": Where(),
        "clip": Clipped(-0.5, 1.25),
        "methods": Methods(),
        "reductions": Reductions(),
        "deviations with ddof": Deviations(),
        "products": Products(),
        "reductions of ufuncs": Reduced(),
        "all axes at once": Whole(),
        "masks": Masks(),
        "what is made of others": Composed(),
        "counts": Counting(),
        "helpers": Helped(3),
        "an activation inside": Wrapped(actspec.parse("tanh"), 0.25),
        "a pipeline as a parameter": Wrapped(actspec.parse("elu(2)+norm:z")),
        "a pipeline inside": Piped(),
        "operators": Operators(),
        "reductions of reductions": Nested(),
        "one number": Even(),
        "numbers": Numbers(),
        "a slice": actspec.parse("elu(2)")[0],
    }


# Usually each in one of the types, in turn, but for what makes numbers of truth values.
IN_BOTH = ("masks", "counts")


@pytest.mark.parametrize(
    ("case", "dtype"),
    cases(
        [
            *((case, FLOATS[number % 2]) for number, case in enumerate(COMPILED) if case not in IN_BOTH),
            *itertools.product(IN_BOTH, FLOATS),
        ],
        ((case, FLOATS[1 - number % 2]) for number, case in enumerate(COMPILED) if case not in IN_BOTH),
    ),
)
def test_ordinary_numpy_is_compiled_and_right(case, dtype):
    act = COMPILED[case]
    assert not reason(act)
    assert_right(act, dtype, shapes=((40, 7), (1, 9)) if dtype == np.float32 else ((5, 61), (11,)))


def test_a_formula_is_not_run_on_arrays_once_it_is_compiled():
    seen = []
    with registry.scope():

        class Watched(actspec.Activation):
            def __call__(self, x):
                seen.append(type(x))
                return np.tanh(x) + 1

        act = actspec.parse("watched+norm:z")
        act(sample())
        assert seen.count(np.ndarray) <= 1  # to compare with what was traced
        del seen[:]
        act(sample(seed=1))
        act(sample(seed=1).astype(np.float64))
        assert not seen


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), (1, 2), None])
def test_axes_are_followed(axis):
    with registry.scope():

        class Along(actspec.Activation):
            def __call__(self, x):
                return x - np.mean(x, axis=axis, keepdims=True) + np.max(x, axis=axis, keepdims=True)

        for shape in ((3, 4, 5), (30, 4, 2)):
            x = sample(shape)
            assert_close(Along()(x), as_written(Along(), x), axis=None)


# ---- formulas that run as they are written

with registry.scope():

    class InPlace(actspec.Activation):
        def __call__(self, x):
            x[..., 0] *= 2
            return x

    class AssignedInPlace(actspec.Activation):
        def __call__(self, x):
            x[..., 1:] = 0
            return x

    class Put(actspec.Activation):
        def __call__(self, x):
            np.place(x, x < 0, [0.0, 1.0])
            return x

    class DataBranch(actspec.Activation):
        def __call__(self, x):
            return np.tanh(x) if np.max(x) > 0 else x

    class DataLoop(actspec.Activation):
        def __call__(self, x):
            while (np.abs(x) > 1).any():
                x = x / 2
            return x

    class WithoutKeepdims(actspec.Activation):
        def __call__(self, x):
            return x - x.sum(axis=-1)[..., None]

    class Partial(actspec.Activation):
        """A reduction of some elements, in another type."""

        def __call__(self, x):
            return x + np.sum(x, axis=-1, keepdims=True, where=x > 0) * np.mean(x, -1, np.float64, keepdims=True)

    class UnknownUfunc(actspec.Activation):
        def __call__(self, x):
            return np.nextafter(x, 0) + np.spacing(x)

    class SeveralResults(actspec.Activation):
        def __call__(self, x):
            return np.modf(x)[0]

    class Random(actspec.Activation):
        def __call__(self, x):
            return x + np.random.random()

    class RandomArray(actspec.Activation):
        def __call__(self, x):
            return x * np.random.default_rng(0).random(x.shape)

    class Counted(actspec.Activation):
        calls = 0

        def __call__(self, x):
            type(self).calls += 1
            return x * type(self).calls

    class Shaped(actspec.Activation):
        def __call__(self, x):
            return x / x.shape[-1]

    class Sorted(actspec.Activation):
        def __call__(self, x):
            return np.sort(x, axis=-1)

    class Cumulative(actspec.Activation):
        def __call__(self, x):
            return np.cumsum(x, axis=-1)

    class Flipped(actspec.Activation):
        def __call__(self, x):
            return x[..., ::-1]

    class OwnArray(actspec.Activation):
        def __call__(self, x):
            return x * np.linspace(0, 1, x.shape[-1])

    class OtherType(actspec.Activation):
        def __call__(self, x):
            return x.astype(np.int64) * 0.5

    class Complex(actspec.Activation):
        def __call__(self, x):
            return np.abs(np.exp(1j * x))

    class Bits(actspec.Activation):
        def __call__(self, x):
            return x.view(np.int64).astype(x.dtype)

    class Lists(actspec.Activation):
        def __call__(self, x):
            return np.reshape([float(each) for each in np.ravel(x)], np.shape(x))

    class Spread(actspec.Activation):
        """One value for each lane."""

        def __call__(self, x):
            return np.broadcast_to(np.max(x, axis=-1, keepdims=True), x.shape)

    class Asks(actspec.Activation):
        """What kind of array it is."""

        def __call__(self, x):
            if not isinstance(x, np.ndarray):
                raise TypeError("arrays only")
            return x + 1

    AS_WRITTEN = {
        InPlace: "place",
        AssignedInPlace: "place",
        Put: "place",
        DataBranch: "branches on the data",
        DataLoop: "",
        WithoutKeepdims: "keepdims",
        Partial: "",
        UnknownUfunc: "nextafter",
        SeveralResults: "modf",
        Shaped: "shape",
        Sorted: "sort",
        Cumulative: "cumsum",
        Flipped: "picks elements",
        OwnArray: "",
        OtherType: "type",
        Complex: "",
        Bits: "view",
        Lists: "",
        Spread: "",
        Asks: "arrays only",
    }


@pytest.mark.parametrize("kind", AS_WRITTEN, ids=lambda kind: kind.__name__)
def test_what_cannot_be_followed_runs_as_it_is_written_and_says_why(kind):
    act = kind()
    told = reason(act)
    assert told
    assert AS_WRITTEN[kind] in told
    assert told in str(actspec.explain(act))
    for dtype in FLOATS if kind is not Bits else (np.float64,):
        for x in (sample((40, 7), dtype), sample((5, 61), dtype)):
            before = x.copy()
            np.testing.assert_array_equal(act(x), as_written(act, x))
            np.testing.assert_array_equal(x, before)
            out = np.empty_like(x)
            np.testing.assert_array_equal(act(x, out=out), as_written(act, x))
            act(x, out=x)
            np.testing.assert_array_equal(x, as_written(act, before))


@pytest.mark.parametrize("kind", [Random, Counted])
def test_a_formula_that_is_another_one_each_time_runs_as_it_is_written(kind):
    act, x = kind(), np.ones((3, 4))
    assert "from call to call" in reason(act)
    assert not np.array_equal(act(x), act(x))


def test_random_numbers_as_an_array_are_drawn_at_each_call():
    assert reason(RandomArray())
    x = sample((4, 3))
    np.testing.assert_array_equal(RandomArray()(x), as_written(RandomArray(), x))


def test_a_formula_may_be_compiled_for_some_ranks_only():
    with registry.scope():

        class Second(actspec.Activation):
            def __call__(self, x):
                return x - np.mean(x, axis=1, keepdims=True)

        for shape in ((3, 5), (2, 3, 4)):
            x = sample(shape)
            assert_close(Second()(x), as_written(Second(), x))
        with pytest.raises(IndexError):
            Second()(np.ones(3))


def test_an_error_in_a_formula_is_the_formulas_own():
    with registry.scope():

        class Broken(actspec.Activation):
            def __call__(self, x):
                return np.tanh(x) + missing  # noqa: F821

        assert "missing" in reason(Broken())
        with pytest.raises(NameError, match="missing"):
            Broken()(sample())


def test_what_stands_for_the_array_never_becomes_an_array():
    x = graph("tanh").input()
    for use in (np.asarray, bool, float, int, len, list, lambda x: x[0], lambda x: x.shape, np.sort, np.ravel):
        with pytest.raises(UnfollowedError):
            use(x)


# ---- mixed pipelines

MIXED = [
    ("elu(0.5)+inplace+norm:z", "101"),
    ("inplace+tanh", "01"),
    ("tanh+databranch", "10"),
    ("tanh+sorted+softmax+flipped+elu", "10101"),
    ("inplace+assignedinplace", "00"),
    ("tanh+sorted[2:]+norm:max", "101"),
    ("norm:z(axis=0)+sorted+norm:z", "101"),
    ("(tanh+sorted+norm:z)[1:5]+relu", "01"),
    ("norm:z+norm:z(axis=0)+elu", "111"),
]
# Of one form and type, which is enough to show what goes where.
SHAPES = cases([(np.float64, (40, 7)), (np.float64, (3, 4, 6))], [(np.float32, (40, 7)), (np.float64, (6, 40))])


@pytest.mark.parametrize(("spec", "compiled"), MIXED)
def test_a_mixed_pipeline_is_right(spec, compiled):
    with registry.scope():
        for kind in AS_WRITTEN:
            registry.register(registry.Entry(kind.__definition__.name, kind, ()))
        act = actspec.parse(spec)
        stages = actspec.explain(act).stages
        assert "".join(str(int(each.compiled)) for each in stages) == compiled
        for each in stages:
            assert bool(each.reason) != each.compiled
        for dtype, shape in SHAPES:
            x = sample(shape, dtype)
            want, loose = as_written(act, x), slack(act, x)
            assert_close(act(x), want, slack=loose, axis=None, note=spec)
            out = np.empty(shape, dtype, order="F")
            assert_close(act(x, out=out), want, slack=loose, axis=None, note=spec)
            assert_close(act(x, out=x), want, slack=loose, axis=None, note=spec)


def test_neighbours_become_one_kernel():
    assert [each.stages for each in actspec.explain("tanh+norm:z+elu+softmax").kernels] == ["tanh+norm:z+elu+softmax"]
    assert len(actspec.explain("norm:z+norm:z(axis=0)").kernels) == 2
    explained = actspec.explain(actspec.parse("tanh+elu") + InPlace() + "relu+norm:z")
    assert [each.stages for each in explained.kernels] == ["tanh+elu", "relu+norm:z"]
    assert "def kernel(" in explained.code


# ---- classes that are defined again


def test_a_class_defined_again_is_never_stale():
    x = sample()
    with registry.scope():
        results = []
        for factor in (2, 3, 4):
            namespace = {"actspec": actspec, "np": np, "__name__": "notebook"}
            source = f"""
class Cell(actspec.Activation):
    def __call__(self, x):
        return np.tanh(x) * {factor}
"""
            exec(source, namespace)
            results.append(actspec.parse("cell+relu")(x) / np.maximum(np.tanh(x), 1e-300))
        for factor, result in zip((2, 3, 4), results, strict=True):
            np.testing.assert_allclose(result[x > 0], factor, rtol=1e-13)


def test_a_helper_or_global_that_changed_is_seen_by_a_new_pipeline():
    x = sample()
    with registry.scope():
        for factor in (2.0, 5.0):
            scale = {"by": factor}

            class Scaled(actspec.Activation):
                def __call__(self, x, scale=scale):
                    return x * scale["by"]

            np.testing.assert_array_equal(Scaled()(x), x * factor)
            np.testing.assert_array_equal(actspec.parse("scaled")(x), x * factor)


def test_what_a_formula_leaves_out_is_no_part_of_the_graph():
    def ops(spec: str) -> list[str]:
        return [
            node.op for node in trace([examine(actspec.parse(spec)[0], 2, np.dtype("f4"))], 2, np.dtype("f4")).nodes
        ]

    assert ops("relu") == ["input", "constant", "maximum"]
    assert ops("relu(max=3)") == ["input", "parameter", "constant", "maximum", "minimum"]
    assert ops("relu(negative_slope=0.1)") == ops("relu(negative_slope=0.2,threshold=1)")
    assert ops("relu(threshold=1)").count("parameter") == 1


# ---- explain


@pytest.mark.parametrize("spec", [built_ins.fixed(name) for name in built_ins.UNBOUND])
def test_every_built_in_with_fixed_parameters_is_compiled(spec):
    explained = actspec.explain(spec)
    assert all(each.compiled for each in explained.stages), explained
    assert "compiled: yes" in str(explained)
    assert len(explained.kernels) == (2 if spec == "crelu" else 1)  # one for each sign
    assert "y = v" in explained.kernels[0].graph[-1]


def test_what_has_to_be_bound_is_explained_as_it_is_compiled_in_a_cell():
    for spec, kernels in (
        ("prelu", ["prelu"]),
        ("continuous(tanh)", ["the next state of continuous(base=tanh), and its output"]),
        ("gumbel_softmax", ["gumbel_softmax"]),
    ):
        explained = actspec.explain(spec)
        assert [stage.compiled for stage in explained.stages] == [True]
        assert [kernel.stages for kernel in explained.kernels] == kernels
    assert "learnt values 0" in str(actspec.explain("maxout(2)[20]"))


def test_a_body_that_handles_exceptions_is_not_mistaken():
    class Handling(actspec.Activation, register=False):
        def __call__(self, x):
            y = np.tanh(x)
            with contextlib.suppress(Exception):
                y[y < 0] = 0
            return y

    class Replacing(actspec.Activation, register=False):
        def __call__(self, x):
            try:
                return np.cumsum(x, axis=-1)
            except Exception:
                return x * 0

    np.testing.assert_array_equal(Handling()([-1.0, 1.0]), [0, np.tanh(1.0)])
    np.testing.assert_array_equal(Replacing()([1.0, 2.0]), [1, 3])


def test_a_body_that_looks_at_types_is_not_mistaken():
    class Looking(actspec.Activation, register=False):
        alpha: float = 0.5

        def __call__(self, x):
            if isinstance(self.alpha, float) and isinstance(x, np.ndarray):
                return x * self.alpha
            return x - 99

    class Spelling(actspec.Activation, register=False):
        k: float = 1.0

        def __call__(self, x):
            return x * {"1.0": 1.0, "2.0": 20.0}.get(str(self.k), -1.0)

    np.testing.assert_array_equal(Looking()([1.0, 2.0]), [0.5, 1])
    np.testing.assert_array_equal(Spelling(2.0)([1.0]), [20])


def test_constants_of_a_wider_type_are_not_narrowed():
    class Wide(actspec.Activation, register=False):
        def __call__(self, x):
            return x * np.float64(1e30) * np.float64(1e30) / 1e60

    np.testing.assert_array_equal(Wide()(np.float32([1, 2])), np.float32([1, 2]))


def test_constants_in_maximum_count_as_numpy_has_it():
    class Nan(actspec.Activation, register=False):
        def __call__(self, x):
            return np.maximum(x, np.nan)

    class Inverse(actspec.Activation, register=False):
        def __call__(self, x):
            return 1 / np.maximum(x, 0)

    assert np.isnan(Nan()([-1.0, 2.0])).all()
    np.testing.assert_array_equal(Inverse()([-0.0]), [np.inf])


def test_an_axis_that_is_named_twice_is_numpys_error():
    with registry.scope():

        class Both(actspec.Activation):
            def __call__(self, x):
                return x - np.mean(x, axis=(0, -1), keepdims=True)

        act = actspec.parse("both")
        np.testing.assert_allclose(act([[1.0, 3.0]]), [[-1.0, 1.0]])
        with pytest.raises(ValueError, match="duplicate value in 'axis'"):
            act([1.0, 2.0])


def test_a_body_of_very_many_operations_runs_as_it_is_written():
    with registry.scope():

        class Long(actspec.Activation):
            def __call__(self, x):
                for step in range(500):
                    x = np.sin(x) + 0.1 * step
                return x

        act, x = actspec.parse("long"), np.linspace(-1, 1, 5)
        np.testing.assert_array_equal(act(x), act[0].formula(x))
        assert "which would take long to compile" in str(actspec.explain("long"))
