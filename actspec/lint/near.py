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
    try:
        parse(text)
    except SpecError as error:
        suggested = any(problem.suggestions for problem in error.problems)
        return suggested or any(is_spec(text, dialect) for dialect in NAMES)
    return True


@lru_cache(4096)
def is_spec(text: str, dialect: str | None = None) -> bool:
    """Whether a string is a spec.

    >>> is_spec("tanh"), is_spec("tahn")
    (True, False)
    """
    try:
        parse(text, dialect)
    except SpecError:
        return False
    return True
