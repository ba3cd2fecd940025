"""The .npy format: its header, before an array that is read and written by offset. Pickles are never read."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from actspec.arrays import REAL_TYPES, is_real
from actspec.cli.faults import Fault
from actspec.cli.stores import TEMPORARY, File, Store

_MOST_BYTES = 2**63 - 1

_READERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,  # differs for names of fields alone, which numbers have not
}


def read(file: File, name: str) -> Store:
    """The array in an open .npy file; Fault where it is damaged or holds no real numbers."""
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise Fault(f"{name}: the file is empty")
    try:
        version = np.lib.format.read_magic(file)
        if version not in _READERS:
            raise Fault(f"{name}: an .npy file of version {version[0]}.{version[1]} holds no plain array of numbers")
        shape, fortran, dtype = _READERS[version](file)
        whole = all(type(side) is int and side >= 0 for side in shape)
        if not whole or math.prod(max(side, 1) for side in shape) * dtype.itemsize > _MOST_BYTES:
            raise ValueError(f"no array has the shape {shape}")
    except (OSError, Fault):
        raise
    except Exception as error:  # NumPy evaluates the header as Python source, which can fail in many ways
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Fault(f"{name}: this is no .npy file, or a damaged one: {reason}") from error
    if dtype.hasobject:
        raise Fault(f"{name}: it holds pickled Python objects, which are never read: save it as an array of numbers")
    if not is_real(dtype):
        raise Fault(f"{name}: an array of real numbers ({REAL_TYPES}) is needed, this one holds {dtype}")
    store = Store(file, file.tell(), dtype, shape, fortran and len(shape) > 1, name)
    if size - store.offset < store.nbytes:
        missing = f"{store.nbytes - (size - store.offset):,} bytes"
        raise Fault(f"{name}: the file is cut short: {missing} of its array of shape {shape}, {dtype}, are missing")
    return store


def create(
    file: io.BufferedRandom,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    *,
    fortran: bool = False,
    name: str = TEMPORARY,
) -> Store:
    """Begin an .npy file: its header, with the array to be written behind it."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return Store(file, file.tell(), dtype, shape, fortran, name)
