"""The compiled tables belong to the grammar; a changed grammar is compiled when it is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from actspec import grammar_tables
from actspec.lalr import MisreadError

GRAMMAR = Path(__file__).parent.parent / "grammar"
BUILD = {rule.name: lambda children, _span: tuple(children) for rule in grammar_tables.load_grammar().rules}


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the grammar's folder, which is the grammar meanwhile."""
    for name in ("spec.lark", "spec.tables.json"):
        (tmp_path / name).write_bytes((GRAMMAR / name).read_bytes())
    monkeypatch.setattr(grammar_tables, "_folder", lambda: str(tmp_path))
    grammar_tables.load_grammar.cache_clear()
    yield tmp_path
    grammar_tables.load_grammar.cache_clear()


def test_the_tables_are_those_of_the_grammar() -> None:
    kept = json.loads((GRAMMAR / "spec.tables.json").read_text(encoding="utf-8"))
    compiled = json.loads(json.dumps(grammar_tables.serialise(grammar_tables.compile_grammar())))
    assert kept["tables"] == compiled, "run: python -c 'import actspec.grammar_tables as t; t.write_tables()'"


def test_a_changed_grammar_is_compiled_and_its_tables_are_written(copied: Path) -> None:
    grammar = (copied / "spec.lark").read_text(encoding="utf-8")
    (copied / "spec.lark").write_text(grammar.replace('("+" stage)*', '("/" stage)*'), encoding="utf-8")
    changed = grammar_tables.load_grammar()
    changed.parse("tanh/relu", BUILD)
    with pytest.raises(MisreadError):
        changed.parse("tanh+relu", BUILD)
    before = (copied / "spec.tables.json").read_text(encoding="utf-8")
    assert Path(grammar_tables.write_tables()) == copied / "spec.tables.json"
    assert (copied / "spec.tables.json").read_text(encoding="utf-8") != before
    grammar_tables.load_grammar.cache_clear()
    assert grammar_tables.load_grammar() == changed
