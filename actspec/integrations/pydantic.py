"""Field types of pydantic models: ``Spec`` for a pipeline, ``LayerSpec`` for a layer, ``Layers`` for a layer list.

>>> from pydantic import BaseModel
>>> class Config(BaseModel):
...     activation: Spec
...     layers: Layers
>>> config = Config(activation="TANH + norm:z", layers=[784, (10, "softmax")])
>>> config.activation
actspec.parse('tanh+norm:z')
>>> config.model_dump()
{'activation': 'tanh+norm:z', 'layers': [{'size': 784, 'activation': 'linear'}, {'size': 10, 'activation': 'softmax'}]}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema
from typing_extensions import TypeAliasType

from actspec import layers as layer_lists
from actspec.errors import LayerError, SpecError, did_you_mean
from actspec.pipeline import Pipeline, parse
from actspec.schema import layer_schema, spec_schema, surface_schema

__all__ = ["LayerList", "LayerSpec", "Layers", "Spec"]


@dataclass(frozen=True)
class _SpecField:
    """A field that takes what ``parse`` takes, strings, instances and None, and gives a Pipeline, in strict mode too.

    Its errors have the type ``activation_spec`` and in ``ctx`` the ``spec``, the ``span`` of the first fault, its
    ``reason`` and the ``suggestions``.
    """

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        return _field(_read_spec, _write_spec, core_schema.str_schema())

    def __get_pydantic_json_schema__(self, _core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return spec_schema(null=handler.mode == "validation")


def _read_spec(value: Any) -> Pipeline:
    try:
        return parse(value)
    except SpecError as error:
        raise PydanticCustomError("activation_spec", "{message}", _context(error)) from error
    except TypeError as error:
        raise PydanticCustomError("activation_type", "{message}", {"message": str(error)}) from error


def _write_spec(value: Any) -> str:
    return str(parse(value))  # a default may be as it was written


def _context(error: SpecError) -> dict[str, Any]:
    hint = f", {did_you_mean(error.suggestions)}" if error.suggestions else ""
    return {
        "message": f"{error.reason}{hint}",
        "reason": error.reason,
        "spec": error.spec,
        "span": error.span,
        "suggestions": error.suggestions,
    }


@dataclass(frozen=True)
class LayerList:
    """A field that takes what ``parse_layers`` takes, by its settings: ``Annotated[list[LayerSpec], LayerList(...)]``.

    Errors have the type ``layer``; ``loc`` and ``input`` are those of the value inside the list that is at fault. In
    ``ctx`` is the ``reason``, and for a bad spec what errors of ``Spec`` have.
    """

    hidden: Any = "relu"
    output: Any = "linear"
    forms: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        def write(layers: list[Any]) -> list[dict[str, Any]]:
            read = layers if all(isinstance(layer, layer_lists.LayerSpec) for layer in layers) else self._read(layers)
            return [_write_layer(layer) for layer in read]  # a default may be as it was written

        return _field(self._read, write, core_schema.list_schema())

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "array", "items": layer_schema(spec_schema(), surface_schema(), self.forms)}

    def _read(self, value: Any) -> list[layer_lists.LayerSpec]:
        try:
            return layer_lists.parse_layers(value, hidden=self.hidden, output=self.output, forms=self.forms)
        except LayerError as error:
            raise _inside(value, _loc(error), error) from error


@dataclass(frozen=True)
class _LayerField:
    """A field that takes one layer of a list, linear unless it says otherwise."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        return _field(_read_layer, _write_layer, core_schema.dict_schema())

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return layer_schema(spec_schema(), surface_schema())


def _read_layer(value: Any) -> layer_lists.LayerSpec:
    try:
        return layer_lists.parse_layers([value])[0]
    except LayerError as error:
        raise _inside(value, _loc(error)[1:], error) from error


def _loc(error: LayerError) -> tuple[int | str, ...]:
    """The indices and keys that lead to a fault: ``(1, 1)`` for ``layers[1][1]``."""
    return tuple(int(index) if index else key for index, key in _STEP.findall(error.place))


_STEP = re.compile(r"\[(?:(\d+)|'(\w+)')\]")


def _inside(value: Any, loc: tuple[int | str, ...], error: LayerError) -> ValidationError:
    """The error of a value that stands somewhere inside the one that was given."""
    cause = error.__cause__
    context = _context(cause) if isinstance(cause, SpecError) else {"message": error.reason, "reason": error.reason}
    for step in loc:
        value = value[step]
    custom = PydanticCustomError("layer", "{message}", context)
    return ValidationError.from_exception_data("layers", [InitErrorDetails(type=custom, loc=loc, input=value)])


def _write_layer(layer: layer_lists.LayerSpec) -> dict[str, Any]:
    """A layer as ``parse_layers`` reads it again."""
    written: dict[str, Any] = {"size": layer.size} if layer.shape == (layer.size,) else {"shape": list(layer.shape)}
    written["activation"] = str(layer.activation)
    for key in ("form", "name"):
        if (word := getattr(layer, key)) is not None:
            written[key] = word
    return written | dict(layer.options)


def _field(read: Callable[[Any], Any], write: Callable[[Any], Any], written: CoreSchema) -> CoreSchema:
    serialization = core_schema.plain_serializer_function_ser_schema(write, return_schema=written)
    return core_schema.no_info_plain_validator_function(read, serialization=serialization)


# By a name of its own it is one definition of a schema, however many fields have it, and is never without its metadata.
Spec = TypeAliasType("Spec", Annotated[Pipeline, _SpecField()])
"""A pipeline: a spec, an instance or None, which is linear; serialised as its canonical spelling."""

LayerSpec = Annotated[layer_lists.LayerSpec, _LayerField()]
"""One layer, as it may stand in a layer list; serialised as a dict."""

Layers = Annotated[list[layer_lists.LayerSpec], LayerList()]
"""A layer list; serialised as a list of dicts."""
