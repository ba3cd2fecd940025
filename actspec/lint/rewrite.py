"""Specs rewritten to their canonical spelling, and nothing else with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from actspec.lint.check import Checker
from actspec.lint.document import Branch, Document, Edit, Node, Scalar, UnreadableError
from actspec.lint.select import Selection
from actspec.pipeline import Pipeline


def rewrite(document: Document, selection: Selection, checker: Checker) -> tuple[str, int]:
    """The text of a document with its valid specs in their canonical spelling, and how many changed.

    A spec that is also reached from a place of something else is left as it is: that would change with it.
    The new text is read again: where anything but those specs would mean something else than before, UnreadableError is
    raised, and the old one should stay.
    """
    edits: list[Edit] = []
    changed: dict[int, str] = {}
    for each in selection.specs:
        if each.scalar.start in selection.others:
            continue
        read = checker.read(each.scalar.value) if document.format.kind_of(each.scalar) == "string" else None
        if not isinstance(read, Pipeline):
            continue
        spelling = checker.spelling(each.scalar.value.strip(), read)
        if spelling is None:
            continue
        if each.scalar.value.strip() != spelling and (made := list(_edits(document, each.scalar, spelling))):
            edits += made
            changed[each.scalar.start] = spelling
    if not edits:
        return document.text, 0
    text = _apply(document.text, edits)
    if not _same(document, document.format.read(text), changed):
        raise UnreadableError("rewriting its specs would change more than them: nothing was rewritten")
    return text, len(changed)


def _edits(document: Document, scalar: Scalar, new: str) -> Iterator[Edit]:
    """What to write where, so that ``scalar`` reads as ``new`` but for the white space around it."""
    start = len(scalar.value) - len(scalar.value.lstrip())
    spans = document.spans(scalar)[start : len(scalar.value.rstrip())]
    regions: list[list[int]] = []
    for first, last in spans:
        if regions and first <= regions[-1][1]:
            regions[-1][1] = max(last, regions[-1][1])
        elif regions and document.text[regions[-1][1] : first].isspace():  # the indentation of a line
            regions[-1][1] = last
        else:
            regions.append([first, last])
    encoded = document.format.encode(document.text, scalar, new, regions[0][0])
    if encoded is not None:
        for position, (first, last) in enumerate(regions):
            yield first, last, "" if position else encoded
    elif (quoted := document.format.quoted(document.text, scalar, new)) is not None:
        yield regions[0][0] if not scalar.style else scalar.start, scalar.end, quoted


def _apply(text: str, edits: list[Edit]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        parts += (text[at:start], new)
        at = end
    return "".join([*parts, text[at:]])


def _same(document: Document, after: Sequence[Node], changed: dict[int, str]) -> bool:
    """Whether the nodes are those of the document, but for scalars that start in ``changed``, with their new text."""
    kind_of = document.format.kind_of
    if len(document.roots) != len(after):
        return False
    pairs: list[tuple[Node, Node]] = list(zip(document.roots, after, strict=True))
    met: set[int] = set()
    while pairs:
        old, new = pairs.pop()
        if isinstance(old, Branch):
            if not isinstance(new, Branch) or old.mapping != new.mapping or len(old.children) != len(new.children):
                return False
            if not (old.shared and id(old) in met):
                met.add(id(old))
                pairs += zip(old.children, new.children, strict=True)
        elif isinstance(new, Branch) or kind_of(old) != kind_of(new):
            return False
        elif old.start in changed:
            if new.value.strip() != changed[old.start]:
                return False
        elif new.value != old.value:
            return False
    return True
