"""Activations on arrays in parts: which axes may be cut, and how a stage runs where one that it couples is cut."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

from actspec.activation import Activation
from actspec.graph import coupling
from actspec.graph.streaming import Block
from actspec.kernels import run
from actspec.structure import Group, Sliced


def coupled_axes(stage: Activation, ndim: int) -> frozenset[int] | None:
    """The axes along which a stage mixes values of an array of ``ndim`` axes, or treats them by their position.

    Splitting the array along any other axis gives the same result. None where that can't be told of a formula: then
    it needs the whole array.
    """
    if isinstance(stage, Group):
        found = [coupled_axes(each, ndim) for each in stage.stages]
        return None if None in found else frozenset().union(*(axes for axes in found if axes is not None))
    if isinstance(stage, Sliced):
        axes = coupled_axes(stage.base, ndim)
        return None if axes is None else axes | {ndim - 1}
    return coupling.coupled_axes(partial(_body, stage), ndim)


def follow(stage: Activation, x: Block) -> Block:
    """What a stage makes of a block of an array, of which it may see no more at a time.

    UnfollowedError, or whatever a formula raises at what it doesn't know, where that can't be told.
    """
    if isinstance(stage, Group):
        return reduce(lambda y, each: follow(each, y), stage.stages, x)
    if isinstance(stage, Sliced):
        part, replaced = x.features(stage.selected(x.shape))
        return x.elementwise(replaced, (x, follow(stage.base, part)), {}) if part.shape[-1] else x
    name = f"the formula of {type(stage).__qualname__}"
    result: Block = x.elementwise(lambda own, y: run.check_result(y, own, name), (x, _body(stage, x)), {})
    return result


def _body(stage: Activation, x: Any) -> Any:
    return type(stage).__formula__(stage, x)  # type: ignore[misc]  # an instance always has a formula
