"""Layer lists: ``[784, (100, "tanh+norm:z"), (10, "softmax")]`` to layer specifications."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from actspec.activation import Activation
from actspec.catalog import Linear, ReLU
from actspec.errors import LayerError, SpecError
from actspec.pipeline import Pipeline, parse


class _Options(dict[str, Any]):
    """A dict that can't be changed: options are shared by all that hold the layer."""

    def _refuse(self, *_: object, **__: object) -> Any:
        raise TypeError("the options of a LayerSpec can't be changed")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return _Options, (dict(self),)


@dataclass(frozen=True)
class LayerSpec:
    """One layer: its size and shape, its activation, the name of its form, its own name, and all else in ``options``.

    ``size`` is the number of units, the product of ``shape``; either gives the other. ``activation`` takes what
    ``parse`` takes. Raises LayerError where they don't fit.

    >>> LayerSpec(10, activation="tanh").shape
    (10,)
    >>> LayerSpec(10, activation="glu").features_out
    5
    """

    size: int = 0
    shape: tuple[int, ...] = ()
    activation: Pipeline = field(default_factory=lambda: parse(None))
    form: str | None = None
    name: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        size = None if isinstance(self.size, int) and not isinstance(self.size, bool) and self.size == 0 else self.size
        shape = None if self.shape == () else self.shape
        whole, sides = _measure(size, shape, "LayerSpec", "LayerSpec.size", "LayerSpec.shape")
        object.__setattr__(self, "size", whole)
        object.__setattr__(self, "shape", sides)
        object.__setattr__(self, "activation", _activation(self.activation, "LayerSpec.activation"))
        _check_fit(self.activation, sides, "LayerSpec")
        for key in ("form", "name"):
            _check_word(getattr(self, key), key, f"LayerSpec.{key}")
        if not isinstance(self.options, Mapping):
            raise LayerError("LayerSpec.options", f"expected a mapping, not {_describe(self.options)}")
        object.__setattr__(self, "options", _Options(self.options))

    @property
    def features_out(self) -> int:
        """The width of the last axis that the activation gives: that of ``shape``, but for gated activations."""
        return self.activation.features_out(self.shape[-1])


def parse_layers(
    layers: Iterable[Any],
    *,
    hidden: Any = ReLU,
    output: Any = Linear,
    forms: Iterable[str] = (),
    dialect: str | None = None,
) -> list[LayerSpec]:
    """The layers that a list describes, first to last.

    A layer is an int (its size); a tuple or list with one int, one activation and one name of ``forms``, in any order;
    a tuple or list of ints alone (its shape); a dict with ``size`` or ``shape``, ``activation``, ``form``, ``name`` and
    anything else, which is kept in ``options``; or a LayerSpec. Activations are what ``parse`` takes. The first layer
    is the input and linear, the last takes ``output``, the others ``hidden``, unless they say otherwise. With a
    ``dialect``, specs are read in it.

    LayerError names the place of a fault, such as ``layers[1][1]``, and shows a bad spec with its caret.

    >>> [f"{layer.size} {layer.activation}" for layer in parse_layers([784, (100, "tanh+norm:z"), (10, "softmax")])]
    ['784 linear', '100 tanh+norm:z', '10 softmax']
    """
    if isinstance(layers, (str, bytes, Mapping, Set, Pipeline)) or not isinstance(layers, Iterable):
        raise LayerError("layers", f"expected a list of layers, not {_describe(layers)}")
    if isinstance(forms, (str, bytes)) or not isinstance(forms, Iterable):
        raise LayerError("forms", f"expected a list of names, not {_describe(forms)}")
    known = tuple(forms)
    for position, name in enumerate(known):
        if not isinstance(name, str):
            raise LayerError(f"forms[{position}]", f"expected a name, not {_describe(name)}")
    inside, last = (_activation(value, key, dialect) for key, value in (("hidden", hidden), ("output", output)))
    listed = list(layers)
    defaults = [parse(None), *[inside] * (len(listed) - 2), last]
    return [
        _layer(layer, f"layers[{position}]", default, known, dialect)
        for position, (layer, default) in enumerate(zip(listed, defaults, strict=False))
    ]


def _check_fit(activation: Pipeline, shape: tuple[int, ...], place: str) -> None:
    """LayerError where an activation can't take so many features."""
    try:
        activation.features_out(shape[-1])
    except ValueError as error:
        raise LayerError(place, f"the size doesn't fit the activation: {error}") from error


def _fitting(
    size: int, shape: tuple[int, ...], activation: Pipeline, place: str, form: str | None = None, **more: Any
) -> LayerSpec:
    _check_fit(activation, shape, place)
    return LayerSpec(size, shape, activation, form, **more)


def _layer(layer: object, place: str, default: Pipeline, forms: tuple[str, ...], dialect: str | None) -> LayerSpec:
    if isinstance(layer, LayerSpec):
        return layer
    if isinstance(layer, Mapping):
        return _from_mapping(layer, place, default, forms, dialect)
    if isinstance(layer, (tuple, list)):
        return _from_sequence(layer, place, default, forms, dialect)
    if _is_whole(layer):
        size, shape = _measure(layer, None, place)
        return _fitting(size, shape, default, place)
    raise LayerError(place, f"expected a size, a tuple, a dict or a LayerSpec, not {_describe(layer)}")


def _from_sequence(
    layer: Sequence[Any], place: str, default: Pipeline, forms: tuple[str, ...], dialect: str | None
) -> LayerSpec:
    if layer and all(map(_is_whole, layer)):
        size, shape = _measure(None, layer, place)
        return _fitting(size, shape, default, place)
    size_at: int | None = None
    activation: Pipeline | None = None
    form: str | None = None
    for position, value in enumerate(layer):
        here = f"{place}[{position}]"
        if _is_whole(value):
            if size_at is not None:
                raise LayerError(here, f"a second size, {value}: a shape is a tuple of ints alone")
            size_at = position
        elif isinstance(value, str) and value in forms:
            if form is not None:
                raise LayerError(here, f"a second form, {value!r}, after {form!r}")
            form = value
        else:
            parsed = _activation(value, here, dialect, forms)
            if activation is not None:
                raise LayerError(here, f"a second activation, '{parsed}', after '{activation}': join them with '+'")
            activation = parsed
    if size_at is None:
        raise LayerError(place, "the size is missing: expected one int")
    size, shape = _measure(layer[size_at], None, f"{place}[{size_at}]")
    return _fitting(size, shape, default if activation is None else activation, place, form)


def _from_mapping(
    layer: Mapping[Any, Any], place: str, default: Pipeline, forms: tuple[str, ...], dialect: str | None
) -> LayerSpec:
    for key in layer:
        if not isinstance(key, str):
            raise LayerError(place, f"expected keys that are strings, not {_describe(key)}")
    size, shape = _measure(layer.get("size"), layer.get("shape"), place, f"{place}['size']", f"{place}['shape']")
    activation = default
    if "activation" in layer:
        activation = _activation(layer["activation"], f"{place}['activation']", dialect)
    for key in ("form", "name"):
        _check_word(layer.get(key), key, f"{place}[{key!r}]")
    form = layer.get("form")
    if form is not None and form not in forms:
        raise LayerError(f"{place}['form']", f"unknown form {form!r}: expected {_listed(forms)}")
    options = {key: value for key, value in layer.items() if key not in ("size", "shape", "activation", "form", "name")}
    return _fitting(size, shape, activation, place, form, name=layer.get("name"), options=options)


def _measure(
    size: object, shape: object, place: str, size_at: str | None = None, shape_at: str | None = None
) -> tuple[int, tuple[int, ...]]:
    """Size and shape from either of them; both must agree. ``size_at`` and ``shape_at`` say where each stands."""
    if size is None and shape is None:
        raise LayerError(place, "the size is missing: give a size or a shape")
    sides: tuple[int, ...] | None = None
    if shape is not None:
        if isinstance(shape, (str, bytes)) or not isinstance(shape, Sequence) or not shape:
            raise LayerError(shape_at or place, f"expected a tuple of ints, not {_describe(shape)}")
        sides = tuple(_positive(side, f"{shape_at or place}[{position}]") for position, side in enumerate(shape))
    units = 0 if sides is None else math.prod(sides)
    whole = units if size is None else _positive(size, size_at or place)
    if sides is not None and units != whole:
        raise LayerError(place, f"size {whole} does not fit shape {sides}, which has {units} units")
    return whole, (whole,) if sides is None else sides


def _positive(value: object, place: str) -> int:
    if not _is_whole(value):
        raise LayerError(place, f"expected a size, an int of at least 1, not {_describe(value)}")
    whole = operator.index(value)  # type: ignore[arg-type]
    if whole < 1:
        raise LayerError(place, f"expected a size of at least 1, not {whole}")
    return whole


def _is_whole(value: object) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        operator.index(value)  # type: ignore[arg-type]  # this is the question
    except TypeError:
        return False
    return True


def _activation(value: Any, place: str, dialect: str | None = None, forms: tuple[str, ...] | None = None) -> Pipeline:
    try:
        return parse(value, dialect)
    except SpecError as error:
        hint = "" if not forms else f"\n(the forms known here are {_listed(forms)})"
        raise LayerError(place, f"{error}{hint}") from error
    except TypeError as error:
        known = isinstance(value, type) and issubclass(value, Activation)
        raise LayerError(place, str(error) if known else f"expected an activation, not {_describe(value)}") from None


def _check_word(value: object, key: str, place: str) -> None:
    if value is not None and not isinstance(value, str):
        raise LayerError(place, f"expected a {key}, a string, not {_describe(value)}")


def _listed(forms: tuple[str, ...]) -> str:
    return " or ".join(map(repr, forms)) if forms else "none, as parse_layers(..., forms=(...)) was given none"


def _describe(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text}" if len(text) <= 60 else f"an object of type {type(value).__name__}"
