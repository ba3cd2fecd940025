"""Slopes by central differences, in float64, and derivatives compared with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array
from actspec.testing.check import Fault, Skip, difference


@dataclass(frozen=True, slots=True)
class Slopes:
    """How outputs change with inputs: ``by[output, input]``, both laid flat; ``error`` is about how far that is off.

    An input is ``smooth`` where the slopes of both sides agree. An output without a finite value counts as zero, and
    the input at its place as not smooth.
    """

    by: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    smooth: npt.NDArray[np.bool_]

    @property
    def coupled(self) -> bool:
        """Whether an output depends on an input at another place."""
        if len(self.by) != len(self.smooth):  # no output has a place among the inputs
            return True
        sizes = np.where(self.smooth, np.abs(self.by), 0.0)
        return bool(np.any(sizes[~np.eye(len(sizes), dtype=bool)] > 1e-6 * sizes.max(initial=0.0)))

    @property
    def note(self) -> str:
        """How many inputs there is nothing to compare at."""
        left_out = int(np.sum(~self.smooth))
        return f"{left_out} of {self.smooth.size} inputs left out, at kinks or without a value" if left_out else ""

    def elementwise(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """The slopes of outputs by the inputs at their places, NaN where not smooth, and how far they may be off."""
        by, error = np.diagonal(self.by), np.diagonal(self.error)
        return np.where(self.smooth, by, np.nan).reshape(shape), allowance(np.abs(by), error).reshape(shape)

    def pulled(self, g: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """The slopes of ``sum(g * output)``, in the same way."""
        weights = g.ravel()
        size, error = np.abs(weights) @ np.abs(self.by), np.abs(weights) @ self.error
        return np.where(self.smooth, weights @ self.by, np.nan).reshape(shape), allowance(size, error).reshape(shape)


def allowance(size: Array, error: Array) -> Array:
    """How far sums of slopes may be off: a millionth of the largest, and what the differences are off."""
    return 1e-6 * np.max(size, initial=0.0, where=np.isfinite(size)) + 10 * error


_STEPS: Final = tuple(0.02 * 4.0**-number for number in range(10))


def slopes(function: Callable[[Array], Array], x: Array) -> Slopes:
    """The slopes of a function of an array at x, each from the pair of steps that agrees best."""
    y = function(x)
    valued = np.isfinite(y).ravel() if y.shape == x.shape else np.ones(y.size, bool)
    y = np.where(valued, y.ravel(), 0.0)
    by, error = np.zeros((2, y.size, x.size))
    smooth = np.zeros(x.size, bool)
    for place in range(x.size):
        steps = np.array(_STEPS) * max(1.0, abs(float(x.flat[place])))
        above, below = (
            np.where(valued, [function(_moved(x, place, sign * step)).ravel() for step in steps], 0.0)
            for sign in (1.0, -1.0)
        )
        central = (above - below) / (2 * steps[:, None])
        better = (16 * central[1:] - central[:-1]) / 15  # without the error of second order
        off = np.abs(np.diff(better, axis=0))
        off = np.where(np.isfinite(off), off, np.inf)
        best = np.argmin(off, axis=0)[None]
        by[:, place] = np.take_along_axis(better, best + 1, axis=0)
        rounding = np.finfo(np.float64).eps * np.abs(y) / steps[best[0] + 2]  # what the results' last digits make
        error[:, place] = np.maximum(np.take_along_axis(off, best, axis=0), rounding)
        bend = np.abs((above[-1] - y) - (y - below[-1])) / steps[-1]
        least = 1e-3 * np.max(np.abs(by[:, place]), initial=0.0) + 1e-6 * np.max(np.abs(y), initial=0.0)
        smooth[place] = bool(np.all(np.isfinite(by[:, place]) & (bend <= least)))
    return Slopes(by, error, smooth & valued if y.size == x.size else smooth)


def one_sided(function: Callable[[Array], Array], x: Array, g: Array) -> tuple[Array, Array, Array]:
    """The slopes of ``sum(g * f(x))`` to the right and left of each input, and how large what they add up is.

    NaN where a slope depends on the step.
    """
    y = function(x)
    found = np.full((2, x.size), np.nan)
    sizes = np.zeros(x.size)
    for place in range(x.size):
        for side, sign in enumerate((1.0, -1.0)):
            for steps in ((1e-6, 1e-7), (1e-11, 1e-12)):  # a small eps in the formula makes a kink round
                moves = [sign * step * max(1.0, abs(float(x.flat[place]))) for step in steps]
                changes = [g * (function(_moved(x, place, move)) - y) / move for move in moves]
                first, second = (float(np.sum(change)) for change in changes)
                if abs(second - first) <= 0.05 * max(1e-3, abs(second)):
                    found[side, place] = second
                    sizes[place] = max(sizes[place], float(np.sum(np.abs(changes[1]))))
                    break
    right, left = found.reshape(2, *x.shape)
    return right, left, sizes.reshape(x.shape)


def _moved(x: Array, place: int, step: float) -> Array:
    moved = x.copy()
    moved.flat[place] += step
    return moved


def compare_slopes(got: Array, want: Array, slack: Array, x: Array | None, what: str, mend: str) -> None:
    """Fault where a derivative isn't what central differences give; where they give NaN there is none to compare."""
    if got.shape != want.shape:
        raise Fault(f"the shape {got.shape} from {what}", f"the shape {want.shape}", mend)
    known = np.isfinite(want)
    if not known.any():
        raise Skip("the formula has no slope at any of the random inputs: give another domain")
    found = difference(np.where(known, got, 0.0), np.where(known, want, 0.0), slack)
    if found is not None:
        where = f" at x = {float(x[found.place]):.6g}" if x is not None and found.place else ""
        raise Fault(f"{found.got} from {what}{where}", f"{found.want}, by central differences", mend)
