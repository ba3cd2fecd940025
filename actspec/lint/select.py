"""Which values of a document are specs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from actspec.lint.document import Branch, Document, Kind, Node, Scalar
from actspec.lint.keys import BY_NAME, LAYERS, Keys, Path, Role
from actspec.lint.near import is_near

_Place = Role | Literal["tuple", "nested"]
_Task = tuple[Branch, Path, _Place, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A value that should be a spec, and the key that says so."""

    scalar: Scalar
    key: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What a document has of interest: its specs, and where they can't be told from something else.

    ``others`` are the places of all scalars that stand, also or only, where no spec does: an alias, or a second target
    of an assignment, can put a scalar into several places. ``layers`` are the lists that stand where layer lists do.
    """

    specs: list[Found]
    layers: list[Branch]
    others: frozenset[int]


def select(document: Document, keys: Keys) -> Selection:
    """The strings, nulls and numbers of a document that stand where specs do, in the order of the text.

    Lists of specs are specs each, in lists of lists too; mappings are asked for their own keys, and under
    ``activations`` hold specs under any key, where a string is one or near to one. In a layer list, specs stand in the
    tuples and lists that have one size; the merge key ``<<`` counts as the keys that it brings.
    """
    others: set[int] = set()
    layers: dict[int, Branch] = {}
    found = {each.scalar.start: each for root in document.roots for each in _walk(document, root, keys, others, layers)}
    specs = [each for _, each in sorted(found.items(), key=lambda item: item[0])]
    return Selection(specs, list(layers.values()), frozenset(others))


def _walk(document: Document, root: Node, keys: Keys, others: set[int], layers: dict[int, Branch]) -> Iterator[Found]:
    if not isinstance(root, Branch):
        return
    kind_of = document.format.kind_of
    tasks: list[_Task] = [(root, (), "", "")]
    met: set[tuple[int, Path, str]] = set()
    while tasks:
        branch, path, role, owner = tasks.pop()
        if branch.shared:
            visit = id(branch), path, role
            if visit in met:
                continue
            met.add(visit)
        if branch.mapping:
            named = role == "spec" and owner == BY_NAME
            for key, value in zip(branch.children[::2], branch.children[1::2], strict=True):
                if isinstance(key, Branch):
                    tasks.append((key, (), "", ""))
                    name = ""
                else:
                    name = key.value
                    others.add(key.start)
                if name == _MERGE:
                    inner: Role = ""
                else:
                    inner = keys.role(path, name)
                if isinstance(value, Branch):
                    tasks.append((value, path if name == _MERGE else keys.below(path, name), inner, name))
                elif _is_held(value, inner, kind_of) if inner else named and _is_meant(value, kind_of):
                    yield Found(value, name)
                else:
                    others.add(value.start)
            continue
        if role == LAYERS:
            layers[id(branch)] = branch
        taken, inside = _inside(branch, role, kind_of)
        for child in branch.children:
            if isinstance(child, Branch):
                tasks.append((child, path, "" if child.mapping else inside, owner))
            elif taken and _counts(kind_of(child), taken):
                yield Found(child, owner)
            else:
                others.add(child.start)


def _inside(branch: Branch, place: _Place, kind_of: Callable[[Scalar], Kind]) -> tuple[Role, _Place]:
    """What the values directly in a list are, and what stands in the lists in it."""
    if place == LAYERS:
        return "", "tuple"
    if place != "tuple" and place != "nested":
        return place, "nested" if place else ""
    sizes = sum(kind_of(child) == "number" for child in branch.children if isinstance(child, Scalar))
    if place == "nested":
        return "loose" if sizes <= 1 else "", "nested"
    return "loose" if sizes == 1 else "", ""


def _is_held(value: Scalar, role: Role, kind_of: Callable[[Scalar], Kind]) -> bool:
    return role != LAYERS and _counts(kind_of(value), role)


def _is_meant(value: Scalar, kind_of: Callable[[Scalar], Kind]) -> bool:
    return kind_of(value) == "string" and is_near(value.value)


def _counts(kind: Kind, role: Role) -> bool:
    """Whether a value under a key is meant as a spec: numbers and flags have keys that a glob may match as well."""
    return kind in ("string", "null") or (kind == "number" and role == "spec")


_MERGE = "<<"
