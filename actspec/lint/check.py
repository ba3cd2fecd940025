"""What is wrong with the specs of a document, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from actspec import dialects
from actspec.errors import Problem, Span, SpecError, did_you_mean
from actspec.lint import layerlists
from actspec.lint.document import Document, Scalar
from actspec.lint.keys import DEFAULT_KEYS
from actspec.lint.select import Found, Selection
from actspec.pipeline import Pipeline, parse
from actspec.plugins import normalise


@dataclass(frozen=True)
class Settings:
    """What counts as a spec, and how it is read: key patterns, names to ignore (globs), and the dialect."""

    keys: tuple[str, ...] = DEFAULT_KEYS
    ignore: tuple[str, ...] = ()
    dialect: str | None = None


@dataclass(frozen=True)
class Finding:
    """A fault, or a spec, in a file: its span from ``line``, ``column`` up to ``end_line``, ``end_column``, from 1.

    ``end_column`` is the column after the last character. ``source`` is the line that it starts in, or of a long line
    the part near it, and ``source_column`` the column in which that begins.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    spec: str
    suggestions: tuple[str, ...] = ()
    source: str = field(default="", repr=False)
    source_column: int = field(default=1, repr=False)


class Checker:
    """Reads specs by some settings, and remembers what it read."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._read: dict[str, Pipeline | tuple[Problem, ...]] = {}
        self._ignored = tuple(map(normalise, settings.ignore))

    def read(self, spec: str) -> Pipeline | tuple[Problem, ...] | None:
        """The pipeline of a spec, or its faults; None where it is to be ignored."""
        known = self._read.get(spec)
        if known is None:
            known = self._read[spec] = self._parse(spec)
        return known or None

    def _parse(self, spec: str) -> Pipeline | tuple[Problem, ...]:
        if _is_filled_in(spec) or self._ignores(spec.strip()):
            return ()
        try:
            return parse(spec, self.settings.dialect)
        except SpecError as error:
            return tuple(each for each in error.problems if not self._ignores(spec[slice(*each.span)]))

    def spelling(self, written: str, pipeline: Pipeline) -> str | None:
        """The canonical spelling in the dialect of the settings; None where that can't express the pipeline.

        A name that the system has stays as it is written: what reads the file may know classes, or functions, alone.
        """
        if self.settings.dialect is None:
            return str(pipeline)
        if written in dialects.load(self.settings.dialect).names:
            return written
        try:
            return pipeline.spell(self.settings.dialect)
        except ValueError:
            return None

    def _ignores(self, text: str) -> bool:
        word = normalise(text)
        return any(fnmatchcase(word, name) for name in self._ignored)

    def faults(self, document: Document, selection: Selection) -> list[Finding]:
        """The faults of a document's specs and layer lists, in the order of the text."""
        found = [each for spec in selection.specs for each in self._of_spec(document, spec.scalar)]
        refused = {
            scalar.start: _finding(document, (scalar.start, scalar.end), reason, scalar.value)
            for layers in selection.layers
            for scalar, reason in layerlists.refused(layers, document.format.kind_of, self.read)
        }
        if refused:
            found = sorted((*found, *refused.values()), key=lambda each: (each.line, each.column))
        return found

    def _of_spec(self, document: Document, scalar: Scalar) -> Iterator[Finding]:
        kind = document.format.kind_of(scalar)
        if kind == "number":
            reason = f"expected a spec, a string, not the number {scalar.value}"
            yield _finding(document, (scalar.start, scalar.end), reason, scalar.value)
        elif kind == "string":
            read = self.read(scalar.value)
            if isinstance(read, tuple):
                spans = document.spans(scalar)
                for problem in read:
                    yield _fault(document, scalar, spans, problem)


def _is_filled_in(spec: str) -> bool:
    """Whether another program puts in the value, or a part: ``${act}`` and ``???`` of OmegaConf, ``{{ act }}``."""
    text = spec.strip()
    if text == "???" or _INTERPOLATION.search(text):
        return True
    if not (text.startswith("{{") and text.endswith("}")):
        return False
    depth = 0
    for match in _BRACE.finditer(text):
        depth += 1 if match[0] == "{" else -1
        if depth <= 0:
            return depth == 0 and match.end() == len(text)
    return False


_INTERPOLATION = re.compile(r"\$\{[^{}]*\}")
_BRACE = re.compile(r"[{}]")


def specs(document: Document, found: Sequence[Found]) -> Iterator[Finding]:
    """The specs themselves, with their places."""
    for each in found:
        scalar, kind = each.scalar, document.format.kind_of(each.scalar)
        span = scalar.start, scalar.end
        if kind == "string" and scalar.value.strip():
            spans = document.spans(scalar)
            start, end = len(scalar.value) - len(scalar.value.lstrip()), len(scalar.value.rstrip())
            span = spans[start][0], spans[end - 1][1]
        yield _finding(document, span, each.key, "null" if kind == "null" else scalar.value)


def _fault(document: Document, scalar: Scalar, spans: Sequence[Span], problem: Problem) -> Finding:
    start, end = problem.span
    last = len(scalar.value.rstrip())
    if start >= last:  # what is missing is missed after the last character that there is
        at = spans[last - 1][1] if last else spans[0][0] if spans else scalar.end - len(scalar.style[-1:])
        span = at, at
    else:
        span = spans[start][0], spans[max(start + 1, min(end, last)) - 1][1]
    reason = " ".join(problem.reason.split())
    message = f"{reason}, {did_you_mean(problem.suggestions)}" if problem.suggestions else reason
    return _finding(document, span, message, scalar.value, problem.suggestions)


def _finding(document: Document, span: Span, message: str, spec: str, suggestions: tuple[str, ...] = ()) -> Finding:
    start, end = document.place(span[0]), document.place(span[1])
    return Finding(document.name, *start, *end, message, spec, suggestions, *document.around(span[0]))
