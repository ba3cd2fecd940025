"""The syntax tree of a spec: frozen nodes with their spans; ``str()`` gives the text back without spaces."""

from __future__ import annotations

import re
from dataclasses import dataclass

from actspec.errors import Span


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written: ``1``, ``-0.5``, ``1e-8``, ``inf``."""

    text: str
    span: Span

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Constant:
    """``true``, ``false`` or ``none``."""

    value: bool | None
    span: Span

    def __str__(self) -> str:
        return str(self.value).lower()


@dataclass(frozen=True, slots=True)
class String:
    """A quoted string, its escapes replaced."""

    value: str
    span: Span

    def __str__(self) -> str:
        return quote(self.value)


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter's value, with the parameter's name where it was written."""

    name: str | None
    value: Value
    span: Span
    name_span: Span

    def __str__(self) -> str:
        return f"{self.value}" if self.name is None else f"{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class Draw:
    """A distribution that a learnable parameter starts from: ``normal(1, 0.1)``."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span
    name_span: Span

    def __str__(self) -> str:
        return f"{self.name}({','.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Learnable:
    """``~start``: a learnable parameter and where it starts."""

    start: Number | Draw
    span: Span

    def __str__(self) -> str:
        return f"~{self.start}"


@dataclass(frozen=True, slots=True)
class Call:
    """One activation: its name, the number after the last colon, its arguments in parentheses."""

    name: str
    number: Number | None
    arguments: tuple[Argument, ...]
    span: Span
    name_span: Span

    def __str__(self) -> str:
        number = "" if self.number is None else f":{self.number}"
        arguments = f"({','.join(map(str, self.arguments))})" if self.arguments else ""
        return f"{self.name}{number}{arguments}"


@dataclass(frozen=True, slots=True)
class Group:
    """A pipeline in parentheses."""

    spec: Spec
    span: Span

    def __str__(self) -> str:
        return f"({self.spec})"


@dataclass(frozen=True, slots=True)
class Index:
    """``[i]``: one feature of the last axis."""

    at: Number
    span: Span

    def __str__(self) -> str:
        return f"[{self.at}]"


@dataclass(frozen=True, slots=True)
class Range:
    """``[start:stop:step]``: some features of the last axis."""

    start: Number | None
    stop: Number | None
    step: Number | None
    span: Span

    def __str__(self) -> str:
        start, stop = ("" if bound is None else str(bound) for bound in (self.start, self.stop))
        return f"[{start}:{stop}]" if self.step is None else f"[{start}:{stop}:{self.step}]"


@dataclass(frozen=True, slots=True)
class Stage:
    """A call or a group, and the slice that it works on."""

    body: Call | Group
    slice: Index | Range | None
    span: Span

    def __str__(self) -> str:
        return f"{self.body}{self.slice or ''}"


@dataclass(frozen=True, slots=True)
class Spec:
    """A pipeline: its stages from left to right."""

    stages: tuple[Stage, ...]
    span: Span

    def __str__(self) -> str:
        return "+".join(map(str, self.stages))


Value = Number | Constant | String | Learnable | Spec


_ESCAPED = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)


def quote(value: str) -> str:
    r"""A string as the language writes it, in single quotes.

    >>> print(quote("it's\n"))
    'it\'s\n'
    """
    return f"'{''.join(map(_escape, value))}'"


def _escape(char: str) -> str:
    if char in _ESCAPED:
        return _ESCAPED[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(text: str) -> str:
    r"""The value of a quoted string; a ValueError whose argument is the offset and the text of an unknown escape.

    >>> unquote(r"'it\'s'")
    "it's"
    """

    def replace(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code is not None and int(code, 16) < 0x110000:
            return chr(int(code, 16))
        if code is not None or match[4] not in _ESCAPES:
            raise ValueError(match.start() + 1, match[0])
        return _ESCAPES[match[4]]

    return _ESCAPE.sub(replace, text[1:-1])
