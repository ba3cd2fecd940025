"""What all formats are read into: scalars with their place in the text, inside lists and mappings."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from actspec.errors import Span

Kind = Literal["string", "null", "number", "other"]
Edit = tuple[int, int, str]
"""A span of a file's text and what takes its place."""


class UnreadableError(Exception):
    """A file that can't be read as what its name says: why, and at which character, if that is known.

    ``place`` is the line and column of that character, once they have been asked for.
    """

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason, at)
        self.reason = " ".join(reason.split())
        self.at = at
        self.place: tuple[int, int] | None = None


class Scalar:
    """A value that is no list and no mapping: its text, where it stands, quotes included, and how it is written.

    ``kind`` is None where finding it out costs more than most scalars are worth: ask the format's ``kind_of``.
    """

    __slots__ = ("end", "kind", "start", "style", "value")

    def __init__(self, value: str, start: int, end: int, style: str, kind: Kind | None) -> None:
        self.value = value
        self.start = start
        self.end = end
        self.style = style
        self.kind = kind


class Branch:
    """A list, or a mapping, whose children are its keys and values in turn.

    ``shared`` says that it may be met several times; ``size`` counts the values in it, those met again included;
    ``alternatives`` says that some of its children stand in place of one another.
    """

    __slots__ = ("alternatives", "children", "mapping", "shared", "size", "start")

    def __init__(self, start: int, *, mapping: bool, shared: bool = False) -> None:
        self.alternatives = False
        self.children: list[Node] = []
        self.mapping = mapping
        self.shared = shared
        self.size = 0
        self.start = start


Node = Scalar | Branch


@dataclass(frozen=True)
class Format:
    """How one kind of file is read.

    ``read`` gives the roots of a text, or UnreadableError. ``kind_of`` completes a scalar's kind. ``spans`` gives the
    place of each character of a string's value; ``encode`` writes a text so that it can stand at one of them, in the
    scalar's own quotes, or gives None where those can't hold it, when ``quoted`` writes the scalar anew, if it can.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[str], list[Node]]
    kind_of: Callable[[Scalar], Kind]
    spans: Callable[[str, Scalar], list[Span]]
    encode: Callable[[str, Scalar, str, int], str | None]
    quoted: Callable[[str, Scalar, str], str | None]


@dataclass(frozen=True)
class Document:
    """A file's text as it was read."""

    name: str
    text: str
    format: Format
    roots: Sequence[Node] = field(repr=False)

    @cached_property
    def _lines(self) -> list[int]:
        """Where each line starts."""
        return [0, *(match.end() for match in _BREAK.finditer(self.text))]

    def place(self, index: int) -> tuple[int, int]:
        """Line and column of a character, from 1."""
        line = bisect.bisect_right(self._lines, index)
        return line, index - self._lines[line - 1] + 1

    def around(self, index: int) -> tuple[str, int]:
        """The line of a character, or of a long one the part near it, and the column from 1 where that starts."""
        number = bisect.bisect_right(self._lines, index)
        start = self._lines[number - 1]
        end = self._lines[number] if number < len(self._lines) else len(self.text)
        first = max(start, index - _NEAR)
        shown = self.text[first : min(end, index + _NEAR)]
        return (shown.rstrip("\r\n") if number < len(self._lines) else shown), first - start + 1

    def spans(self, scalar: Scalar) -> list[Span]:
        """Where each character of a string's value stands in the text."""
        found = self.format.spans(self.text, scalar)
        assert len(found) == len(scalar.value), (self.format.name, scalar.style, scalar.value)
        return found


_BREAK = re.compile(r"\r\n|\r|\n")
_NEAR = 200
"""How much of a line is kept with a fault, on either side of where it starts: more than reports show of it."""
