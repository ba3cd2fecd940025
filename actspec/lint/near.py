"""Whether a string that may be anything is meant as a spec."""

from __future__ import annotations

from functools import lru_cache

from actspec.dialects import NAMES
from actspec.errors import SpecError
from actspec.pipeline import parse


@lru_cache(4096)
def is_near(text: str) -> bool:
    """Whether a string is a spec, in any dialect, or so near to one that there are suggestions.

    >>> is_near("tanh"), is_near("tahn+norm:z"), is_near("two")
    (True, True, False)
    """
    return any(_reads(text, dialect) for dialect in (None, *NAMES))


def _reads(text: str, dialect: str | None) -> bool:
    try:
        parse(text, dialect)
    except SpecError as error:
        return dialect is None and any(problem.suggestions for problem in error.problems)
    return True
