"""The conformance suite: every built-in holds it, and each of its checks can fail, with words that help."""

from __future__ import annotations

import dataclasses
import math
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import actspec
from actspec import Activation, Pipeline, functions, registry
from actspec.testing import CHECKS, ConformanceError, Finding, Report, check_activation
from tests.support import built_ins
from tests.support.amount import cases, spread


def filled(name):
    """An activation's name, with values for the parameters that it needs, from the domains that they declare."""
    needed = [each for each in actspec.describe(name).parameters if each.required]
    return f"{name}({', '.join(f'{each.name}={value(each)}' for each in needed)})" if needed else name


def value(parameter):
    if parameter.type is Activation:
        return "tanh"
    if parameter.type is bool:
        return "true"
    if parameter.type is str:
        return "'a'"
    least = parameter.ge if parameter.ge is not None else parameter.gt
    return 3 if least is None else math.floor(least) + 2


def found(subject, **options):
    """What the suite finds of a subject that fails a check."""
    with pytest.raises(ConformanceError) as caught:
        check_activation(subject, **options)
    assert str(caught.value) == str(caught.value.report)
    return caught.value.report


def finding(report, name):
    (each,) = (each for each in report.findings if each.check == name)
    return each


def only(*names):
    """The checks to leave out."""
    return set(CHECKS).difference(names)


@pytest.fixture(autouse=True)
def _scope():
    with registry.scope():
        yield


# ---- what holds


# These take kernels of their own, and find what is wrong with an operation's gradient.
OF_OPERATIONS = {"learnable", "derivative", "jacobian"}
COMPLETE = spread(filled(name) for name in actspec.names())


# What the suite says of some, which is as it has to be; hardmax takes NaN for the largest, as ONNX does.
NOTED = {"exponential": ["x = 800 gives inf"], "hardmax": ["NaN is lost"]}


@pytest.mark.parametrize("name", actspec.names())
def test_every_activation_of_the_registry_conforms(name):
    """Each holds every check; outside of a full run, some of them on activations that together have all operations."""
    report = check_activation(filled(name), skip=() if filled(name) in COMPLETE else OF_OPERATIONS)
    assert report.ok
    assert [each.check for each in report.findings] == list(CHECKS)
    # All are compiled, and every parameter can be learnt; halves and groups of features need more than a scalar has.
    sized = name not in built_ins.RESIZING
    notes = [each.note for each in report.passed if each.note and (sized or each.check != "shapes")]
    assert notes == NOTED.get(name, [])
    others = {"own_derivative", "derivative", "jacobian", "parameters", "learnable", "noise", "state", "scan"}
    assert {each.check for each in report.skipped} <= others


@pytest.mark.parametrize(
    "spec",
    cases(
        ["(prelu+norm:mean)[1:4]", "softmax(axis=0)", "norm:z(axis=2)", "continuous(norm:z,tau=2)"],
        ["elu(alpha=~normal(1,0.1))"],
    ),
)
def test_compositions_conform(spec):
    assert check_activation(spec).ok


def test_it_takes_a_class_an_instance_a_pipeline_and_a_spec():
    skip = only("runs", "spelling")
    for subject in (actspec.catalog.Elu, actspec.catalog.Elu(0.5), actspec.parse("elu+tanh"), "elu"):
        report = check_activation(subject, skip=skip)
        assert report.spec == str(actspec.parse(subject))
        assert len(report.passed) == 2


def test_a_formula_that_runs_as_it_is_written_is_a_note():
    class Sorting(Activation):
        """Sorted: ``sort(x)`` along the last axis.

        Returns
        -------
        An array of x's shape, in (-inf, inf).
        """

        def __call__(self, x):
            return np.sort(x, axis=-1)

    report = check_activation(Sorting, skip={"differentiable"})
    assert "sorting runs as it is written: it calls sort" in finding(report, "compiles").note
    for name in ("vjp", "jvp", "jacobian", "kinks_and_tails"):
        assert "DerivativeError: 'sorting' can't be differentiated" in finding(report, name).note


def test_a_domain_is_for_formulas_that_are_not_defined_everywhere():
    class Log(Activation):
        """Logarithm: ``log(x)``.

        Returns
        -------
        An array of x's shape, in (-inf, inf).
        """

        def __call__(self, x):
            return np.log(x)

    report = check_activation(Log, domain=(0.5, 4))
    assert not finding(report, "vjp").note
    assert "x = -800 gives nan" in finding(report, "nan_and_infinity").note
    assert "inputs left out" in finding(check_activation(Log, skip=only("vjp")), "vjp").note
    nowhere = check_activation(Log, domain=(-4, -1), skip=only("runs", "vjp", "jvp"))
    assert "no finite result for x from -4 to -1: give another domain" in finding(nowhere, "runs").note
    assert "no slope at any of the random inputs" in finding(nowhere, "vjp").note


def test_an_axis_or_feature_that_a_formula_names_is_found():
    report = check_activation("norm:mean(axis=2)", skip=only("runs", "shapes"))
    assert "it takes no 0-d arrays: AxisError" in finding(report, "shapes").note
    assert check_activation("tanh[100]", skip=only("runs", "layouts")).ok
    report = found("tanh[5000]", skip=only("runs"))
    assert "IndexError: tanh[5000] names feature 5000" in finding(report, "runs").seen
    assert "give check_activation a shape" in finding(report, "runs").mend
    assert check_activation("tanh[5000]", shape=(1, 5001), skip=only("runs")).ok


def test_a_parameter_that_a_formula_branches_on_is_a_note():
    class Branching(Activation):
        """Line, or curve for gain > 1: ``gain*x if gain <= 1 else tanh(gain*x)``.

        Returns
        -------
        An array of x's shape, in (-inf, inf).
        """

        gain: float = 0.5

        def __call__(self, x):
            return self.gain * x if self.gain <= 1 else np.tanh(self.gain * x)

    report = check_activation(Branching, skip=only("runs", "learnable"))
    assert "gain can't be learnt: " in finding(report, "learnable").note


def test_kinks_and_jumps_are_left_out_or_taken_between_their_sides():
    class Jump(Activation):
        """Jump and bend: ``where(x > 0.5, x, -abs(x))``.

        Returns
        -------
        An array of x's shape, in (-inf, inf).
        """

        jump: float = 0.5

        def __call__(self, x):
            return np.where(x > self.jump, x, -np.abs(x))

    x = np.random.default_rng(0).uniform(-4, 4, (3, 5))
    skip = only("runs", "vjp", "jvp", "derivative", "kinks_and_tails")
    for act in (Jump, Jump(jump=float(x[0, 0]))):
        report = check_activation(act, skip=skip)
        assert len(report.passed) == 5
    assert finding(report, "vjp").note == "1 of 15 inputs left out, at kinks or without a value"


def test_a_derivative_of_its_own_is_checked_on_what_it_learns_in_a_slice():
    class Slope(Activation):
        gain: float = 2.0

        def __call__(self, x):
            return self.gain * np.tanh(x)

        def derivative(self, _x, y):
            return self.gain - y * y / self.gain

    skip = only("runs", "own_derivative", "vjp")
    assert check_activation("slope(gain=~normal(2,0.1))[1:3]", skip=skip).ok


# ---- what is no activation, and options


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (
            actspec.catalog.Maxout,
            r"Maxout needs its pieces: check a spec, such as \"maxout\(pieces=3\)\", or an instance",
        ),
        (actspec.catalog.Continuous, r"Continuous needs its base: check a spec, such as \"continuous\(base=tanh\)\""),
    ],
)
def test_a_class_that_needs_parameters_asks_for_a_spec(cls, message):
    with pytest.raises(TypeError, match=message):
        check_activation(cls)


@pytest.mark.parametrize("subject", [None, 3, ["tanh"], int, np.tanh])
def test_what_is_no_activation_is_a_type_error(subject):
    with pytest.raises(TypeError, match="must be an Activation, a Pipeline"):
        check_activation(subject)


def test_a_bad_spec_is_a_spec_error():
    with pytest.raises(actspec.SpecError, match="did you mean 'tanh'"):
        check_activation("tahn")


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"skip": {"layout"}}, ValueError, "skip names 'layout', which is no check; did you mean 'layouts'"),
        ({"skip": "vjp"}, TypeError, "skip must be a collection of names"),
        ({"domain": (1, 1)}, ValueError, "domain must be two finite numbers, the lower one first"),
        ({"domain": (0, math.inf)}, ValueError, "domain must be two finite numbers"),
        ({"shape": (5,)}, ValueError, "shape must have two axes at least"),
        ({"shape": (0, 5)}, ValueError, "shape must have two axes at least, none of them empty"),
    ],
)
def test_options_that_can_not_be_are_errors(options, kind, message):
    with pytest.raises(kind, match=message):
        check_activation("tanh", **options)


# ---- the report


def test_a_report_is_frozen_and_says_one_line_a_check():
    report = check_activation("relu", skip={"jvp"})
    head, *lines = str(report).split("\n")
    assert head == f"relu: {len(report.passed)} passed, 0 failed, {len(report.skipped)} skipped"
    assert len(lines) == len(CHECKS)
    assert "  passed   layouts" in lines
    assert "  skipped  jvp: left out as asked" in lines
    assert "  skipped  state: it remembers nothing" in lines
    for each, name in ((report, "spec"), (report.findings[0], "note")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(each, name, "")
    assert pickle.loads(pickle.dumps(report)) == report


def test_a_failure_says_what_was_seen_what_was_expected_and_how_to_mend_it():
    class Bare(Activation):
        def __call__(self, x):
            return x

    report = found(Bare, skip=only("docstring"))
    assert isinstance(report, Report)
    assert not report.ok
    assert report.failed == (finding(report, "docstring"),)
    head, *_, failed, seen, expected, mend = str(report).split("\n")
    assert head == f"bare: 0 passed, 1 failed, {len(CHECKS) - 1} skipped"
    assert failed == "  failed   docstring"
    assert seen.startswith("      seen:     ")
    assert seen.endswith(".Bare has no docstring")
    assert expected == "      expected: a summary and a formula"
    assert mend.startswith("      mend:     begin the docstring of ")


def test_the_error_pickles_with_its_report():
    report = Report("tanh", (Finding("runs", "failed", "", "nan", "0.5", "x"),))
    again = pickle.loads(pickle.dumps(ConformanceError(report)))
    assert isinstance(again, AssertionError)
    assert again.report == report
    assert str(again) == str(report)


def test_what_needs_a_check_that_failed_is_not_run():
    class Half(Activation):
        """Half of the features: ``x[..., ::2]``.

        Returns
        -------
        An array, in (-inf, inf).
        """

        def __call__(self, x):
            return x[..., ::2]

    report = found(Half)
    assert [each.check for each in report.failed] == ["runs"]
    assert {each.check for each in report.passed} == {"spelling", "pickling", "docstring"}
    assert {each.note for each in report.skipped} == {"see runs"}


# ---- each check can fail


def broken(spec, call=None, **methods):
    """A pipeline that does something else than it should; ``call`` takes it, x and out."""
    if call is not None:
        methods["__call__"] = lambda self, x, out=None: call(self, x, out)
    return type("Broken", (Pipeline,), methods)(*actspec.parse(spec).stages)


# Each function returns what is wrong, the check that is to fail, and words of what is seen, expected and to be mended.


def wrong_shape():
    class Half(Activation):
        def __call__(self, x):
            return x[..., ::2]

    seen = "must return the shape of its input, (3, 5), not (3, 3)"
    return Half, "runs", seen, "a result of x's shape", "keepdims=True"


def always_raising():
    class Raising(Activation):
        def __call__(self, _x):
            raise RuntimeError("on purpose")

    return Raising, "runs", "RuntimeError: on purpose", "a result of x's shape", "make the formula run"


def random_numbers():
    class Noisy(Activation):
        def __call__(self, x):
            return x + np.random.default_rng().normal(size=x.shape)

    return (
        Noisy,
        "repeats",
        "a second call of the formula",
        "as at the first one",
        "as the noise of a method",
    )


def draws_the_same_noise():
    class Fixed(Activation):
        def __call__(self, x):
            return x * 1.0

        def draw(self, _rng, shape):
            return np.ones(shape)

        def sample(self, x, noise):
            return x + noise

    return Fixed, "noise", "the same result twice", "another one at every call", "draw from rng"


def counts_its_calls():
    calls = []

    class Counting(Activation):
        def __call__(self, x):
            calls.append(1)
            return np.array(x) * len(calls)

    return Counting, "repeats", "a second call", "as at the first one", "counters"


def compiled_otherwise():
    compiled = broken("tanh", call=lambda _act, x, _out: np.tanh(x) * 1.01)
    return compiled, "compiles", "for the compiled formula", "as the formula gives", "please report it"


def knows_the_layout():
    class Laid(Activation):
        def __call__(self, x):
            return x * (1 if x.flags.c_contiguous else 2)

    return Laid, "layouts", "for the formula on a strided array", "as for a contiguous one", "no ravel, reshape, flags"


def ravels_in_memory_order():
    class Raveled(Activation):
        def __call__(self, x):
            return x - x.ravel(order="K")[1]

    return Raveled, "layouts", "for the formula on a transposed array", "as for a contiguous one", "views of memory"


def wrong_for_strided_arrays():
    def call(act, x, out):
        return Pipeline.__call__(act, np.abs(x) if np.asarray(x).strides[-1] < 0 else x, out)

    return broken("tanh", call), "layouts", "for a reversed array", "as the formula gives", "please report"


def wrong_shape_for_empty():
    def call(act, x, out):
        return Pipeline.__call__(act, x, out) if np.size(x) else np.empty(0)

    empty = broken("relu", call)
    return empty, "shapes", "the shape (0,) for an empty array of the shape (0, 5)", "the shape (0, 5)", "report it"


def ignores_out():
    ignoring = broken("relu", call=lambda act, x, _out: Pipeline.__call__(act, x))
    return ignoring, "out", "another array than out from out=", "out itself", "please report it"


def modifies_x():
    def call(act, x, out):
        y = Pipeline.__call__(act, x, out)
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.flags.writeable:
            x *= 2
        return y

    return broken("tanh", call), "keeps_x", "x changed: ", "as it was before", "please report it"


def returns_x_itself():
    same = broken("linear", call=lambda _act, x, _out: np.asarray(x))
    return same, "keeps_x", "a result that shares memory with x", "a new array", "please report it"


def widens_its_type():
    wide = broken("relu", call=lambda act, x, _out: Pipeline.__call__(act, np.asarray(x, np.float64)))
    return wide, "types", "the type float64 for an array of the type float32", "the type float32", "report it"


def takes_complex_numbers():
    def call(act, x, out):
        return Pipeline.__call__(act, np.real(x) if np.iscomplexobj(x) else x, out)

    taking = broken("relu", call)
    return taking, "types", "a result for an array of the type complex", "a TypeError", "please report it"


def loses_nan():
    losing = broken("tanh", call=lambda act, x, out: np.nan_to_num(Pipeline.__call__(act, x, out)))
    return (
        losing,
        "nan_and_infinity",
        "0 at (0, 0) for an array with nan, inf",
        "nan, as the formula gives",
        "report it",
    )


def warns():
    def call(act, x, out):
        if np.isinf(x).any():
            warnings.warn("invalid value", RuntimeWarning, stacklevel=1)
        return Pipeline.__call__(act, x, out)

    warning = broken("tanh", call)
    return warning, "nan_and_infinity", "RuntimeWarning: invalid value", "no warning", "make the formula run"


def branches_on_data():
    class Flipping(Activation):
        def __call__(self, x):
            return x if x.sum() >= 0 else -x

    return (
        Flipping,
        "differentiable",
        "DerivativeError: ",
        "a gradient",
        "give the class a method derivative(self, x, y)",
    )


def wrong_derivative():
    class Squared(Activation):
        def __call__(self, x):
            return x * x

        def derivative(self, x, _y):
            return x

    return Squared, "own_derivative", "Squared.derivative at x = ", "by central differences", "mend "


def derivative_of_another_shape():
    class Cubed(Activation):
        def __call__(self, x):
            return x * x * x

        def derivative(self, x, _y):
            return (3 * x * x)[..., :2]

    return Cubed, "own_derivative", "the shape (3, 2) from ", "the shape (3, 5)", "Cubed.derivative(self, x, y)"


def derivative_writes_into_x():
    class Writing(Activation):
        def __call__(self, x):
            return x * x

        def derivative(self, x, _y):
            x *= 2
            return x

    return Writing, "own_derivative", "Writing.derivative was given changed: ", "as it was before", "don't write into x"


def derivative_writes_into_y():
    class Reusing(Activation):
        def __call__(self, x):
            return np.tanh(x)

        def derivative(self, _x, y):
            y *= y
            return 1 - y

    return Reusing, "own_derivative", "the y that ", "as it was before", "don't write into y"


def derivative_of_coupled_elements():
    class Centred(Activation):
        def __call__(self, x):
            return x - x.mean(axis=-1, keepdims=True)

        def derivative(self, x, _y):
            return np.ones_like(x)

    return Centred, "own_derivative", "depend on several elements", "takes each element by itself", "leave derivative"


def hides_a_part():
    class Hiding(Activation):
        def __call__(self, x):
            return x * functions.stop_gradient(np.tanh(x))

    return Hiding, "vjp", " from vjp at x = ", "by central differences", "hidden from differentiation"


def wrong_vjp():
    doubled = broken("tanh", vjp=lambda act, x, g: 2 * Pipeline.vjp(act, x, g))
    return doubled, "vjp", " from vjp at x = ", "by central differences", "report it"


def vjp_writes_into_g():
    def vjp(act, x, g):
        y = Pipeline.vjp(act, x, g)
        g *= 2
        return y

    return broken("tanh", vjp=vjp), "vjp", "g changed: ", "as it was before", "report it"


def wrong_jvp():
    doubled = broken("norm:z", jvp=lambda act, x, v: 2 * Pipeline.jvp(act, x, v))
    return doubled, "jvp", " from jvp at x = ", "by central differences", "report it"


def wrong_elementwise_derivative():
    doubled = broken("tanh", derivative=lambda act, x: 2 * Pipeline.derivative(act, x))
    return doubled, "derivative", " from derivative at x = ", "by central differences", "report it"


def derivative_where_elements_are_coupled():
    coupled = broken("norm:z", derivative=lambda _act, x: np.ones_like(x))
    return coupled, "derivative", "a derivative for each element by itself", "a DerivativeError", "report it"


def transposed_jacobian():
    turned = broken("norm:z", jacobian=lambda act, x: np.swapaxes(Pipeline.jacobian(act, x), -1, -2) + 1)
    return turned, "jacobian", " from jacobian", "by central differences", "report it"


def overflows_in_the_tail():
    class Swelling(Activation):
        def __call__(self, x):
            return functions.softplus(x)

        def derivative(self, x, _y):
            return np.exp(x) / (1 + np.exp(x))

    return Swelling, "kinks_and_tails", "the derivative nan at x = 800", "1", "finite at both ends"


def wrong_at_a_kink():
    class Bent(Activation):
        def __call__(self, x):
            return np.maximum(x, 0)

        def derivative(self, x, _y):
            return np.where(x == 0, 5.0, np.where(x > 0, 1.0, 0.0))

    return Bent, "kinks_and_tails", "the derivative 5 at x = 0", "0 to 1", "mend the class's derivative"


class Cell:
    """A cell that does something else than it should."""

    def __init__(self, cell, **members):
        self._cell, self._members = cell, members

    def __getattr__(self, name):
        return self._members.get(name) or getattr(self._cell, name)

    def __call__(self, x, out=None):
        return self._cell(x, out=out)


def bound_otherwise(spec, **makers):
    """A pipeline whose cells have other methods: each is made from the cell."""

    def bind(self, **options):
        cell = Pipeline.bind(self, **options)
        return Cell(cell, **{name: make(cell) for name, make in makers.items()})

    return broken(spec, bind=bind)


def wrong_gradient_of_a_parameter():
    def vjp(cell):
        def doubled(x, g):
            dx, learnt = cell.vjp(x, g)
            return dx, {name: 2 * each for name, each in learnt.items()}

        return doubled

    doubled = bound_otherwise("prelu", vjp=vjp)
    return doubled, "parameters", " from vjp for 0.slope", "by central differences", "report it"


def gradients_of_other_parameters():
    wrong = bound_otherwise("prelu", vjp=lambda cell: lambda x, g: (cell.vjp(x, g)[0], {}))
    return wrong, "parameters", "gradients of ", "those of 0.slope", "report it"


def hides_a_parameter():
    class Scaling(Activation):
        gain: float = 2.0

        def __call__(self, x):
            return x * functions.stop_gradient(self.gain * np.ones_like(x))

    return Scaling, "learnable", " from vjp for 0.gain", "by central differences", "hidden from differentiation"


def forgets_to_reset():
    forgetful = bound_otherwise("continuous(tanh,tau=2)", reset=lambda _cell: lambda *_init: None)
    return forgetful, "state", "for calls after ", "as the formula gives, step by step", "depend on their arguments"


def scans_otherwise():
    scanning = bound_otherwise("continuous(tanh,tau=2)", scan=lambda cell: lambda xs: 2 * cell.scan(xs))
    return scanning, "scan", "for scan(xs)", "as calls one by one give", "report it"


def wrong_gradient_of_a_scan():
    doubled = bound_otherwise(
        "continuous(tanh,tau=2)", scan_vjp=lambda cell: lambda xs, gs: (2 * cell.scan_vjp(xs, gs)[0],)
    )
    return doubled, "scan", " from scan_vjp at x = ", "by central differences", "report it"


def not_registered():
    class Nameless(Activation, register=False):
        def __call__(self, x):
            return x

    return Nameless, "spelling", "'nameless' doesn't read: unknown activation", "an equal pipeline", "register=False"


def replaced():
    class First(Activation, name="tried"):
        def __call__(self, x):
            return x

    class Second(Activation, name="tried", override=True):
        def __call__(self, x):
            return -x

    return First, "spelling", ".Second", ".First", "let no other class take its name"


def does_not_pickle():
    class Nameless(Activation, register=False):
        def __call__(self, x):
            return x

    return (
        Nameless,
        "pickling",
        "PicklingError: can't pickle actspec.parse('nameless')",
        "a pickle",
        "register the class",
    )


def pickles_in_its_own_way():
    global Sealed  # so that its class is at the top of the module

    class Sealed(Activation):
        def __reduce_ex__(self, protocol):
            raise TypeError("sealed")

        def __call__(self, x):
            return x

    return Sealed, "pickling", "TypeError: sealed, of Sealed()", "a pickle that loads", "at the top of a module"


def no_docstring():
    class Silent(Activation):
        def __call__(self, x):
            return x

    return Silent, "docstring", "Silent has no docstring", "a summary and a formula", "begin the docstring of"


def no_formula():
    class Vague(Activation):
        """Something or other."""

        def __call__(self, x):
            return x * 2

    return Vague, "docstring", "begins without a formula", "one in double backquotes", "``tanh(x)``"


def no_summary():
    class Terse(Activation):
        """``2*x``."""

        def __call__(self, x):
            return x * 2

    return Terse, "docstring", "begins without words", "a summary before the formula", "Hyperbolic tangent"


def no_range():
    class Unbounded(Activation):
        """Doubling: ``2*x``."""

        def __call__(self, x):
            return x * 2

    return Unbounded, "docstring", "no section Returns", "the range of the result", "An array of x's shape, in (-1, 1)."


BAD = [
    wrong_shape,
    always_raising,
    random_numbers,
    draws_the_same_noise,
    counts_its_calls,
    compiled_otherwise,
    knows_the_layout,
    ravels_in_memory_order,
    wrong_for_strided_arrays,
    wrong_shape_for_empty,
    ignores_out,
    modifies_x,
    returns_x_itself,
    widens_its_type,
    takes_complex_numbers,
    loses_nan,
    warns,
    branches_on_data,
    wrong_derivative,
    derivative_of_another_shape,
    derivative_writes_into_x,
    derivative_writes_into_y,
    derivative_of_coupled_elements,
    hides_a_part,
    wrong_vjp,
    vjp_writes_into_g,
    wrong_jvp,
    wrong_elementwise_derivative,
    derivative_where_elements_are_coupled,
    transposed_jacobian,
    overflows_in_the_tail,
    wrong_at_a_kink,
    wrong_gradient_of_a_parameter,
    gradients_of_other_parameters,
    hides_a_parameter,
    forgets_to_reset,
    scans_otherwise,
    wrong_gradient_of_a_scan,
    not_registered,
    replaced,
    does_not_pickle,
    pickles_in_its_own_way,
    no_docstring,
    no_formula,
    no_summary,
    no_range,
]


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_what_is_wrong_fails_the_check_for_it_with_words_that_help(make):
    subject, name, seen, expected, mend = make()
    report = found(subject, skip=only("runs", name))
    assert [each.check for each in report.failed] == [name], str(report)
    failed = finding(report, name)
    assert seen in failed.seen
    assert expected.lower() in failed.expected.lower()
    assert mend in failed.mend


def test_every_check_is_seen_to_fail():
    assert {make()[1] for make in BAD} == set(CHECKS)


# ---- what it brings along


def test_it_is_imported_by_who_uses_it_alone_and_needs_no_test_framework():
    program = "import sys, actspec; actspec.parse('tanh')([1.0]); assert 'actspec.testing' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
    program = "import sys, actspec.testing; assert not {'pytest', 'hypothesis', 'torch', 'numba'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("spec", ["scaledtanh(50)", "narrow", "faint"])
def test_what_differences_cannot_resolve_is_no_fault(spec):
    class Narrow(Activation):
        """Sigmoid: ``1/(1 + exp(-50*x))``.

        Returns
        -------
        An array of x's shape, in (0, 1).
        """

        def __call__(self, x):
            return functions.sigmoid(50 * x)

    class Faint(Narrow):
        """Nearly one: ``1 + tanh(x)/1e8``.

        Returns
        -------
        An array of x's shape, in (0, 2).
        """

        def __call__(self, x):
            return 1 + 1e-8 * np.tanh(x)

    assert check_activation(spec).ok
