"""The conformance suite for activations: what each one has to hold, checked on arrays, with words on how to mend it.

actspec's own tests run it over every built-in; authors of activations run it over theirs. It is imported by who uses
it, and by nothing else in actspec.

>>> from actspec.testing import check_activation
>>> check_activation("relu").ok
True
"""

from actspec.testing.report import ConformanceError, Finding, Report
from actspec.testing.suite import CHECKS, check_activation

__all__ = ["CHECKS", "ConformanceError", "Finding", "Report", "check_activation"]
