"""Text to syntax tree: the limits of the language, Lark's trees to nodes, and what a syntax error means."""

from __future__ import annotations

import re

from lark import Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from actspec.errors import Problem, Span, SpecError, shorten
from actspec.grammar_tables import load_grammar
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
    try:
        tree = load_grammar().parse(text)
    except UnexpectedInput as error:
        raise SpecError(text, (_explain(text, error),)) from None
    builder = _Builder()
    return builder.spec(tree), tuple(builder.problems)


def check_limits(text: str) -> None:
    """Raise SpecError where a text passes a limit of the language: its length, its depth, its activations."""
    if len(text) > MAX_CHARACTERS:
        reason = f"a spec has at most {MAX_CHARACTERS:,} characters, this has {len(text):,}"
        raise _passed(text, (MAX_CHARACTERS, len(text)), reason)
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


class _Builder:
    """Lark's trees to nodes; faults that don't stop the reading are collected in ``problems``."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def spec(self, tree: Tree[Token]) -> Spec:
        return Spec(tuple(self.stage(child) for child in _trees(tree)), _span(tree))

    def stage(self, tree: Tree[Token]) -> Stage:
        body, cut = tree.children
        assert isinstance(body, Tree)
        node = self.call(body) if body.data == "call" else Group(self.spec(_trees(body)[0]), _span(body))
        return Stage(node, None if cut is None else self.slice(_as_tree(cut)), _span(tree))

    def call(self, tree: Tree[Token]) -> Call:
        *words, arguments = tree.children
        name, number, name_end = str(words[0]), None, _span(words[0])[1]
        for word in words[1:]:
            assert isinstance(word, Token)
            if number is not None:
                self.problems.append(Problem(_span(word), f"nothing may follow the number ':{number}'"))
            elif word.type == "NUMBER":
                number = _number(word)
            else:
                name, name_end = f"{name}:{word}", _span(word)[1]
        given = () if arguments is None else self.arguments(_as_tree(arguments))
        span = _span(tree)
        return Call(name, number, given, span, (span[0], name_end))

    def arguments(self, tree: Tree[Token]) -> tuple[Argument, ...]:
        return tuple(self.argument(child) for child in _trees(tree))

    def argument(self, tree: Tree[Token]) -> Argument:
        name, value = tree.children
        span = _span(tree)
        return Argument(
            None if name is None else str(name), self.value(value), span, span if name is None else _span(name)
        )

    def value(self, node: Tree[Token] | Token) -> Value:
        if isinstance(node, Tree):
            return self.learnable(node) if node.data == "learnable" else self.spec(node)
        if node.type == "NUMBER":
            return _number(node)
        if node.type == "CONSTANT":
            return Constant({"true": True, "false": False, "none": None}[node.lower()], _span(node))
        try:
            return String(unquote(node), _span(node))
        except ValueError as error:
            offset, escape = error.args
            start = _span(node)[0] + offset
            self.problems.append(Problem((start, start + len(escape)), _explain_escape(escape)))
            return String(node[1:-1], _span(node))

    def learnable(self, tree: Tree[Token]) -> Learnable:
        (start,) = tree.children
        if isinstance(start, Token):
            return Learnable(_number(start), _span(tree))
        name, arguments = start.children
        draw = Draw(str(name), self.arguments(_as_tree(arguments)), _span(start), _span(name))
        return Learnable(draw, _span(tree))

    def slice(self, tree: Tree[Token]) -> Index | Range:
        body = _as_tree(tree.children[0])
        if body.data == "index":
            return Index(_number(body.children[0]), _span(tree))
        start, _, stop, _, step = (None if child is None else _number(child) for child in body.children)
        return Range(start, stop, step, _span(tree))


def _number(token: Tree[Token] | Token) -> Number:
    return Number(str(token), _span(token))


def _as_tree(node: Tree[Token] | Token) -> Tree[Token]:
    assert isinstance(node, Tree)
    return node


def _trees(tree: Tree[Token]) -> list[Tree[Token]]:
    return [child for child in tree.children if isinstance(child, Tree)]


def _span(node: Tree[Token] | Token) -> Span:
    if isinstance(node, Tree):
        return node.meta.start_pos, node.meta.end_pos
    assert node.start_pos is not None
    assert node.end_pos is not None
    return node.start_pos, node.end_pos


def _explain_escape(escape: str) -> str:
    digits = {"x": 2, "u": 4, "U": 8}.get(escape[1])
    if digits is None:
        return f"unknown escape {escape if escape.isprintable() else ascii(escape[1:])} in a string"
    return f"\\{escape[1]} takes {digits} hexadecimal digits, the number of a character"


def _explain(text: str, error: UnexpectedInput) -> Problem:
    """The position and the cause of a syntax error, in the writer's terms."""
    if isinstance(error, UnexpectedToken):
        expected, at_end = error.accepts or error.expected, error.token.type == "$END"
        span = (len(text), len(text)) if at_end else _span(error.token)
    else:
        assert isinstance(error, UnexpectedCharacters)
        at, at_end = error.pos_in_stream or 0, False
        span = (at, at + 1)
        so_far = load_grammar().parse_interactive(text[: span[0]])
        so_far.exhaust_lexer()
        expected = so_far.accepts()  # type: ignore[no-untyped-call]  # Lark has no types here
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


def _expectation(before: str, expected: set[str]) -> str:
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
