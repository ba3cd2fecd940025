"""Dialects: their tables, reading and writing specs in them, and what they say of words that others have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import actspec
from actspec import dialects, plugins
from actspec.dialects import tables, words
from actspec.meanings import disagreements, meanings
from actspec.parameters import Parameter, spell
from tests.support import specs
from tests.support.names import shown
from tests.test_import import imported_after

each_dialect = pytest.mark.parametrize("dialect", dialects.NAMES)


def test_each_dialect_is_a_data_file() -> None:
    folder = Path(dialects.__file__).parent
    assert {path.stem for path in folder.glob("*.toml")} == set(dialects.NAMES)
    assert len(set(dialects.NAMES)) == len(dialects.NAMES)


@each_dialect
def test_a_name_stands_for_one_word(dialect: str) -> None:
    names = [name for entry in dialects.load(dialect).entries for name in entry.names]
    assert len(set(names)) == len(names)
    assert all(map(plugins.spellable, names))


@each_dialect
def test_words_stand_for_what_there_is(dialect: str) -> None:
    for entry in dialects.load(dialect).entries:
        choosing = {key for case in entry.cases for key, _ in case.when}
        for case in entry.cases:
            declared = words.declared(case.target)
            assert case.target in actspec.names(), entry
            assert dict(case.fixed).keys() <= declared.keys(), entry
            assert {each.sets for each in entry.inputs if each.sets} <= declared.keys() - dict(case.fixed).keys(), entry
        for each in entry.inputs:
            assert (each.sets is not None) + (each.name in choosing) + each.no_effect == 1, entry
        assert len(entry.cases) == 1 or all(case.when for case in entry.cases), entry


@each_dialect
def test_every_name_reads_and_is_spelled_back(dialect: str) -> None:
    for entry in dialects.load(dialect).entries:
        given = ",".join(f"{each.name}=2" for each in words.parameters(entry) if each.required)
        for name in entry.names:
            pipeline = actspec.parse(f"{name}({given})" if given else name, dialect)
            assert actspec.parse(pipeline.spell(dialect), dialect) == pipeline


@pytest.mark.parametrize(
    ("dialect", "spec", "canonical"),
    [
        ("keras", "leaky_relu", "leakyrelu(negative_slope=0.2)"),
        ("keras", "LeakyReLU", "leakyrelu(negative_slope=0.3)"),
        ("keras", "leakyrelu", "leakyrelu(negative_slope=0.2)"),
        ("keras", "relu(0.1, max_value=6)", "relu(max=6,negative_slope=0.1)"),
        ("keras", "ReLU(6, 0.1)", "relu(max=6,negative_slope=0.1)"),
        ("keras", "relu(max_value=none)", "relu"),
        ("keras", "threshold(1, default_value=2)", "threshold(threshold=1,value=2)"),
        ("keras", "PReLU", "prelu(slope=~0)"),
        ("torch", "LeakyReLU(0.2, inplace=true)", "leakyrelu(negative_slope=0.2)"),
        ("torch", "gelu", "gelu"),
        ("torch", "GELU(approximate='tanh')", "gelu_tanh"),
        ("torch", "gelu('tanh') + tanh", "gelu_tanh+tanh"),
        ("torch", "Softplus", "softplus(threshold=20)"),
        ("torch", "Softmax(dim=1)", "softmax(axis=1)"),
        ("torch", "Softmax2d", "softmax(axis=-3)"),
        ("torch", "PReLU(10, 0.1)", "prelu(slope=~0.1)"),
        ("torch", "hardtanh(min_val=-2)", "hardtanh(min=-2)"),
        ("jax", "gelu", "gelu_tanh"),
        ("jax", "gelu(approximate=false)", "gelu"),
        ("tf", "leaky_relu(alpha=0.3)", "leakyrelu(negative_slope=0.3)"),
        ("tf", "l2_normalize + l2_normalize(epsilon=1e-4) + exp", "norm:l2(eps=1e-6)+norm:l2(eps=0.01)+exponential"),
        ("torch", "LayerNorm(64, 1e-6) + RMSNorm(64, eps=1e-5)", "norm:layer(eps=1e-6)+norm:rms(eps=1e-5)"),
        ("torch", "normalize(dim=-1)", "norm:l2"),
        (
            "keras",
            "LayerNormalization + RMSNormalization + UnitNormalization",
            "norm:layer(eps=0.001)+norm:rms+norm:l2",
        ),
        ("onnx", "LpNormalization", "norm:l2"),
        ("onnx", "HardSigmoid", "hardsigmoid(slope=0.2)"),
        ("onnx", "hard_sigmoid:0.3", "hardsigmoid(slope=0.3)"),
        ("onnx", "Clip(max=6)", "clip(min=-inf)"),
        ("huggingface", "gelu_new + gelu_fast", "gelu_tanh+gelu_tanh"),
        ("paddle", "hardsigmoid", "hardsigmoid(slope=0.1666667)"),
        ("paddle", "gelu(approximate=true)", "gelu_tanh"),
        ("paddle", "maxout(3) + swiglu", "maxgroup(size=3)+swiglu(gate_first=true)"),
        ("theanets", "rect:max + norm:z + maxout:4", "relu+norm:z+maxout(pieces=4,intercept=~normal(0,1))"),
        ("theanets", "leaky-relu", "prelu"),
        ("lasagne", "leaky_rectify(leakiness=0.2)", "leakyrelu(negative_slope=0.2)"),
        ("lasagne", "SELU + selu", "selu(scale=1,alpha=1)+selu"),
        ("lasagne", "ScaledTanH(0.5, scale_out=2.4)", "scaledtanh(scale_in=0.5,scale_out=2.4)"),
        # Composition, groups, slices, learnable values and specs as parameters are the language's own.
        ("keras", "(leaky_relu + tanh)[1:] + softmax[:5]", "(leakyrelu(negative_slope=0.2)+tanh)[1:]+softmax[:5]"),
        ("tf", "leaky_relu(~normal(0, 1))[-1]", "leakyrelu(negative_slope=~normal(0,1))[-1]"),
        ("jax", "continuous(gelu + relu, tau=2)", "continuous(base=gelu_tanh+relu,tau=2)"),
    ],
)
def test_a_spec_means_what_its_system_means(dialect: str, spec: str, canonical: str) -> None:
    pipeline = actspec.parse(spec, dialect=dialect)
    assert str(pipeline) == canonical
    assert pipeline == actspec.parse(canonical)
    assert actspec.parse(pipeline.spell(dialect), dialect=dialect) == pipeline


@pytest.mark.parametrize(
    ("dialect", "canonical", "spelled"),
    [
        ("keras", "leakyrelu(0.2)+leakyrelu(0.3)+leakyrelu", "leaky_relu+LeakyReLU+leaky_relu(negative_slope=0.01)"),
        ("torch", "gelu_tanh", "gelu(approximate='tanh')"),
        ("jax", "gelu_tanh+gelu", "gelu+gelu(approximate=false)"),
        ("torch", "prelu(slope=~0.5)", "PReLU(init=0.5)"),
        ("torch", "softplus", "softplus(threshold=inf)"),
        ("torch", "softmax(axis=-3)", "Softmax2d"),
        ("onnx", "relu[:3] + (tanh+sigmoid[1])[1:]", "Relu[:3]+(Tanh+Sigmoid[1])[1:]"),
        ("onnx", "continuous(tanh+relu)", "continuous(base=Tanh+Relu)"),
        ("lasagne", "leakyrelu(~0.1)+leakyrelu", "LeakyRectify(leakiness=~0.1)+leaky_rectify"),
    ],
)
def test_a_pipeline_is_spelled_as_the_system_writes_it(dialect: str, canonical: str, spelled: str) -> None:
    assert actspec.parse(canonical).spell(dialect) == spelled


@pytest.mark.parametrize(
    ("dialect", "canonical", "reason"),
    [
        ("torch", "tanh+gaussian", "PyTorch can't express 'gaussian': no word of it reads back as 'gaussian'"),
        ("torch", "thresholdedrelu", "no word of it reads back as 'thresholdedrelu'"),
        ("tf", "norm:l2(eps=~1)", r"its l2_normalize has no parameter for eps=~1"),
        ("torch", "relu(max=3)", r"PyTorch can't express 'relu\(max=3\)': its relu has no parameter for max=3"),
        ("huggingface", "leakyrelu(0.2)[1:]", "its leaky_relu has no parameter for negative_slope=0.2"),
        ("torch", "prelu(slope=0.5)", "its PReLU has no parameter for slope=0.5"),
        ("torch", "prelu(slope=~normal(0,1))", r"its PReLU has no parameter for slope=~normal\(0,1\)"),
        ("lasagne", "elu(2)", "its elu has no parameter for alpha=2"),
        ("keras", "continuous(relu+gaussian)", "Keras can't express 'gaussian'"),
        ("jax", "softmax(floor=0.1, axis=0)", "its softmax has no parameter for floor=0.1"),
    ],
)
def test_what_a_system_cant_express_is_named(dialect: str, canonical: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        actspec.parse(canonical).spell(dialect)


@pytest.mark.parametrize(
    ("dialect", "spec", "at", "reason", "suggestions"),
    [
        (
            "torch",
            "tanh+leaky_rleu",
            "leaky_rleu",
            "unknown activation 'leaky_rleu' in the dialect 'torch'",
            ("leaky_relu",),
        ),
        ("torch", "rectify", "rectify", "'torch': actspec and lasagne have it", ("relu",)),
        ("torch", "norm:z[1:]", "norm:z", "'torch': actspec and theanets have it", ()),
        ("lasagne", "relu", "relu", "keras, jax, tf, onnx, huggingface, paddle and theanets have it", ("rectify",)),
        ("onnx", "gaussian+Relu", "gaussian", "in the dialect 'onnx': actspec has it", ()),
        ("onnx", "none", "none", "'none' is a value", ("linear",)),
        ("tf", "leaky_relu(negative_slope=1)", "negative_slope", "leaky_relu has no parameter 'negative_slope'", ()),
        ("torch", "LeakyReLU(1, true, 3)", "3", "LeakyReLU has too many parameters: it takes at most 2", ()),
        ("torch", "gelu(approximate='tahn')", "'tahn'", "approximate must be 'none' or 'tanh', not 'tahn'", ()),
        ("torch", "gelu(approximate=tanh)", "tanh", "not 'tanh': put it in quotes, 'tanh'", ()),
        ("jax", "gelu(approximate=1)", "1", "approximate must be true or false, not 1", ()),
        ("onnx", "LayerNormalization(axis=1)", "1", "axis must be -1, not 1", ()),
        ("tf", "l2_normalize(epsilon=~1)", "~1", "epsilon must be a number of at least 0, and can't be learnable", ()),
        ("keras", "elu(alpha=true)", "true", "alpha must be a number, not true", ()),
        ("keras", "threshold(1)", "threshold", "threshold needs its parameter 'default_value': a number", ()),
        ("torch", "hardtanh(2, 1)", "hardtanh(2, 1)", "min_val must be at most max_val, not 2 > 1", ()),
        ("huggingface", "leaky_relu(0.2)", "0.2", "leaky_relu has too many parameters: it takes none", ()),
        ("keras", "continuous(foo)", "foo", "unknown activation 'foo' in the dialect 'keras'", ()),
    ],
)
def test_faults_are_shown_where_they_are(
    dialect: str, spec: str, at: str, reason: str, suggestions: tuple[str, ...]
) -> None:
    with pytest.raises(actspec.SpecError) as caught:
        actspec.validate(spec, dialect=dialect)
    start, end = caught.value.span
    assert (spec[start:end], start) == (at, spec.index(at))
    assert reason in caught.value.reason
    assert caught.value.suggestions[: len(suggestions)] == suggestions


def test_onnx_keeps_a_row_of_zeros() -> None:
    (stage,) = actspec.parse("LpNormalization", dialect="onnx")
    np.testing.assert_array_equal(stage.formula(np.array([[0.0, 0.0], [3.0, -4.0]])), [[0, 0], [0.6, -0.8]])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("l2_normalize", "unknown activation 'l2_normalize': tf has it (dialect='tf')"),
        ("RMSNormalization", ": keras and onnx have it (dialect='keras' or 'onnx')"),
        ("thr", "unknown activation 'thr'"),
        ("none", "'none' is a value, not an activation"),
    ],
)
def test_the_plain_language_tells_who_has_a_name(name: str, reason: str) -> None:
    for read in (actspec.validate, actspec.describe):
        with pytest.raises(actspec.SpecError) as caught:
            read(name)
        assert caught.value.reason.endswith(reason)
        assert caught.value.span == (0, len(name))
        assert caught.value.suggestions == actspec.registry.explain_unknown(name)[1]


def test_a_broken_spec_is_broken_in_every_dialect() -> None:
    with pytest.raises(actspec.SpecError, match="expected an activation name"):
        actspec.parse("relu+", dialect="keras")


def test_an_unknown_dialect_names_the_known() -> None:
    for call in (lambda: actspec.parse("relu", dialect="pytorch"), lambda: actspec.parse("relu").spell("pytorch")):
        with pytest.raises(
            ValueError, match=r"unknown dialect 'pytorch': it is one of torch, keras, .*did you mean 'torch'"
        ):
            call()
    with pytest.raises(TypeError, match="dialect must be a str or None, not int"):
        actspec.parse("relu", dialect=3)  # type: ignore[arg-type]


def test_what_is_no_string_has_no_dialect() -> None:
    pipeline = actspec.parse("leakyrelu")
    assert actspec.parse(pipeline, dialect="keras") is pipeline
    assert actspec.parse(None, dialect="onnx") == actspec.parse("linear")
    assert actspec.parse(pipeline[0], dialect="onnx") == pipeline


def test_a_custom_activation_is_no_word_of_a_dialect() -> None:
    with actspec.registry.scope():

        class Cubed(actspec.Activation):
            def __call__(self, x):  # type: ignore[no-untyped-def]
                return x * x * x

        with pytest.raises(actspec.SpecError, match="in the dialect 'torch': actspec has it"):
            actspec.parse("cubed", dialect="torch")
        with pytest.raises(ValueError, match="PyTorch can't express 'cubed'"):
            actspec.parse("cubed").spell("torch")


def test_a_word_follows_the_registry() -> None:
    before = actspec.parse("elu", dialect="torch")
    with actspec.registry.scope():

        class Other(actspec.Activation, name="elu", override=True):
            def __call__(self, x):  # type: ignore[no-untyped-def]
                return x

        with pytest.raises(actspec.SpecError, match="Other has no parameter 'alpha'"):
            actspec.parse("elu(2)", dialect="torch")
    assert actspec.parse("elu", dialect="torch") == before


def test_the_plain_language_reads_no_table() -> None:
    program = "import actspec; actspec.parse('leaky_relu+norm:z'); actspec.validate('elu')"
    assert not {"actspec.dialects", "tomllib"} & imported_after(program)
    assert "actspec.dialects.onnx" not in imported_after("import actspec; actspec.parse('relu', dialect='torch')")


@pytest.mark.parametrize(
    "names",
    [
        "silu swish mish relu relu6 leaky_relu elu prelu celu selu gelu gelu_tanh quick_gelu sigmoid tanh hard_sigmoid "
        "hard_swish hard_mish identity",
        "Relu Mish Gelu Swish Dish HardSwishMobilenet HardSigmoid HardTanh ClippedLinear ReluK Sigmoid Softmax",
    ],
    ids=["timm", "thinc"],
)
def test_systems_without_a_dialect_have_their_names_in_the_plain_language(names: str) -> None:
    assert len(actspec.parse("+".join(names.split()))) == len(names.split())


def test_layers_take_a_dialect() -> None:
    layers = actspec.parse_layers(
        [3, (4, "LeakyRelu"), {"size": 5, "activation": "HardSigmoid"}, 6, 7], hidden="Elu(2)", dialect="onnx"
    )
    spelled = ["linear", "leakyrelu", "hardsigmoid(slope=0.2)", "elu(alpha=2)", "linear"]
    assert [str(layer.activation) for layer in layers] == spelled
    # The defaults are none that anybody wrote: lasagne has no word relu.
    assert [str(layer.activation) for layer in actspec.parse_layers([3, 4, 5], dialect="lasagne")][1] == "relu"
    with pytest.raises(actspec.LayerError, match=r"layers\[1\]\[1\]: unknown activation 'tahn' in the dialect 'tf'"):
        actspec.parse_layers([3, (4, "tahn")], dialect="tf")
    with pytest.raises(actspec.LayerError, match="hidden: unknown activation"):
        actspec.parse_layers([3, 4, 5], hidden="relu", dialect="lasagne")


@st.composite
def calls(draw: st.DrawFn, dialect: str) -> str:
    """A word of a dialect with some of its parameters."""
    entry = draw(st.sampled_from(dialects.load(dialect).entries))
    taken = {
        each.name: draw(arguments(each)) for each in words.parameters(entry) if each.required or draw(st.booleans())
    }
    for low, high in (("min", "max"), ("lower", "upper")):
        bounds = [each.name for each in entry.inputs if each.sets in (low, high)]
        if len(bounds) == 2 and draw(st.booleans()):
            taken |= dict(zip(bounds, map(repr, sorted(draw(st.tuples(*[st.floats(-9, 9)] * 2)))), strict=True))
        elif len(bounds) == 2:
            taken = {key: value for key, value in taken.items() if key not in bounds}
    own = draw(st.sampled_from(entry.names))
    respelled = draw(specs.spellings(own))
    name = respelled if dialects.load(dialect).find(respelled) is entry else own  # S_ELU is lasagne's selu, not SELU
    given = ",".join(f"{key} = {value}" for key, value in taken.items())
    return f"{name}({given})" if given else name


def arguments(parameter: Parameter) -> st.SearchStrategy[str]:
    """A value for a parameter of a word, as a spec writes it."""
    if isinstance(parameter, words.Choice):
        return st.sampled_from(parameter.choices).map(spell)
    if isinstance(parameter, words.Plain):
        return st.floats(1e-300, 1e300).map(spell)  # smaller ones have lost digits, which no root gives back
    if parameter.type is bool:
        return st.sampled_from(["true", "false"])
    return specs.values(parameter, depth=0)


@given(st.data(), st.sampled_from(dialects.NAMES))
def test_what_a_dialect_reads_it_spells(data: st.DataObject, dialect: str) -> None:
    stages = data.draw(st.lists(calls(dialect), min_size=1, max_size=3))
    pipeline = read(f"({'+'.join(stages)}){data.draw(specs.slices())}+{stages[0]}", dialect)
    assert actspec.parse(pipeline.spell(dialect), dialect=dialect) == pipeline


@given(specs.specs(depth=1), st.sampled_from(dialects.NAMES))
def test_a_pipeline_is_spelled_or_refused(spec: str, dialect: str) -> None:
    pipeline = read(spec)
    spelled = attempt(pipeline, dialect)
    assert spelled is None or actspec.parse(spelled, dialect=dialect) == pipeline


def read(spec: str, dialect: str | None = None) -> actspec.Pipeline:
    """The pipeline of a generated spec, which may slice what can't be sliced or have a bad value: then of another."""
    try:
        return actspec.parse(spec, dialect)
    except actspec.SpecError as error:
        fault = error
        assert "slice" in fault.reason or "must not be" in fault.reason
        reject()


def attempt(pipeline: actspec.Pipeline, dialect: str) -> str | None:
    """The pipeline in a dialect; None where that can't express it, and says so."""
    try:
        return pipeline.spell(dialect)
    except ValueError as error:
        if "can't express" in str(error):
            return None
        raise


@pytest.mark.parametrize(
    "data",
    [
        {"names": ["a"], "is": "tanh", "argument": []},
        {"names": ["a"], "parameters": []},
        {"names": ["a"], "is": "tanh", "parameters": [{"name": "b", "set": "c"}]},
        {"names": ["a"], "is": "tanh", "with": {"slope": {"learned": 1}}},
        {"is": "tanh"},
    ],
    ids=shown,
)
def test_a_faulty_table_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        tables.read("some", {"title": "Some", "source": "", "word": [data]})


def test_who_means_what() -> None:
    found = {(each.system, each.word): (each.spec, each.numbers) for each in meanings("leaky_relu")}
    assert found["actspec", "leakyrelu"] == ("leakyrelu", (-0.02, 2.0))
    assert found["keras", "leaky_relu"] == ("leakyrelu(negative_slope=0.2)", (-0.4, 2.0))
    assert found["keras", "LeakyReLU"] == ("leakyrelu(negative_slope=0.3)", (-0.6, 2.0))
    assert found["lasagne", "leaky_rectify"] == ("leakyrelu", (-0.02, 2.0))
    assert meanings("no_such_name") == ()


@each_dialect
def test_meanings_are_those_of_reading(dialect: str) -> None:
    for name in dialects.load(dialect).names:
        own = [each for each in meanings(name) if each.system == dialect]
        assert own
        for each in own:
            if each.numbers:
                assert each.spec == str(actspec.parse(each.word, dialect=dialect))


def test_describe_lists_the_disagreement() -> None:
    described = actspec.describe("leaky_relu")
    assert {(each.system, each.spec) for each in described.disagreements} >= {
        ("keras", "leakyrelu(negative_slope=0.2)"),
        ("tf", "leakyrelu(negative_slope=0.2)"),
    }
    assert "leaky_relu is leakyrelu(negative_slope=0.2) in keras, tf" in str(described)
    assert "gelu is gelu_tanh in jax" in str(actspec.describe("gelu"))
    assert "HardSigmoid is hardsigmoid(slope=0.2) in onnx" in str(actspec.describe("hard_sigmoid"))
    assert actspec.describe("tanh").disagreements == ()


def test_small_differences_are_told() -> None:
    # Linear beyond 20, a slope of seven digits, alpha that is learnt: the same to four digits at -2 and 2, or to begin.
    assert {each.system: each.spec for each in disagreements("softplus")} == dict.fromkeys(
        ("torch", "paddle"), "softplus(threshold=20)"
    )
    found = {each.system: each.spec for each in disagreements("hard_sigmoid")}
    assert found["paddle"] == "hardsigmoid(slope=0.1666667)"
    assert "torch" not in found
    assert [(each.system, each.spec) for each in disagreements("elu")] == [("theanets", "elu(alpha=~1)")]


def test_a_system_counts_that_has_another_word_with_defaults_of_its_own() -> None:
    known = {(each.system, each.word, each.spec) for each in meanings("norm:layer")}
    assert {("keras", "LayerNormalization", "norm:layer(eps=0.001)"), ("torch", "LayerNorm", "norm:layer")} <= known
    assert {each.system for each in meanings("norm:rms")} >= {"torch", "keras", "onnx"}
