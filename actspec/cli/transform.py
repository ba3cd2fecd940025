"""Run a pipeline over an array in a file, block by block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from actspec.arrays import result_type
from actspec.cli import chunks, stores
from actspec.cli.chunks import Run
from actspec.cli.faults import Fault
from actspec.cli.progress import Report, part
from actspec.cli.stores import Block, Store
from actspec.cli.summary import Summary
from actspec.pipeline import Pipeline

Array = npt.NDArray[Any]


def transform(pipeline: Pipeline, source: Store, target: Store | None, summary: Summary, report: Report) -> None:
    """Write the pipeline's output for ``source`` to ``target``, and sum it up; None for no target.

    The result is that of the pipeline on the array as a whole: to the last bit, unless a stage couples more than may
    be held at once; then sums are rounded in another order.
    """
    result = result_type(source.dtype)
    # Between stages, float16 is computed in float32, and rounded at the end alone.
    between = np.dtype(np.float32) if result == np.float16 else result
    runs = [chunks.Run(pipeline, frozenset(range(len(source.shape))))]
    if source.size * between.itemsize > chunks.BLOCK_BYTES:
        runs = chunks.plan(pipeline, source.shape, between.itemsize, fortran=source.fortran)
    summary.shape, summary.dtype = shape_out(pipeline, source.shape), str(result)
    fortran = source.fortran
    with contextlib.ExitStack() as opened:
        current = source
        for number, run in enumerate(runs):
            last = number == len(runs) - 1
            shape = shape_out(run.stages, current.shape)
            into = target
            if not last and (target is None or target.dtype != between or target.shape != shape):
                into = current
                if current is source or current.shape != shape:
                    into = opened.enter_context(stores.scratch(between, shape, fortran=source.fortran))
            # NumPy adds up in the order of memory: go on in the order that the run before ended in.
            order: Literal["C", "F"] = "F" if fortran else "C"
            for block, y in _results(run, current, between, order, part(report, number, len(runs))):
                fortran = y.flags.fnc
                values = y
                if last:
                    with np.errstate(all="ignore"):
                        values = y.astype(result, copy=False)
                    summary.add(values)
                if into is not None:
                    into.write(_resized(block, values), values)
            current = into or current


def shape_out(pipeline: Pipeline, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the result for an array of this one; a Fault that names both where there is none."""
    if not shape:
        return shape
    try:
        return (*shape[:-1], pipeline.features_out(shape[-1]))
    except ValueError as error:
        raise Fault(f"{pipeline} can't run on an array of shape {shape}: {error}") from error


def _resized(block: Block, values: Array) -> Block:
    """Where the result of a block belongs: stages that change the number of features are given all of them."""
    if not block or block[-1].stop - block[-1].start == values.shape[-1]:
        return block
    return (*block[:-1], slice(0, values.shape[-1]))


def _results(
    run: Run, store: Store, dtype: np.dtype[Any], order: Literal["C", "F"], report: Report
) -> Iterator[tuple[Block, Array]]:
    """The output of a run, block by block."""
    shape = store.shape
    parts = chunks.blocks(shape, run.coupled, dtype.itemsize, fortran=store.fortran)
    stream = chunks.stream(run.stages, shape, parts) if run.streamed else None
    walks = stream.walks if stream else 1
    for walk in range(walks):
        for done, block in enumerate(parts):
            report((walk + done / len(parts)) / walks)
            x = store.read(block).astype(dtype, order=order, copy=False)
            y = _computed(run.stages, partial(stream, place=block) if stream else run.stages, x, shape)
            if y is not None:
                yield block, np.asarray(y)
        if stream:
            stream.end_walk()


def compute(pipeline: Pipeline, x: Array, shape: tuple[int, ...]) -> Array:
    """The pipeline's output for a part of an array of this shape; a Fault that names both where it can't be."""
    return np.asarray(_computed(pipeline, pipeline, x, shape))


def _computed(pipeline: Pipeline, formula: Callable[[Array], Any], x: Array, shape: tuple[int, ...]) -> Any:
    try:
        return formula(x)
    except MemoryError:
        size = f"{'all' if x.shape == shape else 'a part'} of the array of shape {shape}, {x.nbytes:,} bytes,"
        raise Fault(f"not enough memory: {pipeline} needs {size} at once, several times over") from None
    except Exception as error:  # custom formulas raise what they like, and a traceback of this program would not help
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Fault(f"{pipeline} can't run on an array of shape {shape}: {reason}") from error
