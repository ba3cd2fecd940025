"""A curve as text: braille dots where the output can show them, asterisks elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_BRAILLE = 0x2800
# The bit of each dot in a braille character, by row and column.
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.intp)


def plot(x: Array, y: Array, *, encoding: str, width: int = 60, height: int = 12) -> str:
    """The curve through the points (x, y), with its ranges at the axes; points that are not finite are left out.

    >>> print(plot(np.linspace(0, 1, 9), np.linspace(0, 1, 9), encoding="ascii", width=9, height=3))
    1 |      ***
      |   ***
    0 |***
       0       1
    """
    shown = np.isfinite(y)
    if not shown.any():
        return "(no finite value to draw)"
    low, high = float(y[shown].min()), float(y[shown].max())
    if not low < high:
        low, high = low - 1, high + 1
    fine = _encodes(encoding)
    across, down = (2, 4) if fine else (1, 1)
    dots = np.zeros((height * down, width * across), dtype=bool)
    columns = _place(x[shown], float(x[0]), float(x[-1]), dots.shape[1])
    rows = dots.shape[0] - 1 - _place(y[shown], low, high, dots.shape[0])
    dots[rows, columns] = True
    cells = dots.reshape(height, down, width, across).transpose(0, 2, 1, 3)
    lines = [_braille(line) if fine else "".join(" *"[int(cell.any())] for cell in line) for line in cells]
    labels = [f"{high:.4g}", *[""] * (height - 2), f"{low:.4g}"]
    margin = max(map(len, labels))
    bar = "│" if fine else "|"
    body = [f"{label:>{margin}} {bar}{line}".rstrip() for label, line in zip(labels, lines, strict=True)]
    left, right = f"{float(x[0]):.4g}", f"{float(x[-1]):.4g}"
    return "\n".join([*body, " " * (margin + 2) + left + right.rjust(width - len(left))])


def _place(values: Array, low: float, high: float, steps: int) -> Array:
    """The step, out of ``steps``, at which each value lies between low and high."""
    half = high / 2 - low / 2  # the whole range may overflow
    part = (values / 2 - low / 2) / half
    return np.clip((part * (steps - 1)).round(), 0, steps - 1).astype(np.intp)


def _braille(line: Array) -> str:
    return "".join(chr(_BRAILLE + int(_BITS[cell].sum())) if cell.any() else " " for cell in line)


def _encodes(encoding: str) -> bool:
    try:
        "│⣿".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
