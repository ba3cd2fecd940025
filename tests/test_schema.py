"""JSON Schemas: valid by their own schema, and of one mind with the language, as far as a pattern can be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import actspec
from actspec import dialects, schema
from actspec.cli.program import program
from tests.support.specs import specs
from tests.test_import import imported_after

CORPUS = Path(__file__).parent / "corpus"


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, object]:
    with pytest.raises(SystemExit) as left:
        program.main(["schema", *args], prog_name="actspec")
    assert not left.value.code
    return json.loads(capsys.readouterr().out)


def lines(name: str) -> list[str]:
    return [line for line in (CORPUS / name).read_text("utf-8").splitlines() if line and line[0] != "#"]


@given(specs())
def test_the_pattern_takes_every_spec(spec: str) -> None:
    assert re.search(schema.pattern(), spec)


def test_the_pattern_takes_the_valid_corpus_and_knows_names() -> None:
    pattern = re.compile(schema.pattern())
    assert not [spec for spec in lines("valid.txt") if not pattern.search(spec)]
    for spec in (
        "tahn",
        "tanh+norm:zz",
        "relu6x",
        "tanh++relu",
        "",
        " ",
        "(tanh+(foo))",
        "tanh relu+tahn",
        "norm",
        "none",
        "tanh relu",
        "tanh 1",
        "tanh[1",
        "tanh[]",
        "tanh[1:2:3:4]",
        "tanh[a]",
        "tanh[1][2]",
        "tanh]",
        "elu(1 2)",
        "elu(1.2.3)",
        "elu(alpha beta)",
        "tanh - relu",
        "tanh;relu",
        "tanh/relu",
    ):
        assert not pattern.search(spec), spec
    assert not pattern.search("tanh+" * 800 + "tahn")  # in no time


def test_the_schema_has_the_names_of_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "schema_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: schema-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[actspec.activations]\nfamily:word = nowhere:Word\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = schema.spec_schema()
    assert "family:word" in found["anyOf"][0]["enum"]
    assert re.search(schema.pattern(), "tanh+Family : Word")
    assert "maxout" not in found["anyOf"][0]["enum"]  # it is no spec without its parameter
    assert "nowhere" not in sys.modules


def test_a_dialect_has_its_own_names(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text("[tool.actspec]\ndialect = 'torch'\n")
    found = printed(capsys, "spec")["definitions"]
    names, _, null = found["spec"]["anyOf"]
    assert "Hardswish" in names["enum"] or "hardswish" in names["enum"]
    assert "norm:z" not in names["enum"]
    assert null == {"type": "null"}
    for spec, taken in {"nn.ReLU": False, "Leaky_ReLU(0.2)+Tanh": True, "tanh+norm:z": False, "Hardtanh": True}.items():
        assert bool(re.search(found["surface"]["pattern"], spec)) == taken == _parses(spec, "torch"), spec


@pytest.mark.parametrize("dialect", dialects.NAMES)
def test_every_name_of_a_dialect_is_taken(dialect):
    pattern = re.compile(schema.pattern(dialect))
    assert [name for name in dialects.load(dialect).names if not pattern.search(name)] == []
    names = schema.spec_schema(dialect)["anyOf"][0]["enum"]
    assert len(names) > 5
    assert all(_parses(name, dialect) for name in names)


def _parses(spec: str, dialect: str) -> bool:
    try:
        actspec.parse(spec, dialect)
    except actspec.SpecError:
        return False
    return True


def test_it_needs_no_compiler() -> None:
    assert not {"numba", "rich", "actspec.description"} & imported_after(
        "from actspec.cli import schema; schema.schema.schema()"
    )


def test_the_keys_are_those_of_the_project(capsys, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.actspec]\nkeys = ['gate', 'head.kind', 'g?te']\n")
    monkeypatch.chdir(tmp_path)
    found = printed(capsys, "config")["definitions"]["config"]
    assert {"gate", "head", "act_cfg", "activation"} <= set(found["properties"])
    assert set(found["patternProperties"]) == {"^.*_activation$", "^g.te$"}


# With a validator

CONFIGS = {
    "model: {activation: tanh+norm:z, nested: [{act: relu}], act_cfg: {type: ReLU, other: 1}}": True,
    "model: {activation: tahn}": False,
    "model: {nested: [{act: tahn}]}": False,
    "act_cfg: {type: tahn}": False,
    "act_cfg: {inner: {hidden_act: tahn}}": False,
    "other: tahn": True,
    "activation: null\nact: ${act}\nact_fn: {_target_: torch.relu}": True,
    "activations: [relu, null, tahn]": False,
    "last_activation: tahn": False,
    "max_activation: 6": True,
    "activation: 6": False,
    "activations: [[relu, tahn]]": False,
    "layers: [784, [100, tanh, relu]]": False,
    "layers: [784, [100, tanh+norm:z], {size: 3, activation: relu}, [28, 28]]": True,
    "layers: [784, [100, tahn]]": False,
    "layers: [784, {size: 3, activation: tahn}]": False,
    "layers: [784, [softmax]]": False,
    "layers: [{class_name: Dense, config: {activation: tahn}}]": False,
    "layers: [q_proj, k_proj]": True,
    "[784, [100, tanh]]": True,
    "[784, [100, tahn]]": False,
    "tanh + norm:z": True,
    "tahn": False,
}


@pytest.mark.peers
def test_check_jsonschema_finds_the_same(capsys, tmp_path):
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(printed(capsys)))
    check = [sys.executable, "-m", "check_jsonschema"]
    done = subprocess.run([*check, "--check-metaschema", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    for number, text in enumerate(CONFIGS):
        (tmp_path / f"{number}.yaml").write_text(text)
    configs = [f"{tmp_path}/{number}.yaml" for number in range(len(CONFIGS))]
    done = subprocess.run([*check, "-o", "json", "--schemafile", file, *configs], capture_output=True, text=True)
    wrong = {Path(each["filename"]).stem for each in json.loads(done.stdout)["errors"]}
    assert wrong == {str(number) for number, right in enumerate(CONFIGS.values()) if not right}


@pytest.mark.peers
@given(data=st.data())
def test_layer_lists_are_taken_as_parse_layers_takes_them(data):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    size = st.integers(-1, 20)
    word = st.sampled_from(["tanh", "relu+norm:z", "tahn", "rnn", None])
    member = st.one_of(size, word)
    layer = st.one_of(
        size,
        st.lists(member, max_size=3),
        st.fixed_dictionaries({}, optional={"size": size, "activation": word, "form": word}),
    )
    layers = data.draw(st.lists(layer, max_size=3))
    try:
        actspec.parse_layers(layers, forms=("rnn",))
        valid = True
    except actspec.LayerError:
        valid = False
    validator = VALIDATOR.setdefault("layers", jsonschema.Draft7Validator(schema.schema("layers", forms=("rnn",))))
    assert validator.is_valid(layers) == valid, layers


@pytest.mark.parametrize("layers", [[[100, "tanh", "relu"]], [["tanh", "relu"]], [[3, 4, "tanh"]], [[3, "rnn"]]])
def test_a_layer_without_forms_has_one_size_and_one_activation(layers):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    assert not jsonschema.Draft7Validator(schema.schema("layers")).is_valid(layers)


def test_null_is_a_spec():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    assert jsonschema.Draft7Validator(schema.schema("spec")).is_valid(None)


def test_editors_offer_names_where_there_is_no_value_yet():
    found = schema.schema()["definitions"]
    assert found["value"]["anyOf"] == [{"$ref": "#/definitions/spec"}, {}]
    # The server of the YAML extension follows items that lead to themselves without end, but for those in conditions.
    assert "items" not in found["value"]
    assert "items" not in found["node"]


VALIDATOR: dict[str, object] = {}
