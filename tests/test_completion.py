"""What may stand next in a spec, and what shells make of it: Bash, zsh and fish complete it as their users see it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import actspec
from actspec import dialects
from actspec.completion import complete
from tests.test_import import imported_after

ROOT = Path(actspec.__file__).parents[1]


def texts(text: str) -> list[str]:
    return [each.text for each in complete(text)]


def test_names_stand_at_the_start_after_plus_and_in_groups() -> None:
    assert texts("") == actspec.names()
    assert texts("gau") == ["gaussian"]
    assert texts("relu + gau") == ["relu + gaussian"]
    assert texts("(relu+(gau") == ["(relu+(gaussian"]
    assert texts("relu[:5]+gau") == ["relu[:5]+gaussian"]


def test_names_are_compared_as_specs_compare_them() -> None:
    assert texts("Leaky_R") == ["leakyrelu"]
    assert texts("leakyrec") == ["leakyrectify"]


def test_variants() -> None:
    assert {"norm:max", "norm:mean", "norm:std", "norm:z"} <= set(texts("norm"))
    assert {"a+Norm : max", "a+Norm : z"} <= set(texts("a+Norm : "))
    assert texts("rect:minm") == ["rect:minmax"]


def test_parameters_that_are_not_given_yet() -> None:
    assert texts("elu(") == ["elu(alpha="]
    assert texts("tanh+norm:z(") == ["tanh+norm:z(axis=", "tanh+norm:z(eps="]
    assert texts("norm:z(axis=0, ") == ["norm:z(axis=0, eps="]
    assert texts("clip(-1,") == ["clip(-1,max="]
    assert "maxout:4(pieces=" not in texts("maxout:4(")
    assert texts("elu(al")[0] == "elu(alpha="
    assert [each.help for each in complete("elu(")] == ["float = 1"]


def test_values() -> None:
    assert texts("elu(alpha=~") == ["elu(alpha=~normal(", "elu(alpha=~uniform("]
    assert texts("elu(alpha=~normal(1,") == ["elu(alpha=~normal(1,std="]
    assert texts("relu(max=i") == ["relu(max=inf"]
    assert texts("continuous(ta")[:2] == ["continuous(tau=", "continuous(tanh"]
    assert texts("continuous(base=relu+gau") == ["continuous(base=relu+gaussian"]


def test_a_dialect_has_its_own_words() -> None:
    assert [(each.text, each.help) for each in complete("relu+Leaky", "keras")] == [
        ("relu+LeakyReLU", "leakyrelu(negative_slope=0.3)")
    ]
    assert [each.text for each in complete("leaky", "keras")] == ["leaky_relu"]
    assert [each.text for each in complete("LEAKY", "keras")] == ["leaky_relu"]
    assert [each.text for each in complete("threshold(d", "keras")] == ["threshold(default_value="]
    assert [each.text for each in complete("rect : minm", "theanets")] == ["rect : minmax"]
    assert [each.text for each in complete("conti", "onnx")] == ["continuous"]
    for name in dialects.NAMES:
        assert {each.text for each in complete("", name)} >= set(dialects.load(name).spellings)


def test_names_that_need_a_parameter_go_on() -> None:
    assert [(each.text, each.complete) for each in complete("maxo")] == [("maxout", False)]
    assert [(each.text, each.complete) for each in complete("thresh", "torch")] == [("threshold", False)]


@pytest.mark.parametrize("text", ["tanh ", "softmax[", "softmax[:", "foo(", "elu(alpha=1", "tanh)", "é", "'", "elu('"])
def test_where_nothing_is_known(text: str) -> None:
    assert texts(text) == []


def test_each_completion_begins_as_what_is_written() -> None:
    for text in ("", "re", "norm:", "tanh+norm:z(", "continuous(", "elu(alpha=~"):
        for each in complete(text):
            assert each.text.startswith(text)


def test_it_needs_no_compiler() -> None:
    program = "from actspec.cli import completion, spectype; from actspec.completion import complete; complete('elu(')"
    assert not {"numba", "rich", "actspec.description"} & imported_after(program)


# Shells

SETUP = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source complete.bash"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source ./complete.zsh"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program, and with the script of each shell."""
    folder = tmp_path_factory.mktemp("home")
    program = folder / "actspec"
    code = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom actspec.cli import main\nmain()\n"
    program.write_text(f"#!{sys.executable}\n{code}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for shell in ("bash", "zsh", "fish"):
        variables = environment(folder) | {"_ACTSPEC_COMPLETE": f"{shell}_source"}
        done = subprocess.run([program], env=variables, capture_output=True, check=True)
        (folder / f"complete.{shell}").write_bytes(done.stdout)
    return folder


def environment(home: Path) -> dict[str, str]:
    path = f"{home}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "TERM": "dumb", "LANG": "C.UTF-8", "INPUTRC": os.devnull, "PS1": "$ "}


def type_in(shell: str, home: Path, typed: str, wanted: str) -> str:
    """What a terminal shows of a line that is typed in, until it shows what is wanted, or for a minute."""
    command, setup = SETUP[shell]
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment(home),
        cwd=home,
        start_new_session=True,
    ) as process:
        os.close(follower)
        try:
            os.write(leader, f"{setup}; echo rea''dy\n".encode())
            wait_for(leader, "ready\r\n")
            os.write(leader, typed.encode())
            return wait_for(leader, wanted)
        finally:
            process.kill()
            os.close(leader)


def wait_for(leader: int, wanted: str) -> str:
    shown = ""
    while wanted not in shown and select.select([leader], [], [], 60)[0]:
        # What a shell redraws of a line depends on its settings: its letters don't.
        shown += os.read(leader, 1 << 16).decode(errors="replace").replace("\x07", "")
    return shown


TYPED = [
    ("actspec check gau\t", "check gaussian "),
    ("actspec check norm:me\t", "norm:mean "),
    ('actspec check "norm:me\t', '"norm:mean" '),
    ('actspec check "tanh + no\t', '"tanh + norm:'),
    ('actspec check "elu(al\t', '"elu(alpha='),
    ("actspec lint complete.ba\t", "complete.bash "),
    ("actspec check --dialect=ker\t", "--dialect=keras "),
    ("actspec check --dialect=keras Leaky\t", "LeakyReLU "),
]


@pytest.mark.parametrize("shell", SETUP)
@pytest.mark.parametrize(("typed", "wanted"), TYPED, ids=[typed.strip() for typed, _ in TYPED])
def test_bash_and_zsh(shell: str, typed: str, wanted: str, home: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert wanted in type_in(shell, home, typed, wanted)


def test_bash_escapes_what_has_no_quotes(home: Path) -> None:
    assert "elu\\(alpha=" in type_in("bash", home, "actspec check elu\\(al\t", "elu\\(alpha=")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("actspec check norm:me", {"norm:mean"}),
        ('actspec check "tanh + norm:s', {"tanh + norm:std"}),
        ('actspec check "norm:z(axis=0,e', {"norm:z(axis=0,eps="}),
        ("actspec lint complete.f", {"complete.fish"}),
        ("actspec apply tanh x.npy --output=complete.f", {"--output=complete.fish"}),
        ("actspec check --dialect=ker", {"--dialect=keras"}),
        ("actspec check --dialect keras Leaky", {"LeakyReLU"}),
    ],
)
def test_fish(line: str, wanted: set[str], home: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    command = ["fish", "-N", "-c", "source complete.fish; complete -C $argv[1]", line]
    done = subprocess.run(command, env=environment(home), cwd=home, capture_output=True, text=True, timeout=120)
    assert (done.stderr, {each.partition("\t")[0] for each in done.stdout.splitlines()}) == ("", wanted)
