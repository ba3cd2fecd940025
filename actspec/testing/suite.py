"""The suite: every check in its order, and how it is called."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from actspec.activation import Activation
from actspec.errors import did_you_mean
from actspec.pipeline import Pipeline, parse
from actspec.suggest import closest
from actspec.testing import calls, gradients, learning, words
from actspec.testing.case import Case
from actspec.testing.numbers import some_value
from actspec.testing.report import ConformanceError, Finding, Report

_SUITE: Final = (*calls.CHECKS, *gradients.CHECKS, *learning.CHECKS, *words.CHECKS)

CHECKS: Final[tuple[str, ...]] = tuple(each.name for each in _SUITE)
"""The names of the checks, in their order."""


def check_activation(
    subject: str | Pipeline | Activation | type[Activation],
    *,
    domain: tuple[float, float] = (-4.0, 4.0),
    shape: tuple[int, ...] | None = None,
    skip: Iterable[str] = (),
) -> Report:
    """Check an activation (a class or an instance), a pipeline or a spec; the report where every check holds.

    ``domain`` is the range of the random inputs, which are the same each time: narrow it for a formula that isn't
    defined everywhere. ``shape`` is that of the arrays, of two axes at least; without it, one is found that the formula
    takes. ``skip`` names checks that are left out, of those in ``CHECKS``.

    ConformanceError, an AssertionError whose message is the report, where a check failed. TypeError for a class that
    needs parameters, and for what is no activation; ValueError for an option that can't be.

    >>> report = check_activation("tanh", skip=("jvp", "jacobian", "derivative"))
    >>> report.ok, [each.check for each in report.skipped if each.note == "left out as asked"]
    (True, ['jvp', 'derivative', 'jacobian'])
    """
    left_out = _checked_names(skip)
    case = Case(_pipeline(subject), _checked_domain(domain), _checked_shape(shape))
    wanting: set[str] = set()
    findings = []
    for check in _SUITE:
        missing = [name for name in check.needs if name in wanting]
        if check.name in left_out:
            finding = Finding(check.name, "skipped", "left out as asked")
        elif missing:
            finding = Finding(check.name, "skipped", f"see {missing[0]}")
        else:
            finding = check.find(case)
        if missing or finding.status == "failed":
            wanting.add(check.name)
        findings.append(finding)
    report = Report(str(case.pipeline), tuple(findings))
    if not report.ok:
        raise ConformanceError(report)
    return report


def _pipeline(subject: object) -> Pipeline:
    if isinstance(subject, type) and issubclass(subject, Activation):
        needed = [each for each in subject.__definition__.parameters if each.required]
        if needed:
            values = ", ".join(f"{each.name}={some_value(each)}" for each in needed)
            raise TypeError(
                f"{subject.__qualname__} needs its {' and '.join(each.name for each in needed)}: check a spec, such as "
                f'"{subject.__definition__.name}({values})", or an instance'
            )
    elif not isinstance(subject, (str, Pipeline, Activation)):
        raise TypeError(f"subject must be an Activation, a Pipeline or a spec, not {type(subject).__name__}")
    return parse(subject)


def _checked_names(names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise TypeError("skip must be a collection of names, not a str")
    found = frozenset(names)
    for name in sorted(found.difference(CHECKS)):
        near = closest(name, CHECKS)
        raise ValueError(f"skip names {name!r}, which is no check" + (f"; {did_you_mean(near)}" if near else ""))
    return found


def _checked_domain(domain: tuple[float, float]) -> tuple[float, float]:
    low, high = map(float, domain)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"domain must be two finite numbers, the lower one first, not {domain!r}")
    return low, high


def _checked_shape(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if shape is not None and (len(shape) < 2 or min(shape) < 1):
        raise ValueError(f"shape must have two axes at least, none of them empty, not {shape!r}")
    return shape
