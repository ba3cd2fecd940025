"""Which stages become one kernel, and what runs them: a pipeline's segments for arrays of one rank and type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from actspec.graph import autodiff, crossing
from actspec.graph.expr import NO_AXIS, Graph
from actspec.graph.parts import WHOLE, Parts
from actspec.graph.trace import Traced, examine, trace
from actspec.graph.unfollowed import UnfollowedError
from actspec.kernels import codegen
from actspec.kernels.schedule import cost_of, schedule

if TYPE_CHECKING:
    from actspec.kernels.link import Kernel


def with_streamed(*forms: str) -> tuple[str, ...]:
    """Forms of a kernel, and those of them for results that no cache holds."""
    return (*forms, *(f"streamed {form}" for form in forms if form in codegen.STREAMED))


@dataclass(frozen=True)
class Compiled:
    """Stages that are one kernel.

    ``axes`` are those that lanes run along, none for elementwise work; ``width`` is the number of features where some
    values are learnt. ``timed`` arrays have an axis of steps before those that the stages know of. ``note`` says what
    it computes where that isn't all of them.
    """

    stages: tuple[Traced, ...]
    graph: Graph
    axes: frozenset[int]
    width: int | None = None
    timed: bool = False
    note: str = ""
    _sources: dict[str, str] = field(default_factory=dict, compare=False)
    _kernels: dict[str, Kernel] = field(default_factory=dict, compare=False)

    @property
    def title(self) -> str:
        """The stages as a spec, and what of them it computes where that isn't all."""
        return "+".join(str(each.stage) for each in self.stages) + self.note

    @property
    def sliced(self) -> bool:
        """Whether it treats some features apart."""
        return len(self.graph.features) > 1

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms of its kernel for lanes that buffers hold."""
        return with_streamed("rows", "columns", "wide rows") if self.axes else with_streamed("flat")

    def source(self, form: str) -> str:
        """The source of its kernel in a form."""
        if form not in self._sources:
            self._sources[form] = codegen.generate(self.graph, form)
        return self._sources[form]

    def kernel(self, form: str) -> Callable[..., Any]:
        """Its kernel in a form, as a function of x, y, the parameters and what else the form takes."""
        return self._loaded(form).function

    def short(
        self, form: str, x: npt.NDArray[Any], view: Sequence[int], parameters: npt.NDArray[Any]
    ) -> Callable[..., Any]:
        """Its kernel in a form for lanes that buffers hold, as a function of arrays like x, and of ``out``."""
        return self._loaded(form).short(x, len(self.graph.inputs), view, parameters)

    def _loaded(self, form: str) -> Kernel:
        kernel = self._kernels.get(form)
        if kernel is None:
            from actspec.kernels.compile import load  # brings Numba along, for which the first array waits

            kernel = self._kernels.setdefault(form, load(self.source(form)))
        return kernel

    @cached_property
    def parameters(self) -> npt.NDArray[np.float64]:
        """The parameters, and at the end whether the array is larger than the caches."""
        return np.array([*self.graph.parameters, 0.0])

    @cached_property
    def parameters_of_large(self) -> npt.NDArray[np.float64]:
        """The parameters for an array that is larger than the caches."""
        return np.array([*self.graph.parameters, 1.0])

    @cached_property
    def cost(self) -> int:
        """About how many instructions it takes for a vector of numbers."""
        return cost_of(self.graph.nodes)

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
        stages = (each.stage for each in self.stages)
        found = segments(stages, self.graph.ndim, self.graph.dtype, width=self.width, apart=True)
        return over_time(found) if self.timed else found

    @cached_property
    def vjp(self) -> Compiled:
        """The kernel of x and what y gets, for what x gets."""
        return self._derived(autodiff.vjp(self._owned))

    @cached_property
    def jvp(self) -> Compiled:
        """The kernel of x and how it changes, for how y changes; learnt values change by those after ``changes``."""
        if self.graph.axes is None and not self.graph.learnt:  # element by element, both are the same product
            return self.vjp
        return self._derived(autodiff.jvp(self._owned, self.graph.changes))

    @cached_property
    def derivative(self) -> Compiled:
        """The kernel of x for the derivative of each element."""
        return self._derived(autodiff.derivative(self._owned))

    @property
    def slope_reason(self) -> str:
        """Why its derivative runs as it is written: then it is that of one stage."""
        return self.stages[0].slope_reason if self.stages else ""

    @cached_property
    def _owned(self) -> Graph:
        return trace(self.stages, self.graph.ndim, self.graph.dtype, owns=True)

    def _derived(self, graph: Graph) -> Compiled:
        return Compiled(self.stages, graph, self.axes, self.width, self.timed)


@dataclass(frozen=True)
class Split:
    """Stages of which one takes features apart or puts them together: a kernel of the parts of x for each of y."""

    stages: tuple[Traced, ...]
    graph: Graph
    axes: frozenset[int]
    parts: Parts
    timed: bool = False

    @property
    def title(self) -> str:
        """The stages as a spec."""
        return "+".join(str(each.stage) for each in self.stages)

    @cached_property
    def kernels(self) -> tuple[Compiled, ...]:
        """For each part of y, the kernel of the parts of x."""
        return tuple(self._kernel(self.graph.giving(number)) for number in range(self.graph.into.count))

    @cached_property
    def vjp(self) -> tuple[Compiled, ...]:
        """For each part of x, the kernel of the parts of x, and of what those of y get."""
        return tuple(self._kernel(autodiff.vjp(self._owned, by=number)) for number in range(self.parts.count))

    @cached_property
    def jvp(self) -> tuple[Compiled, ...]:
        """For each part of y, the kernel of the parts of x, and of how they change."""
        every = range(self.parts.count)
        givers = (self._owned.giving(number) for number in range(self.graph.into.count))
        return tuple(self._kernel(autodiff.jvp(each, self.graph.changes, by=every)) for each in givers)

    @cached_property
    def _owned(self) -> Graph:
        return trace(self.stages, self.graph.ndim, self.graph.dtype, owns=True)

    def features_out(self, n: int) -> int:
        """How many features y has where x has n."""
        return n // self.parts.count * self.graph.into.count

    def _kernel(self, graph: Graph) -> Compiled:
        return Compiled(self.stages, graph, self.axes, timed=self.timed)


@dataclass(frozen=True)
class Link:
    """A kernel of some values of a crossed graph, the nodes ``takes``, which computes another one."""

    kernel: Compiled
    takes: tuple[int, ...]
    gives: int


@dataclass(frozen=True)
class Chain:
    """The kernels of a crossed graph in their order, of which the last one gives the output."""

    graph: Graph
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Crossed:
    """Stages that take values together along different axes: kernels of which one takes what others give."""

    stages: tuple[Traced, ...]
    graph: Graph
    width: int | None = None
    timed: bool = False

    @cached_property
    def forward(self) -> Chain:
        """The kernels of x."""
        return self._chain(self.graph)

    @cached_property
    def vjp(self) -> Chain:
        """The kernels of x and what y gets, for what x gets, and for what learnt values get."""
        return self._chain(autodiff.vjp(self.graph))

    @cached_property
    def jvp(self) -> Chain:
        """The kernels of x and how it changes, for how y changes."""
        return self._chain(autodiff.jvp(self.graph, self.graph.changes))

    def _chain(self, graph: Graph) -> Chain:
        return Chain(graph, tuple(self._link(graph, each) for each in crossing.pieces(graph)))

    def _link(self, graph: Graph, piece: crossing.Piece) -> Link:
        note = "" if piece.gives == graph.output else f", for its input {crossing.number_of(graph, piece.gives)}"
        axes = frozenset(axis + self.timed for axis in _axes(piece.graph))
        kernel = Compiled(self.stages, piece.graph, axes, self.width, self.timed, note)
        return Link(kernel, piece.takes, piece.gives)


@dataclass(frozen=True, slots=True)
class Part:
    """A slice whose stages run on a view of the array, as they work along another axis than the last."""

    stage: Any
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A stage whose formula runs as it is written, in NumPy; ``reason`` says why. ``timed`` arrays are run by steps."""

    stage: Any
    reason: str
    timed: bool = False


Segment = Compiled | Split | Crossed | Part | Written


def features_out(segment: Segment, n: int) -> int:
    """How many features a segment's result has where it is given n."""
    if isinstance(segment, Split):
        return segment.features_out(n)
    if isinstance(segment, Written):
        out: int = segment.stage.features_out(n)
        return out
    return n


def segments(
    stages: Iterable[Any], ndim: int, dtype: np.dtype[Any], *, width: int | None = None, apart: bool = False
) -> tuple[Segment, ...]:
    """The segments of stages for arrays of ``ndim`` axes and a float type.

    ``width`` is the number of features where some values are learnt. With ``apart``, slices are segments of their own.
    """
    found: list[Segment] = []
    together: list[Traced] = []
    for stage in stages:
        traced = examine(stage, ndim, dtype, width)
        alone = apart or traced.weight > _HEAVIEST or not traced.axes <= {ndim - 1}
        whole = not traced.reason and not traced.slope_reason and not (traced.sliced and alone)
        if together and not (whole and _fit([*together, traced], ndim)):
            found.append(_compiled(together, ndim, dtype, width))
            together = []
        if whole:
            together.append(traced)
        elif not hasattr(stage, "width_of"):
            found.append(Written(stage, traced.reason) if traced.reason else _compiled([traced], ndim, dtype, width))
        else:
            inner = None if width is None else stage.width_of(width)
            found.append(Part(stage, segments(stage.base.stages, ndim, dtype, width=inner, apart=apart)))
        width = None if width is None else stage.features_out(width)
    if together:
        found.append(_compiled(together, ndim, dtype, width))
    return tuple(found)


def _fit(stages: list[Traced], ndim: int) -> bool:
    """Whether stages can be one kernel: they take values together along the same axes, and slice the last one only.

    Nor are they too many: to compile a kernel takes more than twice as long where it is twice as large.
    """
    axes = {each.axes for each in stages if each.axes}
    light = sum(each.weight for each in stages) <= _HEAVIEST
    if any(each.crossed for each in stages):
        return len(axes) <= 1 and not any(each.sliced or each.learns or each.splits for each in stages) and light
    axes |= {frozenset({ndim - 1}) for each in stages if each.sliced or (each.learns and not each.axes)}
    return len(axes) <= 1 and _fit_parts(stages, ndim) and light


def _fit_parts(stages: list[Traced], ndim: int) -> bool:
    """Whether what is done to parts of the features can be done to each part by itself."""
    splitting = [number for number, each in enumerate(stages) if each.splits]
    if not splitting:
        return True
    first = splitting[0]
    on_parts = [*stages[:first], *(stages[first + 1 :] if stages[first].into.count > 1 else ())]
    plain = not any(each.axes or each.learns for each in on_parts)
    if not plain or len(splitting) > 1 or any(each.sliced for each in stages):
        return False
    try:
        trace(stages, ndim, np.dtype(np.float64))
    except UnfollowedError:  # a formula that can be followed on an array, and can't on parts of one
        return False
    return True


_HEAVIEST = 100


def _compiled(stages: list[Traced], ndim: int, dtype: np.dtype[Any], width: int | None) -> Compiled | Split | Crossed:
    graph = trace(stages, ndim, dtype)
    if graph.crossed:
        return Crossed(tuple(stages), graph, width)
    axes = _axes(graph)
    if any(each.splits for each in stages):
        parts = next((each.parts for each in stages if each.parts.count > 1), WHOLE)
        return Split(tuple(stages), graph, axes, parts)
    return Compiled(tuple(stages), graph, axes, width)


def _axes(graph: Graph) -> frozenset[int]:
    """The axes that the lanes of its kernel run along."""
    if len(graph.features) > 1 or (graph.learnt and not graph.across):
        return frozenset({graph.ndim - 1})
    return graph.axes or frozenset()


_MOST_AXES = 8


def for_any_rank(stages: Sequence[Any], dtype: np.dtype[Any], width: int | None = None) -> tuple[Segment, ...]:
    """The segments of stages for arrays of two axes, or of more where a stage names them."""
    for ndim in range(2, _MOST_AXES + 1):
        found = segments(stages, ndim, dtype, width=width)
        if not any(reason.startswith(NO_AXIS) for _, reason in reasons(found)):
            break
    return found


def over_time(found: Iterable[Segment]) -> tuple[Segment, ...]:
    """The segments for arrays with one more axis at the front, along which the steps of time are."""
    made: list[Segment] = []
    for segment in found:
        if isinstance(segment, Part):
            made.append(Part(segment.stage, over_time(segment.segments)))
        elif isinstance(segment, (Compiled, Split)):
            axes = frozenset(axis + 1 for axis in segment.axes)
            made.append(replace(segment, axes=axes, timed=True))
        else:
            made.append(replace(segment, timed=True))
    return tuple(made)


def couplings(found: Iterable[Segment]) -> Iterator[tuple[Any, frozenset[int]]]:
    """The stages that couple features or take values together, each with the axes along which it does."""
    for segment in found:
        if isinstance(segment, (Compiled, Crossed)):
            yield from ((each.stage, each.axes) for each in segment.stages if each.axes)
        elif isinstance(segment, Split):
            last = frozenset({segment.graph.ndim - 1})
            yield from ((each.stage, each.axes or last) for each in segment.stages if each.axes or each.splits)
        elif isinstance(segment, Part):
            yield from ((segment.stage, axes) for _, axes in couplings(segment.segments))


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
        elif isinstance(segment, Split):
            yield from segment.kernels
        elif isinstance(segment, Crossed):
            yield from (each.kernel for each in segment.forward.links)
        elif isinstance(segment, Part):
            yield from kernels(segment.segments)


def width_out(found: Iterable[Segment], width: int) -> int:
    """How many features the result of segments has where they are given ``width``."""
    for segment in found:
        width = features_out(segment, width)
    return width


def have_features(found: Iterable[Segment], width: int) -> bool:
    """Whether an array with ``width`` features has each one that a slice names alone, and as many as are split."""
    for segment in found:
        if isinstance(segment, Compiled) and not _has_features(segment, width):
            return False
        if isinstance(segment, Split) and width % segment.parts.count:
            return False
        width = features_out(segment, width)
    return True


def _has_features(segment: Compiled, width: int) -> bool:
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
