"""The exceptions of actspec: what is wrong, where it is, and what to write instead."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

Span = tuple[int, int]

_SHOWN_PROBLEMS = 10
_SHOWN_BEFORE, _SHOWN_AFTER = 60, 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a spec: its span (start, end) in the text, the reason, and the nearest valid choices."""

    span: Span
    reason: str
    suggestions: tuple[str, ...] = ()


class SpecError(ValueError):
    """A spec that can't be read; the message shows the text with a caret line under each fault.

    ``problems`` holds every independent fault in the order of the text; ``span``, ``reason`` and ``suggestions`` are
    those of the first one.

    >>> import actspec
    >>> try:
    ...     actspec.parse("tahn+relu")
    ... except actspec.SpecError as error:
    ...     print(error)
    unknown activation 'tahn'
      tahn+relu
      ^^^^
    did you mean 'tanh'?
    """

    def __init__(self, spec: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(spec, problems)
        self.spec = spec
        self.problems = problems

    @property
    def span(self) -> Span:
        """Start and end of the first fault: ``spec[start:end]`` is the faulty text (empty at the end of the spec)."""
        return self.problems[0].span

    @property
    def reason(self) -> str:
        """What is wrong with the first fault, in one line."""
        return self.problems[0].reason

    @property
    def suggestions(self) -> tuple[str, ...]:
        """What the first fault may have meant, nearest first."""
        return self.problems[0].suggestions

    def __str__(self) -> str:
        shown = "\n\n".join(_render(self.spec, problem) for problem in self.problems[:_SHOWN_PROBLEMS])
        hidden = len(self.problems) - _SHOWN_PROBLEMS
        return shown if hidden <= 0 else f"{shown}\n\n... and {hidden} more problems"


class RegistryError(ValueError):
    """A name that can't be registered: taken by another class, or not a word of the language."""


class LayerError(ValueError):
    """A layer list that can't be read; ``place`` says where, such as ``layers[1][1]``."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class DerivativeError(RuntimeError):
    """A derivative that a pipeline doesn't have, or that can't be found; the message says what to use or add."""


class UnboundError(RuntimeError):
    """A pipeline that needs learnable parameters or state was called before it was bound to them."""


def _render(spec: str, problem: Problem) -> str:
    line, caret = excerpt(spec, problem.span)
    text = f"{problem.reason}\n  {line}\n  {caret}"
    return f"{text}\n{did_you_mean(problem.suggestions)}" if problem.suggestions else text


def did_you_mean(suggestions: tuple[str, ...]) -> str:
    """The question that offers the suggestions: ``did you mean 'a', 'b' or 'c'?``."""
    quoted = [f"'{suggestion}'" for suggestion in suggestions]
    listed = " or ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]
    return f"did you mean {listed}?"


def shorten(text: str) -> str:
    """The text, or its start where it is long."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def excerpt(spec: str, span: Span) -> tuple[str, str]:
    """The line of the fault, shortened around it, and the caret line under it."""
    start, end = span
    if start == len(spec) and not spec[spec.rfind("\n") + 1 :].strip():
        start = end = len(spec.rstrip())  # the text ends in a blank line: show the one before
    line_start = spec.rfind("\n", 0, start) + 1
    line_end = spec.find("\n", start)
    line_end = len(spec) if line_end < 0 else line_end
    end = min(max(end, start + 1), max(line_end, start + 1))
    first = max(line_start, start - _SHOWN_BEFORE)
    last = min(line_end, end + _SHOWN_AFTER, start + _SHOWN_BEFORE + _SHOWN_AFTER)
    head, tail = "…" * (first > line_start), "…" * (last < line_end)
    before = "".join(map(_printable, spec[first:start]))
    marked = "".join(map(_printable, spec[start : min(end, last)]))
    after = "".join(map(_printable, spec[end:last]))
    indent = head.replace("…", " ") + "".join("\t" if char == "\t" else " " * _width(char) for char in before)
    return head + before + marked + after + tail, indent + "^" * max(1, sum(map(_width, marked)))


def _printable(char: str) -> str:
    return char if char == "\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _width(char: str) -> int:
    """Terminal columns that a character takes, so that carets stand under wide and combining ones."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
