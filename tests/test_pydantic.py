"""Fields of settings classes: pydantic's, pydantic-settings', attrs' and the standard library's."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Annotated

import pytest

import actspec

pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
pytestmark = pytest.mark.peers

from actspec.integrations.pydantic import LayerList, Layers, LayerSpec, Spec  # noqa: E402  # after the skip


class Config(pydantic.BaseModel):
    activation: Spec = pydantic.Field(default="relu", validate_default=True)
    last: Spec = pydantic.Field(default="Softmax", validate_default=True)
    layers: Layers = pydantic.Field(default_factory=list)
    layer: LayerSpec | None = None


class Strict(Config, strict=True, frozen=True):
    pass


@pytest.mark.parametrize("cls", [Config, Strict])
def test_strings_instances_and_none_are_pipelines(cls):
    for value in ("TANH + norm:z", actspec.parse("tanh+norm:z")):
        assert cls(activation=value).activation == actspec.parse("tanh+norm:z")
    assert cls(activation=actspec.catalog.Tanh).activation == actspec.parse("tanh")
    assert cls(activation=None).activation == actspec.parse("linear")
    assert cls().last == actspec.parse("softmax")
    assert cls.model_validate_json('{"activation": null, "last": "elu:2"}').last == actspec.parse("elu(2)")


def test_defaults_are_written_as_what_they_stand_for():
    class Plain(pydantic.BaseModel):
        first: Spec = None
        last: Spec = "TANH"
        layers: Layers = (3, (4, "relu"))

    written = Plain().model_dump()
    assert (written["first"], written["last"]) == ("linear", "tanh")
    assert Plain(**written).model_dump() == written


def test_errors_carry_span_and_suggestions():
    with pytest.raises(pydantic.ValidationError) as caught:
        Config(activation="relu+tahn", last=3)
    first, second = caught.value.errors()
    assert (first["type"], first["loc"], first["input"]) == ("activation_spec", ("activation",), "relu+tahn")
    assert first["msg"] == "unknown activation 'tahn', did you mean 'tanh'?"
    assert first["ctx"] == {
        "message": first["msg"],
        "reason": "unknown activation 'tahn'",
        "spec": "relu+tahn",
        "span": (5, 9),
        "suggestions": ("tanh",),
    }
    assert (second["type"], second["loc"]) == ("activation_type", ("last",))
    assert "not int" in second["msg"]
    assert json.loads(caught.value.json())[0]["ctx"]["span"] == [5, 9]


def test_a_model_writes_canonical_spellings_and_reads_them_again():
    config = Config(
        activation="Leaky_ReLU:0.2",
        layers=[784, (100, "tanh"), {"shape": [2, 5], "name": "out", "noise": 0.1}],
        layer=(3, "elu"),
    )
    dumped = config.model_dump()
    assert dumped == {
        "activation": "leakyrelu(negative_slope=0.2)",
        "last": "softmax",
        "layers": [
            {"size": 784, "activation": "linear"},
            {"size": 100, "activation": "tanh"},
            {"shape": [2, 5], "activation": "linear", "name": "out", "noise": 0.1},
        ],
        "layer": {"size": 3, "activation": "elu"},
    }
    assert json.loads(config.model_dump_json()) == dumped
    assert Config.model_validate(dumped) == config == Config.model_validate_json(config.model_dump_json())
    assert pickle.loads(pickle.dumps(config)) == config
    assert config.model_copy(deep=True) == config


def test_layer_lists_have_settings_and_places():
    adapter = pydantic.TypeAdapter(Annotated[list[actspec.LayerSpec], LayerList(hidden="tanh", forms=("rnn",))])
    layers = adapter.validate_python([3, (4, "rnn"), 2])
    assert [(str(layer.activation), layer.form) for layer in layers] == [
        ("linear", None),
        ("tanh", "rnn"),
        ("linear", None),
    ]
    assert adapter.validate_python(adapter.dump_python(layers)) == layers
    with pytest.raises(pydantic.ValidationError) as caught:
        Config(layers=[3, (4, "relu+tahn")])
    (error,) = caught.value.errors()
    assert (error["type"], error["loc"], error["input"]) == ("layer", ("layers", 1, 1), "relu+tahn")
    assert error["msg"] == "unknown activation 'tahn', did you mean 'tanh'?"
    assert error["ctx"]["span"] == (5, 9)


@pytest.mark.parametrize(
    ("values", "loc", "given"),
    [
        ({"layers": "tanh"}, ("layers",), "tanh"),
        ({"layers": [3, 0]}, ("layers", 1), 0),
        ({"layers": [3, {"size": 2, "activation": "tahn"}]}, ("layers", 1, "activation"), "tahn"),
        ({"layers": [{"shape": [2, 0]}]}, ("layers", 0, "shape", 1), 0),
        ({"layer": "tanh"}, ("layer",), "tanh"),
        ({"layer": (3, "tahn")}, ("layer", 1), "tahn"),
    ],
)
def test_a_fault_in_a_layer_is_located(values, loc, given):
    with pytest.raises(pydantic.ValidationError) as caught:
        Config(**values)
    (error,) = caught.value.errors()
    assert (error["loc"], error["input"]) == (loc, given)


def test_the_schema_of_a_model():
    jsonschema = pytest.importorskip("jsonschema")
    found = Config.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(found)
    assert {found["properties"][name]["$ref"] for name in ("activation", "last")} == {"#/$defs/Spec"}
    spec = found["$defs"]["Spec"]
    assert "norm:z" in spec["description"]
    assert "tanh" in spec["anyOf"][0]["enum"]
    assert spec["anyOf"][1]["pattern"]
    assert {"type": "null"} in spec["anyOf"]
    assert spec["examples"]
    validator = jsonschema.Draft202012Validator(found)
    assert validator.is_valid({"activation": "tanh + norm:z", "layers": [3, [4, "relu"]], "layer": [3, None]})
    for wrong in ({"activation": "tahn"}, {"layers": [3, [4, "tahn"]]}, {"layer": "tanh"}):
        assert not validator.is_valid(wrong)
    assert {"type": "null"} not in Config.model_json_schema(mode="serialization")["$defs"]["Spec"]["anyOf"]


@pytest.mark.parametrize("strict", [False, True])
def test_settings_from_the_environment(monkeypatch, strict):
    settings = pytest.importorskip("pydantic_settings", reason="pydantic-settings is not installed")

    class Settings(settings.BaseSettings):
        model_config = settings.SettingsConfigDict(env_prefix="net_", strict=strict)
        activation: Spec
        layers: Layers = pydantic.Field(default_factory=list)
        layer: LayerSpec | None = None

    monkeypatch.setenv("NET_ACTIVATION", "tanh + norm:z")
    monkeypatch.setenv("NET_LAYERS", '[784, [10, "softmax"]]')
    monkeypatch.setenv("NET_LAYER", '[3, "tanh"]')
    read = Settings()
    assert str(read.activation) == "tanh+norm:z"
    assert [str(layer.activation) for layer in (*read.layers, read.layer)] == ["linear", "softmax", "tanh"]
    monkeypatch.setenv("NET_ACTIVATION", "tahn")
    with pytest.raises(pydantic.ValidationError, match="did you mean 'tanh'"):
        Settings()


def test_attrs():
    attrs = pytest.importorskip("attrs", reason="attrs is not installed")

    def checked(_instance, _attribute, value):
        actspec.validate(value)

    @attrs.frozen
    class Converted:
        activation: actspec.Pipeline = attrs.field(default="relu", converter=actspec.parse)

    @attrs.define
    class Checked:
        activation: str = attrs.field(default="relu", validator=checked)

    assert Converted("TANH").activation == actspec.parse("tanh")
    assert Converted().activation == actspec.parse("relu")
    assert Checked("TANH").activation == "TANH"
    for cls in (Converted, Checked):
        with pytest.raises(actspec.SpecError, match="did you mean 'tanh'"):
            cls("tahn")


def test_dataclasses():
    @dataclasses.dataclass(frozen=True)
    class Plain:
        activation: str = "relu"

        def __post_init__(self) -> None:
            actspec.validate(self.activation)

    assert Plain("tanh").activation == "tanh"
    with pytest.raises(actspec.SpecError):
        Plain("tahn")
