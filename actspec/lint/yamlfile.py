"""YAML: all documents of a stream, from the events of PyYAML's parser, which is the only thing here that imports it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from actspec.errors import Span
from actspec.lint.document import Branch, Format, Kind, Node, Scalar, UnreadableError
from actspec.lint.yamlscalars import block_spans, flow_spans

MAX_DEPTH = 1_000
"""How deep lists and mappings may nest, as libyaml has it: PyYAML's Python loader would take hours over more."""

MAX_VALUES = 10_000_000
"""How many values a document may have once its aliases are replaced by what they stand for."""


def read(text: str) -> list[Node]:
    """The documents of a stream; UnreadableError where it is no YAML, or its aliases multiply beyond MAX_VALUES."""
    try:
        import yaml
    except ImportError:
        raise UnreadableError('reading YAML takes PyYAML: pip install "actspec[yaml]"') from None
    parser = None
    try:
        parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        return _compose(parser, yaml.events)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(filter(None, (error.context, error.problem)))
        raise UnreadableError(f"this is no YAML: {reason}", None if mark is None else mark.index) from None
    except yaml.reader.ReaderError as error:
        raise UnreadableError(f"this is no YAML: {error.reason}", error.position) from None
    finally:
        if parser is not None:
            parser.dispose()


def _compose(parser: Any, events: Any) -> list[Node]:
    """The nodes of the events, an alias being the node of its anchor."""
    scalar, alias = events.ScalarEvent, events.AliasEvent
    starts, ends = (
        {events.SequenceStartEvent: False, events.MappingStartEvent: True},
        (events.SequenceEndEvent, events.MappingEndEvent),
    )
    document_start = events.DocumentStartEvent
    anchors: dict[str, Node] = {}
    top = Branch(0, mapping=False)
    stack, children = [top], top.children
    opened: set[int] = set()
    check, get = parser.check_event, parser.get_event
    while check():
        event = get()
        kind = type(event)
        if kind is scalar:
            style, tag = event.style or "", event.tag
            # A tag of the writer's own makes the value something that only the reading program knows.
            known: Kind | None = "string" if style else None
            if tag is not None:
                known = _TAGGED.get(tag, "other")
            node = Scalar(event.value, event.start_mark.index, event.end_mark.index, style, known)
            children.append(node)
            if event.anchor is not None:
                anchors[event.anchor] = node
        elif kind in starts:
            if len(stack) > MAX_DEPTH:
                raise UnreadableError("lists and mappings are nested too deep", event.start_mark.index)
            branch = Branch(event.start_mark.index, mapping=starts[kind], shared=event.anchor is not None)
            children.append(branch)
            stack.append(branch)
            children = branch.children
            if event.anchor is not None:
                anchors[event.anchor] = branch
                opened.add(id(branch))
        elif kind in ends:
            branch = stack.pop()
            opened.discard(id(branch))
            children = stack[-1].children
            branch.size += len(branch.children)
            stack[-1].size += branch.size
        elif kind is alias:
            at = event.start_mark.index
            target = anchors.get(event.anchor)
            if target is None:
                raise UnreadableError(f"this is no YAML: the alias *{event.anchor} has no anchor before it", at)
            children.append(target)
            if isinstance(target, Branch):
                if id(target) in opened:
                    raise UnreadableError(f"the alias *{event.anchor} stands inside its own anchor", at)
                stack[-1].size += target.size
                if stack[-1].size > MAX_VALUES:
                    reason = f"with its aliases replaced this has more than {MAX_VALUES:,} values: it was not checked"
                    raise UnreadableError(reason, at)
        elif kind is document_start:
            anchors.clear()
    return top.children


_TAGGED: dict[str, Kind] = {
    "!": "string",
    "tag:yaml.org,2002:str": "string",
    "tag:yaml.org,2002:null": "null",
    "tag:yaml.org,2002:int": "number",
    "tag:yaml.org,2002:float": "number",
}
_RESOLVED: dict[str, Kind] = {**_TAGGED, "tag:yaml.org,2002:bool": "other"}


@lru_cache(4096)
def _resolve(value: str) -> Kind:
    """What a plain scalar is, by the rules of YAML 1.1, as PyYAML has them."""
    import yaml

    tag = yaml.resolver.Resolver().resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
    return _RESOLVED.get(tag, "other")


def _kind_of(scalar: Scalar) -> Kind:
    return scalar.kind or _resolve(scalar.value)


_SPACE = r"[ \t\r\n\x85\u2028\u2029]"
_PROPERTIES = re.compile(
    rf"(?:(?:&[A-Za-z0-9_-]+|![^ \t\r\n\x85\u2028\u2029]*)(?:{_SPACE}|(?<={_SPACE})#[^\r\n\x85\u2028\u2029]*)*)*"
)
"""A scalar's anchor and tag, with which its place begins."""


def _content(text: str, scalar: Scalar) -> int:
    match = _PROPERTIES.match(text, scalar.start)
    assert match
    return match.end()


def _spans(text: str, scalar: Scalar) -> list[Span]:
    start = _content(text, scalar)
    if scalar.style in ("|", ">"):
        return block_spans(text, start, scalar.end, scalar.value)
    quote = len(scalar.style)
    return flow_spans(text, start + quote, scalar.end - quote, scalar.style)[1]


def _encode(text: str, scalar: Scalar, new: str, _at: int) -> str | None:
    if scalar.style == "'":
        return new.replace("'", "''")
    if scalar.style == '"':
        return new.replace("\\", "\\\\").replace('"', '\\"')
    if scalar.style:
        return new
    # What is special inside [] and {} alone may stand where the old text had it.
    old = text[_content(text, scalar) : scalar.end]
    return new if _PLAIN.fullmatch(new) and set(new) & set(",[]{}") <= set(old) else None


_PLAIN = re.compile(r"[A-Za-z_(](?:[^\s:#]|:(?=[^\s,\[\]{}])|:(?=[0-9-]*\]))*")


def _quoted(_text: str, _scalar: Scalar, new: str) -> str:
    return "'" + new.replace("'", "''") + "'"


YAML = Format("YAML", (".yaml", ".yml"), read, _kind_of, _spans, _encode, _quoted)
