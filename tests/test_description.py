"""What ``describe`` and ``explain`` say."""

from __future__ import annotations

import numpy as np
import pytest

import actspec


def test_describe_has_what_the_contract_names() -> None:
    described = actspec.describe("Leaky_ReLU")
    assert described.name == "leakyrelu"
    assert described.summary == "Leaky rectifier"
    assert described.formula == "x if x > 0 else negative_slope*x"
    assert [(each.name, each.type, each.default) for each in described.parameters] == [("negative_slope", float, 0.01)]
    assert described.aliases == ("leakyrectify",)
    assert "Maas" in described.reference
    assert described.range == "An array of x's shape, in (-inf, inf)."
    assert described.notes
    assert described.family == "rectifiers"


def test_describe_takes_names_aliases_and_classes() -> None:
    cls = type(actspec.parse("relu")[0])
    assert actspec.describe("relu") == actspec.describe("rect:max") == actspec.describe(cls)


@pytest.mark.parametrize("name", actspec.names())
def test_every_built_in_is_fully_described(name: str) -> None:
    described = actspec.describe(name)
    assert described.summary
    assert described.formula
    assert described.reference
    assert described.range
    assert name in str(described)


def test_describe_of_an_unknown_name_suggests() -> None:
    with pytest.raises(actspec.SpecError, match="did you mean 'elu'"):
        actspec.describe("ellu")


@pytest.mark.parametrize("wrong", [3, None, actspec.parse("tanh"), int])
def test_describe_of_a_wrong_type(wrong: object) -> None:
    with pytest.raises(TypeError, match="name must be a str or an Activation class"):
        actspec.describe(wrong)  # type: ignore[arg-type]


class Bare(actspec.Activation, register=False):
    def __call__(self, x):  # type: ignore[no-untyped-def]
        return x * (x > 0)


class Worded(actspec.Activation, register=False):
    """Keep what is positive

    and nothing else.
    """

    theta: float = 1.0

    def __call__(self, x):  # type: ignore[no-untyped-def]
        "The body's own words."
        return x * (x > self.theta)


class Stepwise(actspec.Activation, register=False):
    """In steps."""

    def __call__(self, x):  # type: ignore[no-untyped-def]
        y = x * 2
        return y + 1


class Base(actspec.Activation, register=False):
    """A base."""


def test_classes_without_a_docstring_or_formula_are_described_from_their_source() -> None:
    assert (actspec.describe(Bare).summary, actspec.describe(Bare).formula) == ("", "x * (x > 0)")
    assert (actspec.describe(Worded).summary, actspec.describe(Worded).formula) == (
        "Keep what is positive",
        "x * (x > theta)",
    )
    assert actspec.describe(Stepwise).formula == ""
    assert actspec.describe(Base).formula == ""
    assert "formula" not in str(actspec.describe(Stepwise))
    assert "formula" not in str(actspec.explain(Stepwise()))


def test_classes_whose_source_is_gone_are_described_without_a_formula() -> None:
    namespace: dict[str, type[actspec.Activation]] = {"Activation": actspec.Activation}  # type: ignore[dict-item]
    exec("class Typed(Activation, register=False):\n def __call__(self, x):\n  return x", namespace)
    assert actspec.describe(namespace["Typed"]).formula == ""


def test_explain_names_each_stage() -> None:
    explained = actspec.explain("tanh + (relu+norm:z)[2:4] + elu[-1]")
    assert explained.spec == "tanh+(relu+norm:z)[2:4]+elu[-1]"
    assert [stage.stage for stage in explained.stages] == ["tanh", "(relu+norm:z)[2:4]", "elu[-1]"]
    assert (
        explained.stages[1].summary == "Rectifier then Standard score along an axis, on features [2:4] of the last axis"
    )
    assert explained.stages[2].summary == "Exponential linear unit, on feature [-1] of the last axis"
    assert all(stage.compiled and not stage.reason for stage in explained.stages)
    assert str(explained).startswith("tanh+(relu+norm:z)[2:4]+elu[-1]\n1. tanh: Hyperbolic tangent\n")


def test_explain_shows_the_kernels() -> None:
    (kernel,) = actspec.explain("tanh + (relu+norm:z)[2:4] + elu[-1]").kernels
    assert kernel.stages == "tanh+(relu+norm:z)[2:4]+elu[-1]"
    assert "v1 = tanh(v0)" in kernel.graph
    assert any(line.startswith("reduce") for line in kernel.passes)
    compile(kernel.code, "kernel", "exec")
    first, second = actspec.explain("softmax(axis=0)+softmax").kernels
    assert (first.stages, second.stages) == ("softmax(axis=0)", "softmax")
    assert "compiled: yes" in str(actspec.explain("norm:z(axis=2)"))


def test_explain_says_why_a_stage_runs_as_it_is_written() -> None:
    with actspec.registry.scope():

        class Sorted(actspec.Activation):
            """``sort(x)``."""

            def __call__(self, x):  # type: ignore[no-untyped-def]
                return np.sort(x)

        explained = actspec.explain("tanh+sorted+relu+elu")
    assert [stage.compiled for stage in explained.stages] == [True, False, True, True]
    assert explained.stages[1].reason == "it calls sort, which can't be followed"
    assert [kernel.stages for kernel in explained.kernels] == ["tanh", "relu+elu"]
    assert explained.code.count("def kernel(") == 2


def test_explain_looks_into_what_has_to_be_bound() -> None:
    explained = actspec.explain("prelu+continuous(tanh)+elu[1:]")
    assert [stage.compiled for stage in explained.stages] == [True, True, True]
    kernels = ["prelu", "the next state of continuous(base=tanh), and its output", "elu[1:]"]
    assert [kernel.stages for kernel in explained.kernels] == kernels


def test_explain_says_whose_derivative_counts() -> None:
    with actspec.registry.scope():

        class Own(actspec.Activation):
            def __call__(self, x):
                return x

            def derivative(self, x, y):  # noqa: ARG002  # its signature
                return 2 + 0 * x

        explained = actspec.explain("tanh+own")
        assert [stage.derivative for stage in explained.stages] == ["automatic", "its own"]
        assert "derivative: its own" in str(explained)


def test_explain_takes_what_parse_takes() -> None:
    assert actspec.explain(None).spec == "linear"
    with pytest.raises(actspec.SpecError):
        actspec.explain("tahn")
