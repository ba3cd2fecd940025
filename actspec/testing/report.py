"""What the suite found of an activation, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: ``status`` is ``passed``, ``failed`` or ``skipped``.

    ``note`` is what is worth knowing of a check that passed, or why one was skipped. One that failed has in its place
    what was ``seen``, what was ``expected``, and how to ``mend`` it.

    >>> print(Finding("jacobian", "skipped", "left out as asked"))
    skipped  jacobian: left out as asked
    """

    check: str
    status: str
    note: str = ""
    seen: str = ""
    expected: str = ""
    mend: str = ""

    def __str__(self) -> str:
        head = f"{self.status:<7}  {self.check}"
        if self.status == "failed":
            return f"{head}\n    seen:     {self.seen}\n    expected: {self.expected}\n    mend:     {self.mend}"
        return f"{head}: {self.note}" if self.note else head


@dataclass(frozen=True, slots=True)
class Report:
    """What the suite found of the activation ``spec``: a finding for each check, in their order; printable.

    >>> report = Report("tanh", (Finding("runs", "passed"), Finding("state", "skipped", "it remembers nothing")))
    >>> report.ok, len(report.passed), len(report.skipped)
    (True, 1, 1)
    >>> print(report)
    tanh: 1 passed, 0 failed, 1 skipped
      passed   runs
      skipped  state: it remembers nothing
    """

    spec: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> tuple[Finding, ...]:
        """The checks that passed."""
        return self._with("passed")

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return self._with("failed")

    @property
    def skipped(self) -> tuple[Finding, ...]:
        """The checks that were skipped, each with the reason as its note."""
        return self._with("skipped")

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    def _with(self, status: str) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.status == status)

    def __str__(self) -> str:
        head = f"{self.spec}: {len(self.passed)} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"
        return "\n".join([head, *(f"  {line}" for each in self.findings for line in str(each).split("\n"))])


class ConformanceError(AssertionError):
    """An activation that failed a check: the message is the report, which is in ``report`` too.

    >>> error = ConformanceError(Report("tanh", (Finding("runs", "failed", "", "nan", "0.5", "add up in float64"),)))
    >>> print(error)
    tanh: 0 passed, 1 failed, 0 skipped
      failed   runs
          seen:     nan
          expected: 0.5
          mend:     add up in float64
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report
