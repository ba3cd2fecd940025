"""The language as data: grammar/conformance.json and the corpus of specs, run against the parser."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import actspec
from actspec.parser import parse_syntax

ROOT = Path(__file__).parent.parent
CASES = json.loads((ROOT / "grammar" / "conformance.json").read_text(encoding="utf-8"))


def expand(spec: str | list[Any]) -> str:
    """A spec of the corpus as text: long ones are lists of strings and [string, count] pairs."""
    if isinstance(spec, str):
        return spec
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in spec)


def to_json(node: Any) -> Any:
    """A syntax tree as JSON: each node with its kind, its fields and its span."""
    if dataclasses.is_dataclass(node):
        fields = {field.name: to_json(getattr(node, field.name)) for field in dataclasses.fields(node)}
        return {"kind": type(node).__name__.lower(), **fields}
    return [to_json(each) for each in node] if isinstance(node, tuple) else node


def label(case: Any) -> str:
    return ascii(json.dumps(case["spec"]))[1:-1][:60]


def corpus(name: str) -> list[str]:
    lines = (ROOT / "tests" / "corpus" / name).read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line and not line.startswith("#")]


def test_the_cases_are_many_and_none_is_there_twice() -> None:
    assert CASES["format"] == 1
    assert len(CASES["valid"]) >= 120
    assert len(CASES["invalid"]) >= 120
    specs = [expand(case["spec"]) for kind in ("valid", "invalid") for case in CASES[kind]]
    assert len(specs) == len(set(specs))


@pytest.mark.parametrize("case", CASES["valid"], ids=label)
def test_valid(case: dict[str, Any]) -> None:
    text, canonical = expand(case["spec"]), expand(case["canonical"])
    pipeline = actspec.parse(text)
    assert str(pipeline) == canonical
    again = actspec.parse(canonical)
    assert again == pipeline
    assert hash(again) == hash(pipeline)
    assert str(again) == canonical
    if "tree" in case:
        assert to_json(parse_syntax(text)[0]) == case["tree"]


@pytest.mark.parametrize("case", CASES["syntax"], ids=label)
def test_syntax(case: dict[str, Any]) -> None:
    assert to_json(parse_syntax(case["spec"])[0]) == case["tree"]


@pytest.mark.parametrize("case", CASES["invalid"], ids=label)
def test_invalid(case: dict[str, Any]) -> None:
    text = expand(case["spec"])
    with pytest.raises(actspec.SpecError) as caught:
        actspec.parse(text)
    found = [
        {"span": list(each.span), "reason": each.reason, "suggestions": list(each.suggestions)}
        for each in caught.value.problems
    ]
    assert found == case["problems"]
    assert str(caught.value)


def test_problems_are_in_the_order_of_the_text() -> None:
    for case in CASES["invalid"]:
        spans = [tuple(problem["span"]) for problem in case["problems"]]
        assert spans == sorted(spans), case["spec"]


def test_suggestions_are_names_or_words_that_read() -> None:
    for case in CASES["invalid"]:
        for problem in case["problems"]:
            if problem["reason"].startswith("unknown activation") or "is a family" in problem["reason"]:
                for name in problem["suggestions"]:
                    assert actspec.describe(name).name in actspec.names()


def test_every_valid_line_of_the_corpus_reads_and_reads_back() -> None:
    specs = corpus("valid.txt")
    assert len(specs) >= 200
    for spec in specs:
        pipeline = actspec.parse(spec)
        assert actspec.parse(str(pipeline)) == pipeline, spec
        assert str(actspec.parse(str(pipeline))) == str(pipeline), spec
        assert str(parse_syntax(str(parse_syntax(spec)[0]))[0]) == str(parse_syntax(spec)[0]), spec


def test_every_invalid_line_of_the_corpus_is_a_spec_error_within_its_text() -> None:
    specs = corpus("invalid.txt")
    assert len(specs) >= 200
    for spec in specs:
        with pytest.raises(actspec.SpecError) as caught:
            actspec.parse(spec)
        assert caught.value.spec == spec
        for problem in caught.value.problems:
            start, end = problem.span
            assert 0 <= start <= end <= len(spec), spec
            assert start < end or start == len(spec), spec
            assert problem.reason, spec
