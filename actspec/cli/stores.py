"""Arrays that live in files: read and written block by block, by offset, so that memory holds one block at a time.

A memory map would do the same with less code, but its pages count as memory in use, and a file that shrinks or a disk
that fills up while it is mapped kills the process without a word.
"""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.cli.faults import Fault

Array = npt.NDArray[Any]
Block = tuple[slice, ...]

File = io.BufferedRandom | io.BufferedReader

TEMPORARY = "the folder for temporary files (TMPDIR)"

_DIRECT = 1 << 16
_SLAB = 1 << 23


@dataclass(frozen=True, slots=True)
class Store:
    """An array of a type and shape that starts at an offset of an open file, in C order or (``fortran``) reversed."""

    file: File
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool = False
    name: str = TEMPORARY

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes."""
        return self.size * self.dtype.itemsize

    def read(self, block: Block) -> Array:
        """A copy of a block (one slice with start and stop for each axis), in the order of the file."""
        counts = [cut.stop - cut.start for cut in block]
        values = np.empty(counts, self.dtype, order="F" if self.fortran else "C")
        for piece, start, rows, row, columns in self._pieces(block, values):
            if columns == slice(0, row):
                self._load(piece, start)
            else:
                covering = np.empty((rows, row), self.dtype)
                self._load(covering, start)
                piece[...] = covering[:, columns]
        return values

    def write(self, block: Block, values: Array) -> None:
        """Write a block of values of the array's own type."""
        values = np.asarray(values, order="F" if self.fortran else "C")
        for piece, start, rows, row, columns in self._pieces(block, values):
            if columns == slice(0, row):
                self._save(piece, start)
            else:
                covering = np.zeros((rows, row), self.dtype)
                self._load(covering, start, partly=True)
                covering[:, columns] = piece
                self._save(covering, start)

    def _pieces(self, block: Block, values: Array) -> Iterator[tuple[Array, int, int, int, slice]]:
        """The parts of a block that take one access each.

        Gives for each the part of ``values``, the element of the file where its ``rows`` rows of ``row`` elements
        start, and the columns that belong to the block: all of them, or some where the rows between are short enough
        to be read along.
        """
        shape, cuts = (self.shape[::-1], block[::-1]) if self.fortran else (self.shape, block)
        lengths, cuts = _merged(shape, cuts)
        flat = (values.T if self.fortran else values).reshape([cut.stop - cut.start for cut in cuts])
        *outer, row = lengths
        columns = cuts[-1]
        width = columns.stop - columns.start
        if not outer:
            yield flat[None], columns.start, 1, width, slice(0, width)
            return
        direct = width * self.dtype.itemsize >= _DIRECT
        step = 1 if direct else max(1, _SLAB // (row * self.dtype.itemsize))
        rows = cuts[-2]
        for place in np.ndindex(flat.shape[:-2]):
            before = 0
            for length, cut, index in zip(outer, cuts, place, strict=False):
                before = before * length + cut.start + index
            for first in range(rows.start, rows.stop, step):
                last = min(first + step, rows.stop)
                piece = flat[place][first - rows.start : last - rows.start]
                start = (before * outer[-1] + first) * row
                if direct:
                    yield piece, start + columns.start, 1, width, slice(0, width)
                else:
                    yield piece, start, last - first, row, columns

    def _load(self, into: Array, start: int, *, partly: bool = False) -> None:
        """Fill a contiguous array from the file; ``partly`` leaves what lies behind the file's end as it is."""
        self.file.seek(self.offset + start * self.dtype.itemsize)
        if self.file.readinto(into.reshape(-1).view(np.uint8).data) < into.nbytes and not partly:
            raise Fault(f"{self.name}: the file is cut short: it ends before its array of shape {self.shape} does")

    def _save(self, values: Array, start: int) -> None:
        assert isinstance(self.file, io.BufferedRandom)
        self.file.seek(self.offset + start * self.dtype.itemsize)
        write(self.file, values, self.name)


def write(file: io.BufferedRandom, values: Array, name: str = TEMPORARY) -> None:
    """Write an array's bytes at the file's position; an OSError where that fails names the file."""
    try:
        file.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    except OSError as error:
        error.filename = name
        raise


@contextmanager
def scratch(dtype: np.dtype[Any], shape: tuple[int, ...], *, fortran: bool = False) -> Iterator[Store]:
    """An array in a temporary file, which is gone after the block."""
    with temporary_file() as file:
        yield Store(file, 0, dtype, shape, fortran)


def temporary_file() -> io.BufferedRandom:
    """A temporary file without a name, in the system's folder for them (TMPDIR); gone once it is closed."""
    return tempfile.TemporaryFile()


def _merged(shape: tuple[int, ...], cuts: Block) -> tuple[list[int], Block]:
    """The same block of the same elements in fewer axes: one that is taken whole is joined to the axis before it."""
    lengths, slices = [1], [slice(0, 1)]
    for length, cut in zip(shape, cuts, strict=True):
        if cut == slice(0, length):
            before = slices[-1]
            lengths[-1] *= length
            slices[-1] = slice(before.start * length, before.stop * length)
        elif lengths[-1] == 1:
            lengths[-1], slices[-1] = length, cut
        else:
            lengths.append(length)
            slices.append(cut)
    return lengths, tuple(slices)
