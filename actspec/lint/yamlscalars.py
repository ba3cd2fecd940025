"""The scalars of YAML: where each character of a value stands, in every style; values are those of YAML 1.1."""

from __future__ import annotations

import re
from collections.abc import Iterator

from actspec.errors import Span
from actspec.lint.units import read_units

_BREAK = r"(?:\r\n|[\r\n\x85\u2028\u2029])"
# White space begins after something else, or an escaped space: so that it isn't gone through again at each step.
_FOLD = rf"(?:(?<![ \t])|(?<=\\[ \t]))[ \t]*{_BREAK}(?:[ \t]*{_BREAK})*[ \t]*"
_DOUBLE = re.compile(
    rf"\\(?P<joined>{_BREAK}(?:[ \t]*{_BREAK})*)[ \t]*|(?P<fold>{_FOLD})"
    r"|\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<escape>.))|[^\\]",
    re.DOTALL,
)
_SINGLE = re.compile(rf"(?P<fold>{_FOLD})|''|.", re.DOTALL)
_BREAKS = re.compile(_BREAK)
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "\\": "\\", "/": "/", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


def flow_spans(text: str, start: int, end: int, style: str) -> tuple[str, list[Span]]:
    """The value of a plain (style ""), single- or double-quoted scalar between its quotes, and its spans."""
    if style == '"':
        return read_units(text, start, end, _DOUBLE, _double)
    if style == "'":
        return read_units(text, start, end, _SINGLE, _single)
    return read_units(text, start, end, _SINGLE, _plain)


def _double(unit: re.Match[str]) -> str:
    if unit["fold"]:
        return _folded(unit["fold"])
    if unit["joined"]:
        return "".join(map(_line_feed, _BREAKS.findall(unit["joined"])[1:]))
    if code := unit["x"] or unit["u"] or unit["U"]:
        return chr(int(code, 16))
    return unit[0] if unit["escape"] is None else _ESCAPES[unit["escape"]]


def _single(unit: re.Match[str]) -> str:
    return _folded(unit["fold"]) if unit["fold"] else unit[0][0]


def _plain(unit: re.Match[str]) -> str:
    return _folded(unit["fold"]) if unit["fold"] else unit[0]


def _folded(fold: str) -> str:
    """What line breaks inside a scalar stand for: one for a space, more for one less."""
    first, *more = map(_line_feed, _BREAKS.findall(fold))
    if first != "\n":
        return first + "".join(more)
    return "".join(more) or " "


def _line_feed(line_break: str) -> str:
    return line_break if line_break in "\u2028\u2029" else "\n"


def block_spans(text: str, start: int, end: int, value: str) -> list[Span]:
    """Where the characters of a literal (``|``) or folded (``>``) scalar stand: from its indicator at ``start``."""
    header = _HEADER.match(text, start)
    assert header
    lines = [match.span() for match in _LINE.finditer(text, header.end(), end) if match[0]]
    for indent in _indents(text, lines, header["digit"]):
        read, spans = _block(text, lines, indent, folded=header["style"] == ">")
        # How many of the line breaks at its end a scalar keeps is settled: the value is there.
        if read[: len(value)] == value:
            return spans[: len(value)]
    raise AssertionError(f"no indentation gives the value {value!r}")


_HEADER = re.compile(rf"(?P<style>[|>])(?:[+-]?(?P<digit>[1-9])?[+-]?)[ \t]*(?:#[^\r\n\x85\u2028\u2029]*)?{_BREAK}?")
_LINE = re.compile(rf"[^\r\n\x85\u2028\u2029]*(?:{_BREAK}|\Z)")


def _indents(text: str, lines: list[Span], digit: str | None) -> Iterator[int]:
    """The indentations that a block may have, the likeliest first."""
    filled = [
        len(line) - len(line.lstrip(" "))
        for line in (text[slice(*span)] for span in lines)
        if line.strip(" \r\n\x85\u2028\u2029")
    ]
    if filled and digit is None:
        yield filled[0]
    yield from range(max([len(text[slice(*span)]) for span in lines[:1]] + filled[:1], default=0) + 10)


def _block(text: str, lines: list[Span], indent: int, *, folded: bool) -> tuple[str, list[Span]]:
    """The value of a block's lines with every line break at its end, and its spans."""
    value: list[str] = []
    spans: list[Span] = []
    break_before: Span | None = None  # the break that ended the last line with something in it
    blank: list[tuple[str, Span]] = []  # breaks of empty lines since then
    spaced = False  # whether that line began with white space
    for start, end in lines:
        line = text[start:end]
        content = line.rstrip("\r\n\x85\u2028\u2029") if line[-1:] in "\r\n\x85\u2028\u2029" else line
        spaces = len(content) - len(content.lstrip(" "))
        after = start + len(content), end
        if spaces < indent and spaces < len(content):
            break
        if len(content) <= indent:
            if after[0] < end:
                blank.append((_line_feed(text[after[0] : end]), after))
            continue
        first = content[indent]
        if break_before is not None:
            character = _line_feed(text[slice(*break_before)])
            if folded and character == "\n" and not spaced and first not in " \t":
                character = "" if blank else " "
            value.append(character)
            spans += [break_before] * len(character)
        for character, span in blank:
            value.append(character)
            spans.append(span)
        blank = []
        value.append(content[indent:])
        spans += [(at, at + 1) for at in range(start + indent, after[0])]
        spaced = first in " \t"
        break_before = after if after[0] < end else None
    ending = [] if break_before is None else [(_line_feed(text[slice(*break_before)]), break_before)]
    for character, span in (*ending, *blank):
        value.append(character)
        spans.append(span)
    return "".join(value), spans
