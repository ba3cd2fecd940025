"""actspec cache: where compiled kernels are, and their removal."""

import subprocess
import sys

import numpy as np
import pytest

import actspec
from actspec.cli.program import program
from actspec.kernels import disk_cache
from actspec.kernels.compile import counts

KEY = "ab" * 32


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder of kernels; it does not exist yet."""
    monkeypatch.setenv("ACTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kernels"


@pytest.fixture
def run(capsys):
    """Runs a command in this process: its exit code, stdout and stderr."""

    def run(*args):
        with pytest.raises(SystemExit) as left:
            program.main(["cache", *args], prog_name="actspec")
        return left.value.code or 0, *capsys.readouterr()

    return run


def test_info_before_there_is_a_kernel(run, place):
    assert run("info") == (0, f"folder   {place}\nstate    in use\nkernels  0\nsize     0 bytes\n", "")
    assert not place.exists()


def test_info_counts_kernels_and_bytes(run, place):
    disk_cache.write(KEY, "s" * 1024, bytes(2048))
    size = sum(path.stat().st_size for path in place.iterdir())
    assert run("info") == (
        0,
        f"folder   {place}\nstate    in use\nkernels  1\nsize     {size / 1024:.3g} KiB\n",
        "",
    )


def test_info_says_why_a_folder_is_not_used(run, place):
    disk_cache.write(KEY, "source", b"payload")
    place.chmod(0o777)
    code, out, _ = run("info")
    assert code == 0
    assert "state    not in use: other users can write to it\n" in out


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (300 << 20, "300 MiB"), (5 << 30, "5 GiB")],
)
def test_sizes_are_told_in_units(run, place, monkeypatch, count, text):
    monkeypatch.setattr(disk_cache, "info", lambda: disk_cache.Info(place, 1, count, None))
    assert run("info")[1].splitlines()[-1] == f"size     {text}"


def test_clear_removes_and_counts(run, place):
    disk_cache.write(KEY, "source", b"payload")
    assert run("clear") == (0, f"removed 2 files from {place}\n", "")
    assert list(place.iterdir()) == []
    (place / f"{KEY}.py").touch()
    assert run("clear") == (0, f"removed 1 file from {place}\n", "")
    assert run("clear") == (0, f"removed 0 files from {place}\n", "")


def test_a_folder_that_can_not_be_read_is_told(run, place, monkeypatch):
    def refuse(_path):
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(disk_cache.os, "scandir", refuse)
    for name in ("info", "clear"):
        assert run(name) == (2, "", f"Error: {place}: permission denied\n")


def test_a_user_without_home_folder_is_told(run, monkeypatch):
    monkeypatch.setenv("ACTSPEC_CACHE_DIR", "")
    monkeypatch.setattr(disk_cache.platformdirs, "user_cache_dir", lambda *_args, **_options: "~/.cache/actspec")
    assert run("info")[::2] == (2, "Error: the user has no home folder: set ACTSPEC_CACHE_DIR\n")


def test_warm_compiles_what_pipelines_and_cells_need(run):
    specs = ("tanh", "prelu+norm:mean", "continuous(tanh)")
    code, out, _ = run("warm", *specs, "--dtype", "float64")
    assert (code, "compiled, " in out) == (0, True)
    before = counts()
    for spec in specs:
        actspec.parse(spec).bind(features=3)(np.ones((2, 3)))
    assert counts() == before


def test_help_lists_the_commands(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "info " in out
    assert "clear " in out
    assert "ACTSPEC_CACHE_DIR" in out


def test_it_starts_without_the_compiler():
    code = """
import sys
from actspec.cli import main
try:
    main(["cache", "info"])
except SystemExit:
    sys.exit("numba" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, timeout=30).returncode == 0
