"""Syntax tree to activations: names, parameters, values, slices, and every fault in them."""

from __future__ import annotations

import pytest

import actspec
from actspec.errors import Problem, SpecError


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        actspec.parse(text)
    return caught.value.problems


def only(text: str) -> tuple[tuple[int, int], str]:
    (problem,) = problems(text)
    return problem.span, problem.reason


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Tanh", "tanh"),
        ("rect:max", "relu"),
        ("RECT : Min-Max", "rect:minmax"),
        ("Leaky_ReLU", "leakyrelu"),
        ("leakyrelu:0.1", "leakyrelu(negative_slope=0.1)"),
        ("maxout:4", "maxout(pieces=4)"),
        ("maxout:4(~1, ~normal(0, 1))", "maxout(pieces=4,slope=~1,intercept=~normal(0,1))"),
        ("clip(-1, 1)", "clip(min=-1,max=1)"),
        ("clip(max=1)", "clip(max=1)"),
        ("clip(max=1, MIN=-1)", "clip(min=-1,max=1)"),
        ("leakyrelu(negative-slope=1)", "leakyrelu(negative_slope=1)"),
        ("elu(1)", "elu"),
        ("elu(1.0)", "elu"),
        ("elu()", "elu"),
        ("relu(inf)", "relu"),
        ("clip(-inf, INF)", "clip(min=-inf,max=inf)"),
        ("elu(-0.0)", "elu(alpha=0)"),
        ("norm:z(axis=0, eps=1e-5)", "norm:z(axis=0,eps=1e-5)"),
        ("elu(alpha=~1)", "elu(alpha=~1)"),
        ("elu(~Uniform(high=1, low=0))", "elu(alpha=~uniform(0,1))"),
        ("prelu(slope=~0.25)", "prelu"),
        ("prelu(slope=0.25)", "prelu(slope=0.25)"),
        ("continuous(tanh + (norm:z), tau=2)", "continuous(base=tanh+norm:z,tau=2)"),
        ("((relu) + (tanh+elu))", "relu+tanh+elu"),
        ("tanh[:]", "tanh"),
        ("tanh[0:]", "tanh"),
        ("tanh[0:5:1]", "tanh[:5]"),
        ("tanh[::2]", "tanh[::2]"),
        ("tanh[1::2]", "tanh[1::2]"),
        ("tanh[-1]", "tanh[-1]"),
        ("tanh[+1]", "tanh[1]"),
        ("tanh[-3:2]", "tanh[-3:2]"),
        ("(tanh)[1]", "tanh[1]"),
        ("(tanh[1:])[2:]", "(tanh[1:])[2:]"),
        ("(relu+norm:z)[2:8]+elu", "(relu+norm:z)[2:8]+elu"),
        ("selu(1.0507009873554805)", "selu"),
        ("elu(100000000000000000000000)", "elu(alpha=1e23)"),
        ("elu(0.00001)", "elu(alpha=1e-5)"),
    ],
)
def test_every_spec_has_one_canonical_spelling(text: str, canonical: str) -> None:
    pipeline = actspec.parse(text)
    assert str(pipeline) == canonical
    assert actspec.parse(canonical) == pipeline


@pytest.mark.parametrize(
    ("text", "span", "reason"),
    [
        ("tahn", (0, 4), "unknown activation 'tahn'"),
        ("tanh+ tahn +elu", (6, 10), "unknown activation 'tahn'"),
        ("none", (0, 4), "'none' is a value, not an activation"),
        ("elu:alpha", (0, 9), "'elu' has no variant 'alpha'"),
        ("clip(~9, 0)", (0, 11), "min must be at most max, not 9 > 0"),
        ("clip(1.0000001, 1)", (0, 18), "min must be at most max, not 1.0000001 > 1"),
        ("maxout:4.0", (7, 10), "pieces must be a whole number of at least 1, not 4.0"),
        ("norm", (0, 4), "'norm' is a family of activations: name one of its members"),
        ("norm:zz(axis=0)", (0, 7), "unknown activation 'norm:zz'"),
        ("tanh:3", (5, 6), "tanh has too many parameters: it takes none"),
        ("linear(1, 2)", (7, 11), "linear has too many parameters: it takes none"),
        ("elu(1, 2)", (7, 8), "elu has too many parameters: it takes at most 1 (alpha)"),
        ("elu(beta=2)", (4, 8), "elu has no parameter 'beta': it takes alpha"),
        ("tanh(beta=2)", (5, 9), "tanh has no parameter 'beta': it takes none"),
        ("elu(alpha=1, Alpha=2)", (13, 18), "parameter 'alpha' is given twice"),
        ("elu:1(alpha=2)", (6, 11), "parameter 'alpha' is given twice"),
        ("clip(max=1, 2)", (12, 13), "a value without a name can't follow one with a name"),
        ("maxout", (0, 6), "maxout needs its parameter 'pieces': a whole number of at least 1"),
        ("maxout(slope=1)", (0, 6), "maxout needs its parameter 'pieces': a whole number of at least 1"),
        ("continuous(tau=2)", (0, 10), "continuous needs its parameter 'base': an activation"),
        ("maxout:4.5", (7, 10), "pieces must be a whole number of at least 1, not 4.5"),
        ("maxout:0", (7, 8), "pieces must be a whole number of at least 1, not 0"),
        ("maxout:inf", (7, 10), "pieces must be a whole number of at least 1, not inf"),
        ("norm:z(eps=-1)", (11, 13), "eps must be a number of at least 0, not -1"),
        ("softmax(floor=2)", (14, 15), "floor must be a number of at least 0 and of at most 1, not 2"),
        ("softlif(sigma=0)", (14, 15), "sigma must be a number greater than 0, not 0"),
        ("softlif(sigma=~0)", (14, 16), "sigma must be a number greater than 0, not ~0"),
        ("norm:z(axis=~1)", (12, 14), "axis must be a whole number, and can't be learnable: only floats can"),
        ("clip(2, 1)", (0, 10), "min must be at most max, not 2 > 1"),
        ("elu(true)", (4, 8), "alpha must be a number, not true"),
        ("elu(none)", (4, 8), "alpha must be a number, not none"),
        ("elu('a')", (4, 7), "alpha must be a number, not 'a'"),
        ("elu(tanh)", (4, 8), "alpha must be a number, not 'tanh'"),
        ("elu(nan)", (4, 7), "nan is not a value"),
        ("elu(~nan)", (5, 8), "nan is not a value"),
        ("elu(~" + "9" * 310 + ")", (5, 315), "alpha must be a finite number, not " + "9" * 57 + "..."),
        ("elu(1e400)", (4, 9), "the number is too large"),
        ("elu(" + "9" * 400 + ")", (4, 404), "alpha must be a number: the number is too large"),
        ("elu(" + "9" * 401 + ")", (4, 405), "alpha must be a number: the number is too large"),
        ("elu(1" + "0" * 600 + ")", (4, 605), "the number is too large"),
        ("norm:z(axis=2147483648)", (12, 22), "axis must be a whole number: the number is too large"),
        ("elu(~inf)", (5, 8), "alpha must be a finite number, not inf"),
        (
            "elu(~norml(1, 2))",
            (5, 10),
            "unknown distribution 'norml': a learnable parameter starts from normal or uniform",
        ),
        ("elu(~normal(1))", (5, 11), "normal needs its parameter 'std': a number of at least 0"),
        ("elu(~normal(1, 2, 3))", (18, 19), "normal has too many parameters: it takes at most 2 (mean, std)"),
        ("elu(~normal(1, tanh))", (15, 19), "std must be a number of at least 0, not 'tanh'"),
        ("elu(~normal(1, ~2))", (15, 17), "std must be a number: what a start is drawn from is not learnt itself"),
        ("elu(~normal(1, inf))", (15, 18), "std must be a finite number, not inf"),
        ("elu(~normal(1, -1))", (15, 17), "std must be a number of at least 0, not -1"),
        ("elu(~uniform(2, 1))", (5, 18), "low must be at most high, not 2 > 1"),
        ("continuous(1)", (11, 12), "base must be an activation, not 1"),
        ("continuous(none)", (11, 15), "base must be an activation, not none"),
        ("continuous(tahn)", (11, 15), "unknown activation 'tahn'"),
        ("tanh[1.5]", (5, 8), "a slice takes whole numbers, not 1.5"),
        ("tanh[1e1:]", (5, 8), "a slice takes whole numbers, not 1e1"),
        ("tanh[inf]", (5, 8), "a slice takes whole numbers, not inf"),
        ("tanh[nan:]", (5, 8), "nan is not a value"),
        ("tanh[2147483648]", (5, 15), "the number is too large for a slice"),
        ("tanh[5:2]", (4, 9), "the slice selects no feature: it stops at 2, not after its start 5"),
        ("tanh[2:2]", (4, 9), "the slice selects no feature: it stops at 2, not after its start 2"),
        ("tanh[:0]", (4, 8), "the slice selects no feature: it stops at 0, not after its start 0"),
        ("tanh[-1:-2]", (4, 11), "the slice selects no feature: it stops at -2, not after its start -1"),
        ("tanh[-1:0]", (4, 10), "the slice selects no feature: it stops at 0, not after its start -1"),
        ("(tanh[5:])[:2]", (10, 14), "the slice leaves 2 features, of which 'tanh[5:]' selects none"),
        ("(tanh[1]+elu)[2]", (13, 16), "the slice leaves 1 feature, of which 'tanh[1]' selects none"),
        ("(tanh[-2])[2]", (10, 13), "the slice leaves 1 feature, of which 'tanh[-2]' selects none"),
        ("(tanh[:-3])[1:5:2]", (11, 18), "the slice leaves 2 features, of which 'tanh[:-3]' selects none"),
        ("(tanh[2])[-2:]", (9, 14), "the slice leaves 2 features, of which 'tanh[2]' selects none"),
        ("((tanh[5:])[3:])[:4]", (16, 20), "the slice leaves 1 feature, of which 'tanh[5:]' selects none"),
        ("((tanh[1])[1:]+relu)[:2]", (20, 24), "the slice leaves 1 feature, of which 'tanh[1]' selects none"),
        ("((tanh[3:])[-4:3])[:9]", (18, 22), "the slice leaves 3 features, of which 'tanh[3:]' selects none"),
        ("tanh[::0]", (4, 9), "the step of a slice must be at least 1, not 0"),
        ("tanh[::-1]", (4, 10), "the step of a slice must be at least 1, not -1"),
    ],
)
def test_faults_say_where_and_why(text: str, span: tuple[int, int], reason: str) -> None:
    assert only(text) == (span, reason)


def norms(*nearest: str) -> tuple[str, ...]:
    """The family, the nearest members first."""
    return (*nearest, *(name for name in actspec.names() if name.startswith("norm:") and name not in nearest))


@pytest.mark.parametrize(
    ("text", "suggestions"),
    [
        ("tahn", ("tanh",)),
        ("norm:zz", norms("norm:z")),
        ("nrm:std", norms("norm:std")),
        ("norm:zscore", norms("norm:z")),
        ("tahn:x", ("tanh",)),
        ("none", ("linear",)),
        ("inf", ()),
        ("norm:banana", norms()),
        ("rect", ("rect:max", "rect:min", "rect:minmax")),
        ("rectfy", ("rectify",)),
        ("elu(alpah=1)", ("alpha",)),
        ("elu(~norml(1,2))", ("normal",)),
        ("nomr", norms()),
        ("elu(a=1)", ("alpha",)),
        ("norm:z(epsilon=1)", ("eps",)),
        ("leakyrelu(slope=1)", ("negative_slope",)),
        ("banana", ()),
    ],
)
def test_faults_suggest_the_nearest_names(text: str, suggestions: tuple[str, ...]) -> None:
    (problem,) = problems(text)
    assert problem.suggestions == suggestions


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("tahn+rleu", [(0, 4), (5, 9)]),
        ("tahn(rleu)", [(0, 4), (5, 9)]),
        ("tahn+maxout:4:5", [(0, 4), (14, 15)]),
        ("elu('\\q')+tahn", [(4, 8), (5, 7), (10, 14)]),
        ("elu(~normal(inf, nan))", [(12, 15), (17, 20)]),
        ("tahn(1, ~2, 'x', k=rleu)", [(0, 4), (19, 23)]),
        ("elu(beta=tahn)", [(4, 8), (9, 13)]),
        ("tanh(tahn+rleu)", [(5, 14), (5, 9), (10, 14)]),
        ("elu(tahn+rleu)", [(4, 13)]),
        ("maxout(slope=1,slope=1)", [(0, 6), (15, 20)]),
        ("maxout(slop=1)", [(0, 6), (7, 11)]),
        ("maxout(peices=3)", [(7, 13)]),
        ("maxout(slope=1,4)", [(15, 16)]),
        ("tanh[1.5]+tahn", [(5, 8), (10, 14)]),
        ("tahn[1.5]", [(0, 4), (5, 8)]),
        ("tahn[5:2]", [(0, 4), (4, 9)]),
        ("(tahn+rleu)[5:2:0]", [(1, 5), (6, 10), (11, 18)]),
        ("clip('a', 'b')", [(5, 8), (10, 13)]),
        ("continuous(tahn, tau=0)", [(11, 15), (21, 22)]),
        ("elu(~foo(1), 2)", [(5, 8), (13, 14)]),
    ],
)
def test_independent_faults_are_all_reported_in_order(text: str, spans: list[tuple[int, int]]) -> None:
    assert sorted(problem.span for problem in problems(text)) == sorted(spans)
    assert [problem.span for problem in problems(text)] == sorted(spans)


def test_a_word_for_a_string_parameter_asks_for_quotes() -> None:
    with actspec.registry.scope():

        class Moody(actspec.Activation):
            """``x``."""

            mood: str = "calm"
            loud: bool = False
            level: int | None = None

            def __call__(self, x):  # type: ignore[no-untyped-def]
                return x

        assert only("moody(wild)") == ((6, 10), "mood must be a quoted string, not 'wild': put it in quotes, 'wild'")
        assert only("moody(loud=yes)") == ((11, 14), "loud must be true or false, not 'yes'")
        assert only("moody(level=1.5)") == ((12, 15), "level must be a whole number or none, not 1.5")
        given = actspec.parse("moody('it\\'s', true, 3)")
        assert given[0] == Moody("it's", True, 3)
        assert str(given) == "moody(mood='it\\'s',loud=true,level=3)"
        assert str(actspec.parse("moody(level=none)")) == "moody"


def test_a_canonical_spelling_has_to_stay_within_the_limits() -> None:
    text = "+".join(["softlif(2,3,4,5)"] * 200)
    assert only(text) == (
        (0, len(text)),
        "a spec has at most 4,096 characters, this has 8,399 in its canonical spelling",
    )


def test_two_hundred_and_fifty_six_stages_are_allowed() -> None:
    assert len(actspec.parse("+".join(["tanh"] * 256))) == 256


def test_thirty_two_levels_are_allowed() -> None:
    text = "continuous(" * 32 + "tanh" + ")" * 32
    pipeline = actspec.parse(text)
    assert actspec.parse(str(pipeline)) == pipeline
