"""What the checks look at: an activation, what to call it by, and arrays to try it on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.activation import Activation
from actspec.arrays import Array, result_type
from actspec.parameters import Learnable
from actspec.pipeline import Pipeline
from actspec.structure import Group, Sliced, leaves

States = dict[tuple[int, ...], Array]
"""What activations remember, by their places in a pipeline."""


class Case:
    """A pipeline, bound where it has to be; the range that inputs come from; the shape of most arrays.

    A cell with a state, or with random numbers, is back at its beginning for each call.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        domain: tuple[float, float],
        shape: tuple[int, ...] | None,
        *,
        training: bool = False,
    ) -> None:
        self.pipeline = pipeline
        self.domain = domain
        self.given_shape = shape
        self.shape: tuple[int, ...] = shape or (3, 5)
        self.stateful = any(stage.stateful for stage in leaves(pipeline.stages))
        self.training = training
        self.draws = any(self._draws(stage) for stage in leaves(pipeline.stages))
        self.bound = self.draws or pipeline.needs_binding() is not None
        self._cells: dict[int, Any] = {}
        self._generators: dict[int, Any] = {}
        self._states: dict[tuple[int, ...], Any] = {}

    def sample(self, shape: tuple[int, ...] | None = None, seed: int = 0) -> Array:
        """Random numbers of the domain, always the same ones."""
        return np.random.default_rng(seed).uniform(*self.domain, self.shape if shape is None else shape)

    def shape_out(self, shape: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """The shape of the result for an array of a shape; ValueError where the activation takes no such array."""
        shape = self.shape if shape is None else shape
        if not any(stage.resizes for stage in self.pipeline.stages):
            return shape
        return (*shape[:-1], self.pipeline.features_out(shape[-1] if shape else 1))

    def weights(self, seed: int = 1) -> Array:
        """Random numbers of the shape of the result."""
        return self.sample(self.shape_out(), seed)

    def act(self, width: int) -> Any:
        """What to call on arrays of so many features: the pipeline, or a cell of it."""
        if not self.bound:
            return self.pipeline
        if width not in self._cells:
            cell = self._cells[width] = self.pipeline.bind(features=width, rng=0)
            cell.training = self.training
            self._generators[width] = cell.rng.bit_generator.state
        cell = self._cells[width]
        if self.stateful or self.draws:
            cell.reset()
            cell.rng.bit_generator.state = self._generators[width]
        return cell

    def generator(self, width: int) -> np.random.Generator:
        """A generator like that of a cell of so many features at its beginning."""
        self.act(width)
        rng = np.random.default_rng(0)
        if self.bound:
            rng.bit_generator.state = self._generators[width]
        return rng

    def _draws(self, stage: Activation) -> bool:
        """Whether a stage draws random numbers here."""
        return stage.draws == "always" or (self.training and stage.draws != "")

    def call(self, x: npt.NDArray[Any], out: npt.NDArray[Any] | None = None) -> Any:
        """The activation's result."""
        act = self.act(x.shape[-1] if x.ndim else 1)
        return act(x) if out is None else act(x, out=out)

    def warm(self, shape: tuple[int, ...]) -> Any:
        """What to call on arrays of this shape; where it has a state, in one that isn't zero, always the same."""
        act = self.act(shape[-1])
        if self.stateful:
            if shape not in self._states:
                act(self.sample(shape, seed=7))
                self._states[shape] = act.state
            self.act(shape[-1]).reset(self._states[shape])
        return act

    def warm_call(self, x: Array) -> Array:
        """The result of what ``warm`` returns."""
        return np.asarray(self.warm(x.shape)(x))

    def after(self, x: Array) -> Any:
        """What to differentiate at x; where it has a state or draws, when x was its latest input."""
        act = self.warm(x.shape)
        if self.stateful or self.draws:
            act(x)
        return act

    def written(self, x: npt.NDArray[Any]) -> Array:
        """What the formulas make of x as they are written, one after the other, from states of zero."""
        dtype = result_type(x.dtype)
        plain = np.array(x, np.float32 if dtype.itemsize == 2 else dtype, order="C", copy=True)
        return self.formulas(plain, {}).astype(dtype)

    def formulas(self, x: Array, states: States, rng: np.random.Generator | None = None) -> Array:
        """The same on the very array, which they may write into, from these states on, which move a step.

        Without ``rng``, random numbers are those of a cell at its beginning.
        """
        y = x.reshape(1) if x.ndim == 0 else x
        rng = self.generator(y.shape[-1]) if rng is None else rng
        for place, stage in enumerate(self.stages(y.shape[-1], y.dtype)):
            y = self._applied(stage, y, states, (place,), rng)
        return y.reshape(self.shape_out(x.shape))

    def _applied(
        self, stage: Activation, x: Array, states: States, place: tuple[int, ...], rng: np.random.Generator
    ) -> Array:
        """What a stage's formula makes of x; one that remembers advances its state, one that draws the generator."""
        if isinstance(stage, Sliced):
            y = x.copy()
            part = (..., stage.selected(x.shape))
            if x[part].size:
                y[part] = self._applied(stage.base, x[part], states, (*place, 0), rng)
            return y
        if self._draws(stage):
            return stage.sampled(x, stage.drawn(rng, x.shape, x.dtype))
        if stage.stateful:
            remembering: Any = stage  # only such stages have advance
            states[place] = np.asarray(remembering.advance(states.get(place, np.zeros_like(x)), x))
            x = states[place].copy()
        inner = stage.readout if stage.stateful else stage.stages
        for number, each in enumerate(inner):
            x = each.formula_on(x) if each is stage else self._applied(each, x, states, (*place, number), rng)
        return x

    def stages(self, width: int, dtype: np.dtype[Any]) -> tuple[Activation, ...]:
        """The stages, with arrays for what they learn, as their formulas see them in a cell."""
        if not self.bound:
            return self.pipeline.stages
        values = iter(self.act(width).parameters.values())
        return tuple(_with_values(stage, values, dtype) for stage in self.pipeline.stages)


def _with_values(stage: Activation, values: Iterator[Array], dtype: np.dtype[Any]) -> Activation:
    """A stage with the next arrays in place of its learnable parameters."""
    if isinstance(stage, Group):
        return Group(tuple(_with_values(each, values, dtype) for each in stage.stages))
    seen = object.__new__(type(stage))
    vars(seen).update(vars(stage))
    for parameter, value in stage._items():
        given: Any = value
        if isinstance(value, Learnable):
            given = next(values).astype(dtype)
            given = tuple(given.T) if given.ndim > 1 else given
        elif isinstance(value, Activation):
            given = _with_values(value, values, dtype)
        object.__setattr__(seen, parameter.name, given)
    return seen
