"""The parser reads what Lark reads, refuses what Lark refuses, and expects what Lark expects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actspec import grammar_tables
from actspec.lalr import END, MisreadError, Token

LARK = grammar_tables.compile_grammar()
TABLES = grammar_tables.load_grammar()
CORPUS = Path(__file__).parent / "corpus"
LINES = [line for path in sorted(CORPUS.glob("*.txt")) for line in path.read_text(encoding="utf-8").split("\n") if line]
MARKS = [
    "tanh",
    "norm",
    "inf",
    "nan",
    "true",
    "None",
    "_x",
    "1",
    "-2.5e3",
    "+1",
    ".5",
    "'a'",
    '"b',
    "é",
    *"+:()[],=~ \\",
]


def node(name: str) -> Any:
    return lambda children, span: (name, tuple(children), span)


BUILD = {rule.name: node(rule.name) for rule in TABLES.rules if not rule.repeated}


def of_lark(found: Any) -> Any:
    """A tree of Lark's as the builders of this test make it."""
    if isinstance(found, lark.Token):
        return Token(found.type, str(found), (found.start_pos or 0, found.end_pos or 0))
    if isinstance(found, lark.Tree):
        return (found.data, tuple(map(of_lark, found.children)), (found.meta.start_pos, found.meta.end_pos))
    return found


def read(text: str) -> Any:
    """The tree of a text, or why it has none."""
    try:
        return TABLES.parse(text, BUILD)
    except MisreadError as error:
        return error


def reads_alike(text: str) -> bool:
    """Whether it is a sentence, to both; the trees, or the places and what was expected, are equal."""
    found = read(text)
    if not isinstance(found, MisreadError):
        assert found == of_lark(LARK.parse(text))
        return True
    with pytest.raises(lark.UnexpectedInput) as caught:
        LARK.parse(text)
    token, theirs = found.token, caught.value
    if isinstance(theirs, lark.UnexpectedToken):
        assert token.terminal == theirs.token.type
        assert found.expected == (theirs.accepts or {END})  # Lark has read a whole spec, and forgets the end
        if token.terminal != END:  # Lark puts the end at the start of the last token
            assert (token.span[0], token.text) == (theirs.token.start_pos, theirs.token)
    else:
        at = theirs.pos_in_stream
        assert at is not None
        assert token == Token("", text[at], (at, at + 1))
    return False


def test_every_line_of_the_corpora() -> None:
    assert sum(map(reads_alike, LINES)) > 100
    assert not all(map(reads_alike, LINES))


@given(st.lists(st.sampled_from(MARKS), max_size=12).map("".join))
@settings(max_examples=1000, deadline=None)
def test_any_marks(text: str) -> None:
    reads_alike(text)


@given(st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_text(text: str) -> None:
    reads_alike(text)


@given(st.sampled_from(LINES), st.data())
@settings(max_examples=500, deadline=None)
def test_specs_with_a_piece_cut_out(line: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line)))
    reads_alike(line[:start] + line[data.draw(st.integers(start, len(line))) :])
