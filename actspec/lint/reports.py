"""Findings as text, JSON, GitHub's workflow commands and SARIF."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from actspec.errors import excerpt
from actspec.lint.check import Finding
from actspec.lint.files import Miss

Style = Callable[[str, str], str]
"""How a part of a text is painted: its role (``place``, ``fault``, ``caret``) and the part."""


def as_text(finding: Finding, paint: Style = lambda _role, part: part) -> str:
    """A finding as people read it: its place, what is wrong, and the source line with a caret line under it.

    Source lines are shortened around the fault, as the message of a SpecError does.
    """
    place = paint("place", f"{finding.file}:{finding.line}:{finding.column}:")
    start = finding.column - finding.source_column
    end = finding.end_column - finding.source_column if finding.end_line == finding.line else len(finding.source)
    line, caret = excerpt(finding.source, (start, max(end, start)))
    return f"{place} {finding.message}\n  {line}\n  {paint('caret', caret)}"


def as_line(finding: Finding, paint: Style = lambda _role, part: part) -> str:
    """A spec and its place, on one line."""
    place = paint("place", f"{finding.file}:{finding.line}:{finding.column}:")
    return f"{place} {' '.join(finding.spec.split())}"


def as_json(findings: Iterable[Finding]) -> str:
    """A list of objects, one a finding."""
    listed = [{key: getattr(each, key) for key in _MEMBERS} for each in findings]
    return _dumped(listed)


def _dumped(value: Any) -> str:
    """JSON, where bytes of a file name that are no text are escapes of lone surrogates, as Python has them."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


_MEMBERS = [each.name for each in fields(Finding) if not each.name.startswith("source")]


def as_github(finding: Finding) -> str:
    """A workflow command that marks the place in a pull request."""
    properties = {
        "file": finding.file,
        "line": finding.line,
        "endLine": finding.end_line,
        "col": finding.column,
        "endColumn": finding.end_column,
        "title": "actspec",
    }
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::error {listed}::{_data(finding.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


FAULT = {"id": "invalid-spec", "shortDescription": {"text": "A spec of activations that can't be read"}}
SPEC = {"id": "spec", "shortDescription": {"text": "A spec of activations, as it is listed"}}


def as_sarif(findings: Iterable[Finding], misses: Sequence[Miss], version: str, *, listing: bool = False) -> str:
    """A log of SARIF 2.1.0, with what could not be read among its notifications.

    The findings are faults, errors; or, with ``listing``, specs, which are information of no level.
    """
    rule = SPEC if listing else FAULT
    driver = {
        "name": "actspec",
        "version": version,
        "rules": [rule],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not misses,
                "toolExecutionNotifications": [{"level": "error", "message": {"text": str(miss)}} for miss in misses],
            }
        ],
        "results": [_result(each, listing=listing) for each in findings],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return _dumped(log)


def _result(finding: Finding, *, listing: bool) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    location = {"artifactLocation": {"uri": quote(os.fsencode(PurePath(finding.file).as_posix()))}, "region": region}
    return {
        "ruleId": (SPEC if listing else FAULT)["id"],
        "kind": "informational" if listing else "fail",
        "level": "none" if listing else "error",
        "message": {"text": finding.spec if listing else finding.message},
        "locations": [{"physicalLocation": location}],
    }
