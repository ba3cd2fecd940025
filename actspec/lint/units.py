"""Text in quotes, unit by unit: what each escape, fold or character means, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable

from actspec.errors import Span

Meaning = Callable[["re.Match[str]"], str]


def read_units(text: str, start: int, end: int, unit: re.Pattern[str], meaning: Meaning) -> tuple[str, list[Span]]:
    r"""The value of ``text[start:end]``, and for each of its characters the span that stands for it.

    >>> read_units(r"'a\nb'", 1, 5, re.compile(r"\\n|."), lambda unit: unit[0].replace(r"\n", "\n"))
    ('a\nb', [(1, 2), (2, 4), (4, 5)])
    """
    value: list[str] = []
    spans: list[Span] = []
    for match in unit.finditer(text, start, end):
        read = meaning(match)
        value.append(read)
        spans += [match.span()] * len(read)
    return "".join(value), spans
