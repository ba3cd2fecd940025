"""Tables in .csv files: UTF-8, commas, a header row of names or, where the first row is all numbers, none."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.cli import batches
from actspec.cli.batches import Batch, Reader
from actspec.cli.faults import Fault
from actspec.cli.progress import Report

Array = npt.NDArray[Any]

_LINES_PER_REPORT = 4096


class CsvReader:
    """A .csv file; columns without a header are called "0", "1" and so on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _, first = next(self._rows(lambda _: None), (0, []))
        if not first:
            raise Fault(f"{path}: the file holds blank lines only")
        self.headed = not all(map(_is_number, first))
        self.names = tuple(first) if self.headed else tuple(map(str, range(len(first))))
        with path.open("rb") as file:
            self.newline = "\r\n" if file.readline(1 << 20).endswith(b"\r\n") else "\n"

    def dtype(self, _chosen: Sequence[int]) -> np.dtype[Any]:
        """Numbers are read as float64."""
        return np.dtype(np.float64)

    def batches(self, chosen: Sequence[int], report: Report) -> Iterator[Batch]:
        """The rows below the header."""
        rows = self._rows(report)
        if self.headed:
            next(rows)
        lines: list[int] = []
        cells: list[list[str]] = []
        size = max(1, batches.BATCH_CELLS // len(self.names))
        for line, row in rows:
            if len(row) != len(self.names):
                found = f"{len(row)} cells where the first line has {len(self.names)}" if row else "a blank line"
                raise Fault(f"{self._path}, line {line}: {found}")
            lines.append(line)
            cells.append(row)
            if len(cells) == size:
                yield self._batch(chosen, lines, cells)
                lines, cells = [], []
        if cells:
            yield self._batch(chosen, lines, cells)

    def text(self, column: Sequence[str], _name: str) -> Sequence[str]:
        """The cells as they are."""
        return column

    def _batch(self, chosen: Sequence[int], lines: list[int], cells: list[list[str]]) -> Batch:
        columns = list(zip(*cells, strict=True))
        values = np.empty((len(cells), len(chosen)))
        for place, index in enumerate(chosen):
            column = columns[index]
            try:
                if "_" in "".join(column):
                    raise ValueError  # float() takes 1_000, which no other reader of tables does
                values[:, place] = list(map(float, column))
            except ValueError:
                row = next(row for row, cell in enumerate(column) if not _is_number(cell))
                hint = "" if len(chosen) < len(self.names) else "; choose the columns that hold numbers with --columns"
                where = f"{self._path}, line {lines[row]}, column {self.names[index]!r}"
                raise Fault(f"{where}: {_shortened(column[row])} is not a number{hint}") from None
        return Batch(values, columns)

    def _rows(self, report: Report) -> Iterator[tuple[int, list[str]]]:
        """The rows with the numbers of their lines; blank lines as empty rows, those at the end left out."""
        with self._path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            reader = csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""), strict=True)
            blank: list[int] = []
            try:
                for row in reader:
                    if not row:
                        blank.append(reader.line_num)
                        continue
                    yield from ((line, []) for line in blank)
                    blank.clear()
                    if reader.line_num % _LINES_PER_REPORT == 0:
                        report(file.tell() / size)
                    yield reader.line_num, row
            except csv.Error as error:
                raise Fault(f"{self._path}, line {reader.line_num}: {error}") from None
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
                fault = f"{self._path}: this is not UTF-8 text (it holds the byte 0x{byte:02x}): convert it first"
                raise Fault(fault) from None


class CsvWriter:
    """A .csv file that is being written, with the header and the line ends of the one that it comes from."""

    def __init__(
        self, file: io.BufferedRandom, names: Sequence[str], chosen: Sequence[int], like: Reader | None
    ) -> None:
        self._chosen = {index: place for place, index in enumerate(chosen)}
        self._width = len(names)
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=False)
        newline = like.newline if isinstance(like, CsvReader) else "\n"
        self._writer = csv.writer(self._text, lineterminator=newline)
        if like is not None and like.headed:
            self._writer.writerow(names)

    def write(self, values: Array, columns: Sequence[Sequence[str]]) -> None:
        """Add rows; numbers are as long as it takes to read them back the same."""
        cells = [
            values[:, self._chosen[index]].tolist() if index in self._chosen else columns[index]
            for index in range(self._width)
        ]
        self._writer.writerows(zip(*cells, strict=True))

    def close(self) -> None:
        """Write what remains."""
        self._text.flush()
        self._text.detach()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _shortened(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:40] + "...")
