"""JSON Schemas of specs, layer lists and configs, made from the registry, for editors and validators.

A pattern knows the names and how they are joined. Parameters and what is in parentheses it leaves to ``actspec lint``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Any

from actspec import dialects, plugins, registry
from actspec.dialects.dialect import vocabulary
from actspec.errors import SpecError
from actspec.limits import MAX_CHARACTERS
from actspec.lint.keys import DEFAULT_KEYS, LAYERS
from actspec.pipeline import parse
from actspec.plugins import import_path, normalise

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors read: their support of later ones is partial."""

EXAMPLES = ("tanh", "tanh+norm:z", "leakyrelu(negative_slope=0.2)", "softmax[:5]+softplus[5:]")


def spec_schema(dialect: str | None = None, *, null: bool = True) -> Schema:
    """The schema of a spec, in a dialect if one is given: a name, what the pattern takes, or null where it may be."""
    known = registry.names() if dialect is None else dialects.load(dialect).spellings
    ready = [name for name in known if _is_whole(name, dialect)]
    of = "" if dialect is None else f" of the dialect {dialect}"
    return {
        "title": "Spec",
        "description": f"Activations from left to right, joined by '+'. Names{of}: {', '.join(known)}.",
        "anyOf": [
            {"enum": ready},
            surface_schema(dialect),
            *[{"type": "null"}] * null,
        ],
        "examples": list(EXAMPLES) if dialect is None else ready[: len(EXAMPLES)],
    }


def surface_schema(dialect: str | None = None) -> Schema:
    """The schema of a spec that is a string, which knows the names and how they are joined."""
    return {"type": "string", "maxLength": MAX_CHARACTERS, "pattern": pattern(dialect)}


def layer_schema(spec: Schema, surface: Schema, forms: Iterable[str] = ()) -> Schema:
    """The schema of one layer of a list: a size, a shape, a tuple of size, activation and form, or a mapping.

    What is a string is held to the ``surface``; the whole ``spec`` is for editors, as ``_offered`` has it.
    """
    size = {"type": "integer", "minimum": 1}
    known = list(forms)
    form = {"enum": known}
    word = {"anyOf": [surface, form]} if known else surface
    each_once = {"allOf": [{"contains": form}, {"contains": {"type": ["string", "null"], "not": form}}]}
    mixed = {
        "items": {"type": ["integer", "string", "null"], **_by_kind(integer=size, string=word), **_offered(spec)},
        "contains": size,
        **({"maxItems": 3, "if": {"minItems": 3}, "then": each_once} if known else {"maxItems": 2}),
    }
    properties = {
        "size": size,
        "shape": {"type": "array", "items": size, "minItems": 1},
        "activation": {"type": ["string", "null"], **_by_kind(string=surface), **_offered(spec)},
        "form": {"enum": [*known, None]},
        "name": {"type": ["string", "null"]},
    }
    return {
        "title": "Layer",
        "type": ["integer", "array", "object"],
        **_by_kind(
            integer=size,
            array={
                "minItems": 1,
                "if": {"items": {"type": "integer"}},
                "then": {"items": size},
                "else": mixed,
            },
            object={"properties": properties, "anyOf": [{"required": ["size"]}, {"required": ["shape"]}]},
        ),
    }


def schema(
    root: str = "any",
    keys: Iterable[str] = DEFAULT_KEYS,
    forms: Iterable[str] = (),
    dialect: str | None = None,
) -> Schema:
    """A whole schema: of a ``spec``, of ``layers``, of a ``config`` with them under ``keys``, or of ``any`` of these.

    Specs are those of the ``dialect``, if one is given.

    >>> schema("spec")["$ref"]
    '#/definitions/spec'
    """
    spec, surface = _reference("spec"), _reference("surface")
    whole_spec = spec_schema(dialect)
    whole_spec["anyOf"][1] = surface
    definitions: Schema = {
        "spec": whole_spec,
        "surface": surface_schema(dialect) | {"errorMessage": _MESSAGE},
        "layer": layer_schema(spec, surface, forms),
        "layers": {"title": "Layers", "type": "array", "items": _reference("layer")},
        "value": _value(spec, surface),
        "named": {"allOf": [_reference("value"), _by_kind(number={"type": ["string", "null"]})]},
        "node": _by_kind(array={"items": _reference("node")}, object=_reference("config")),
        "config": _config(keys),
    }
    kinds = _by_kind(string=surface, array=_reference("layers"), object=_reference("config"))
    whole = kinds if root == "any" else _reference(root)
    return {"$schema": DIALECT, "title": "actspec", **whole, "definitions": definitions}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _by_kind(**schemas: Schema) -> Schema:
    """What holds for values of some types; a fault is told as that of its type."""
    return {"allOf": [{"if": {"type": kind}, "then": then} for kind, then in schemas.items()]}


def _offered(spec: Schema) -> Schema:
    """What takes anything, and has editors offer specs where there is no value yet."""
    return {"anyOf": [spec, {}]}


_MESSAGE = "no spec: an activation is unknown, or they are joined wrongly (actspec lint says more)"
"""What editors say of a bad spec; validators that don't know of it ignore it."""


def _value(spec: Schema, surface: Schema) -> Schema:
    """What may stand under a key of specs in a config, as lint has it."""
    filled_in = {"type": "string", "pattern": r"\$\{|^\s*(\{\{|\?\?\?\s*$)"}
    inner = {"items": _reference("value")}  # inside a condition: YAML's server follows it without end elsewhere
    kinds = _by_kind(string={"anyOf": [surface, filled_in]}, array=inner, object=_reference("config"))
    return kinds | _offered(spec)


def _config(keys: Iterable[str]) -> Schema:
    properties: Schema = {}
    globs: Schema = {}
    for key in dict.fromkeys(keys):
        *above, last = key.split(".")
        loose = bool(set(last) & set("*?["))
        held = _reference("node" if last == LAYERS else "value" if loose else "named")
        if last == LAYERS:
            held = {
                "if": {"type": "array", "contains": {"type": "integer"}},
                "then": _reference("layers"),
                "else": held,
            }
        for name in reversed(above):
            held = {"allOf": [_one(last, held), _reference("node")]}
            last = name
        (globs if set(last) & set("*?[") else properties)[_anchored(last)] = held
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": globs,
        "additionalProperties": _reference("node"),
    }


def _one(name: str, held: Schema) -> Schema:
    kind = "patternProperties" if set(name) & set("*?[") else "properties"
    return {kind: {_anchored(name): held}}


def _anchored(name: str) -> str:
    """A key as it is, or a glob as a regular expression of ECMAScript."""
    if not set(name) & set("*?["):
        return name
    body = translate(name)  # (?s:...)\Z or \z
    return f"^{body[body.index(':') + 1 : body.rindex(')')]}$"


def _is_whole(name: str, dialect: str | None) -> bool:
    """Whether a name is a spec by itself: it needs no parameters."""
    if dialect is not None:
        try:
            parse(name, dialect)
        except SpecError:
            return False
        return True
    entry = registry.entries().get(normalise(name))
    return entry is None or not any(each.required for each in entry.cls.__definition__.parameters)


def _keys(dialect: str | None) -> set[str]:
    """The normalised names that a spec may have."""
    if dialect is None:
        return {*registry.entries(), *plugins.offers(import_path())}
    return set(map(normalise, vocabulary(dialect).names))


def pattern(dialect: str | None = None) -> str:
    """A regular expression of ECMAScript and Python for specs: every name before parentheses and after ``+`` is known.

    >>> bool(re.search(pattern(), "Leaky_ReLU:0.1 + norm : z")), bool(re.search(pattern(), "tanh+norm:zz"))
    (True, False)
    """
    name = f"(?:{'|'.join(_spelled(key) for key in sorted(_keys(dialect), key=lambda key: (-len(key), key)))}){_END}"
    start = rf"{_SPACE}(?:\({_SPACE})*{name}"
    sign = rf"[+-](?={_NUMBER})"
    # The names stand in it once, as they are most of its length: at the beginning and after each plus.
    return f"^(?:(?:^|(?!^)\\+){start}|(?!^)(?:{_SPACES}|{_STRING}|{_WORD}|{_DIGITS}|{sign}|{_SLICE}|[(),:=~]))+$"


_SPACE = r"[ \t\r\n\f\v]*"
_SPACES = r"[ \t\r\n\f\v]"
_NUMBER = r"(?:[0-9.]|[iI][nN][fF]|[nN][aA][nN])"
_STRING = "|".join(rf"{quote}(?:[^{quote}\\]|\\.)*{quote}" for quote in "'\"")  # no escapes but those of ECMAScript
_END = rf"[_-]*(?![A-Za-z0-9_-])(?!{_SPACE}:{_SPACE}(?![iI][nN][fF]|[nN][aA][nN])[A-Za-z_])(?!{_SPACES}+[A-Za-z0-9_.])"
_APART = rf"(?!{_SPACE}(?:[A-Za-z0-9_.'~]|\x22))"  # no two values side by side
_WORD = rf"[A-Za-z_][A-Za-z0-9_-]*(?![A-Za-z0-9_-]){_APART}"
_DIGITS = rf"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]){_APART}"
_WHOLE = rf"(?:{_SPACE}[+-]?[0-9]+)?{_SPACE}"
_SLICE = rf"\[(?!{_SPACE}\]){_WHOLE}(?::{_WHOLE}){{0,2}}\](?!{_SPACE}[\[(:])"


def _spelled(key: str) -> str:
    """A normalised name as writers may spell it: in any case, with ``_`` and ``-`` anywhere."""
    return f"{_SPACE}:{_SPACE}".join("_*" + "[_-]*".join(map(_letter, word)) for word in key.split(":"))


def _letter(char: str) -> str:
    return f"[{char}{char.upper()}]" if char.isalpha() else re.escape(char)
