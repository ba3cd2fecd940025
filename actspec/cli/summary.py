"""What a result looks like in a few figures, gathered part by part."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Summary:
    """Type, smallest, mean and largest value, the number of NaN (left out of those), and the time since it began."""

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()
        self.dtype = ""
        self._started = time.perf_counter()
        self._count = self._nans = 0
        self._total, self._low, self._high = 0.0, math.inf, -math.inf

    def add(self, values: Array) -> None:
        """Take a part of the result into account."""
        nans = int(np.count_nonzero(np.isnan(values)))
        known = values[~np.isnan(values)] if nans else values
        self._nans += nans
        if known.size:
            with np.errstate(all="ignore"):
                self._total += float(known.sum(dtype=np.float64))
            self._low = min(self._low, float(known.min()))
            self._high = max(self._high, float(known.max()))
            self._count += known.size

    def facts(self) -> dict[str, str]:
        """The figures in words, by their names; those of values are left out where there is none."""
        facts = {"shape": str(self.shape), "type": self.dtype}
        if self._count:
            mean = self._total / self._count
            facts |= {"min": f"{self._low:.6g}", "mean": f"{mean:.6g}", "max": f"{self._high:.6g}"}
        if self._nans:
            facts["nan"] = str(self._nans)
        return facts | {"time": f"{time.perf_counter() - self._started:.3g} s"}

    def lines(self) -> str:
        """The figures, one a line."""
        return "\n".join(f"{name:<6} {fact}" for name, fact in self.facts().items())

    def line(self) -> str:
        """The figures in one line."""
        return ", ".join(fact if name == "type" else f"{name} {fact}" for name, fact in self.facts().items())
