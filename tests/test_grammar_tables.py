"""The compiled tables belong to the grammar, and parse as the grammar itself does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import lark
import pytest

from actspec import grammar_tables

GRAMMAR = Path(__file__).parent.parent / "grammar"


@pytest.fixture
def _fresh() -> Iterator[None]:
    grammar_tables.load_grammar.cache_clear()
    yield
    grammar_tables.load_grammar.cache_clear()


def test_the_tables_are_those_of_the_grammar() -> None:
    tables = json.loads((GRAMMAR / "spec.tables.json").read_text(encoding="utf-8"))
    assert tables["grammar"] == grammar_tables.grammar_digest(), (
        "run: python -c 'import actspec.grammar_tables as t; t.write_tables()'"
    )


@pytest.mark.parametrize("text", ["tanh+norm:z", "f(a=~normal(1,2),b='x')", "(a+b:4)[1:2:3]+c[-1]"])
def test_the_tables_parse_as_the_grammar_does(text: str) -> None:
    loaded, compiled = grammar_tables.load_grammar().parse(text), grammar_tables.compile_grammar().parse(text)
    assert loaded == compiled
    spans = [[(tree.meta.start_pos, tree.meta.end_pos) for tree in root.iter_subtrees()] for root in (loaded, compiled)]
    assert spans[0] == spans[1]


@pytest.mark.usefixtures("_fresh")
def test_another_series_of_lark_compiles_the_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_tables: object) -> lark.Lark:
        raise AssertionError("tables of another series must not be loaded")

    monkeypatch.setattr(lark.Lark, "load", refuse)
    monkeypatch.setattr(grammar_tables, "_LARK_SERIES", "0.0")
    assert grammar_tables.load_grammar().parse("tanh").data == "spec"


def test_tables_are_written_beside_the_grammar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spec.lark").write_text((GRAMMAR / "spec.lark").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(grammar_tables, "_folder", lambda: str(tmp_path))
    grammar_tables.load_grammar.cache_clear()
    written = json.loads(Path(grammar_tables.write_tables()).read_text(encoding="utf-8"))
    assert written["grammar"] == grammar_tables.grammar_digest()
    assert grammar_tables.load_grammar().parse("tanh").data == "spec"
    grammar_tables.load_grammar.cache_clear()
