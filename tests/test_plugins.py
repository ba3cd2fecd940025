"""Entry points: a real package installed into a folder of its own, imported on first use, failing alone."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import actspec
from actspec import plugins, registry

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.2"

[project.entry-points."actspec.activations"]
{points}

[tool.hatch.build.targets.wheel]
include = ["{module}.py"]
"""

GOOD = """
import actspec

print("imported")

class Wavy(actspec.Activation, aliases=("ripple",)):
    "Wave: ``sin(x)``."

    def __call__(self, x):
        import numpy as np
        return np.sin(x)

class Row(actspec.Activation, name="norm:row"):
    "Row: ``x``."

    def __call__(self, x):
        return x
"""


HALTING = """
import actspec

class Half(actspec.Activation):
    "Half: ``x/2``."

    def __call__(self, x):
        return x / 2

raise ValueError("two\\nlines")
"""


def install(folder: Path, name: str, module: str, points: str, body: str) -> None:
    """Build and install a plugin distribution into a folder, as pip does."""
    source = folder / f"source-{name}"
    source.mkdir()
    (source / "pyproject.toml").write_text(PYPROJECT.format(name=name, module=module, points=points))
    (source / f"{module}.py").write_text(body)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(folder / "site"), str(source)], check=True, timeout=300)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    install(
        folder,
        "wavy-acts",
        "wavy_acts",
        'wavy = "wavy_acts:Wavy"\nripple = "wavy_acts:Wavy"\ntanh = "wavy_acts:Wavy"\n'
        '"norm:row" = "wavy_acts:Row"\n"Bad Name!" = "wavy_acts:Row"',
        GOOD,
    )
    install(folder, "broken-acts", "broken_acts", 'shaky = "broken_acts:Shaky"', "raise OSError('no such device')")
    install(folder, "halting-acts", "halting_acts", 'half = "halting_acts:Half"', HALTING)
    install(folder, "lying-acts", "lying_acts", 'promised = "lying_acts:Other"', "class Other: pass")
    install(folder, "twin-acts", "twin_acts", 'shared = "twin_acts:One"', "One = 1")
    install(folder, "twin-acts-too", "twin_acts_too", 'shared = "twin_acts_too:Two"', "Two = 2")
    return folder / "site"


def run(site: Path, program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path(__file__).parent.parent)])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plugin_is_imported_on_first_use_of_its_name(site: Path) -> None:
    program = """
import actspec
actspec.parse("tanh"); print("wavy" in actspec.names(), "norm:row" in actspec.names())
assert not any("bad" in name for name in actspec.names())
print(actspec.parse("wavy+norm:row"), actspec.parse("ripple")(0.0))
"""
    assert run(site, program).split("\n")[:3] == ["True True", "imported", "wavy+norm:row 0.0"]


def test_built_ins_come_before_plugins(site: Path) -> None:
    assert run(site, "import actspec; print(type(actspec.parse('tanh')[0]).__module__)") == "actspec.catalog.sigmoids\n"


def test_plugins_outlive_the_scope_that_first_named_them(site: Path) -> None:
    program = """
import actspec
with actspec.registry.scope():
    actspec.parse("wavy")
print(actspec.parse("wavy"))
"""
    assert run(site, program) == "imported\nwavy\n"


def test_plugin_names_are_suggested_without_import(site: Path) -> None:
    program = """
import actspec
try: actspec.parse("wavey")
except actspec.SpecError as error: print(error.suggestions)
try: actspec.parse("norm:rov")
except actspec.SpecError as error: print(error.suggestions[0])
"""
    assert run(site, program) == "('wavy',)\nnorm:row\n"


def test_a_broken_plugin_breaks_its_own_name_alone(site: Path) -> None:
    program = """
import actspec
print(actspec.parse("tanh+wavy"), "shaky" in actspec.names())
for attempt in range(2):
    try: actspec.parse("tanh+shaky")
    except actspec.SpecError as error: print(error.span, error.reason, repr(error.__cause__.__cause__))
try: actspec.describe("shaky")
except actspec.SpecError as error: print(error.reason)
"""
    reason = (
        "activation 'shaky' comes from the package broken-acts 1.2, which failed to import: OSError: no such device"
    )
    twice = f"(5, 10) {reason} OSError('no such device')\n" * 2
    assert run(site, program) == f"imported\ntanh+wavy True\n{twice}{reason}\n"


def test_a_plugin_that_defines_no_such_name(site: Path) -> None:
    program = """
import actspec
try: actspec.parse("promised")
except actspec.SpecError as error: print(error.reason)
"""
    assert run(site, program) == (
        "activation 'promised' comes from the package lying-acts 1.2, but lying_acts:Other defines no such activation\n"
    )


def test_a_plugin_that_fails_half_way_registers_nothing(site: Path) -> None:
    program = """
import actspec
for attempt in range(2):
    try: actspec.parse("half")
    except actspec.SpecError as error: print(error.reason)
"""
    reason = (
        "activation 'half' comes from the package halting-acts 1.2, which failed to import: ValueError: two lines\n"
    )
    assert run(site, program) == reason * 2


def test_a_plugin_imported_in_a_scope_is_there_after_it(site: Path) -> None:
    program = """
import actspec
with actspec.registry.scope():
    import wavy_acts
print(actspec.parse("wavy"), actspec.parse("ripple"))
"""
    assert run(site, program) == "imported\nwavy wavy\n"


def test_plugins_load_from_many_threads_at_once(site: Path) -> None:
    program = """
import threading, actspec
seen = []
threads = [threading.Thread(target=lambda: seen.append(str(actspec.parse("wavy")))) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(seen == ["wavy"] * 16)
"""
    assert run(site, program) == "imported\nTrue\n"


def test_two_plugins_that_offer_one_name(site: Path) -> None:
    program = """
import actspec
try: actspec.parse("shared")
except actspec.SpecError as error: print(error.reason)
"""
    assert run(site, program) == (
        "activation 'shared' is offered by the package twin-acts 1.2 and the package twin-acts-too 1.2: "
        "uninstall one of them\n"
    )


def test_a_plugin_installed_later_is_found(site: Path) -> None:
    program = f"""
import sys, actspec
sys.path.remove({str(site)!r})
try: actspec.parse("wavy")
except actspec.SpecError: print("unknown")
sys.path.append({str(site)!r})
print(actspec.parse("wavy"))
"""
    assert run(site, program) == "unknown\nimported\nwavy\n"


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plugins of ``site`` in this process, and no trace of them after the test."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(registry._base, "entries", registry._base.entries)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.endswith(("_acts", "_acts_too")):
            del sys.modules[name]


@pytest.mark.usefixtures("installed")
def test_plugins_load_in_this_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert "wavy" in actspec.names()
    assert actspec.parse("wavy")(0.0) == 0.0
    assert actspec.describe("ripple").name == "wavy"
    assert capsys.readouterr().out == "imported\n"


@pytest.mark.usefixtures("installed")
def test_a_plugin_imported_in_a_scope_of_this_process_is_there_after_it() -> None:
    with registry.scope():
        module = importlib.import_module("wavy_acts")
    assert type(actspec.parse("wavy")[0]) is module.Wavy


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "cause"), [("shaky", "failed to import"), ("promised", "no such activation"), ("shared", "uninstall one")]
)
def test_plugins_fail_in_this_process(name: str, cause: str) -> None:
    with pytest.raises(actspec.SpecError, match=cause) as caught:
        actspec.parse(f"tanh+{name}(tahn)")
    assert [problem.span[0] for problem in caught.value.problems] == [5, 6 + len(name)]
    assert isinstance(caught.value.__cause__, plugins.PluginError)


def test_an_entry_point_without_a_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("nameless", "no_such_module:Thing", plugins.GROUP)
    monkeypatch.setattr(plugins, "offers", lambda _path: {"nameless": (point,)})
    with pytest.raises(actspec.SpecError, match="comes from an unnamed package, which failed to import"):
        actspec.parse("nameless")


def test_folders_of_the_import_path_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend("/no/such/folder")
    with pytest.raises(actspec.SpecError, match="unknown"):
        actspec.parse("nowhere_to_be_found")
