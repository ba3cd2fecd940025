"""Every float32 beside actspec's own result in float64, in compiled code, and how far that is from another one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from errors import KINDS, LIMITS, Found, together, wide
from values import near_kinks, spread, whole

import actspec

KIND = KINDS["float32"]
PART = 1 << 20  # patterns that a thread takes at once
CHUNK = 1 << 14  # elements: what a chunk takes stays in cache
TRUSTED = 1e-3  # ulp that the results in float64 may be off
SPREAD = 1 << 22  # values at which that is measured

_TOP = 2.0**128
_LARGEST = float(np.finfo(np.float32).max)
_NORMAL = float(np.finfo(np.float32).smallest_normal)
_ABOVE = tuple(int(np.float64(limit).view(np.int64)) for limit in LIMITS)


def sweep(act: actspec.Pipeline, values: int, tell: Callable[[float], None]) -> Found:
    """Compare results in float32 with those in float64; the candidates are the worst of each part."""
    start, step, count = spread(values)
    _examine(act, start, step, CHUNK)  # compiled before the threads start

    def part(number: int) -> Found:
        first = number * PART
        return _examine(act, start + first * step, step, min(PART, count - first))

    return together(part, -(-count // PART), tell)


def distance(act: actspec.Pipeline, worst: Found) -> float:
    """By how many ulp results in float64 are off, at most, beside the independent reference.

    It is measured over a spread of all float32, where formulas are likely to change, and at the worst candidates.
    """
    candidates = np.array([x for _, x in worst.candidates], np.float32)
    x = np.concatenate([whole("float32", SPREAD), near_kinks(act.stages), candidates])

    def part(number: int) -> Found:
        with np.errstate(all="ignore"):
            given = x[number * CHUNK : (number + 1) * CHUNK].astype(np.float64)
            right = np.asarray(wide(act.stages, given), np.float64)
            found = act(given)
            error = KIND.ulps(found, right)
        error[np.isnan(found) & np.isnan(right)] = 0
        error[np.isnan(error)] = math.inf
        return Found(worst=float(error.max()))

    return together(part, -(-x.size // CHUNK), lambda _: None).worst


def _examine(act: actspec.Pipeline, first: int, step: int, count: int) -> Found:
    """Compare so many patterns, from a first one on."""
    bits = np.empty(CHUNK, np.uint32)
    found, given, right, error = (np.empty(CHUNK, dtype) for dtype in (np.float32, *[np.float64] * 3))
    total, counts = Found(values=count), np.zeros(1 + len(LIMITS), np.int64)
    for done in range(0, count, CHUNK):
        size = min(CHUNK, count - done)
        x, y, wider, z, e = bits[:size].view(np.float32), found[:size], given[:size], right[:size], error[:size]
        _fill(np.uint64(first + done * step), np.uint64(step), bits[:size], x, wider)
        act(x, out=y)
        act(wider, out=z)
        worst, worst_subnormal = _compare(y, z, e, e.view(np.int64), z.view(np.int64), counts)
        if worst > total.worst:
            total.worst, total.at = worst, float(x[np.argmax(e)])
        if worst_subnormal > total.worst_subnormal:
            tiny = (np.abs(z) < _NORMAL) & (z != 0)
            total.worst_subnormal, total.at_subnormal = worst_subnormal, float(x[np.argmax(np.where(tiny, e, 0))])
        if counts[-1] > total.misplaced:
            if not total.misplaced:
                total.misplaced_at = float(x[_first_lost(y, z)])
            total.misplaced = int(counts[-1])
    total.above = counts[:-1].tolist()
    total.candidates = [(total.worst, total.at)] if total.worst else []
    return total


@numba.njit(nogil=True, error_model="numpy")
def _fill(first: Any, step: Any, bits: Any, x: Any, wider: Any) -> None:
    """Write bit patterns, and the numbers that they are; bits and x are the same memory."""
    for i in range(bits.size):
        bits[i] = np.uint32(first + np.uint64(i) * step)
    for i in range(bits.size):
        wider[i] = x[i]


@numba.njit(nogil=True, error_model="numpy")
def _is_lost(found: Any, right: Any) -> Any:
    """Whether NaN or an infinity is where it shouldn't be.

    Exact results that round to infinity must be infinite; half an ulp below that, either is right.
    """
    size = abs(right)
    misplaced = (found == found) != (right == right)  # NaN differs from itself
    return misplaced | ((size == np.inf) & (found != right)) | ((abs(found) == np.inf) & (size < _LARGEST))


@numba.njit(nogil=True, error_model="numpy")
def _first_lost(found: Any, right: Any) -> Any:
    for i in range(found.size):
        if _is_lost(found[i], right[i]):
            return i
    return -1


@numba.njit(nogil=True, error_model="numpy")
def _compare(found: Any, right: Any, error: Any, error_bits: Any, right_bits: Any, counts: Any) -> Any:
    """The largest error, and that of subnormal results; errors in ulp are written, and counts are added up.

    Three loops without branches, which run on vectors of numbers. Errors are compared by their bits: those of numbers
    that aren't negative have the numbers' order.
    """
    for i in range(found.size):
        exponent = min(max((right_bits[i] >> 52) & 0x7FF, 1023 - 126), 1023 + 127)
        error_bits[i] = (2046 + 23 - exponent) << 52  # one by the ulp
    lost = np.int64(0)
    for i in range(found.size):
        here, there = np.float64(found[i]), right[i]
        lost += np.int64(_is_lost(here, there))
        here = _TOP if here > _TOP else -_TOP if here < -_TOP else here
        there = _TOP if there > _TOP else -_TOP if there < -_TOP else there
        ulps = abs(here - there) * error[i]
        error[i] = ulps if ulps == ulps else 0.0
    worst = worst_subnormal = above_first = above_second = above_third = np.int64(0)
    for i in range(found.size):
        size, ulps = abs(right[i]), error_bits[i]
        worst = max(worst, ulps)
        worst_subnormal = max(worst_subnormal, ulps if (size < _NORMAL) & (size > 0) else np.int64(0))
        above_first += np.int64(ulps > _ABOVE[0])
        above_second += np.int64(ulps > _ABOVE[1])
        above_third += np.int64(ulps > _ABOVE[2])
    counts[0] += above_first
    counts[1] += above_second
    counts[2] += above_third
    counts[3] += lost
    most = np.array([worst, worst_subnormal]).view(np.float64)
    return most[0], most[1]
