"""The command line: list, show, explain, check, and how it starts and ends."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import actspec
from actspec.cli.plot import plot
from actspec.cli.program import program

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(actspec.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def run(capsys):
    """Runs a command in this process: its exit code, stdout and stderr."""

    def run(*args):
        with pytest.raises(SystemExit) as left:
            program.main([str(arg) for arg in args], prog_name="actspec")
        return left.value.code or 0, *capsys.readouterr()

    return run


def spawn(*args, **options):
    settings = {"capture_output": True, "text": True, "env": ENVIRONMENT, "timeout": 60} | options
    return subprocess.run([sys.executable, "-m", "actspec", *map(str, args)], **settings)


def test_version_and_help_need_no_other_word(run):
    assert run("--version") == (0, f"actspec {actspec.__version__}\n", "")
    code, out, _ = run("--help")
    assert code == 0
    assert re.findall(r"^  (\w+)  ", out, re.MULTILINE) == [
        "apply",
        "cache",
        "check",
        "explain",
        "lint",
        "list",
        "schema",
        "show",
    ]
    assert "..." not in out.partition("Commands:")[2]


def test_an_unknown_command_is_bad_usage(run):
    code, out, err = run("frobnicate")
    assert (code, out) == (2, "")
    assert "No such command 'frobnicate'" in err


def test_it_runs_as_a_module():
    done = spawn("check", "Tanh + norm:z(axis=-1)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "tanh+norm:z\n", "")


@pytest.mark.parametrize("args", [("check", "tanh"), ("--help",), ("apply", "--help")])
def test_it_starts_without_the_libraries_that_it_does_not_need(args):
    code = f"""
import sys
from actspec.cli import main
try:
    main({list(args)!r})
except SystemExit:
    heavy = sorted({{"rich", "pyarrow", "numba"}} & set(sys.modules))
    if heavy:
        sys.exit(f"imported {{heavy}}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


# check


def test_check_prints_canonical_spellings(run):
    assert run("check", "Leaky_ReLU:0.1", "identity") == (0, "leakyrelu(negative_slope=0.1)\nlinear\n", "")


def test_commands_read_a_dialect(run, tmp_path):
    spec = ("leaky_relu", "--dialect", "keras")
    assert run("check", *spec) == (0, "leakyrelu(negative_slope=0.2)\n", "")
    assert run("show", *spec)[1].startswith("leakyrelu(negative_slope=0.2)\n")
    assert run("explain", *spec)[1].startswith("leakyrelu(negative_slope=0.2)\n")
    source = tmp_path / "x.npy"
    np.save(source, np.array([-1.0, 2.0]))
    assert run("apply", "leaky_relu", str(source), "-o", str(tmp_path / "y.npy"), "--dialect", "keras")[0] == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), [-0.2, 2.0])
    code, out, err = run("show", "threshold", "--dialect", "torch")
    assert (code, out) == (2, "")
    assert "threshold needs its parameter 'threshold'" in err


def test_check_reports_every_faulty_spec_and_goes_on(run):
    code, out, err = run("check", "tahn+relu", "relu", "elu(")
    assert (code, out) == (1, "relu\n")
    assert "unknown activation 'tahn'\n  tahn+relu\n  ^^^^\ndid you mean 'tanh'?\n" in err
    assert "  elu(\n      ^\n" in err or "  elu(\n     ^\n" in err


def test_check_reads_specs_from_stdin(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufefftanh\r\n\n relu \nfoo\n".encode())))
    code, out, err = run("check", "-")
    assert (code, out) == (1, "tanh\nrelu\n")
    assert err.startswith("line 4: unknown activation 'foo'\n  foo\n  ^^^")


def test_check_names_the_line_of_stdin_that_is_no_text(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"tanh\n\xff\n")))
    code, out, err = run("check", "-")
    assert (code, out) == (2, "tanh\n")
    assert err == "Error: standard input, line 2: this is not UTF-8 text\n"


def test_check_without_a_spec_is_bad_usage(run):
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert "Missing argument 'SPEC...'" in err


# list


def test_list_has_a_row_for_every_activation(run):
    code, out, err = run("list")
    rows = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert rows[0] == ["family", "name", "aliases", "formula", "parameters"]
    assert sorted(row[1] for row in rows[1:]) == actspec.names()
    assert next(row for row in rows if row[1] == "leakyrelu")[0] == "rectifiers"
    assert "\x1b" not in out
    (selu,) = (line for line in out.splitlines() if " selu " in line)
    assert selu.endswith("scale=1.0507009873554805, alpha=1.6732632423543772")
    (relu,) = (line for line in out.splitlines() if " relu " in line)
    assert "rectify, rect:max" in relu
    assert "pieces (required)" in out


def test_list_survives_a_plugin_that_fails(run, tmp_path, monkeypatch):
    info = tmp_path / "broken_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[actspec.activations]\nbroken = broken_plugin:Broken\n")
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('no luck')\n")
    monkeypatch.syspath_prepend(tmp_path)
    code, out, _ = run("list")
    assert code == 0
    last = out.splitlines()[-1]
    assert last.startswith("(not loaded)")
    assert "broken-plugin 1.0" in last
    assert "no luck" in last
    assert any(" tanh " in line for line in out.splitlines())


def in_terminal(*args):
    """What a command writes to a terminal of 80 columns, and its exit code."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "actspec", *map(str, args)]
    environment = ENVIRONMENT | {"TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                read = os.read(leader, 1 << 16)
            except OSError:  # the terminal's other end is closed
                break
            if not read:
                break
            shown += read
        os.close(leader)
    return shown.decode(), process.returncode


def test_list_in_a_terminal_is_drawn_and_loses_nothing():
    shown, code = in_terminal("list")
    assert code == 0
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 80
    assert "…" not in plain
    assert all(f" {name} " in plain for name in actspec.names())
    formulas = "".join(line[46:62] for line in plain.splitlines()).replace(" ", "")
    assert actspec.describe("softlif").formula.replace(" ", "") in formulas


# show and explain


def test_show_tells_all_about_an_activation(run):
    code, out, err = run("show", "leaky_relu")
    assert (code, err) == (0, "")
    described = actspec.describe("leakyrelu")
    for text in (
        described.summary,
        described.formula,
        "negative_slope: float = 0.01",
        "leakyrectify",
        described.reference,
    ):
        assert text in out
    assert "-4" in out.splitlines()[-1]
    assert "one row" not in out


def test_show_tells_the_stages_of_a_pipeline(run):
    code, out, _ = run("show", "tanh+norm:z")
    assert code == 0
    assert out.startswith(actspec.explain("tanh+norm:z").words)
    assert actspec.describe("norm:z").reference in out
    assert "this is one row of" in out.splitlines()[-1]


def test_show_draws_parameters_and_slices(run):
    assert "0.5" in run("show", "elu(alpha=0.5)")[1]
    code, out, _ = run("show", "tanh[-1]")
    assert code == 0
    assert "on feature [-1] of the last axis" in out
    assert "this is one row of" in out


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("prelu", "'prelu' learns its slope"),
        ("maxout", "needs its parameter 'pieces'"),
        ("maxout:3", "'maxout' learns its slope and intercept"),
        ("continuous", "needs its parameter 'base'"),
        ("continuous(tanh)", "'continuous' remembers its earlier inputs"),
        ("elu(alpha=~1)", "'elu' learns its alpha"),
        ("tanh[9999]", "names feature 9999"),
        ("norm:z(axis=3)", "out of bounds"),
        ("tanh+glu", "other features than its input"),
    ],
)
def test_show_says_why_there_is_no_plot(run, spec, reason):
    code, out, err = run("show", spec)
    assert (code, err) == (0, "")
    last = out.splitlines()[-1]
    assert last.startswith("No plot: ")
    assert reason in last
    assert "formula:" in out


def test_show_tells_who_means_what_by_a_name(run):
    code, out, err = run("show", "leaky_relu", "--dialects")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert ["actspec", "leakyrelu", "leakyrelu", "-0.02", "2"] in rows
    assert ["keras", "leaky_relu", "leakyrelu(negative_slope=0.2)", "-0.4", "2"] in rows
    assert ["lasagne", "leaky_rectify", "leakyrelu", "-0.02", "2"] in rows
    assert "the row (-2, 2)" in run("show", "softmax", "--dialects")[1]
    # A word that needs parameters, or that only other systems have.
    rows = [line.split() for line in run("show", "threshold", "--dialects")[1].splitlines()]
    assert ["torch", "threshold", "threshold(threshold,value)"] in rows
    assert run("show", "l2_normalize", "--dialects")[1].splitlines()[1].startswith("tf")


def test_show_dialects_takes_a_name(run):
    code, out, err = run("show", "tanh+relu", "--dialects")
    assert (code, out) == (2, "")
    assert "--dialects takes one name, not 'tanh+relu'" in err
    assert "can't be used with --dialect" in run("show", "relu", "--dialects", "--dialect", "torch")[2]
    code, _, err = run("show", "tahn", "--dialects")
    assert code == 2
    assert "did you mean 'tanh'?" in err


def test_show_survives_a_custom_formula_that_fails(run):
    with actspec.registry.scope():

        class Moody(actspec.Activation):
            """Never in the mood."""

            def __call__(self, _x):
                raise ZeroDivisionError("not today")

        code, out, _ = run("show", "moody")
        assert run("show", "moody", "--dialects")[1].split()[-3:] == ["actspec", "moody", "moody"]
    assert code == 0
    assert "not today" in out.splitlines()[-1]


@pytest.mark.parametrize("command", ["show", "explain"])
def test_a_bad_spec_is_shown_with_its_caret(run, command):
    code, out, err = run(command, "relu+tahn")
    assert (code, out) == (2, "")
    assert err == "Error: unknown activation 'tahn'\n  relu+tahn\n       ^^^^\ndid you mean 'tanh'?\n"


def test_explain_prints_the_explanation(run):
    assert run("explain", "tanh+norm:z[:3]") == (0, f"{actspec.explain('tanh+norm:z[:3]')}\n", "")


def test_an_output_without_unicode_gets_a_plain_plot():
    done = spawn("show", "tanh", env=ENVIRONMENT | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "***" in done.stdout
    assert "⠤" not in done.stdout


def test_a_plot_marks_each_point_where_it_belongs():
    x = np.array([0.0, 1, 2, 3])
    lines = plot(x, np.array([0.0, 2, np.nan, 1]), encoding="ascii", width=4, height=3).splitlines()
    assert lines == ["2 | *", "  |   *", "0 |*", "   0  3"]


def test_a_plot_of_braille_uses_every_dot():
    x = np.array([0.0, 1])
    assert plot(x, np.array([0.0, 1]), encoding="utf-8", width=1, height=2).splitlines()[:2] == ["1 │⠈", "0 │⡀"]


@pytest.mark.parametrize("y", [[1.0, 1.0], [0.0, 1.7e308], [-1.7e308, 1.7e308]])
def test_a_plot_takes_any_range(y):
    assert len(plot(np.array([0.0, 1]), np.array(y), encoding="ascii", width=8, height=4).splitlines()) == 5


def test_a_plot_of_nothing_finite_says_so():
    assert plot(np.array([0.0, 1]), np.array([np.nan, np.inf]), encoding="ascii") == "(no finite value to draw)"


# outputs that take no more


@pytest.mark.parametrize("args", [("list",), ("check", "tanh"), ("explain", "tanh"), ("show", "tanh")])
def test_a_reader_that_leaves_is_told_in_one_line(args):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = spawn(*args, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (2, "Error: standard output took no more: Broken pipe\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("args", [("list",), ("--help",)])
def test_a_full_output_is_told_in_one_line(args):
    with open("/dev/full", "w") as full:
        done = spawn(*args, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (2, "Error: standard output took no more: No space left on device\n")


def test_a_bug_keeps_its_traceback(monkeypatch):
    from actspec.cli import explain

    def fail(_spec):
        raise KeyError("a bug")

    monkeypatch.setattr(explain, "explain", fail)
    with pytest.raises(KeyError):
        program.main(["explain", "tanh"], prog_name="actspec")


def test_an_interrupt_is_quiet(run, monkeypatch):
    from actspec.cli import explain

    def interrupt(_spec):
        raise KeyboardInterrupt

    monkeypatch.setattr(explain, "explain", interrupt)
    assert run("explain", "tanh") == (130, "", "")
