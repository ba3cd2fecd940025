"""What a check of the suite is, what it raises, and how it compares arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from actspec.errors import DerivativeError
from actspec.testing.case import Case
from actspec.testing.report import Finding


class Fault(Exception):  # noqa: N818  # a finding, which nobody but Check.find catches
    """What a check found wrong: what was seen, what was expected, how to mend it."""

    def __init__(self, seen: str, expected: str, mend: str) -> None:
        super().__init__(seen, expected, mend)
        self.seen, self.expected, self.mend = seen, expected, mend


class Skip(Exception):  # noqa: N818
    """Why a check has nothing to look at."""


class Check:
    """A function on a case, under its own name, and the names of the checks that have to pass before it.

    It returns a note or nothing, or raises Fault or Skip; the first line of its docstring says what has to hold.
    """

    def __init__(self, function: Callable[[Case], str | None], *needs: str) -> None:
        self.name = function.__name__
        holds = (function.__doc__ or "").split("\n")[0].rstrip(".")
        self.holds = holds[:1].lower() + holds[1:]
        self.needs = needs
        self._function = function

    def find(self, case: Case) -> Finding:
        """Run the check."""
        try:
            with np.errstate(all="ignore"):
                return Finding(self.name, "passed", self._function(case) or "")
        except Skip as reason:
            return Finding(self.name, "skipped", str(reason))
        except Fault as fault:
            return Finding(self.name, "failed", "", fault.seen, fault.expected, fault.mend)
        except DerivativeError as refused:  # "differentiable" looks for them, unless it is left out
            return Finding(self.name, "skipped", named(refused))
        except Exception as error:  # a formula may raise anything
            mend = _RETURN if " must return " in str(error) else "make the formula run on such an array"
            return Finding(self.name, "failed", "", named(error), self.holds, mend)


def named(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


REPORT: Final = (
    "this is a fault of actspec: please report it; until it is mended, a first line x = np.array(x) makes the formula "
    "run as it is written"
)
_RETURN: Final = "return an array of that shape, or one number for all elements: reductions need keepdims=True"
AS_WRITTEN: Final = "as the formula gives"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two arrays differ first, what stands there, and what should; or a difference of shape or type."""

    got: str
    want: str
    place: tuple[int, ...] | None = None


def difference(
    got: npt.NDArray[Any], want: npt.NDArray[Any], slack: npt.NDArray[Any] | None = None
) -> Difference | None:
    """The first difference of arrays that is more than rounding makes, or than ``slack``; None where there is none."""
    if got.shape != want.shape:
        return Difference(f"the shape {got.shape}", f"the shape {want.shape}")
    if got.dtype != want.dtype:
        return Difference(f"the type {got.dtype}", f"the type {want.dtype}")
    finite = np.isfinite(want)
    if slack is None:  # half of the digits of the largest number in the row
        size = np.where(finite, np.abs(want.astype(np.float64)), 0.0)
        largest = np.max(size, axis=-1, keepdims=True, initial=0.0) if want.ndim else size
        slack = math.sqrt(np.finfo(want.dtype).eps) * largest
    near = np.abs(got.astype(np.float64) - want.astype(np.float64)) <= slack
    alike = np.where(finite, near, (got == want) | (np.isnan(got) & np.isnan(want)))
    if alike.all():
        return None
    place = tuple(map(int, np.argwhere(~alike)[0])) if want.ndim else ()
    return Difference(f"{got[place]:.10g}", f"{want[place]:.10g}", place)


def compare(got: Any, want: npt.NDArray[Any], what: str, meant: str, mend: str) -> None:
    """Fault where the result for ``what`` is another one than is ``meant``."""
    found = difference(np.asarray(got), want)
    if found is not None:
        place = f" at {found.place}" if found.place else ""
        raise Fault(f"{found.got}{place} for {what}", f"{found.want}, {meant}", mend)


def unchanged(array: npt.NDArray[Any], before: npt.NDArray[Any], what: str, mend: str) -> None:
    """Fault where an array isn't what it was."""
    found = difference(array, before)
    if found is not None:
        raise Fault(f"{what} changed: {found.got} at {found.place}", f"{found.want}, as it was before", mend)
