"""Run a pipeline over an array in a file, block by block."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.cli import chunks, stores
from actspec.cli.faults import Fault
from actspec.cli.progress import Report
from actspec.cli.stores import Store
from actspec.cli.summary import Summary
from actspec.pipeline import Pipeline

Array = npt.NDArray[Any]


def result_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of the result for an input of this one: its own for floats, float64 for whole numbers and booleans."""
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype.newbyteorder("=")


def transform(pipeline: Pipeline, source: Store, target: Store | None, summary: Summary, report: Report) -> None:
    """Write the pipeline's output for ``source`` to ``target``, and sum it up; None for no target.

    The result is that of the pipeline on the array as a whole, to the last bit.
    """
    result = result_type(source.dtype)
    # Between stages, float16 is computed in float32, and rounded at the end alone.
    between = np.dtype(np.float32) if result == np.float16 else result
    runs = [chunks.Run(pipeline, frozenset(range(len(source.shape))))]
    if source.size * between.itemsize > chunks.BLOCK_BYTES:
        runs = chunks.plan(pipeline, len(source.shape))
    summary.shape, summary.dtype = source.shape, str(result)
    fortran = source.fortran
    with contextlib.ExitStack() as opened:
        current = source
        for number, run in enumerate(runs):
            last = number == len(runs) - 1
            into = target
            if not last and (target is None or target.dtype != between):
                into = current
                if current is source:
                    into = opened.enter_context(stores.scratch(between, source.shape, fortran=source.fortran))
            parts = chunks.blocks(source.shape, run.coupled, between.itemsize, fortran=source.fortran)
            for done, block in enumerate(parts):
                report((number + done / len(parts)) / len(runs))
                # NumPy adds up in the order of memory: go on in the order that the run before ended in.
                x = current.read(block).astype(between, order="F" if fortran else "C", copy=False)
                y = compute(run.stages, x, source.shape)
                ended_fortran = y.flags.fnc
                if last:
                    with np.errstate(all="ignore"):
                        y = y.astype(result, copy=False)
                    summary.add(y)
                if into is not None:
                    into.write(block, y)
            fortran = ended_fortran
            current = into or current


def compute(pipeline: Pipeline, x: Array, shape: tuple[int, ...]) -> Array:
    """The pipeline's output for a part of an array of this shape; a Fault that names both where it can't be."""
    try:
        return np.asarray(pipeline(x))
    except MemoryError:
        part = "all" if x.shape == shape else "a part"
        size = f"{part} of the array of shape {shape}, {x.nbytes:,} bytes,"
        raise Fault(f"not enough memory: {pipeline} needs {size} at once, several times over") from None
    except Exception as error:  # custom formulas raise what they like, and a traceback of this program would not help
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Fault(f"{pipeline} can't run on an array of shape {shape}: {reason}") from error
