"""TOML: the standard library says whether a text is TOML; what stands where is found by a scan of its own."""

from __future__ import annotations

import re
import tomllib

from actspec.errors import Span
from actspec.lint.document import Branch, Format, Kind, Node, Scalar, UnreadableError
from actspec.lint.units import read_units


def read(text: str) -> list[Node]:
    """The tables of a text; UnreadableError where it is no TOML."""
    if deep := _DEEP.search(text):  # the standard library would take hours
        raise UnreadableError("keys are nested too deep", deep.start())
    try:
        tomllib.loads(text)
        return [_Scanner(text).document()]
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"this is no TOML: {_AT.sub('', str(error))}", _index(text, str(error))) from None
    except ValueError as error:  # a date that no calendar has, a number of more digits than Python takes
        raise UnreadableError(f"this is no TOML that can be read: {error}") from None
    except RecursionError:
        raise UnreadableError("arrays and tables are nested too deep") from None


_DEEP = re.compile(r"(?<![\w.-])(?:[\w-]+[ \t]*\.[ \t]*){1000}", re.ASCII)
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _index(text: str, message: str) -> int | None:
    """Where the standard library's message says that the fault is."""
    match = _AT.search(message)
    if match is None:
        return None
    if match[1] is None:
        return len(text)
    before = text.split("\n")[: int(match[1]) - 1]
    return min(len(text), sum(map(len, before)) + len(before) + int(match[2]) - 1)


class _Scanner:
    """Walks through a text that is known to be TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> Branch:
        root = table = Branch(0, mapping=True)
        while True:
            self.skip(_BLANK)
            if self.at == len(self.text):
                return root
            if self.text[self.at] == "[":
                array = self.text.startswith("[[", self.at)
                self.at += 1 + array
                keys = self.keys()
                self.at += 1 + array
                table = self.descend(root, keys, array=array)
            else:
                self.pair(table)

    def skip(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self.text, self.at)
        assert match
        self.at = match.end()
        return match

    def keys(self) -> list[Scalar]:
        found = [self.key()]
        while self.skip(_DOT)[1]:
            found.append(self.key())
        return found

    def key(self) -> Scalar:
        self.skip(_SPACE)
        start = self.at
        if self.text[start] in "\"'":
            return self.string()
        word = self.skip(_BARE)[0]
        return Scalar(word, start, self.at, "", "string")

    def descend(self, branch: Branch, keys: list[Scalar], *, array: bool = False) -> Branch:
        """The table that the keys lead to; it may be one of several parts of it."""
        for position, key in enumerate(keys):
            inner = Branch(key.start, mapping=True)
            child = inner
            if array and position == len(keys) - 1:
                child = Branch(key.start, mapping=False)
                child.children.append(inner)
            branch.children += (key, child)
            branch = inner
        return branch

    def pair(self, table: Branch) -> None:
        *tables, key = self.keys()
        self.at += 1  # the equals sign
        self.descend(table, tables).children += (key, self.value())

    def value(self) -> Node:
        self.skip(_SPACE)
        start = self.at
        char = self.text[start]
        if char in "\"'":
            return self.string()
        if char == "[":
            return self.array()
        if char == "{":
            return self.inline_table()
        word = self.skip(_WORD)[0].rstrip()
        self.at = start + len(word)
        return Scalar(word, start, self.at, "", "number" if _NUMBER.fullmatch(word) else "other")

    def array(self) -> Branch:
        branch = Branch(self.at, mapping=False)
        self.at += 1
        while True:
            self.skip(_BLANK_OR_COMMA)
            if self.text[self.at] == "]":
                self.at += 1
                return branch
            branch.children.append(self.value())

    def inline_table(self) -> Branch:
        branch = Branch(self.at, mapping=True)
        self.at += 1
        while True:
            self.skip(_BLANK_OR_COMMA)
            if self.text[self.at] == "}":
                self.at += 1
                return branch
            self.pair(branch)

    def string(self) -> Scalar:
        match = self.skip(_STRING)
        quote = match["quote"]
        value, _ = _units(self.text, match.start(), match.end(), quote)
        return Scalar(value, match.start(), match.end(), quote, "string")


_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK_OR_COMMA = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_DOT = re.compile(r"[ \t]*(\.?)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"[^,\]}#\r\n]+")
_NUMBER = re.compile(r"[+-]?(?:inf|nan|0[xob][0-9A-Fa-f_]+|[0-9][0-9_]*(?:\.[0-9_]+)?(?:[eE][+-]?[0-9_]+)?)")
_STRING = re.compile(
    r"(?P<quote>\"\"\"|'''|\"|')(?:"
    r"(?<=\"\"\")(?:[^\\\"]|\\.|\"(?!\"\"(?!\")))*\"\"\"|(?<=''')(?:[^']|'(?!''(?!')))*'''"
    r"|(?<!\"\"\")(?<=\")(?:[^\\\"]|\\.)*\"|(?<!''')(?<=')[^']*')",
    re.DOTALL,
)
_BASIC = re.compile(
    r"\\[ \t]*\r?\n[ \t\r\n]*|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\.|\r\n|.", re.DOTALL
)
_LITERAL = re.compile(r"\r\n|.", re.DOTALL)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


def _units(text: str, start: int, end: int, quote: str) -> tuple[str, list[Span]]:
    start += len(quote)
    if len(quote) == 3:  # a line break right after the quotes doesn't count
        start += 2 if text.startswith("\r\n", start) else text.startswith("\n", start)
    unit, meaning = (_BASIC, _basic) if quote[0] == '"' else (_LITERAL, _literal)
    return read_units(text, start, end - len(quote), unit, meaning)


def _basic(unit: re.Match[str]) -> str:
    text = unit[0]
    if text[0] != "\\":
        return _literal(unit)
    if text[1] in "xuU":
        return chr(int(text[2:], 16))
    return _ESCAPES.get(text[1], "")  # the rest are line breaks that don't count


def _literal(unit: re.Match[str]) -> str:
    return "\n" if unit[0] == "\r\n" else unit[0]


def _kind_of(scalar: Scalar) -> Kind:
    assert scalar.kind
    return scalar.kind


def _spans(text: str, scalar: Scalar) -> list[Span]:
    if not scalar.style:  # a key without quotes
        return [(at, at + 1) for at in range(scalar.start, scalar.end)]
    return _units(text, scalar.start, scalar.end, scalar.style)[1]


def _encode(_text: str, scalar: Scalar, new: str, _at: int) -> str | None:
    if scalar.style[0] == '"':
        return new.replace("\\", "\\\\").replace('"', '\\"')
    return None if "'" in new else new


def _quoted(_text: str, _scalar: Scalar, new: str) -> str:
    return '"' + new.replace("\\", "\\\\").replace('"', '\\"') + '"'


TOML = Format("TOML", (".toml",), read, _kind_of, _spans, _encode, _quoted)
