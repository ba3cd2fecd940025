"""Write docs/activations.md from the docstrings and parameters of the built-in activations."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import actspec
from actspec import catalog
from actspec.parameters import spell

REFERENCE = Path(__file__).with_name("activations.md")

HEAD = """\
# Built-in activations

This page is generated: change the docstrings in `actspec/catalog/` and run `python docs/make_reference.py`.

Every float parameter can be learnable: see [the language](language.md#learnable-parameters). Activations that learn,
remember or draw random numbers run in a cell: see [Learning and remembering](learning.md).
"""

SECTION = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)


def render() -> str:
    """The whole page."""
    classes = sorted((getattr(catalog, name) for name in catalog.__all__), key=lambda cls: cls.__definition__.name)
    families: dict[str, list[type[actspec.Activation]]] = {}
    for cls in classes:
        title = (inspect.getdoc(sys.modules[cls.__module__]) or "").partition("\n")[0].rstrip(".")
        families.setdefault(title, []).append(cls)
    lines = [HEAD]
    for title, members in sorted(families.items()):
        lines += [f"**{title}**", "", "| name | formula | parameters |", "|---|---|---|"]
        lines += [_row(actspec.describe(cls)) for cls in members]
        lines.append("")
    for cls in classes:
        lines += [*_section(cls), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(described: actspec.Description) -> str:
    parameters = ", ".join(_default(each) for each in described.parameters)
    return f"| [`{described.name}`](#{_anchor(described.name)}) | {_code(described.formula)} | {parameters} |"


def _section(cls: type[actspec.Activation]) -> Iterator[str]:
    described = actspec.describe(cls)
    sections = _sections(inspect.getdoc(cls) or "")
    yield f"## {described.name}"
    yield ""
    yield f"{described.summary}: `{described.formula}`"
    yield ""
    if described.aliases:
        yield f"- Aliases: {', '.join(f'`{alias}`' for alias in described.aliases)}"
    yield f"- Returns: {described.range}"
    if described.notes:
        yield f"- Notes: {_markdown(described.notes)}"
    yield f"- Reference: {_markdown(described.reference)}"
    if described.disagreements:
        yield f"- [Elsewhere](dialects.md): {described.elsewhere}"
    yield ""
    if described.parameters:
        meanings = _meanings(sections["Parameters"])
        yield "| parameter | type | default | domain | meaning |"
        yield "|---|---|---|---|---|"
        for each in described.parameters:
            default = "required" if each.required else f"`{spell(each.default)}`"
            kind = each.type.__name__ + (" or none" if each.optional else "")
            yield f"| `{each.name}` | {kind} | {default} | {_domain(each)} | {_markdown(meanings[each.name])} |"
        yield ""
    yield "```python"
    yield sections["Examples"].strip()
    yield "```"


def _sections(doc: str) -> dict[str, str]:
    """The sections of a docstring by heading, their lines kept."""
    _, *rest = SECTION.split(doc)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def _meanings(section: str) -> dict[str, str]:
    """What the Parameters section says of each parameter: a name, then its indented text."""
    entries = re.split(r"^(\w+)\n", section, flags=re.MULTILINE)[1:]
    return {name: " ".join(text.split()) for name, text in zip(entries[::2], entries[1::2], strict=True)}


def _default(parameter: actspec.Parameter) -> str:
    return f"`{parameter.name}`" if parameter.required else f"`{parameter.name}={spell(parameter.default)}`"


def _domain(parameter: actspec.Parameter) -> str:
    bounds = ((">", parameter.gt), ("≥", parameter.ge), ("<", parameter.lt), ("≤", parameter.le))
    return " and ".join(f"{sign} {spell(bound)}" for sign, bound in bounds if bound is not None)


def _code(formula: str) -> str:
    return f"`{formula}`".replace("|", "\\|")


def _markdown(text: str) -> str:
    """A docstring's sentence, its ``code`` as Markdown has it and its bare stars no emphasis."""
    parts = text.split("``")
    parts[::2] = [part.replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts).replace("|", "\\|")


def _anchor(name: str) -> str:
    return name.replace(":", "")


if __name__ == "__main__":
    REFERENCE.write_text(render(), encoding="utf-8")
