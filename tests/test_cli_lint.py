"""``actspec lint``: its messages, formats, exit codes and settings, and files that no one should have to read."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import actspec
from actspec.cli.program import program
from actspec.lint import reports
from actspec.lint.keys import DEFAULT_KEYS, Keys
from actspec.lint.run import Linter
from tests import test_cli as terminal
from tests.test_cli import in_terminal

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(actspec.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}

pytest.importorskip("yaml", reason="most of these files are YAML")


@pytest.fixture
def lint(capsys, tmp_path, monkeypatch):
    """Runs the command in an empty folder: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def lint(*args):
        with pytest.raises(SystemExit) as left:
            program.main(["lint", *map(str, args)], prog_name="actspec")
        return left.value.code or 0, *capsys.readouterr()

    return lint


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_a_fault_has_its_place_and_a_caret(lint):
    write("config.yaml", "model:\n  # the first\n  activation: 'tahn+relu'\n")
    assert lint("config.yaml") == (
        1,
        "config.yaml:3:16: unknown activation 'tahn', did you mean 'tanh'?\n"
        "    activation: 'tahn+relu'\n"
        "                 ^^^^\n",
        "",
    )


def test_a_terminal_shows_places_and_carets_in_colour(tmp_path):
    write(tmp_path / "a.json", '{"act": "tahn"}')
    shown, code = in_terminal("lint", tmp_path / "a.json")
    assert code == 1
    assert f"\x1b[1m{tmp_path}/a.json:1:10:\x1b[0m unknown activation 'tahn'" in shown
    assert "\x1b[31m         ^^^^\x1b[0m" in shown


def test_clean_files_are_passed_over_in_silence(lint):
    write("a.yaml", "activation: tanh\nother: tahn\nact: null\n")
    write("b.toml", "activation = 'tanh'\n")
    write("c.json", '{"activation": ["relu", null]}')
    write("d.py", "f(activation='relu', text='tahn')\n")
    write("e.txt", "activation: tahn\n")
    assert lint(".") == (0, "", "")


def test_json_has_all_there_is_to_know(lint):
    write("c.json", '{"act":\n "relu+tahn"}')
    code, out, err = lint("--format", "json", "c.json")
    assert (code, err) == (1, "")
    assert json.loads(out) == [
        {
            "file": "c.json",
            "line": 2,
            "column": 8,
            "end_line": 2,
            "end_column": 12,
            "message": "unknown activation 'tahn', did you mean 'tanh'?",
            "spec": "relu+tahn",
            "suggestions": ["tanh"],
        }
    ]
    write("c.json", "{}")
    assert lint("--format", "json", "c.json") == (0, "[]\n", "")


def test_github_commands_are_escaped(lint):
    write("a,b%.json", '{"act": "tahn"}')
    assert lint("--format", "github", "a,b%.json")[:2] == (
        1,
        "::error file=a%2Cb%25.json,line=1,endLine=1,col=10,endColumn=14,title=actspec::"
        "unknown activation 'tahn', did you mean 'tanh'?\n",
    )


def test_sarif_tells_of_faults_and_of_what_could_not_be_read(lint):
    write("folder/a b.json", '{"act": "tahn"}')
    write("folder/c.json", "{")
    code, out, err = lint("--format", "sarif", "folder")
    assert code == 2
    assert err.startswith("folder/c.json:1:2: this is no JSON: ")
    log = json.loads(out)
    (run,) = log["runs"]
    assert (log["version"], run["columnKind"], run["tool"]["driver"]["name"]) == (
        "2.1.0",
        "unicodeCodePoints",
        "actspec",
    )
    assert [each["message"]["text"] for each in run["results"]] == ["unknown activation 'tahn', did you mean 'tanh'?"]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "folder/a%20b.json"},
        "region": {"startLine": 1, "startColumn": 10, "endLine": 1, "endColumn": 14},
    }
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "folder/c.json" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_the_specs_are_listed(lint):
    write("a.yaml", "layers: [784, [10, 'tanh +  norm:z']]\nact: ~\noutput_activation: tahn\nuse_activation: 3\n")
    assert lint("--list", "a.yaml") == (0, "a.yaml:1:21: tanh + norm:z\na.yaml:2:6: null\na.yaml:3:20: tahn\n", "")
    code, out, _ = lint("--list", "--format", "json", "a.yaml")
    assert (code, [each["spec"] for each in json.loads(out)]) == (0, ["tanh +  norm:z", "null", "tahn"])


def test_listed_specs_are_no_errors(lint):
    write("a.yaml", "act: tanh\n")
    (run,) = json.loads(lint("--list", "--format", "sarif", "a.yaml")[1])["runs"]
    (result,) = run["results"]
    assert [each["id"] for each in run["tool"]["driver"]["rules"]] == [result["ruleId"]] == ["spec"]
    assert (result["kind"], result["level"], result["message"]["text"]) == ("informational", "none", "tanh")


def test_fixes_touch_specs_alone(lint):
    before = (
        "# act: Rectify\nact: 'Rectify'   # kept\nlayers:\n- [ 3,  Leaky_ReLU:0.2 ]\n"
        "activation: >\n  TANH\n  + relu\nb: Rectify\n"
    )
    write("a.yaml", "\ufeff" + before.replace("\n", "\r\n"))
    os.chmod("a.yaml", 0o640)
    code, out, err = lint("--fix", "a.yaml")
    assert (code, out, err) == (0, "", "a.yaml: rewrote 3 specs\n")
    after = before.replace("'Rectify'", "'relu'").replace("Leaky_ReLU:0.2", "leakyrelu(negative_slope=0.2)")
    after = after.replace("TANH\n  + relu", "tanh+relu")
    assert Path("a.yaml").read_bytes().decode() == "\ufeff" + after.replace("\n", "\r\n")
    assert os.stat("a.yaml").st_mode & 0o777 == 0o640
    assert lint("--fix", "a.yaml") == (0, "", "")


def test_literals_that_are_joined_become_one_unless_something_stands_between_them(lint):
    write("a.py", "f(act=('TANH'  \\\n  r\"+norm:z\"), activation=(\"Relu\"  # first\n  '+tanh'))\n")
    assert lint("--fix", "a.py")[0] == 0
    assert Path("a.py").read_text() == "f(act=('tanh+norm:z'), activation=(\"relu+tanh\"  # first\n  ''))\n"


def test_a_fixed_file_keeps_its_mode_and_a_link_stays_a_link(lint):
    write("a.json", '{"act": "TANH"}')
    os.chmod("a.json", 0o640)
    os.symlink("a.json", "b.json")
    os.link("a.json", "c.txt")
    assert lint("--fix", "b.json")[0] == 0
    assert os.path.islink("b.json")
    assert Path("a.json").read_text() == '{"act": "tanh"}'
    assert os.stat("a.json").st_mode & 0o777 == 0o640
    assert Path("c.txt").read_text() == '{"act": "TANH"}'  # another name of the old file, such as a store has


def test_what_can_not_be_fixed_is_reported_at_its_new_place(lint):
    write("a.json", '{"activations": ["Rectify", "tahn"]}')
    code, out, err = lint("--fix", "a.json")
    assert (code, err) == (1, "a.json: rewrote 1 spec\n")
    assert out.startswith("a.json:1:27: unknown activation 'tahn'")


def test_plain_scalars_are_quoted_where_they_have_to_be(lint):
    write("a.yaml", 'a: {act: "Softmax[ :5 ]"}\nb:\n  act: Softmax[ :5 ]\nc: {act: Leaky_ReLU:0.2}\n')
    assert lint("--fix", "a.yaml")[0] == 0
    assert Path("a.yaml").read_text() == (
        'a: {act: "softmax[:5]"}\nb:\n  act: softmax[:5]\nc: {act: leakyrelu(negative_slope=0.2)}\n'
    )
    write("b.yaml", "c: {act: sel u:2}\nd: {act: SELU:2}\nanchors: [&a Clip:-1, *a]\nact: *a\n")
    lint("--fix", "b.yaml")
    assert (
        Path("b.yaml").read_text() == "c: {act: sel u:2}\nd: {act: selu(scale=2)}\nanchors: [&a Clip:-1, *a]\nact: *a\n"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "activation: &a TANH\nname: *a\n"),
        ("a.yaml", "base: &b {type: ReLU}\nact_cfg: *b\nnorm_cfg: *b\n"),
        ("a.yaml", "base: &b {type: ReLU}\nact_cfg: {<<: *b}\n"),
        ("a.yaml", "act: &a TANH\n*a : 1\n"),
        ("a.yaml", "acts: &a [TANH]\nactivations: *a\n"),
        ("a.py", "name = activation = 'TANH'\n"),
    ],
)
def test_fixes_leave_what_is_also_something_else(lint, name, text):
    write(name, text)
    assert lint("--fix", name) == (0, "", "")
    assert Path(name).read_text() == text
    write(name, text.replace("TANH", "tahn").replace("ReLU", "reluu"))
    assert lint("--fix", name)[0] == 1


def test_fixes_go_through_aliases_of_specs(lint):
    write("a.yaml", "base: &b {act: &a TANH}\nmodel: {<<: *b, hidden_act: *a}\n")
    assert lint("--fix", "a.yaml") == (0, "", "a.yaml: rewrote 1 spec\n")
    assert Path("a.yaml").read_text() == "base: &b {act: &a tanh}\nmodel: {<<: *b, hidden_act: *a}\n"


@pytest.mark.parametrize(
    "args", [("--fix", "-"), ("--fix", "--list", "a.yaml"), ("--list", "--format", "github", "a.yaml"), ()]
)
def test_bad_usage(lint, args):
    code, out, err = lint(*args)
    assert (code, out) == (2, "")
    assert err.startswith("Usage:")


def test_standard_input_is_yaml_or_what_its_name_says(lint, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"act": "tahn"}')))
    assert lint("-")[1].startswith("<stdin>:1:10: unknown activation 'tahn'")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"act = 'tahn'")))
    assert lint("-", "--stdin-name", "settings.toml")[1].startswith("settings.toml:1:8: unknown")


# What counts as a spec


def test_json_with_comments_has_a_name_of_its_own(lint):
    text = '{\n  // "act": "tahn"\n  "act": "tahn", /* , } */ "x": ["//", ","],\n}\n'
    write("a.jsonc", text)
    assert lint("a.jsonc")[:2] == (
        1,
        "a.jsonc:3:11: unknown activation 'tahn', did you mean 'tanh'?\n"
        '    "act": "tahn", /* , } */ "x": ["//", ","],\n            ^^^^\n',
    )
    write("a.jsonc", text.replace("tahn", "TANH"))
    assert lint("--fix", "a.jsonc")[0] == 0
    assert Path("a.jsonc").read_text() == text.replace('"tahn"', '"TANH"', 1).replace("tahn", "tanh")
    for content, told in {
        text: "2:3: this is no JSON: it has comments, which are read in files that end in .jsonc",
        '{"act": "tanh",\n}': "2:1: this is no JSON: a comma before '}', which is read in files that end in .jsonc",
    }.items():
        write("a.json", content)
        assert lint("a.json") == (2, "", f"a.json:{told}\n")
    for start in ('"', "/*", '"\\', "//", ","):
        write("b.jsonc", start * 100_000)  # in no time
        assert lint("b.jsonc")[0] == 2


def test_mappings_and_lists_of_lists_under_activations(lint):
    write("a.yaml", "activations: {hidden: tanh, out: sofmax, kind: mlp, op: {low: tahn}}\nactivation: {out: tahn}\n")
    write("b.yaml", "activations: [[relu, sofmax], [[tahn]], [3, 4, bilinear]]\n")
    code, out, err = lint("a.yaml", "b.yaml")
    places = [line.partition(" ")[0] for line in out.splitlines() if ".yaml:" in line]
    assert (code, err, places) == (1, "", ["a.yaml:1:34:", "b.yaml:1:22:", "b.yaml:1:33:"])
    write("c.py", "f(activations={'hidden': 'TANH', 'kind': 'mlp'})\n")
    assert lint("--list", "c.py")[1] == "c.py:1:27: TANH\n"


def test_a_single_layer_in_python_is_known_by_its_name(lint):
    write("a.py", "layer = (10, 'tahn')\nout_layer = [3, 'relu', 'sofmax']\nother = (9, 'tahn')\nlayer = (3, 'conv')\n")
    code, out, err = lint("a.py")
    places = [line.partition(" ")[0] for line in out.splitlines() if ".py:" in line]
    assert (code, err, places) == (1, "", ["a.py:1:15:", "a.py:2:26:"])


def test_keys_of_ones_own(lint):
    write("a.yaml", "gate: tahn\nact: tahn\nnested: {inner: {kind: tahn}, kind: tahn}\n")
    lines = lambda *args: [line.split(":")[1] for line in lint(*args, "--list", "a.yaml")[1].splitlines()]  # noqa: E731
    assert lines() == ["2"]
    assert lines("--key", "ga*") == ["1", "2"]
    assert lines("--only-key", "gate") == ["1"]
    assert lines("--only-key", "inner.kind") == ["3"]
    assert lines("--only-key", "nested.kind", "--key", "act") == ["2", "3"]


def test_names_to_ignore_and_what_others_fill_in(lint):
    write("a.yaml", "act: My_Act+relu\nactivation: nn.SiLU\nact_fn: ${oc.env:X,${act}}\nact_layer: '{{ act }}'\n")
    assert [line for line in lint("a.yaml")[1].splitlines() if line[0] == "a"] == [
        "a.yaml:1:6: unknown activation 'My_Act'",
        "a.yaml:2:15: expected '+' between activations, found '.'",
    ]
    assert lint("--ignore", "myact", "--ignore", "nn.*", "a.yaml") == (0, "", "")
    write(
        "b.yaml",
        "act: ${one}+${two}\nactivation: tanh+${n}\nhidden_act: ???\n"
        "act_fn: '{{ one }}+tanh'\nnonlinearity: '${open'\n",
    )
    assert [line for line in lint("b.yaml")[1].splitlines() if line[0] == "b"] == [
        "b.yaml:4:10: expected an activation name, found '{'",
        "b.yaml:5:16: expected an activation name, found '$'",
    ]


PYTHON = """\
Net([(784, "linear"), (10, "<tahn+norm:z")])
layers.append((10, "<tahn"))
net.layers.insert(0, (10, "<tahn"))
self.layers += [(10, "<tahn")]
hidden_activation: str = field(default="<tahn")
activation: Spec = Field("<tahn", validate_default=True)
act = kwargs.pop("activation", "<tahn")
net.hidden_layers.extend([(10, "<wobble")])
cfg["activation"] = "<tahn"
cfg["act_cfg"]["type"] = "<tahn"
cfg.model.act_cfg.type = "<tahn"
enc_layers = [[3, "<wobble"], 4]
Net([784, (100, "<tahn" if deep else "relu"), (10, "<wobble")])
ü = "äöü€😀", Net(activation="<tahn", act="<tahn")
points = [1, (2, "two")]
choices = ((1, "Draft"), (2, "Published"))
events = [(0, "line"), (1, "call"), (2, "return")]
assert d.items() == [("self", 42)]
LEVELS = [(1, "Linear"), (2, "Clip")]
others.append((10, "tahn"))
cfg["type"] = cfg[0] = layers[0] = "tahn"
activation += "+tahn"
num_layers += 3
"""


def test_specs_in_python(lint):
    write("a.py", PYTHON.replace("<", ""))
    wanted = [
        (number, column - line[:column].count("<") + 1)
        for number, line in enumerate(PYTHON.splitlines(), 1)
        for column in [at for at, char in enumerate(line) if char == "<"]
    ]
    found = [(each["line"], each["column"]) for each in json.loads(lint("--format", "json", "a.py")[1])]
    assert found == wanted
    write(
        "a.py",
        "layers.append((10, 'TANH'))\nx_layers += [(2, 'TANH')]\nd['act'] = 'TANH'\nf([1, (1, 'TANH')])\n"
        "self.layers = layers = [3, (2, 'TANH')]\n",
    )
    assert lint("--fix", "a.py")[2] == "a.py: rewrote 5 specs\n"


LAYERS = """\
a: {layers: [784, [100, tanh, >relu], [63, >glu], [10, softmax]]}
b: {layers: [784, >tahn]}
c: {layers: [[784, 5], [10, >20, tahn], [tanh, >0], [3, ~, >relu], [2, tanh, lstm]]}
d: {layers: [[-1, 1, Conv, [64]], conv1, [3, 4, name]]}
e: {layers: [64, M, [100, "${act}", 3], [2, tanh, lstm, gru]]}
f: {layers: [[0.5, tanh, relu], [true, tanh, relu], [4, glu], {size: 3}]}
"""


def test_layers_that_would_be_refused(lint):
    write("a.yaml", LAYERS.replace(">", ""))
    wanted = {
        (number, len(before.replace(">", "")) + 1)
        for number, line in enumerate(LAYERS.splitlines(), 1)
        for before in [line[:at] for at, char in enumerate(line) if char == ">"]
    }
    args = "--ignore", "lstm", "--ignore", "gru", "--ignore", "conv", "--ignore", "name"
    found = json.loads(lint("--format", "json", *args, "a.yaml")[1])
    assert {(each["line"], each["column"]) for each in found} == wanted
    assert found[0]["message"] == "a second activation, 'relu', after 'tanh': join them with '+'"
    assert found[1]["message"].startswith("the size doesn't fit the activation: ")
    write(
        "a.py",
        "layers = [3, (10, 'relu' if deep else 'tanh'), (10, 'tanh', 'relu'), (n, 'tanh', 'relu'), (63, 'glu')]\n",
    )
    assert [line[:9] for line in lint("a.py")[1].splitlines() if line[0] == "a"] == ["a.py:1:61", "a.py:1:96"]


def test_a_project_has_settings(lint):
    write("pyproject.toml", "[tool.actspec]\nkeys = ['gate']\nignore = ['lstm']\nexclude = ['large']\n")
    write("configs/a.yaml", "gate: tahn\nlayers: [3, [4, lstm]]\n")
    write("configs/large/a.yaml", "act: tahn")
    write("other/pyproject.toml", "[tool.actspec]\nonly-keys = ['word']\n")
    write("other/a.yaml", "gate: tahn\nact: tahn\nword: elux\n")
    write("other/inner/pyproject.toml", "[project]\nname = 'x'\n")
    write("other/inner/a.yaml", "act: tahn\nword: elux\n")
    places = [line.partition(": ")[0] for line in lint(".")[1].splitlines() if line[0] != " "]
    assert places == ["configs/a.yaml:1:7", "other/a.yaml:3:7", "other/inner/a.yaml:2:7"]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("key = ['a']", "has no setting 'key', did you mean 'keys'"),
        ("colour = 1", "has no setting 'colour': it takes keys, only-keys, ignore, exclude, plugins, dialect"),
        ("keys = 'a'", "keys must be a list of strings"),
        ("dialect = 1", "dialect must be a string"),
        ("dialect = 'kerass'", "unknown dialect 'kerass'"),
        ("plugins = ['nothing-such']", "no installed package 'nothing-such' offers activations"),
        ("plugins = ['os.path']", "no installed package 'os.path' offers activations"),
    ],
)
def test_faults_of_the_settings(lint, table, reason):
    write("pyproject.toml", f"[tool.actspec]\n{table}\n")
    write("a.yaml", "act: relu\n")
    code, out, err = lint("a.yaml")
    assert (code, out) == (2, "")
    assert reason in err
    assert err.count("\n") == 1


def test_plugins_of_a_project_are_imported_by_their_entry_points(tmp_path):
    site = tmp_path / "site"
    write(site / "swishes-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: Swish-es\nVersion: 1.0\n")
    write(site / "swishes-1.0.dist-info/entry_points.txt", "[actspec.activations]\nlintswish = swishes:LintSwish\n")
    write(
        site / "swishes.py",
        "import actspec\n"
        "class LintSwish(actspec.Activation):\n    def __call__(self, x):\n        return x\n"
        "class LintOther(actspec.Activation):\n    def __call__(self, x):\n        return x\n",
    )
    write(tmp_path / "a.yaml", "activations: [lintother, lintswish]\n")
    # In processes of their own: what a plugin registers stays.
    code = (
        f"import sys; sys.path.append({str(site)!r})\nfrom actspec.cli import main\nmain(['lint', {str(tmp_path)!r}])"
    )
    assert spawn(code).returncode == 1
    write(tmp_path / "pyproject.toml", "[tool.actspec]\nplugins = ['swish_es']\n")
    done = spawn(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_default_key_is_one():
    keys = Keys(DEFAULT_KEYS)
    assert keys.role((), "last_activation") == "loose"
    assert keys.role((), "activations_file") == ""
    assert keys.role((), "type") == ""
    assert keys.role(("act_cfg",), "type") == "spec"
    assert keys.role((), "layers") == "layers"


def test_a_dialect_has_its_own_names_and_spellings(lint):
    write("a.json", '{"act": "leaky_relu", "activations": ["rrelu", "LeakyReLU(negative_slope=0.01)"]}')
    code, out, err = lint("--dialect", "keras", "a.json")
    assert (code, err) == (1, "")
    assert out.startswith("a.json:1:40: unknown activation 'rrelu' in the dialect 'keras'")
    assert lint("--dialect", "torch", "a.json") == (0, "", "")
    write("pyproject.toml", "[tool.actspec]\ndialect = 'torch'\n")
    assert lint("--fix", "a.json")[0] == 0
    canonical = [actspec.parse("leakyrelu").spell("torch"), actspec.parse("rrelu").spell("torch")]
    assert json.loads(Path("a.json").read_text()) == {"act": canonical[0], "activations": [canonical[1], canonical[0]]}
    write("a.json", '{"activations": ["ReLU", "hardswish", "Hardswish", "HARDSWISH", "ReLU+Tanh"]}')
    assert lint("--fix", "a.json")[0] == 0
    assert json.loads(Path("a.json").read_text())["activations"] == [
        *("ReLU", "hardswish", "Hardswish", "hardswish", "relu+tanh"),
    ]


# What can't be read


HOSTILE = {
    "empty.json": (b"", "1:1: this is no JSON: Expecting value"),
    "broken.json": (b'{"a": \n 1,,}', "2:4: this is no JSON: "),
    "deep.json": (b"[" * 100_000, "lists and objects are nested too deep"),
    "digits.json": (b"[" + b"1" * 10_000 + b"]", "this is no JSON that can be read: "),
    "broken.toml": (b"a = 1\r\nb = = 2", "2:5: this is no TOML: "),
    "deep.toml": (b"a = " + b"[" * 20_000, "arrays and tables are nested too deep"),
    "junk.toml": (bytes(range(256)), "this is not UTF-8 text: byte 129 "),
    "broken.yaml": (b"a: 'b\n", "this is no YAML: while scanning a quoted scalar"),
    "tab.yaml": (b"a:\n\t- b\n", "this is no YAML: "),
    "junk.yaml": (b"\x00\x01\x02" * 99, "1:1: this is no YAML: "),
    "latin.yaml": (b"a: \xe9\n", "this is not UTF-8 text: byte 4 "),
    "deep.yaml": (b"[" * 100_000, "1:1001: "),  # PyYAML's own words, or ours where an older one goes on
    "alias.yaml": (b"a: *b\n", "1:4: this is no YAML: the alias *b has no anchor before it"),
    "loop.yaml": (b"a: &b [*b]\n", "1:8: the alias *b stands inside its own anchor"),
    "bomb.yaml": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)),
        "with its aliases replaced this has more than 10,000,000 values: it was not checked",
    ),
    "broken.py": (b"x = (\n", "1:5: this is no Python: '(' was never closed"),
    "null.py": (b"x = '\x00'\n", "this is no Python: "),
    "deep.py": (b"x = " + b"-" * 100_000 + b"1", "the code is nested too deep"),
    "parentheses.py": (b"x = " + b"(" * 1_000, "this is no Python: too many nested parentheses"),
    "coding.py": (b"# coding: klingon\n", "this is no Python: unknown encoding: klingon"),
    "codec.py": (b"# coding: rot13\nx = 1\n", "this can't be read as rot13 text: save it as UTF-8"),
    "undefined.py": (b"# coding: undefined\nx = 1\n", "this can't be read as undefined text: save it as UTF-8"),
    "dotted.toml": (b"a." * 100_000 + b"b = 1", "1:1: keys are nested too deep"),
    "latin.py": (b"x = '\xe9'\n", "this is no Python: invalid or missing encoding declaration"),
    "notes.txt": (b"act: tahn", "the name has to end in one of .yaml, .yml, .toml, .json, .jsonc, .py"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_one_clear_line_for_what_can_not_be_read(lint, name):
    content, reason = HOSTILE[name]
    write(name, content)
    code, out, err = lint(name)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith(f"{name}:")
    assert reason in err


def test_no_file_no_permission_no_ordinary_file(lint):
    os.mkfifo("pipe.yaml")
    os.symlink("self.yaml", "self.yaml")
    write("secret.yaml", "a: b")
    os.chmod("secret.yaml", 0)
    write("good.yaml", "act: tahn")
    code, out, err = lint("none.yaml", "*.toml", "pipe.yaml", "self.yaml", "secret.yaml", "good.yaml")
    assert code == 2
    assert out.startswith("good.yaml:1:6: unknown activation 'tahn'")
    lines = err.splitlines()
    assert lines[:3] == [
        "none.yaml: no such file or folder",
        "*.toml: no file matches this pattern",
        "pipe.yaml: this is no ordinary file",
    ]
    assert lines[3].startswith("self.yaml: ")
    if os.geteuid():
        assert lines[4] == "secret.yaml: Permission denied"


def test_a_file_that_may_not_be_read_leaves_the_others(lint, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_args: False)  # what root never sees
    write("good.yaml", "act: tanh")
    assert lint("good.yaml") == (0, "", "")


def test_a_name_with_a_line_break_is_one_line(lint):
    write("a\nb.json", "{")
    assert lint("a\nb.json")[2].startswith("a\\nb.json:1:2: this is no JSON: ")


def test_what_takes_long_in_a_naive_way_takes_none(lint):
    count = 20_000
    write("spaces.yaml", f"act: 'tanh{' ' * count}tahn'\nactivation: tanh {' ' * count}tahn\n")
    write("blocks.yaml", "- act: |\n    tahn\n" * 2_000)
    keys = "".join(f"k{number}: *a\n" for number in range(1_000))
    write("aliases.yaml", f"a: &a {{{','.join(f'act{number}: x' for number in range(1_000))}}}\n{keys}")
    code, out, err = lint("--format", "json", "spaces.yaml", "blocks.yaml", "aliases.yaml")
    assert (code, len(json.loads(out)), err) == (1, 2_002, "")


@pytest.mark.parametrize("encoding", ["utf-7", "raw_unicode_escape"])
def test_what_can_not_be_encoded_as_it_was_is_not_rewritten(lint, encoding):
    old = f'# coding: {encoding}\ns, t = "+AEE-", "\\u00e9"\nf(act="TANH")\n'
    write("a.py", old)
    code, _, err = lint("--fix", "a.py")
    assert code == 2
    assert err.endswith("more of it would change: it stays\n")
    assert Path("a.py").read_text() == old


def test_settings_are_no_longer_than_other_files(lint):
    write("pyproject.toml", f"[tool.actspec]\nkeys = [{'1, ' * 1_000_000}]\n")
    write("a.yaml", "act: tahn")
    code, _, err = lint("a.yaml")
    assert code == 2
    assert err.startswith(f"{Path.cwd()}/pyproject.toml: this has more than 2,000,000 bytes")


def test_folders_that_lead_into_themselves(lint):
    write("a/b/c.yaml", "act: tahn")
    os.symlink("..", "a/b/up")
    code, out, err = lint("a")
    assert (code, err) == (2, "a/b/up: this folder is a link to one that it stands in: it was not followed\n")
    assert out.startswith("a/b/c.yaml:1:6:")


def test_globs_folders_and_what_is_passed_by(lint):
    for name in ("x/a.yaml", "x/y/b.yml", ".git/c.yaml", "node_modules/d.json", "venv/lib/e.py", "x/f.YAML"):
        write(name, 'act: "tahn"' if not name.endswith("py") else "f(act='tahn')")
    write("venv/pyvenv.cfg", "")
    names = lambda *args: sorted({line.split(":")[0] for line in lint(*args)[1].splitlines() if line[0] != " "})  # noqa: E731
    assert names(".") == ["x/a.yaml", "x/f.YAML", "x/y/b.yml"]
    assert names("**/*.yml", "x/y") == ["x/y/b.yml"]
    assert names(".", "--exclude", "y", "--exclude", "*.YAML") == ["x/a.yaml"]
    write("x/g.md", "act: tahn")
    assert names("x/*") == ["x/a.yaml", "x/f.YAML", "x/y/b.yml"]
    assert lint("x/*")[0] == 1
    assert lint("x/*.md")[2].startswith("x/*.md: no file that matches this pattern ends in one of .yaml, ")


def test_the_size_of_files_is_limited(lint):
    write("large.yaml", "act: tahn\n" + "# filled\n" * 100)
    assert lint("--max-size", 500, "large.yaml") == (
        2,
        "",
        "large.yaml: this has more than 500 bytes: it was not checked (--max-size sets the limit)\n",
    )
    assert lint("--max-size", 1000, "large.yaml")[0] == 1


def spawn(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=120)


def test_a_huge_file_takes_bounded_memory(tmp_path):
    with open(tmp_path / "huge.yaml", "wb") as file:
        file.truncate(100_000_000)
    code = f"from actspec.cli import main\nmain(['lint', {str(tmp_path)!r}])"
    done = spawn(f"import resource\nresource.setrlimit(resource.RLIMIT_DATA, (400_000_000, 400_000_000))\n{code}")
    assert done.returncode == 2
    limit = "this has more than 2,000,000 bytes: it was not checked (--max-size sets the limit)"
    assert done.stderr == f"{tmp_path}/huge.yaml: {limit}\n"


def test_neither_the_compiler_nor_an_optional_package_is_imported(tmp_path):
    write(tmp_path / "a.json", '{"act": "tahn"}')
    code = f"""
import sys
from actspec.cli import main
try:
    main(['lint', {str(tmp_path)!r}])
except SystemExit as left:
    assert left.code == 1
heavy = {{'numba', 'rich', 'yaml', 'pydantic', 'actspec.kernels.drive', 'actspec.description'}} & set(sys.modules)
assert not heavy, heavy
"""
    done = spawn(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_libyaml_junk_is_one_line_too(tmp_path):
    write(tmp_path / "a.yaml", "act: ta\0hn")
    done = spawn(f"import yaml; del yaml.CSafeLoader\nfrom actspec.cli import main\nmain(['lint', {str(tmp_path)!r}])")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"{tmp_path}/a.yaml:1:8: this is no YAML: ")


def test_without_pyyaml_the_message_says_what_to_install(tmp_path):
    write(tmp_path / "a.yaml", "act: tahn")
    done = spawn(
        f"import sys; sys.modules['yaml'] = None\nfrom actspec.cli import main\nmain(['lint', {str(tmp_path)!r}])"
    )
    assert done.returncode == 2
    assert done.stderr == f'{tmp_path}/a.yaml: reading YAML takes PyYAML: pip install "actspec[yaml]"\n'


def test_faults_on_one_long_line_keep_what_is_near_them(lint):
    line = ", ".join(f'{{"act": "tahn"}}, {{"n": {n}}}' for n in range(1_000))
    write("long.json", f"[{line}]")
    found = list(Linter().files(["long.json"]))
    assert len(found) == 1_000
    assert max(len(each.source) for each in found) <= 400
    for each in (found[0], found[500], found[-1]):
        whole = replace(each, source=f"[{line}]", source_column=1)
        assert reports.as_text(each) == reports.as_text(whole)
    assert lint("long.json")[1].splitlines()[1501] == f"  {reports.as_text(found[500]).splitlines()[1].strip()}"


def test_folders_that_link_to_each_other_are_walked_once(lint):
    names = [f"f{n}" for n in range(12)]
    for name in names:
        write(f"{name}/a.yaml", "act: tahn")
        for other in names:
            if other != name:
                os.symlink(f"../{other}", f"{name}/to_{other}")
    for name in (".", "**/*.yaml"):
        code, out, err = lint(name)
        assert code == 2
        assert out.count("unknown activation") == len(names)
        lines = err.splitlines()
        assert len(set(lines)) == len(lines) <= len(names) ** 2
        assert all(line.endswith("is a link to one that it stands in: it was not followed") for line in lines)


def test_globs_over_a_loop_tell_it_once(lint):
    write("a/b/c.yaml", "act: tahn")
    os.symlink("..", "a/b/up")
    told = "a/b/up: this folder is a link to one that it stands in: it was not followed\n"
    for pattern in ("**/*.yaml", "a/**", "**/**/*"):
        code, out, err = lint(pattern)
        assert (code, out.count("unknown activation"), err) == (2, 1, told), pattern
    assert lint("none/**/*.yaml", "a/**/*.toml")[2].splitlines()[0] == "none/**/*.yaml: no file matches this pattern"
    assert lint("**/*.yaml", "--exclude", "up")[::2] == (1, "")


def test_a_file_that_can_not_be_written_is_a_miss_and_the_others_are_fixed(lint):
    write("a.json", '{"act": "Rectify", "act_fn": "tahn"}')
    write("b.json", '{"act": "Rectify"}')
    os.chmod("a.json", 0o444)
    code, out, err = lint("--fix", "--format", "json", ".")
    assert (code, err) == (2, "a.json: permission denied\nb.json: rewrote 1 spec\n")
    assert [(each["file"], each["column"]) for each in json.loads(out)] == [("a.json", 31)]
    assert Path("a.json").read_text() == '{"act": "Rectify", "act_fn": "tahn"}'
    assert Path("b.json").read_text() == '{"act": "relu"}'


def test_a_disk_that_is_full_is_a_miss_for_each_file(lint, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    write("a.json", '{"act": "Rectify"}')
    write("b.json", '{"act": "tahn"}')
    monkeypatch.setattr(os, "fsync", full)
    code, out, err = lint("--fix", ".")
    assert (code, out.count("unknown activation")) == (2, 1)
    assert err.startswith("a.json: the disk is full: nothing was written")
    assert sorted(os.listdir()) == ["a.json", "b.json"]


def test_names_that_are_no_text_stand_in_reports(lint):
    name = os.fsdecode(b"caf\xe9.json")
    try:
        write(name, '{"act": "tahn"}')
    except OSError:
        pytest.skip("file names are text here")
    code, out, _ = lint("--format", "sarif", name)
    (result,) = json.loads(out)["runs"][0]["results"]
    assert code == 1
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "caf%E9.json"}
    assert json.loads(lint("--format", "json", name)[1])[0]["file"] == name


def test_a_closed_standard_input_is_one_line(lint, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert lint("--format", "json", "-") == (
        2,
        "[]\n",
        "<stdin>: standard input is closed: there is nothing to read\n",
    )


def test_colour_is_left_out_where_it_is_not_wanted(tmp_path, monkeypatch):
    write(tmp_path / "a.json", '{"act": "tahn"}')
    monkeypatch.setitem(terminal.ENVIRONMENT, "NO_COLOR", "1")
    assert "\x1b" not in in_terminal("lint", tmp_path / "a.json")[0]
    monkeypatch.setitem(terminal.ENVIRONMENT, "NO_COLOR", "")
    assert "\x1b[1m" in in_terminal("lint", tmp_path / "a.json")[0]


def test_a_broken_project_is_told_once(lint):
    write("pyproject.toml", "\ufeff[tool.actspec]\nkeys = ['gate']\n")
    write("a.yaml", "gate: tahn\n")
    write("b/c.yaml", "gate: tahn\n")
    assert lint(".")[::2] == (1, "")
    write("pyproject.toml", "[tool.actspec")
    code, out, err = lint(".")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"{Path.cwd()}/pyproject.toml: Expected ']'")


def test_excluded_paths_are_those_below_the_project(lint, tmp_path, monkeypatch):
    project = tmp_path / "large" / "project"
    write(project / "pyproject.toml", "[tool.actspec]\nexclude = ['configs/old', './data/*.json', 'large/', 'up']\n")
    for name in ("configs/old/a.yaml", "configs/b.yaml", "other/configs/old/c.yaml", "data/d.json", "x/large/e.yaml"):
        write(project / name, 'act: "tahn"' if name.endswith("yaml") else '{"act": "tahn"}')
    os.symlink("..", project / "configs" / "up")
    os.symlink("large/project", tmp_path / "link")
    wanted = ["b.yaml", "c.yaml"]

    def names(*args):
        code, out, err = lint(*args)
        assert (code, err) == (1, "")
        return sorted(Path(line.split(":")[0]).name for line in out.splitlines() if line[0] != " ")

    assert (
        names("large") == names(tmp_path) == names("link") == names("large/**/*.*ml", "--exclude", "*.toml") == wanted
    )
    old = "large/project/configs/old"
    assert lint(f"{old}/a.yaml", old, f"{old}/*.yaml", f"{old}/**/*.yaml") == (0, "", "")
    monkeypatch.chdir(project / "configs")
    assert names("..") == wanted
    assert names(".") == ["b.yaml"]
    assert lint("old/a.yaml", "../data/d.json", "../x/large/e.yaml") == (0, "", "")
    assert lint("b.yaml", "--exclude", "./b.yaml") == (0, "", "")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_named(lint, encoding):
    write("a.yaml", "act: tanh\n".encode(encoding))
    looks = encoding[:6].upper()
    assert lint("a.yaml") == (2, "", f"a.yaml: this looks like {looks} text: save it as UTF-8\n")
