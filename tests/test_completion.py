"""What may stand next in a spec, and what shells make of it: Bash, zsh and fish complete it as their users see it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import actspec
from actspec.completion import complete
from tests.test_import import imported_after

ROOT = Path(actspec.__file__).parents[1]


def texts(text: str) -> list[str]:
    return [each.text for each in complete(text)]


def test_names_stand_at_the_start_after_plus_and_in_groups() -> None:
    assert texts("") == actspec.names()
    assert texts("ta") == ["tanh"]
    assert texts("relu + ta") == ["relu + tanh"]
    assert texts("(relu+(ta") == ["(relu+(tanh"]
    assert texts("relu[:5]+ta") == ["relu[:5]+tanh"]


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
    assert texts("elu(al")[0] == "elu(alpha="
    assert [each.help for each in complete("elu(")] == ["float = 1"]


def test_values() -> None:
    assert texts("elu(alpha=~") == ["elu(alpha=~normal(", "elu(alpha=~uniform("]
    assert texts("elu(alpha=~normal(1,") == ["elu(alpha=~normal(1,std="]
    assert texts("relu(max=i") == ["relu(max=inf"]
    assert texts("continuous(ta") == ["continuous(tau=", "continuous(tanh"]
    assert texts("continuous(base=relu+ta") == ["continuous(base=relu+tanh"]


@pytest.mark.parametrize("text", ["tanh ", "softmax[", "softmax[:", "foo(", "elu(alpha=1", "tanh)", "maxout:4(", "é", "'", "elu('"])
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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program, and with the script of each shell."""
    folder = tmp_path_factory.mktemp("home")
    program = folder / "actspec"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom actspec.cli import main\nmain()\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run(
            [program], env=environment(folder) | {"_ACTSPEC_COMPLETE": f"{shell}_source"}, capture_output=True, check=True
        )
        (folder / f"complete.{shell}").write_bytes(done.stdout)
    return folder


def environment(home: Path) -> dict[str, str]:
    return {"PATH": f"{home}:/usr/bin:/bin", "HOME": str(home), "TERM": "dumb", "LANG": "C.UTF-8", "INPUTRC": "/dev/null"}


def type_in(command: list[str], home: Path, setup: str, typed: str) -> str:
    """The line that a shell runs once ``typed`` was typed into it: what a stand-in for the program got as arguments."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment(home), cwd=home, start_new_session=True
    ) as shell:
        os.close(follower)
        try:
            os.write(leader, f"{setup}\necho rea''dy\n".encode())
            wait_for(leader, "ready\r\n")
            os.write(leader, typed.encode())
            time.sleep(0.2)
            before = wait_for(leader, None)
            os.write(leader, b"\x01echo '<'\x05 '>'\n" if "\n" not in typed else b"")
            shown = wait_for(leader, "> ")
        finally:
            os.close(leader)
            shell.kill()
    return before + shown


def wait_for(leader: int, mark: str | None, seconds: float = 30) -> str:
    """What a terminal shows until the mark, or until it is quiet for a while."""
    shown = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ready, _, _ = select.select([leader], [], [], 4 if mark is None else 1)
        if ready:
            shown += os.read(leader, 1 << 16)
            if mark is not None and mark.encode() in shown:
                break
        elif mark is None:
            break
    return shown.decode(errors="replace")
