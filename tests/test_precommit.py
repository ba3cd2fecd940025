"""The pre-commit hooks, run by pre-commit itself in a repository of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import actspec

ROOT = Path(actspec.__file__).parents[1]

pytestmark = pytest.mark.peers
pytest.importorskip("pre_commit", reason="pre-commit is not installed")
if shutil.which("git") is None:
    pytest.skip("git is not installed", allow_module_level=True)


def run(*command: str, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    identity = {f"GIT_{who}_{what}": f"{who}@{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PYTHONPATH"))}
    environment |= identity | {"PRE_COMMIT_HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)


def commit(folder: Path, home: Path) -> str:
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--no-verify", "--message", "all")):
        done = run("git", *command, folder=folder, home=home)
        assert done.returncode == 0, done.stderr
    return run("git", "rev-parse", "HEAD", folder=folder, home=home).stdout.strip()


def test_the_hooks_check_and_fix(tmp_path: Path) -> None:
    home, hooks, project = (tmp_path / name for name in ("home", "hooks", "project"))
    hooks.mkdir()
    for name in ("actspec", "grammar"):
        shutil.copytree(ROOT / name, hooks / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, hooks / name)
    revision = commit(hooks, home)
    project.mkdir()
    (project / "bad.yaml").write_text("model:\n  activation: tahn\n")
    (project / "good.toml").write_text("activation = 'Leaky_ReLU:0.2' # kept\n")
    (project / "notes.txt").write_text("activation: tahn\n")
    config = "repos:\n- repo: {}\n  rev: {}\n  hooks:\n  - id: actspec\n  - id: actspec-fix\n    files: good\n"
    (project / ".pre-commit-config.yaml").write_text(config.format(hooks, revision))
    commit(project, home)
    done = run(sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never", folder=project, home=home)
    assert done.returncode == 1, done.stdout + done.stderr
    first, _, second = done.stdout.partition("actspec lint --fix")
    assert "bad.yaml:2:15: unknown activation 'tahn', did you mean 'tanh'?\n    activation: tahn\n" in first
    assert "exit code: 1" in first
    assert "files were modified by this hook" in second
    assert "good.toml: rewrote 1 spec" in second
    assert (project / "good.toml").read_text() == "activation = 'leakyrelu(negative_slope=0.2)' # kept\n"
    (project / "bad.yaml").write_text("model:\n  activation: tanh\n")
    done = run(sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never", folder=project, home=home)
    assert (done.returncode, done.stdout.count("Passed")) == (0, 2), done.stdout + done.stderr
