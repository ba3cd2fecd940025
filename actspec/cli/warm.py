"""Compile the kernels of pipelines before they are needed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from actspec.cli.progress import Report
from actspec.kernels import plan
from actspec.kernels.compile import Counts, counts
from actspec.pipeline import Pipeline


def compile_ahead(pipelines: Iterable[Pipeline], dtypes: Iterable[str], report: Report) -> Counts:
    """Compile every kernel that arrays of these float types need, and count those that were there already."""
    before = counts()
    work = [
        (segment, form)
        for pipeline in pipelines
        for dtype in dict.fromkeys(dtypes)
        for segment in plan.kernels(plan.for_any_rank(pipeline.stages, np.dtype(dtype)))
        for form in segment.forms
    ]
    for number, (segment, form) in enumerate(work):
        report(number / len(work))
        segment.kernel(form)
    after = counts()
    return Counts(after.compiled - before.compiled, after.loaded - before.loaded)
