"""Checks of what an activation is called and says of itself, of its copies and pickles."""

from __future__ import annotations

import copy
import pickle
import re
import sys
from typing import Any, Final

from actspec.description import describe
from actspec.errors import SpecError
from actspec.pipeline import parse
from actspec.structure import leaves
from actspec.testing.case import Case
from actspec.testing.check import REPORT, Check, Fault, named


def spelling(case: Case) -> str | None:
    """An equal pipeline from the spelling."""
    text = str(case.pipeline)
    mend = (
        "register the class: leave register=False away, let no other class take its name, and keep to the "
        "registry.scope() that it is defined in"
    )
    try:
        again = parse(text)
    except SpecError as error:
        raise Fault(f"{text!r} doesn't read: {error.reason}", "an equal pipeline", mend) from None
    if again != case.pipeline:
        raise Fault(f"{text!r} means {_classes(again)}", f"{_classes(case.pipeline)}", mend)
    if hash(again) != hash(case.pipeline) or str(again) != text:
        raise Fault(f"an equal pipeline with another hash or spelling, {str(again)!r}", f"{text!r}", REPORT)
    return None


def _classes(stages: Any) -> str:
    found = dict.fromkeys(type(stage) for stage in leaves(stages))
    return " and ".join(f"{cls.__module__}.{cls.__qualname__}" for cls in found)


def pickling(case: Case) -> str | None:
    """An equal one from a copy and from a pickle."""
    notes = []
    subjects: list[Any] = [case.pipeline]
    for stage in case.pipeline:
        if all(_is_importable(type(each)) for each in leaves([stage])):
            subjects.append(stage)
        else:
            notes.append(f"{stage} is pickled in a pipeline only: its class isn't at the top of a module")
    mend = "register the class, at the top of a module, under a name that no other class takes"
    for each in subjects:
        try:
            loaded = pickle.loads(pickle.dumps(each))  # noqa: S301  # what was pickled just now
            copies = {"pickle": loaded, "copy": copy.copy(each), "deep copy": copy.deepcopy(each)}
        except Exception as error:  # a class may have its own ways
            raise Fault(f"{named(error)}, of {each!r}", "a pickle that loads", mend) from None
        for what, other in copies.items():
            if other != each or hash(other) != hash(each):
                raise Fault(f"a {what} that isn't equal to {each!r}", "an equal one", mend)
    return "; ".join(notes)


def _is_importable(cls: type) -> bool:
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is cls


def docstring(case: Case) -> str | None:
    """A docstring with a summary, the formula and the range."""
    for cls in dict.fromkeys(type(stage) for stage in leaves(case.pipeline.stages)):
        name, described = cls.__qualname__, describe(cls)
        doc = " ".join((cls.__doc__ or "").split())
        mend = f'begin the docstring of {name} as in """Hyperbolic tangent: ``tanh(x)``."""'
        if not doc:
            raise Fault(f"{name} has no docstring", "a summary and a formula", mend)
        if not described.summary:
            raise Fault(f"the docstring of {name} begins without words", "a summary before the formula", mend)
        if f"``{described.formula}``" not in doc:  # then it was found in the source, or not at all
            raise Fault(f"the docstring of {name} begins without a formula", "one in double backquotes", mend)
        if not _RANGE.search(described.range):
            section = f"a section Returns that says {described.range!r}" if described.range else "no section Returns"
            raise Fault(
                f"{section} in the docstring of {name}",
                "the range of the result in a section Returns, such as (-1, 1)",
                f"write into the docstring of {name} the line Returns, one of dashes under it, and one such as: "
                "An array of x's shape, in (-1, 1).",
            )
    return None


_RANGE: Final = re.compile(r"[\[({][^\])}]*[\])}]|\brange\b")

CHECKS: Final = tuple(map(Check, (spelling, pickling, docstring)))
