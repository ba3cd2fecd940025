"""Activations made of activations: groups, and slices of the last axis. They have no name of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from actspec.activation import Activation
from actspec.arrays import Array
from actspec.graph.operand import Operand, features_after


class Group(Activation, register=False):
    """Several activations as one, from left to right."""

    def __init__(self, stages: tuple[Activation, ...]) -> None:
        self.__dict__["stages"] = stages  # an attribute without an annotation is no parameter
        object.__setattr__(self, "_levels", max(stage._levels for stage in stages))

    def __call__(self, x: Array) -> Array:
        for stage in self.stages:
            x = stage.formula_on(x)
        return x

    def follow(self, x: Operand) -> Operand:
        for stage in self.stages:
            x = stage.follow(x)
        return x

    @property
    def resizes(self) -> bool:
        return any(stage.resizes for stage in self.stages)

    def features_out(self, n: int) -> int:
        return features_after(self.stages, n)

    @property
    def stages(self) -> tuple[Activation, ...]:
        stages: tuple[Activation, ...] = self.__dict__["stages"]
        return stages

    @property
    def _nested(self) -> tuple[Activation, ...]:
        return self.stages

    def _values(self) -> tuple[Any, ...]:
        return (self.stages,)

    def __str__(self) -> str:
        return "+".join(map(str, self.stages))

    def __repr__(self) -> str:
        return f"actspec.parse({str(self)!r})"


class Sliced(Activation, register=False):
    """An activation on some features of the last axis; the others pass through unchanged.

    With ``single`` it is the feature at ``start``, which has to exist; else the features of ``start:stop:step``.
    """

    base: Activation
    start: int | None = None
    stop: int | None = None
    step: int = 1
    single: bool = False

    def __call__(self, x: Array) -> Array:
        part = (..., self.selected(x.shape))
        y = x.copy()
        if x[part].size:
            y[part] = self.base.formula_on(x[part])
        return y

    def follow(self, x: Operand) -> Operand:
        y: Operand = x.sliced(self, self.base.follow)
        return y

    resizes = False

    def features_out(self, n: int) -> int:
        try:
            self.base.features_out(self.width_of(n))
        except IndexError as error:
            raise ValueError(str(error)) from None
        return n

    def selected(self, shape: tuple[int, ...]) -> slice:
        """The features that the slice names of an array of this shape; IndexError where the single one isn't there."""
        if not self.single:
            return slice(self.start, self.stop, self.step)
        assert self.start is not None
        if not -shape[-1] <= self.start < shape[-1]:
            raise IndexError(f"{self} names feature {self.start} of a last axis of {shape[-1]}")
        return slice(self.start, self.start + 1 or None)

    def width_of(self, width: int) -> int:
        """How many features the slice selects of ``width``; IndexError where the single one isn't there."""
        return len(range(*self.selected((width,)).indices(width)))

    def most_selected(self, width: int) -> int:
        """How many features the slice selects at most of an array with at most ``width``."""
        if self.single:
            assert self.start is not None
            return int(-width <= self.start < width)
        # [-3:2] selects most of an array of three: nothing is left of the start, and less is cut off.
        mixed = self.stop is not None and (self.start or 0) < 0 <= self.stop
        most = min(width, -(self.start or 0)) if mixed else width
        return len(range(*slice(self.start, self.stop, self.step).indices(most)))

    @property
    def cut(self) -> str:
        """The slice as the language writes it: ``[2:5]``."""
        if self.single:
            return f"[{self.start}]"
        start, stop = ("" if bound is None else str(bound) for bound in (self.start, self.stop))
        return f"[{start}:{stop}]" if self.step == 1 else f"[{start}:{stop}:{self.step}]"

    def __str__(self) -> str:
        base = f"({self.base})" if isinstance(self.base, (Group, Sliced)) else str(self.base)
        return f"{base}{self.cut}"

    def __repr__(self) -> str:
        return f"actspec.parse({str(self)!r})[0]"


def group(stages: Iterable[Activation]) -> Activation:
    """One activation that runs the given ones in turn; nested groups are laid flat."""
    flat = tuple(inner for stage in stages for inner in stage.stages)
    return flat[0] if len(flat) == 1 else Group(flat)


def one_feature(base: Activation, index: int) -> Activation:
    """The activation on the feature at ``index`` alone; ValueError where a slice inside it can't have one."""
    _check_size(base)
    _check_inside(base, 1)
    return Sliced(base, start=index, single=True)


def features(base: Activation, start: int | None, stop: int | None, step: int | None) -> Activation:
    """The activation on the features ``start:stop:step``; ValueError where that can't be or never selects any."""
    step = 1 if step is None else step
    if step < 1:
        raise ValueError(f"the step of a slice must be at least 1, not {step}")
    first = 0 if start is None else start
    if stop is not None and (stop == 0 or (first < 0) == (stop < 0)):
        if stop == 0 or first >= stop:
            raise ValueError(f"the slice selects no feature: it stops at {stop}, not after its start {first}")
        _check_inside(base, -(-(stop - first) // step))
    elif stop is None and first < 0:
        _check_inside(base, -(first // step))
    if first == 0 and stop is None and step == 1:
        return base
    _check_size(base)
    return Sliced(base, start=first or None, stop=stop, step=step)


def _check_size(base: Activation) -> None:
    """ValueError where a slice has no room for what its base makes of it."""
    for stage in base.stages:
        if stage.resizes:
            raise ValueError(f"'{stage}' changes the number of features, so it takes all of them, not a slice")


def _check_inside(base: Activation, width: int) -> None:
    """ValueError where a slice inside ``base``, however deep, selects nothing of at most ``width`` features."""
    for stage in base.stages:
        if not isinstance(stage, Sliced):
            continue
        left = stage.most_selected(width)
        if not left:
            raise ValueError(f"the slice leaves {width} feature{'s' * (width > 1)}, of which '{stage}' selects none")
        _check_inside(stage.base, left)


def leaves(stages: Iterable[Activation]) -> Iterator[Activation]:
    """Every activation with a name, those inside slices and parameters included."""
    return (stage for stage in every(stages) if not isinstance(stage, (Group, Sliced)))


def every(stages: Iterable[Activation]) -> Iterator[Activation]:
    """The stages and all that they are made of."""
    for stage in stages:
        yield stage
        yield from every(stage._nested)
