"""Strings of the language: quoting and reading back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actspec.parser import parse_syntax
from actspec.syntax import String, quote, unquote


@given(st.text(st.characters(exclude_categories=())))
def test_any_string_reads_back(text: str) -> None:
    assert unquote(quote(text)) == text


@given(st.text(max_size=20))
def test_any_string_reads_back_through_the_parser(text: str) -> None:
    (stage,) = parse_syntax(f"f({quote(text)})")[0].stages
    (argument,) = stage.body.arguments  # type: ignore[union-attr]
    assert isinstance(argument.value, String)
    assert argument.value.value == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("it's", r"'it\'s'"),
        ("a\\b", r"'a\\b'"),
        ("\n\r\t", r"'\n\r\t'"),
        ("\x00\x7f", r"'\x00\x7f'"),
        ("\u2028", r"'\u2028'"),
        ("\U000e0001", r"'\U000e0001'"),
        ("\ud800", r"'\ud800'"),
        ("é中", "'é中'"),
    ],
)
def test_strings_are_quoted_with_the_shortest_escapes(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize("text", [r"'\q'", r"'\x1'", r"'\u12'", r"'\UFFFFFFFF'"])
def test_unknown_escapes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\(1, "):
        unquote(text)
