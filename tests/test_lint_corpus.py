"""Configs in the styles of the field: each has its expected faults, and stays readable however it is damaged."""

from __future__ import annotations

import ast
import io
import json
import random
import re
import tomllib
from pathlib import Path

import pytest

import actspec
from actspec.lint.check import Finding
from actspec.lint.files import Miss
from actspec.lint.run import Linter, Rewritten
from tests.support.specs import mutate

yaml = pytest.importorskip("yaml", reason="the corpus is read with PyYAML")

CORPUS = Path(__file__).parent / "corpus" / "configs"
CONFIGS = sorted(path for path in CORPUS.rglob("*") if path.suffix in (".yaml", ".toml", ".json", ".py"))
STYLES = ("keras", "huggingface", "mmengine", "timm", "hydra", "theanets")


def test_every_style_has_several_files() -> None:
    counts = {style: sum(path.is_relative_to(CORPUS / style) for path in CONFIGS) for style in STYLES}
    assert min(counts.values()) >= 5
    assert sum(counts.values()) == len(CONFIGS)


def test_the_faults_are_those_that_are_expected() -> None:
    wanted = [line for line in (CORPUS / "expected.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    found = []
    for each in Linter().files([str(CORPUS)]):
        assert isinstance(each, Finding), each
        line = Path(each.file).read_text("utf-8").split("\n")[each.line - 1].rstrip("\r")
        assert line.startswith(each.source, each.source_column - 1)
        assert len(each.source) == min(len(line), each.column + 199) - each.source_column + 1
        place = f"{Path(each.file).relative_to(CORPUS).as_posix()}:{each.line}:{each.column}"
        message = each.message
        if each.suggestions:
            message = message[: message.index(near := f", did you mean '{each.suggestions[0]}'") + len(near)]
        found.append(f"{place}-{each.end_line}:{each.end_column}: {message}")
    assert sorted(found) == wanted


def test_hugging_face_configs_are_valid_in_their_dialect() -> None:
    folders = [str(path) for path in (CORPUS / "huggingface").iterdir() if "typo" not in path.name]
    assert len(folders) >= 8
    assert list(Linter(dialect="huggingface").files(folders)) == []


def test_the_python_loader_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [str(path) for path in CONFIGS if path.suffix == ".yaml"]
    found = list(Linter().files(files))
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert list(Linter().files(files)) == found
    (miss,) = run_on("deep.yaml", "[" * 10_000)
    assert isinstance(miss, Miss)
    assert str(miss) == "deep.yaml:1:1001: lists and mappings are nested too deep"


def run_on(name: str, text: str, *, fix: bool = False) -> list[Finding | Miss | Rewritten]:
    return list(Linter(fix=fix).stream(io.BytesIO(text.encode("utf-8", "surrogatepass")), name))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.relative_to(CORPUS).as_posix())
def test_damaged_files_give_findings_and_no_traceback(path: Path) -> None:
    text = path.read_bytes().decode()
    source = random.Random(path.name)
    for _ in range(60):
        damaged = mutate(text, source, "activation: [\n")
        for each in run_on(path.name, damaged, fix=True):
            if isinstance(each, Rewritten):
                same_but_specs(path.suffix, damaged, each.content.decode())
            else:
                assert isinstance(each, (Finding, Miss))


# Spellings that are valid and not canonical, some of which need other quotes than they stand in.
SPELLINGS = ["Leaky_ReLU:0.2", "rectify", "TANH + norm : z", "softmax[ : 5] + relu", "Logistic", " clip(-1,1)"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.relative_to(CORPUS).as_posix())
def test_fixes_change_specs_alone(path: Path) -> None:
    text = path.read_bytes().decode()
    source = random.Random(path.name)
    found = list(Linter(listing=True).files([str(path)]))
    tried = written = 0
    for each in found:
        assert isinstance(each, Finding)
        if each.line != each.end_line or "\\" in each.source:
            continue
        tried += not each.spec.isdigit() and each.spec != "null"
        lines = text.splitlines(keepends=True)
        line = lines[each.line - 1]
        spelled = source.choice(SPELLINGS)
        lines[each.line - 1] = line[: each.column - 1] + spelled + line[each.end_column - 1 :]
        changed = "".join(lines)
        results = run_on(path.name, changed, fix=True)
        for result in results:
            if isinstance(result, Rewritten):
                written += 1
                fixed = result.content.decode()
                same_but_specs(path.suffix, changed, fixed)
                assert comments(changed) == comments(fixed)
                assert not [again for again in run_on(path.name, fixed, fix=True) if isinstance(again, Rewritten)]
    assert written or not tried or "anchor" in path.name  # whose specs also stand where none do


def comments(text: str) -> list[str]:
    return re.findall(r"#.*", text)


def same_but_specs(suffix: str, old: str, new: str) -> None:
    """Both texts mean the same to the library that others read them with, but for strings that are equal pipelines."""
    assert old != new
    same(load(suffix, old), load(suffix, new))


def load(suffix: str, text: str) -> object:
    if suffix == ".json":
        return json.loads(text)
    if suffix == ".toml":
        return tomllib.loads(text)
    if suffix == ".py":
        return ast.dump(ast.parse(text))
    return [plain(node) for node in yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))]


def plain(node: object, depth: int = 0) -> object:
    if isinstance(node, yaml.ScalarNode):
        return [node.tag, node.value]
    assert depth < 50
    if isinstance(node, yaml.MappingNode):
        return [node.tag, [[plain(key, depth + 1), plain(value, depth + 1)] for key, value in node.value]]
    return [node.tag, [plain(value, depth + 1) for value in node.value]] if node else None


def same(old: object, new: object) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        assert list(old) == list(new)
        same(list(old.values()), list(new.values()))
    elif isinstance(old, list) and isinstance(new, list):
        assert len(old) == len(new)
        for one, other in zip(old, new, strict=True):
            same(one, other)
    elif old != new and isinstance(old, str) and isinstance(new, str):
        if old.startswith("Module("):
            literal = re.compile(r"Constant\(value=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)")
            assert literal.sub("", old) == literal.sub("", new)
            same(
                [ast.literal_eval(each) for each in literal.findall(old)],
                [ast.literal_eval(each) for each in literal.findall(new)],
            )
        else:
            assert str(actspec.parse(old)) == new.strip()
    else:
        assert old == new or old != old  # not a number
