"""What a cell runs: its stages as parts of a program, with a place for each state and for the noise of each draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from actspec import structure
from actspec.activation import Activation
from actspec.errors import UnboundError
from actspec.kernels.program import Draw, Memory, Program, Steps, Within
from actspec.structure import Sliced


@dataclass(frozen=True, slots=True)
class Assembly:
    """A program; what in it remembers, by the places of the states, and what in it draws."""

    program: Program
    memories: tuple[Memory, ...]
    draws: tuple[Draw, ...]

    def shape_at(self, part: Memory | Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what a part is given, where steps have this one."""
        found = _shape_at(part, self.program, shape)
        assert found is not None
        return found


def assemble(stages: tuple[Activation, ...], width: int | None, *, training: bool) -> Assembly:
    """The stages, of so many features where it is known, as a program: neighbours without a state run together.

    Places are the same in and out of ``training``. UnboundError where a parameter holds what would need a place.
    """
    builder = _Builder(training)
    program = builder.parts(stages, width)
    return Assembly(program, tuple(builder.memories), tuple(builder.draws))


def widths(stages: tuple[Activation, ...], width: int | None) -> Iterator[int | None]:
    """How many features each stage is given, where the first is given ``width``."""
    for stage in stages:
        yield width
        width = None if width is None else stage.features_out(width)


class _Builder:
    """Makes parts of stages, and gives them places."""

    def __init__(self, training: bool) -> None:
        self.training = training
        self.memories: list[Memory] = []
        self.draws: list[Draw] = []
        self.drawing = 0

    def parts(self, stages: tuple[Activation, ...], width: int | None) -> Program:
        """The stages as parts of a program."""
        parts: list[Steps | Memory | Draw | Within] = []
        for stage, given in zip(stages, widths(stages, width), strict=True):
            for part in self.of(stage, given):
                last = parts[-1] if parts else None
                if isinstance(part, Steps) and isinstance(last, Steps):
                    parts[-1] = Steps((*last.stages, *part.stages), last.width)
                else:
                    parts.append(part)
        return tuple(parts)

    def of(self, stage: Activation, width: int | None) -> Program:
        """One stage as parts."""
        if stage.stateful:
            memory = Memory(stage, len(self.memories))
            self.memories.append(memory)
            readout = stage.readout
            if readout[0] is not stage:
                return (memory, *self.parts(readout, width))
            self.check_inside(stage)
            return (memory, Steps(readout, width))
        if stage.draws:
            self.drawing += 1
            if stage.draws == "training" and not self.training:
                return (Steps((stage,), width),)
            self.draws.append(Draw(stage, self.drawing - 1, width))
            return (self.draws[-1],)
        if isinstance(stage, Sliced) and any(each.stateful or each.draws for each in structure.leaves((stage,))):
            inner = None if width is None else stage.width_of(width)
            return (Within(stage, self.parts(stage.base.stages, inner)),)
        self.check_inside(stage)
        return (Steps((stage,), width),)

    def check_inside(self, stage: Activation) -> None:
        """UnboundError where a formula runs what needs a place of its own."""
        for each in structure.leaves(stage._nested):
            if each.stateful:
                raise UnboundError(f"'{stage}' can't hold an activation that remembers as a parameter")
            if each.draws == "always" or (each.draws and self.training):
                when = "" if each.draws == "always" else " in training"
                raise UnboundError(f"'{stage}' can't hold '{each}' as a parameter, which draws random numbers{when}")


def _shape_at(part: Memory | Draw, parts: Program, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    for each in parts:
        if each is part:
            return shape
        if isinstance(each, Steps):
            shape = (*shape[:-1], each.features_out(shape[-1]))
        if isinstance(each, Within):
            found = _shape_at(part, each.program, (*shape[:-1], each.stage.width_of(shape[-1])))
            if found is not None:
                return found
    return None
