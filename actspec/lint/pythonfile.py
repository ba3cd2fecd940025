"""Python: what is written as keyword, default, assignment or in a dict, from the syntax tree. Nothing is run."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import unicodedata
import warnings
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from actspec.errors import Span
from actspec.lint.document import Branch, Format, Kind, Node, Scalar, UnreadableError
from actspec.lint.near import is_near, is_spec
from actspec.lint.units import read_units


def read(text: str) -> list[Node]:
    """The keywords, dicts and assignments of a module, as mappings; UnreadableError where it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of an escape is not asked here
            tree = ast.parse(text)
    except SyntaxError as error:
        raise UnreadableError(f"this is no Python: {error.msg}", _error_index(text, error)) from None
    except (ValueError, UnicodeError) as error:
        raise UnreadableError(f"this is no Python: {error}") from None
    except (RecursionError, MemoryError):
        raise UnreadableError("the code is nested too deep") from None
    try:
        return list(_Reader(text).roots(tree))
    except RecursionError:
        raise UnreadableError("lists and dicts are nested too deep") from None


def _error_index(text: str, error: SyntaxError) -> int | None:
    starts = _line_starts(text)
    if error.lineno is None or not 0 < error.lineno <= len(starts):
        return None
    return min(len(text), starts[error.lineno - 1] + max(0, (error.offset or 1) - 1))


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]


class _Reader:
    """Syntax trees to nodes. What is inside a value that was read is not read again by itself."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _line_starts(text)
        self.taken: set[int] = set()
        self.bytes: dict[int, array[int] | None] = {}  # at which byte of its line each character starts

    def roots(self, tree: ast.AST) -> Iterator[Node]:
        for node in ast.walk(tree):  # outer ones before inner ones
            if id(node) in self.taken:
                continue
            branch = Branch(0, mapping=True)
            for path, value in _named(node):
                inner = branch
                for name in path[:-1]:
                    deeper = Branch(0, mapping=True)
                    inner.children += (_key(name), deeper)
                    inner = deeper
                self.add(inner, path[-1], value)
            for name, layers in _appended(node):
                self.add(branch, name, layers)
            if not branch.children and isinstance(node, (ast.Call, ast.Dict, ast.List, ast.Tuple)):
                branch.children += (_key(""), self.value(node))
            if branch.children:
                yield branch

    def add(self, branch: Branch, name: str, value: ast.expr) -> None:
        for each in _choices(value):
            branch.children += (_key(name), self.value(each, name))

    def value(self, node: ast.expr, name: str = "") -> Node:
        self.taken.add(id(node))
        start, end = self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)
        branch = Branch(start, mapping=not isinstance(node, (ast.List, ast.Tuple)))
        if isinstance(node, ast.Constant):
            return _constant(self.text, node, start, end)
        if isinstance(node, (ast.List, ast.Tuple)):
            for element in node.elts:
                branch.children += [self.value(each) for each in _choices(element)]
            branch.alternatives = len(branch.children) > len(node.elts)
            if _is_layer_list(node) and (_is_of_layers(name) or _names_activations(node)):
                return _layers(start, branch)
            if _is_of_layer(name) and _is_layer_tuple(node) and any(map(is_near, _strings(node))):
                listed = Branch(start, mapping=False)
                listed.children.append(branch)
                return _layers(start, listed)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
                self.add(branch, "<<" if key is None else name, value)
        elif isinstance(node, ast.Call):
            for name, argument in zip(_positions(node), node.args, strict=True):
                self.add(branch, name, argument)
            for keyword in node.keywords:
                self.add(branch, keyword.arg or "<<", keyword.value)
        else:
            self.taken.discard(id(node))
        return branch

    def offset(self, line: int | None, column: int | None) -> int:
        """The character at a place of the syntax tree, which counts bytes of UTF-8."""
        assert line is not None
        assert column is not None
        start = self.lines[line - 1]
        if self.text.isascii():
            return start + column
        if line not in self.bytes:
            text = self.text[start : self.lines[line] if line < len(self.lines) else None]
            sizes = (len(char.encode("utf-8", "surrogatepass")) for char in text)
            self.bytes[line] = None if text.isascii() else array("L", accumulate(sizes, initial=0))
        starts = self.bytes[line]
        return start + (column if starts is None else bisect_right(starts, column) - 1)


def _layers(start: int, listed: Branch) -> Branch:
    whole = Branch(start, mapping=True)
    whole.children += (_key("layers"), listed)
    return whole


def _key(name: str) -> Scalar:
    return Scalar(name, 0, 0, "", "string")


def _named(node: ast.AST) -> Iterator[tuple[list[str], ast.expr]]:
    """What a node gives values to, as the keys that lead there: assignments and the defaults of parameters."""
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if path := _path(target):
                yield path, _default_of_field(node.value)
    elif isinstance(node, ast.arguments):
        positional = [*node.posonlyargs, *node.args]
        for parameter, default in zip(positional[len(positional) - len(node.defaults) :], node.defaults, strict=True):
            yield [parameter.arg], default
        for parameter, optional in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            if optional is not None:
                yield [parameter.arg], optional


def _default_of_field(value: ast.expr) -> ast.expr:
    """What a field of a class has at first, where ``field(default=...)`` or ``Field(...)`` says it; else the value."""
    if isinstance(value, ast.Call) and _called(value) in ("field", "Field"):
        given = [each.value for each in value.keywords if each.arg == "default"] or value.args[:1]
        return given[0] if given else value
    return value


def _path(target: ast.expr) -> list[str]:
    """The keys of a target, outer ones first: ``act_cfg`` and ``type`` of ``cfg["act_cfg"].type``, after ``cfg``."""
    path: list[str] = []
    node: ast.expr = target
    while True:
        if isinstance(node, ast.Attribute):
            path.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and type(node.slice.value) is str:
            path.append(node.slice.value)
            node = node.value
        else:
            return [*([node.id] if isinstance(node, ast.Name) else []), *reversed(path)]


def _appended(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The layers that are added to a list of layers: by ``append``, ``insert``, ``extend`` or ``+=``."""
    target: ast.expr
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        target, value = node.target, node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if len(node.args) != _ADDING.get(node.func.attr):
            return
        target, value = node.func.value, node.args[-1]
        if node.func.attr != "extend" and isinstance(value, (ast.List, ast.Tuple)):
            value = ast.List([value], ast.Load(), **_place(value))
    else:
        return
    path = _path(target)
    if path and _is_of_layers(path[-1]) and isinstance(value, (ast.List, ast.Tuple)):
        yield path[-1], value


_ADDING = {"append": 1, "insert": 2, "extend": 1}
"""The methods of a list that add to it, by how many arguments they take; the last is what is added."""


def _place(node: ast.expr) -> dict[str, Any]:
    return {name: getattr(node, name) for name in node._attributes}


def _choices(value: ast.expr) -> Iterator[ast.expr]:
    """What an expression may give, where that is written in it: both sides of ``a if b else c`` and of ``a or b``."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.IfExp):
            pending += (node.orelse, node.body)
        elif isinstance(node, ast.BoolOp):
            pending += reversed(node.values)
        else:
            yield node


def _positions(node: ast.Call) -> list[str]:
    """The keys of a call's arguments without a name: for most of them none."""
    names = [""] * len(node.args)
    if names and _called(node) == "parse_layers":
        names[0] = "layers"
    if len(names) == 2 and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop", "setdefault"):
        key = node.args[0]  # of a dict, before the value where it is missing
        names[1] = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
    return names


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_of_layers(name: str) -> bool:
    return name == "layers" or name.endswith("_layers")


def _is_of_layer(name: str) -> bool:
    return name == "layer" or name.endswith("_layer")


def _is_layer_list(node: ast.List | ast.Tuple) -> bool:
    """Whether a display looks like a layer list: of sizes and tuples of a size and strings, or a size before such."""
    if not any(map(_is_layer_tuple, node.elts)):
        return False
    return _is_size(node.elts[0]) or all(_is_size(each) or _is_layer_tuple(each) for each in node.elts)


def _is_layer_tuple(node: ast.expr) -> bool:
    return isinstance(node, (ast.Tuple, ast.List)) and bool(_strings(node)) and sum(map(_is_size, node.elts)) == 1


def _strings(node: ast.List | ast.Tuple) -> list[str]:
    constants = (each for element in node.elts for each in _choices(element) if isinstance(each, ast.Constant))
    return [each.value for each in constants if isinstance(each.value, str)]


def _names_activations(node: ast.List | ast.Tuple) -> bool:
    """Whether a list of sizes and strings, which may be of anything, has a string that shows what the others are.

    That is a spec, or what is near to one and joined by a plus; after a size that stands alone, near will do.
    """
    tuples = (each for each in node.elts if isinstance(each, (ast.List, ast.Tuple)) and _is_layer_tuple(each))
    strings = (string for each in tuples for string in _strings(each))
    after_size = _is_size(node.elts[0])
    # In small letters, as most specs are, and names of other things aren't.
    return any(is_near(each) if after_size or "+" in each else each.islower() and is_spec(each) for each in strings)


def _is_size(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value > 0


def _constant(text: str, node: ast.Constant, start: int, end: int) -> Scalar:
    value = node.value
    if isinstance(value, str):
        return Scalar(value, start, end, "python", "string")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Scalar(text[start:end], start, end, "", "number")
    return Scalar("", start, end, "", "null" if value is None else "other")


_LITERAL = re.compile(r"(?P<prefix>[A-Za-z]*)(?P<quote>\"\"\"|'''|\"|')")


class _Piece(NamedTuple):
    """One of the literals that a string is joined of: where it stands, where the text in its quotes does."""

    outer: Span
    inner: Span
    raw: bool
    quote: str


def _pieces(text: str, scalar: Scalar) -> Iterator[_Piece]:
    written = text[scalar.start : scalar.end]
    starts = [start - 1 for start in _line_starts(f"({written})")]
    starts[0] = 0
    for token in tokenize.generate_tokens(io.StringIO(f"({written})", newline="").readline):
        if token.type != tokenize.STRING:
            continue
        (first_line, first), (last_line, last) = token.start, token.end
        start = scalar.start + starts[first_line - 1] + first - (first_line == 1)
        end = scalar.start + starts[last_line - 1] + last - (last_line == 1)
        match = _LITERAL.match(text, start)
        assert match
        inner = match.end(), end - len(match["quote"])
        yield _Piece((start, end), inner, "r" in match["prefix"].lower(), match["quote"])


_UNIT = re.compile(
    r"\\(?:\r\n|\r|\n)|\\N\{[^}]*\}|\\[0-7]{1,3}|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\.|\r\n|.",
    re.DOTALL,
)
_RAW = re.compile(r"\r\n|.", re.DOTALL)
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _meaning(unit: re.Match[str]) -> str:
    text = unit[0]
    if text[0] != "\\":
        return _raw_meaning(unit)
    kind = text[1]
    if kind in "\r\n":
        return ""
    if kind == "N" and len(text) > 2:
        return unicodedata.lookup(text[3:-1])
    if kind in "xuU" and len(text) > 2:
        return chr(int(text[2:], 16))
    if kind in "01234567":
        return chr(int(text[1:], 8))
    return _ESCAPES.get(kind, text)


def _raw_meaning(unit: re.Match[str]) -> str:
    return "\n" if unit[0] in ("\r\n", "\r") else unit[0]


def _kind_of(scalar: Scalar) -> Kind:
    assert scalar.kind
    return scalar.kind


def _spans(text: str, scalar: Scalar) -> list[Span]:
    spans: list[Span] = []
    for each in _pieces(text, scalar):
        spans += read_units(text, *each.inner, *((_RAW, _raw_meaning) if each.raw else (_UNIT, _meaning)))[1]
    return spans


def _encode(text: str, scalar: Scalar, new: str, at: int) -> str | None:
    pieces = list(_pieces(text, scalar))
    if len(pieces) > 1 and not _apart(text, pieces):
        return None  # one literal takes the place of all
    piece = next(each for each in pieces if each.inner[0] <= at < each.inner[1])
    if piece.raw:
        return None if "\\" in new or piece.quote[0] in new else new
    return _escaped(new, piece.quote[0])


def _quoted(text: str, scalar: Scalar, new: str) -> str | None:
    pieces = list(_pieces(text, scalar))
    quote = pieces[0].quote[0]
    return None if _apart(text, pieces) else f"{quote}{_escaped(new, quote)}{quote}"


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}")


def _apart(text: str, pieces: list[_Piece]) -> bool:
    """Whether more than white space stands between the literals, such as a comment, which has to stay."""
    return any(text[one.outer[1] : other.outer[0]].strip(" \t\f\r\n\\") for one, other in pairwise(pieces))


PYTHON = Format("Python", (".py",), read, _kind_of, _spans, _encode, _quoted)
