"""Compile the kernels of pipelines before they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from actspec.cell import explain_bound
from actspec.cli.progress import Report
from actspec.kernels import plan
from actspec.kernels.compile import Counts, counts
from actspec.kernels.plan import Compiled
from actspec.pipeline import Pipeline


def compile_ahead(pipelines: Iterable[Pipeline], dtypes: Iterable[str], report: Report) -> Counts:
    """Compile every kernel that arrays of these float types need, and count those that were there already."""
    before = counts()
    types = [np.dtype(dtype) for dtype in dict.fromkeys(dtypes)]
    work = [each for pipeline in pipelines for dtype in types for each in _kernels(pipeline, dtype)]
    for number, (segment, form) in enumerate(work):
        report(number / len(work))
        segment.kernel(form)
    after = counts()
    return Counts(after.compiled - before.compiled, after.loaded - before.loaded)


def _kernels(pipeline: Pipeline, dtype: np.dtype[Any]) -> Iterator[tuple[Compiled, str]]:
    """The kernels of a pipeline, or of its cells where it has to be bound, in each form."""
    if pipeline.needs_binding() is None:
        for segment in plan.kernels(plan.for_any_rank(pipeline.stages, dtype)):
            yield from ((segment, form) for form in segment.forms)
        return
    for _, segment, form in explain_bound(pipeline, dtype)[1]:
        yield from ((segment, each) for each in (plan.with_streamed(form) if form == "scan" else segment.forms))
