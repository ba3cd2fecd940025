"""What ``parse_layers`` refuses in layer lists, beside bad specs, and at which value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from actspec.errors import LayerError, Problem
from actspec.layers import parse_layers
from actspec.lint.document import Branch, Kind, Scalar
from actspec.lint.near import is_near
from actspec.pipeline import Pipeline

Read = Callable[[str], Pipeline | tuple[Problem, ...] | None]
"""How a spec is read: to a pipeline, its faults, or None where it is passed over."""


def refused(layers: Branch, kind_of: Callable[[Scalar], Kind], read: Read) -> Iterator[tuple[Scalar, str]]:
    """The values that a layer list can't have where they stand, each with the reason.

    What is called ``layers`` can be a list of anything. Looked at are strings among sizes, and lists of whole numbers,
    strings and nulls, if one of the strings is a spec or near to one.
    """
    scalars = [child for child in layers.children if isinstance(child, Scalar)]
    if any(map(_is_whole, scalars)):
        for scalar in scalars:
            if kind_of(scalar) == "string" and read(scalar.value) is not None and is_near(scalar.value):
                yield scalar, _reason(scalar.value)[0]
    for child in layers.children:
        if isinstance(child, Branch) and not child.mapping and not child.alternatives:
            yield from _in_layer([each for each in child.children if isinstance(each, Scalar)], kind_of, read, child)


def _in_layer(
    scalars: list[Scalar], kind_of: Callable[[Scalar], Kind], read: Read, layer: Branch
) -> Iterator[tuple[Scalar, str]]:
    if len(scalars) < len(layer.children):
        return
    kept: list[Scalar] = []
    values: list[object] = []
    near = False
    for scalar in scalars:
        kind = kind_of(scalar)
        value: object
        if kind == "number" and _is_whole(scalar):
            value = int(scalar.value)
        elif kind == "null":
            value = None
        elif kind == "string":
            found = read(scalar.value)
            near = near or (found is not None and is_near(scalar.value))
            value = found if isinstance(found, Pipeline) else _FORM  # what is bad in it is told as that of a spec
            if value is _FORM and _FORM in values:
                continue
        else:
            return
        kept.append(scalar)
        values.append(value)
    if not near or not any(map(_is_whole, kept)):
        return
    reason, position = _reason(values)
    if reason:
        specs = (at for at, value in enumerate(values) if isinstance(value, Pipeline))
        yield kept[next(specs, 0) if position is None else position], reason


def _reason(layer: object) -> tuple[str, int | None]:
    """Why a layer is refused, if it is, and at which of its values."""
    try:
        parse_layers([layer], forms=(_FORM,))
    except LayerError as error:
        match = _PLACE.match(error.place)
        assert match
        return " ".join(error.reason.split()), int(match[1]) if match[1] else None
    return "", None


def _is_whole(scalar: Scalar) -> bool:
    return scalar.style == "" and _WHOLE.fullmatch(scalar.value) is not None


_FORM = "form"
_PLACE = re.compile(r"layers\[0\](?:\[(\d+)\])?")
_WHOLE = re.compile(r"-?(?:0|[1-9](?:_?[0-9]){,17})")
