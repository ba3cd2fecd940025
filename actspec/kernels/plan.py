"""Which stages become one kernel, and what runs them: a pipeline's segments for arrays of one rank and type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.graph.expr import NO_AXIS, Graph
from actspec.graph.trace import Traced, examine, trace
from actspec.kernels import codegen
from actspec.kernels.schedule import schedule


@dataclass(frozen=True)
class Compiled:
    """Stages that are one kernel. ``axes`` are those that lanes run along; none for elementwise work."""

    stages: tuple[Traced, ...]
    graph: Graph
    axes: frozenset[int]
    parameters: npt.NDArray[np.float64]  # and at the end whether the array is larger than the caches
    _sources: dict[str, str] = field(default_factory=dict, compare=False)
    _kernels: dict[str, Callable[..., Any]] = field(default_factory=dict, compare=False)

    @property
    def title(self) -> str:
        """The stages as a spec."""
        return "+".join(str(each.stage) for each in self.stages)

    @property
    def sliced(self) -> bool:
        """Whether it treats some features apart."""
        return len(self.graph.features) > 1

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms of its kernel for lanes that buffers hold."""
        return ("rows", "columns", "wide rows") if self.axes else ("flat",)

    def source(self, form: str) -> str:
        """The source of its kernel in a form."""
        if form not in self._sources:
            self._sources[form] = codegen.generate(self.graph, form)
        return self._sources[form]

    def kernel(self, form: str) -> Callable[..., Any]:
        """Its kernel in a form, as a function of x, y, the parameters and what else the form takes."""
        kernel = self._kernels.get(form)
        if kernel is None:
            from actspec.kernels.compile import load  # brings Numba along, for which the first array waits

            kernel = self._kernels.setdefault(form, load(self.source(form)))
        return kernel

    @cached_property
    def parameters_of_large(self) -> npt.NDArray[np.float64]:
        """The parameters for an array that is larger than the caches."""
        return np.array([*self.graph.parameters, 1.0])

    @cached_property
    def buffers(self) -> int:
        """How many buffers of a lane's length its kernels have."""
        return schedule(self.graph, keep=True, reuse_input=False).buffer_count

    @cached_property
    def phases(self) -> tuple[tuple[tuple[int, str], ...], ...]:
        """The numbers and kinds of the reductions in each phase of its long forms."""
        return codegen.counted(self.graph)

    @cached_property
    def apart(self) -> tuple[Segment, ...]:
        """The same work with slices as segments of their own, for lanes that no buffer holds."""
        return segments((each.stage for each in self.stages), self.graph.ndim, self.graph.dtype, apart=True)


@dataclass(frozen=True, slots=True)
class Part:
    """A slice whose stages run on a view of the array, as they work along another axis than the last."""

    stage: Any
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A stage whose formula runs as it is written, in NumPy; ``reason`` says why."""

    stage: Any
    reason: str


Segment = Compiled | Part | Written


def segments(stages: Iterable[Any], ndim: int, dtype: np.dtype[Any], *, apart: bool = False) -> tuple[Segment, ...]:
    """The segments of stages for arrays of ``ndim`` axes and a float type.

    With ``apart``, slices are segments of their own.
    """
    found: list[Segment] = []
    together: list[Traced] = []
    for stage in stages:
        traced = examine(stage, ndim, dtype)
        alone = apart or traced.weight > _HEAVIEST or not traced.axes <= {ndim - 1}
        whole = not traced.reason and not (traced.sliced and alone)
        if together and not (whole and _fit([*together, traced], ndim)):
            found.append(_compiled(together, ndim, dtype))
            together = []
        if whole:
            together.append(traced)
        elif traced.reason:
            found.append(Written(stage, traced.reason))
        else:
            found.append(Part(stage, segments(stage.base.stages, ndim, dtype, apart=apart)))
    if together:
        found.append(_compiled(together, ndim, dtype))
    return tuple(found)


def _fit(stages: list[Traced], ndim: int) -> bool:
    """Whether stages can be one kernel: they take values together along the same axes, and slice the last one only.

    Nor are they too many: to compile a kernel takes more than twice as long where it is twice as large.
    """
    axes = {each.axes for each in stages if each.axes}
    axes |= {frozenset({ndim - 1}) for each in stages if each.sliced}
    return len(axes) <= 1 and sum(each.weight for each in stages) <= _HEAVIEST


_HEAVIEST = 100


def _compiled(stages: list[Traced], ndim: int, dtype: np.dtype[Any]) -> Compiled:
    graph = trace(stages, ndim, dtype)
    axes = graph.axes or frozenset()
    if len(graph.features) > 1:
        axes = frozenset({ndim - 1})
    return Compiled(tuple(stages), graph, axes, np.array([*graph.parameters, 0.0]))


_MOST_AXES = 8


def for_any_rank(stages: Sequence[Any], dtype: np.dtype[Any]) -> tuple[Segment, ...]:
    """The segments of stages for arrays of two axes, or of more where a stage names them."""
    for ndim in range(2, _MOST_AXES + 1):
        found = segments(stages, ndim, dtype)
        if not any(reason.startswith(NO_AXIS) for _, reason in reasons(found)):
            break
    return found


def reasons(found: Iterable[Segment]) -> Iterator[tuple[Any, str]]:
    """The stages whose formulas run as they are written, each with the reason."""
    for segment in found:
        if isinstance(segment, Written):
            yield segment.stage, segment.reason
        elif isinstance(segment, Part):
            for _, reason in reasons(segment.segments):
                yield segment.stage, reason


def kernels(found: Iterable[Segment]) -> Iterator[Compiled]:
    """The segments that are kernels, those of slices included."""
    for segment in found:
        if isinstance(segment, Compiled):
            yield segment
        elif isinstance(segment, Part):
            yield from kernels(segment.segments)


def has_features(segment: Compiled, width: int) -> bool:
    """Whether an array with ``width`` features has each one that a slice names alone."""
    widths = [width]
    for features in segment.graph.features[1:]:
        assert features is not None
        whole = widths[features.parent]
        if features.single:
            assert features.start is not None
            if not -whole <= features.start < whole:
                return False
        widths.append(len(range(*features.places.indices(whole))))
    return True
