"""Text to syntax tree: the limits of the language, the nodes of its rules, and what a syntax error means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from actspec.errors import Problem, Span, SpecError, shorten
from actspec.grammar_tables import load_grammar
from actspec.lalr import END, Build, MisreadError, Token
from actspec.limits import MAX_CHARACTERS, MAX_NESTING, MAX_STAGES, RESERVED
from actspec.syntax import (
    Argument,
    Call,
    Constant,
    Draw,
    Group,
    Index,
    Learnable,
    Number,
    Range,
    Spec,
    Stage,
    String,
    Value,
    unquote,
)


def parse_syntax(text: str) -> tuple[Spec, tuple[Problem, ...]]:
    """The syntax tree of a spec, and the faults in it that didn't stop the reading.

    SpecError where the text is no sentence of the language or passes its limits.

    >>> tree, problems = parse_syntax(" tanh + norm : z ")
    >>> str(tree), problems
    ('tanh+norm:z', ())
    """
    check_limits(text)
    problems: list[Problem] = []
    try:
        spec: Spec = load_grammar().parse(text, _builders(problems))
    except MisreadError as error:
        raise SpecError(text, (_explain(text, error),)) from None
    return spec, tuple(problems)


def check_limits(text: str) -> None:
    """Raise SpecError where a text passes a limit of the language: its length, its depth, its activations."""
    if len(text) > MAX_CHARACTERS:
        reason = f"a spec has at most {MAX_CHARACTERS:,} characters, this has {len(text):,}"
        raise _passed(text, (MAX_CHARACTERS, len(text)), reason)
    if len(text) < 2 * MAX_STAGES and text.count("(") <= MAX_NESTING:
        return  # two activations don't touch
    depth = named = 0
    before = ""
    for match in _TOKEN.finditer(text):
        depth += (match[0] == "(") - (match[0] == ")")
        if depth > MAX_NESTING:
            raise _passed(text, match.span(), f"parentheses nest at most {MAX_NESTING} deep")
        # A word is an activation unless it is a variant, a distribution, a parameter's name or a value.
        if match["word"] and before not in (":", "~") and match["word"].lower() not in RESERVED:
            named += not match["named"]
            if named > MAX_STAGES:
                raise _passed(text, match.span("word"), f"a spec has at most {MAX_STAGES} activations, this has more")
        before = match[0]


def _passed(text: str, span: Span, reason: str) -> SpecError:
    return SpecError(text, (Problem(span, reason),))


_STRING = r"""'(?:[^'\\]|\\.)*(?:'|\\?\Z)|"(?:[^"\\]|\\.)*(?:"|\\?\Z)"""
_TOKEN = re.compile(
    rf"{_STRING}|[()\[\]:~]|[0-9.][A-Za-z0-9_.]*|(?P<word>[A-Za-z_][A-Za-z0-9_-]*)(?P<named>[ \t\r\n\f\v]*=)?",
    re.DOTALL,
)


def _open_brackets(text: str) -> list[int]:
    """Where the brackets that are still open at the end of the text stand."""
    opened: list[int] = []
    for match in _TOKEN.finditer(text):
        if match[0] in "([":
            opened.append(match.start())
        elif match[0] in ")]" and opened:
            opened.pop()
    return opened


def _builders(problems: list[Problem]) -> Mapping[str, Build]:
    """What makes a node of each rule of the grammar; faults that don't stop the reading go to ``problems``."""

    def call(children: list[Any], span: Span) -> Call:
        name, *words, given = children
        spelling, number = name.text, None
        for word in words:
            if number is not None:
                problems.append(Problem(word.span, f"nothing may follow the number ':{number}'"))
            elif word.terminal == "NUMBER":
                number = _number(word)
            else:
                spelling, name = f"{spelling}:{word.text}", word
        return Call(spelling, number, given or (), span, (span[0], name.span[1]))

    def value(token: Token) -> Value:
        if token.terminal == "NUMBER":
            return _number(token)
        if token.terminal == "CONSTANT":
            return Constant(_CONSTANTS[token.text.lower()], token.span)
        try:
            return String(unquote(token.text), token.span)
        except ValueError as error:
            offset, escape = error.args
            at = token.span[0] + offset
            problems.append(Problem((at, at + len(escape)), _explain_escape(escape)))
            return String(token.text[1:-1], token.span)

    def argument(children: list[Any], span: Span) -> Argument:
        name, given = children
        read = value(given) if isinstance(given, Token) else given
        return Argument(None, read, span, span) if name is None else Argument(name.text, read, span, name.span)

    return {
        "spec": lambda stages, span: Spec(tuple(stages), span),
        "stage": lambda children, span: Stage(children[0], children[1], span),
        "group": lambda children, span: Group(children[0], span),
        "call": call,
        "arguments": lambda children, _span: () if children[0] is None else tuple(children),
        "argument": argument,
        "learnable": lambda children, span: _learnable(children[0], span),
        "draw": lambda children, span: Draw(children[0].text, children[1], span, children[0].span),
        "slice": lambda children, span: _slice(children[0], span),
        "index": lambda children, _span: children[0],
        "range": lambda children, _span: tuple(children),
    }


_CONSTANTS = {"true": True, "false": False, "none": None}


def _learnable(start: Any, span: Span) -> Learnable:
    return Learnable(_number(start) if isinstance(start, Token) else start, span)


def _slice(body: Any, span: Span) -> Index | Range:
    if isinstance(body, Token):
        return Index(_number(body), span)
    start, _, stop, _, step = (None if child is None else _number(child) for child in body)
    return Range(start, stop, step, span)


def _number(token: Token) -> Number:
    return Number(token.text, token.span)


def _explain_escape(escape: str) -> str:
    digits = {"x": 2, "u": 4, "U": 8}.get(escape[1])
    if digits is None:
        return f"unknown escape {escape if escape.isprintable() else ascii(escape[1:])} in a string"
    return f"\\{escape[1]} takes {digits} hexadecimal digits, the number of a character"


def _explain(text: str, error: MisreadError) -> Problem:
    """The position and the cause of a syntax error, in the writer's terms."""
    expected, at_end, span = error.expected, error.token.terminal == END, error.token.span
    before, found = text[: span[0]].rstrip(), text[span[0] : span[1]]
    opened = _open_brackets(before)
    if not text.strip():
        return Problem((len(text), len(text)), "the spec is empty: expected an activation name, such as 'linear'")
    if expected == {"LPAR"} and (draw := _DRAW.search(before)):
        reason = f"expected a number, normal(mean, std) or uniform(low, high) after '~', found {shorten(draw[1])!r}"
        return Problem(draw.span(1), reason)
    if found in ("'", '"') and "STRING" in expected:
        return Problem((span[0], len(text)), f"the string is never closed: expected a second {found}")
    if found[:1] in ("'", '"') and not opened:
        return Problem(span, "a quoted string can only be a parameter's value")
    if found in (")", "]") and not opened:
        return Problem(span, f"{found!r} closes nothing")
    if at_end and expected & {"RPAR", "RSQB"}:
        bracket = text[opened[-1]]
        return Problem(span, f"{bracket!r} is never closed: expected {')' if bracket == '(' else ']'!r}")
    if found.isalpha() and not found.isascii():
        return Problem(span, f"names are made of the letters a-z, digits, '_' and '-', found {found!r}")
    shown = "the spec ends here" if at_end else f"found {shorten(found)!r}"
    return Problem(span, f"expected {_expectation(before, expected)}, {shown}")


_DRAW = re.compile(r"~[ \t\r\n\f\v]*(_*[A-Za-z][A-Za-z0-9_-]*)$")


def _expectation(before: str, expected: frozenset[str]) -> str:
    """What may follow ``before``, from the terminals that the parser would take."""
    after = f" after {before[-1]!r}" if before else ""
    if "STRING" in expected:
        return f"a value{after}"
    if "NAME" in expected and before.endswith("~"):
        return f"a number, normal(mean, std) or uniform(low, high){after}"
    if "NAME" in expected and "NUMBER" in expected:
        return f"a variant or a number{after}"
    if "NAME" in expected:
        return f"an activation name{after}"
    if "COMMA" in expected:
        return "',' or ')'"
    if expected >= {"NUMBER", "RSQB"}:
        return f"a whole number or ']'{after}"
    if "NUMBER" in expected:
        return f"an index, such as [0], or a range, such as [2:5],{after}"
    if "RSQB" in expected:
        return "']'"
    return "'+' or ')'" if "RPAR" in expected else "'+' between activations"
