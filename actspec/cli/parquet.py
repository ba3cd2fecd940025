"""Tables in .parquet files. The only importer of pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.cli import batches
from actspec.cli.batches import Batch, Reader
from actspec.cli.faults import Fault
from actspec.cli.progress import Report

try:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]
except ImportError as error:
    raise Fault("a .parquet file needs pyarrow: pip install 'actspec[parquet]'") from error

Array = npt.NDArray[Any]


class ParquetReader:
    """A .parquet file."""

    headed = True

    def __init__(self, path: Path) -> None:
        self._path = path
        with _damage(path):
            file = pq.ParquetFile(path)
        with file:
            self.schema = file.schema_arrow
            self._rows = file.metadata.num_rows
        self.names = tuple(self.schema.names)
        if not self.names:
            raise Fault(f"{path}: the table has no columns")

    def dtype(self, chosen: Sequence[int]) -> np.dtype[Any]:
        """The type that holds the values of all chosen columns, by NumPy's rules."""
        types = []
        for index in chosen:
            kind = self.schema.field(index).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                hint = "" if len(chosen) < len(self.names) else "; choose the columns that hold numbers with --columns"
                raise Fault(f"{self._path}, column {self.names[index]!r}: it holds {kind}, not numbers{hint}")
            types.append(_numpy_type(kind))
        return np.result_type(*types)

    def batches(self, chosen: Sequence[int], report: Report) -> Iterator[Batch]:
        """All rows, read part by part out of their row groups."""
        dtype = self.dtype(chosen)
        done = 0
        with _damage(self._path), pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(max(1, batches.BATCH_CELLS // len(self.names))):
                values = np.empty((batch.num_rows, len(chosen)), dtype)
                for place, index in enumerate(chosen):
                    column = batch.column(index)
                    if column.null_count:
                        row = done + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
                        where = f"{self._path}, row {row} (the first is 0), column {self.names[index]!r}"
                        raise Fault(f"{where}: a missing value is not a number")
                    values[:, place] = column.to_numpy(zero_copy_only=False)
                done += batch.num_rows
                report(done / max(1, self._rows))
                yield Batch(values, batch.columns)

    def text(self, column: Any, name: str) -> Sequence[str]:
        """The values as Arrow writes them; missing ones are empty."""
        try:
            texts: list[str] = column.cast(pa.string()).fill_null("").to_pylist()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            fault = f"{self._path}, column {name!r}: {column.type} can't be written as text: write .parquet"
            raise Fault(fault) from None
        return texts


class ParquetWriter:
    """A .parquet file that is being written; columns that pass through keep their types."""

    def __init__(
        self,
        file: io.BufferedRandom,
        names: Sequence[str],
        chosen: Sequence[int],
        dtype: np.dtype[Any],
        like: Reader | None,
    ) -> None:
        self._chosen = {index: place for place, index in enumerate(chosen)}
        texts = pa.schema([(name, pa.string()) for name in names])
        schema = like.schema if isinstance(like, ParquetReader) else texts
        for index in chosen:
            schema = schema.set(index, schema.field(index).with_type(pa.from_numpy_dtype(dtype)))
        self._schema = schema
        self._writer = pq.ParquetWriter(file, schema)

    def write(self, values: Array, columns: Sequence[Any]) -> None:
        """Add rows."""
        arrays = []
        for index, kind in enumerate(self._schema.types):
            if index in self._chosen:
                arrays.append(pa.array(np.ascontiguousarray(values[:, self._chosen[index]]), kind))
            else:
                column = columns[index]
                arrays.append(column if isinstance(column, pa.Array) else pa.array(column, kind))
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Write the footer."""
        try:
            self._writer.close()
        finally:
            self._writer.is_open = False  # or it would try once more, on a closed file, when it is collected


def _numpy_type(kind: Any) -> np.dtype[Any]:
    """NumPy's name for an Arrow type of numbers (Arrow's own answer needs pandas)."""
    if pa.types.is_boolean(kind):
        return np.dtype(np.bool_)
    letter = "f" if pa.types.is_floating(kind) else "i" if pa.types.is_signed_integer(kind) else "u"
    return np.dtype(f"{letter}{kind.bit_width // 8}")


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """What pyarrow says about a file that it can't read, in one line."""
    try:
        yield
    except pa.ArrowException as error:
        raise Fault(f"{path}: this is no .parquet file, or a damaged one: {str(error).splitlines()[0]}") from error
