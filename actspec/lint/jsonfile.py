"""JSON: the standard library says whether a text is JSON; what stands where is found by a scan of its own.

In ``.jsonc``, comments and a comma before the end of a list or an object are read over, as editors do.
"""

from __future__ import annotations

import json
import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]  # it has no type there

from actspec.errors import Span
from actspec.lint.document import Branch, Format, Kind, Node, Scalar, UnreadableError
from actspec.lint.units import read_units


def read(text: str) -> list[Node]:
    """The value of a text; UnreadableError where it is no JSON."""
    try:
        json.loads(text)
    except JSONDecodeError as error:
        raise UnreadableError(f"this is no JSON: {_cause(text, error)}", error.pos) from None
    except ValueError as error:  # a number of more digits than Python takes
        raise UnreadableError(f"this is no JSON that can be read: {error}") from None
    except RecursionError:
        raise UnreadableError("lists and objects are nested too deep") from None
    root = Branch(0, mapping=False)
    stack = [root]
    at = 0
    while match := _TOKEN.match(text, at):  # the text is JSON: brackets match, and so on
        at = match.end()
        mark = match["mark"]
        if mark == '"':
            value, at = scanstring(text, at)
            stack[-1].children.append(Scalar(value, match.start("mark"), at, '"', "string"))
        elif mark in ("{", "["):
            branch = Branch(match.start("mark"), mapping=mark == "{")
            stack[-1].children.append(branch)
            stack.append(branch)
        elif mark in ("}", "]"):
            stack.pop()
        elif mark not in (",", ":"):
            stack[-1].children.append(Scalar(mark, match.start("mark"), at, "", _KINDS.get(mark, "number")))
    return root.children


def _cause(text: str, error: JSONDecodeError) -> str:
    if text.startswith(("//", "/*"), error.pos):
        return "it has comments, which are read in files that end in .jsonc"
    if text[error.pos : error.pos + 1] in ("}", "]") and text[: error.pos].rstrip().endswith(","):
        return f"a comma before {text[error.pos]!r}, which is read in files that end in .jsonc"
    return error.msg


def _read_with_comments(text: str) -> list[Node]:
    return read(_ENDING_COMMA.sub(_blanked, _COMMENT.sub(_blanked, text)))


def _blanked(match: re.Match[str]) -> str:
    """Spaces in place of what is no JSON, so that all else stays where it is; strings are kept."""
    return match[0] if match[0].startswith('"') else re.sub(r"[^\r\n]", " ", match[0])


# What has no end goes on to that of the text, so that no text takes long.
_TEXT = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
_COMMENT = re.compile(rf"{_TEXT}|//[^\r\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_ENDING_COMMA = re.compile(rf"{_TEXT}|,(?=[ \t\r\n]*[}}\]])", re.DOTALL)

_TOKEN = re.compile(r'[ \t\r\n]*(?P<mark>[\[\]{},:"]|[^\s\[\]{},:"]+)')
_KINDS: dict[str, Kind] = {"null": "null", "true": "other", "false": "other"}
_HIGH, _LOW = r"\\u[dD][89aAbB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_UNIT = re.compile(rf"{_HIGH}{_LOW}|\\u[0-9a-fA-F]{{4}}|\\.|[^\\]", re.DOTALL)


def _meaning(unit: re.Match[str]) -> str:
    value: str = json.loads(f'"{unit[0]}"') if unit[0].startswith("\\") else unit[0]
    return value


def _kind_of(scalar: Scalar) -> Kind:
    assert scalar.kind
    return scalar.kind


def _spans(text: str, scalar: Scalar) -> list[Span]:
    return read_units(text, scalar.start + 1, scalar.end - 1, _UNIT, _meaning)[1]


def _encode(_text: str, _scalar: Scalar, new: str, _at: int) -> str:
    return json.dumps(new, ensure_ascii=False)[1:-1]


def _quoted(_text: str, _scalar: Scalar, new: str) -> str:
    return json.dumps(new, ensure_ascii=False)


JSON = Format("JSON", (".json",), read, _kind_of, _spans, _encode, _quoted)
JSON_WITH_COMMENTS = Format("JSON with comments", (".jsonc",), _read_with_comments, _kind_of, _spans, _encode, _quoted)
