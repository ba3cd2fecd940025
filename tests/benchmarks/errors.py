"""Errors in units in the last place: of what they are counted, by which references, and which of them are the worst."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

import actspec
from actspec.kernels import threads

sys.path.append(str(Path(__file__).parents[1] / "support"))
from oracles import POINTWISE, WIDE, constants

LIMITS = (1, 2, 4)
KEPT = 16  # candidates that mpmath recomputes


def wide(stages: tuple[actspec.Activation, ...], x: Any) -> Any:
    """The stages' references one after the other; a class without one is its own, by its formula."""
    for stage in stages:
        name = stage.__definition__.name
        x = WIDE[name](stage, x) if name in WIDE else stage.formula(x)
    return x


def exact(stages: tuple[actspec.Activation, ...], x: float) -> Any:
    """The result for one x in mpmath; None where a stage has no such reference."""
    if not math.isfinite(x) or not all(stage.__definition__.name in POINTWISE for stage in stages):
        return None
    with mpmath.workdps(60):
        value = mpmath.mpf(x)
        for stage in stages:
            value = POINTWISE[stage.__definition__.name](value, **constants(stage))
        return value


@dataclass(frozen=True)
class Kind:
    """A type under test, and its numbers."""

    dtype: Any
    bits: Any
    wide: Any
    digits: int
    lowest: int  # exponent of the smallest normal number
    highest: int  # exponent of the first number that is too large

    def ulps(self, found: Any, right: Any) -> Any:
        """Errors in ulp; what is too large for the type counts as the first such number."""
        top = self.wide(2) ** self.highest
        right = np.clip(right, -top, top)
        exponent = np.clip(np.frexp(right)[1] - 1, self.lowest, self.highest - 1)
        # Two steps, as neither 2**-149 nor 2**1074 is a number of every type.
        return np.ldexp(np.abs(np.clip(found.astype(self.wide), -top, top) - right), self.digits - 1 - exponent)


class _Float32(Kind):
    def ulps(self, found: Any, right: Any) -> Any:
        """As of any type, by the bits of float64, which is faster."""
        top = 2.0**128
        right = np.clip(right, -top, top)
        exponent = (right.view(np.int64) >> 52) & 0x7FF
        np.clip(exponent, 1023 - 126, 1023 + 127, out=exponent)
        scale = ((2046 + 23 - exponent) << 52).view(np.float64)
        distance = np.clip(found.astype(np.float64), -top, top)
        distance -= right
        np.abs(distance, out=distance)
        distance *= scale
        return distance


KINDS = {
    "float32": _Float32(np.float32, np.uint32, np.float64, 24, -126, 128),
    "float64": Kind(np.float64, np.uint64, np.longdouble, 53, -1022, 1024),
}
LONG = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant


@dataclass
class Found:
    """What is known of the errors so far."""

    values: int = 0
    worst: float = 0.0
    at: float = math.nan
    worst_subnormal: float = 0.0
    at_subnormal: float = math.nan
    above: list[int] = field(default_factory=lambda: [0] * len(LIMITS))
    misplaced: int = 0
    misplaced_at: float = math.nan
    candidates: list[tuple[float, float]] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take another part's findings in."""
        self.values += other.values
        if other.worst > self.worst:
            self.worst, self.at = other.worst, other.at
        if other.worst_subnormal > self.worst_subnormal:
            self.worst_subnormal, self.at_subnormal = other.worst_subnormal, other.at_subnormal
        self.above = [a + b for a, b in zip(self.above, other.above, strict=True)]
        if other.misplaced and not self.misplaced:
            self.misplaced_at = other.misplaced_at
        self.misplaced += other.misplaced
        self.candidates = sorted({*self.candidates, *other.candidates}, reverse=True)[:KEPT]


def examine(act: actspec.Pipeline, kind: Kind, x: Any) -> Found:
    """Compare one chunk."""
    found = act(x)
    with np.errstate(all="ignore"):
        right = np.asarray(wide(act.stages, x.astype(kind.wide)), kind.wide)
        error = kind.ulps(found, right)
        # Exact results that round to infinity must be infinite; half an ulp below that, either is right.
        unknown = np.isnan(error)
        lost = np.isnan(found) != np.isnan(right)
        if np.isinf(found).any() or np.isinf(right).any():
            lost |= np.isinf(right) & (found != right)
            lost |= np.isinf(found) & ~np.isinf(right) & (np.abs(right) < np.finfo(kind.dtype).max)
        if unknown.any():
            error[unknown] = 0
        result = Found(values=x.size)
        place = int(np.argmax(error))
        result.worst, result.at = float(error[place]), float(x[place])
        if result.worst > LIMITS[0]:
            result.above = [int(np.count_nonzero(error > limit)) for limit in LIMITS]
        if not LONG and kind.digits > 24:
            best = np.argpartition(error, -KEPT)[-KEPT:] if error.size > KEPT else np.arange(error.size)
            result.candidates = [(float(error[each]), float(x[each])) for each in best]
        else:
            result.candidates = [(result.worst, result.at)]
        size = np.abs(right)
        small = (size < np.finfo(kind.dtype).smallest_normal) & (size > 0)
        if small.any():
            error[~small] = 0
            place = int(np.argmax(error))
            result.worst_subnormal, result.at_subnormal = float(error[place]), float(x[place])
        result.misplaced = int(np.count_nonzero(lost))
        if result.misplaced:
            result.misplaced_at = float(x[int(np.argmax(lost))])
    return result


def together(examined: Callable[[int], Found], count: int, tell: Callable[[float], None]) -> Found:
    """What is found in all of the parts, in their order; actspec's own threads share them."""
    parts: list[Found | None] = [None] * count
    done = iter(range(1, count + 1))  # one step for Python's lock, which makes it safe

    def work(number: int) -> None:
        parts[number] = examined(number)
        tell(next(done) / count)

    threads.share(work, count, actspec.get_num_threads())
    total = Found()
    for each in parts:
        assert each is not None
        total.add(each)
    return total


def check(act: actspec.Pipeline, kind: Kind, found: Found) -> dict[str, float | None]:
    """The errors of the worst candidates by mpmath: the worst, and where; None where it can't say."""
    worst: tuple[float, float] | None = None
    for _, x in found.candidates:
        right = exact(act.stages, x)
        got = float(act(np.array([x], kind.dtype))[0])
        if right is None or not math.isfinite(got):
            continue
        exponent = int(mpmath.frexp(right)[1]) - 1 if right else kind.lowest
        exponent = min(max(exponent, kind.lowest), kind.highest - 1)
        with mpmath.workdps(60):
            error = float(abs(mpmath.ldexp(got - right, kind.digits - 1 - exponent)))
        worst = max(worst or (error, x), (error, x))
    return {"worst": None, "at": None} if worst is None else {"worst": worst[0], "at": worst[1]}
