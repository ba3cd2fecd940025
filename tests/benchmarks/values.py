"""The values that accuracy is measured at: bit patterns of float32, and samples of float64, always the same ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import actspec

CHUNK = 1 << 16  # elements: what a chunk takes stays in cache
SPECIAL = (0.0, 5e-324, 2.2250738585072014e-308, 1e-300, 0.5, 1.0, 2.0, 709.782712893384, 745.1332191019411, 1e300)


def spread(values: int) -> tuple[int, int, int]:
    """Bit patterns, evenly spread where not all are wanted: the first one, the step between two, and how many."""
    step = max(1, 2**32 // values)
    start = step // 3  # so that the lowest bits aren't zero in all of them
    return start, step, -(-(2**32 - start) // step)


def patterns(values: int) -> tuple[int, Callable[[int], Any]]:
    """The number of chunks of float32 numbers, spread over the bit patterns, and each of them."""
    start, step, count = spread(values)

    def chunk(number: int) -> Any:
        first = number * CHUNK
        bits = np.arange(first, min(first + CHUNK, count), dtype=np.uint64) * np.uint64(step) + np.uint64(start)
        return bits.astype(np.uint32).view(np.float32)

    return -(-count // CHUNK), chunk


def samples(values: int) -> tuple[int, Callable[[int], Any]]:
    """The number of chunks of float64 numbers, and each of them."""
    size = min(CHUNK // 4, max(64, values))
    count = -(-values // size)

    def chunk(number: int) -> Any:
        rng = np.random.default_rng([7, number])
        quarter = -(-size // 4)
        bits = rng.integers(0, 2**64, quarter, dtype=np.uint64, endpoint=False)
        sign = rng.choice([-1.0, 1.0], quarter)
        parts = [
            bits.view(np.float64),  # every exponent, NaN and infinity among them
            sign * 2.0 ** rng.uniform(-60, 11, quarter),  # the exponents at which activations have their shape
            rng.uniform(-40, 40, quarter),
            rng.uniform(-760, 760, size - 3 * quarter),
        ]
        x = np.concatenate(parts)
        if number == 0:
            special = np.array([*SPECIAL, math.inf, math.nan])
            special = np.concatenate([special, -special])
            x[: special.size] = special
        return x

    return count, chunk


CHUNKS = {"float32": patterns, "float64": samples}


def whole(name: str, values: int) -> Any:
    """All of the chunks of a type as one array."""
    count, chunk = CHUNKS[name](values)
    return np.concatenate([chunk(number) for number in range(count)])


def near_kinks(stages: tuple[actspec.Activation, ...]) -> Any:
    """The float32 numbers around parameters and small whole numbers, where formulas change."""
    given = (getattr(stage, each.name) for stage in stages for each in stage.__definition__.parameters)
    places = {0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 20.0} | {float(each) for each in given if isinstance(each, (int, float))}
    centres = np.array(sorted({abs(place) for place in places if math.isfinite(place)}), np.float32)
    bits = np.maximum(centres.view(np.int32)[:, None] + np.arange(-512, 512, dtype=np.int32), 0)
    near = bits.ravel().view(np.float32)
    return np.concatenate([near, -near])
