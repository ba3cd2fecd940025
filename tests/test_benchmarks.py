"""The benchmark programs run and say what they should; how fast anything is, is not tested."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


def run(program: str, *arguments: str, cache: Path) -> str:
    command = [sys.executable, str(BENCHMARKS / program), *arguments]
    environment = os.environ | {"ACTSPEC_CACHE_DIR": str(cache)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8", env=environment)
    return done.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


QUICK = ("--quick", "--rounds", "2", "--peers", "NumPy formula,NumPy")


def test_peers_gives_ratios_and_targets(cache: Path) -> None:
    report = json.loads(run("peers.py", *QUICK, "--json", "--only", "tanh*10* float32*", cache=cache))
    assert report["machine"]["cores"] >= 1
    assert "numpy" in report["machine"]["versions"]
    assert not report["stopped"]
    assert [case["group"] for case in report["cases"]] == ["threads", "single", "single"]
    for case in report["cases"]:
        assert case["copy"]["ratio"] > 0
        assert case["copy"]["low"] <= case["copy"]["high"]
        assert case["peers"]["NumPy formula"]["ratio"] > 0
        assert {"what", "ratio", "target", "met"} <= set(case["targets"][0])
        assert not case["failed"]
    unmeasured = [each["what"] for case in report["cases"] for each in case["targets"] if each["met"] is None]
    assert unmeasured == ["jax.jit / ours", "torch.compile / ours", "torch.tanh / ours", "torch.tanh / ours"]


def test_peers_prints_tables_and_writes_them_into_a_page(cache: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin peers -->\nold\n<!-- end peers -->\nafter\n", encoding="utf-8")
    printed = run("peers.py", *QUICK, "--markdown", "--only", "tanh 3* float32*", "--into", str(page), cache=cache)
    assert "(the fastest) / ours | " in printed
    text = page.read_text(encoding="utf-8")
    assert text == f"before\n<!-- begin peers -->\n\n{printed.strip()}\n\n<!-- end peers -->\nafter\n"


def test_peers_measures_the_cost_per_element_in_several_processes(cache: Path) -> None:
    given = ("--quick", "--rounds", "1", "--processes", "2", "--peers", "none", "--only", "cost*one thread")
    (case,) = json.loads(run("peers.py", *given, "--json", cache=cache))["cases"]
    assert case["targets"][0]["what"] == "dearest / cheapest"
    assert [point["elements"] for point in case["sizes"]] == [10**4, 10**5]
    assert all(point["copy"]["low"] < point["copy"]["high"] for point in case["sizes"])  # of the rounds of both


def test_what_rounds_do_not_decide_gets_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    processes, rounds = importlib.import_module("processes"), importlib.import_module("rounds")
    options = argparse.Namespace(processes=2, more=3)
    asked: list[tuple[str, list[str] | None]] = []

    def child(_file: str, group: str, _options: argparse.Namespace, names: list[str] | None) -> Iterator[Any]:
        asked.append((group, names))
        yield {"missing": {}}
        for name, peer in {"far": 2.0, "behind": 0.5, "close": 0.9 + len(asked) % 2 / 5}.items():
            if group == "single" and (names is None or name in names):
                yield {"case": name, "times": {"ours": [1.0, 1.0], "peer": [peer, peer]}, "failed": {}}

    def finish(parts: list[Any]) -> dict[str, Any]:
        times = rounds.merged([part["times"] for part in parts])
        found = rounds.ratio(times["peer"], times["ours"])
        target = rounds.judge(rounds.Target("peer", 1), "peer", found)
        return {"case": parts[0]["case"], "rounds": len(times["ours"]), "targets": [target]}

    monkeypatch.setattr(processes, "child", child)
    found = [each for each in processes.together("", options, finish) if "case" in each]
    assert [(each["case"], each["rounds"]) for each in found] == [("far", 4), ("behind", 4), ("close", 10)]
    assert [rounds.state(each["targets"][0]) for each in found] == ["met", "MISSED", "met"]
    assert asked == [("threads", None)] * 2 + [("single", None)] * 2 + [("single", ["close"])] * 3


def test_a_target_between_the_quartiles_is_a_tie_where_it_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    rounds = importlib.import_module("rounds")
    for low, middle, high, state in ((0.9, 0.95, 1.1, "tie"), (0.8, 0.9, 0.99, "MISSED"), (0.9, 1.01, 1.1, "met")):
        found = {"ratio": middle, "low": low, "high": high, "best": 1.0}
        assert rounds.state(rounds.judge(rounds.Target("peer", 1), "peer", found)) == state
    assert rounds.state(rounds.judge(rounds.Target("peer", 1), "peer", None)) == "not measured"


def test_peers_names_what_is_missing(cache: Path, tmp_path: Path) -> None:
    for name in ("torch", "jax"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    code = f"import sys, runpy; sys.path[:0] = [{str(tmp_path)!r}, {str(BENCHMARKS)!r}]; import libraries"
    code += "; print(libraries.Peers(libraries.PEERS).missing)"
    environment = os.environ | {"ACTSPEC_CACHE_DIR": str(cache)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    for peer in ("torch", "torch.compile", "jax.jit"):
        assert f"'{peer}': 'ImportError: not here'" in done.stdout


def test_every_elementwise_built_in_has_a_case() -> None:
    code = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); import shared, accuracy"
    code += (
        "; print(*shared.elementwise(), sep='\\n'); print('without:', *set(shared.elementwise()) - set(accuracy.WIDE))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    *names, without = done.stdout.splitlines()
    assert {"tanh", "prelu", "lgrelu", "softlif", "maxout"} <= set(names)
    assert not {"softmax", "norm:z", "continuous"} & set(names)
    assert without in ("without: maxout", "without:")


def test_accuracy_finds_the_worst(cache: Path) -> None:
    report = json.loads(run("accuracy.py", "tanh", "leakyrelu:0.1", "--values", "70000", "--json", cache=cache))
    assert [(each["spec"], each["type"]) for each in report["results"]] == [
        ("tanh", "float32"),
        ("tanh", "float64"),
        ("leakyrelu:0.1", "float32"),
        ("leakyrelu:0.1", "float64"),
    ]
    for each in report["results"]:
        assert each["values"] >= 70000
        assert 0.3 < each["worst"] < 4
        assert each["misplaced"] == 0
        assert list(each["above"]) == ["1", "2", "4"]
        assert float(each["where"]["x"]) != 0
        assert each["checked"] is None or each["checked"] == pytest.approx(each["worst"], abs=0.02)
        assert each["float64_off"] is None if each["type"] == "float64" else each["float64_off"] < 1e-3


def test_accuracy_sees_what_is_wrong(cache: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import numpy as np
import actspec, accuracy
class Tanh(actspec.Activation, override=True):
    def __call__(self, x):
        return np.where(x > 3e38, np.inf, np.where(np.abs(x) < 1e-39, 0, np.tanh(x) * (1 + 1e-6)))
for name, values in (("float32", 2**20), ("float64", 10**4)):
    result = accuracy.judge("tanh", actspec.parse("tanh"), name, values, False)
    assert 8 < result["worst"], result
    assert result["misplaced"] and not result["met"], result
    assert result["worst_subnormal"] > 1000, result
    assert "MISSED" in accuracy.text(result)

class TooLarge(actspec.Activation):
    def __call__(self, x):
        return x * 1e30 / 1e30 * 0.1  # infinite in float32 where x is above 3e8, and inexact elsewhere
act, found = actspec.parse("toolarge"), []
for result in accuracy.every_float32.sweep(act, 2**18, print), accuracy.beside_reference(act, "float32", 2**18, print):
    found.append([getattr(result, name) for name in ("values", "worst", "at", "worst_subnormal", "at_subnormal")])
    found[-1] += [*result.above, result.misplaced, result.misplaced_at]
assert found[0] == found[1], found
assert found[0][-2] > 2**16 and found[0][5] > 2**10, found
print("fine")
"""
    environment = os.environ | {"ACTSPEC_CACHE_DIR": str(cache)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.endswith("fine\n")


def test_accuracy_refuses_what_is_not_elementwise(cache: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run("accuracy.py", "softmax", cache=cache)
    assert "it takes elements together" in caught.value.stderr


def test_accuracy_goes_on_where_it_was_broken_off(cache: Path, tmp_path: Path) -> None:
    keep, page = tmp_path / "results", tmp_path / "page.md"
    page.write_text("<!-- begin accuracy -->\n<!-- end accuracy -->\n", encoding="utf-8")
    given = ("linear", "--type", "float32", "--values", "1000", "--keep", str(keep), "--into", str(page), "--json")
    (first,) = json.loads(run("accuracy.py", *given, cache=cache))["results"]
    (kept,) = keep.iterdir()
    kept.write_text(kept.read_text(encoding="utf-8").replace('"worst": 0.0', '"worst": 3.25'), encoding="utf-8")
    (again,) = json.loads(run("accuracy.py", *given, cache=cache))["results"]
    assert again == first | {"worst": 3.25}
    assert "| 3.25 |" in page.read_text(encoding="utf-8")
    kept.write_text(kept.read_text(encoding="utf-8").replace('"hash": "', '"hash": "other'), encoding="utf-8")
    (anew,) = json.loads(run("accuracy.py", *given, cache=cache))["results"]
    assert anew["worst"] == 0


def test_start_counts_compilations(cache: Path) -> None:
    report = json.loads(run("start.py", "--quick", "--json", cache=cache))
    rows = {row["what"]: row for row in report["rows"]}
    assert rows["compilations of a cold start"]["value"] == 1
    assert rows["compilations of a warm start"]["value"] == 0
    assert rows["compilations of twenty specs that differ in float parameters"]["value"] == 1
    assert np.isfinite(rows["warm start, above import numba"]["value"])


def test_lint_prints_its_ratios(cache: Path) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    heading, *lines = run("lint.py", "--rounds", "1", "--specs", "100", cache=cache).splitlines()
    assert heading.split()[0] == "specs"
    for line, name in zip(lines, ("repeated", "distinct", "list"), strict=True):
        assert line.startswith(name)
        assert all(float(word) >= 0 for word in line.split()[1:] if word != "ms")
