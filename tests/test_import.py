"""What importing actspec brings along, and what waits until it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import actspec


def imported_after(program: str) -> set[str]:
    code = f"import sys\n{program}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "program",
    [
        "import actspec",
        "import actspec; actspec.parse('tanh+norm:z')",
        "import actspec; actspec.explain('tanh'); actspec.parse_layers([3])",
    ],
)
def test_heavy_and_optional_packages_wait(program: str) -> None:
    heavy = {"numba", "click", "rich", "pyarrow", "scipy", "torch", "importlib.metadata"}
    assert not heavy & imported_after(program)


def test_a_call_brings_the_compiler_and_no_more() -> None:
    program = "import actspec; actspec.parse('tanh')([1.0, 2.0])"
    assert not {"click", "rich", "pyarrow", "torch", "jax"} & imported_after(program)
    assert "numba" in imported_after(program)


def test_importing_reads_specs_only() -> None:
    later = {"actspec.description", "actspec.layers", "actspec.cli", "actspec.kernels.drive", "actspec.graph.trace"}
    assert not later & imported_after("import actspec; actspec.parse('tanh+norm:z')")


def test_every_public_name_is_there() -> None:
    for name in actspec.__all__:
        assert getattr(actspec, name) is not None
        assert name in dir(actspec)


def test_the_functions_are_no_modules() -> None:
    program = "import actspec.description, actspec.layers, actspec; assert callable(actspec.describe)"
    assert "actspec.description" in imported_after(program)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'actspec' has no attribute 'prase'"):
        _ = actspec.prase  # type: ignore[attr-defined]
