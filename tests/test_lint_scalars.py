"""Characters of strings in files: each is found where it stands, in every style of every format."""

from __future__ import annotations

import ast
import json
import random
import tomllib
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actspec.lint import files
from actspec.lint.document import Branch, Document, Scalar, UnreadableError
from actspec.lint.files import document, format_of
from tests.support.specs import specs

FRAGMENTS = [
    "a",
    "é",
    "中",
    "\U0001f600",
    " ",
    "  ",
    "\t",
    "'",
    '"',
    "\\",
    "''",
    "#",
    " #",
    ":",
    ": ",
    "+",
    "(",
    "[:5]",
    "|",
    ",",
]
BREAKS = ["\n", "\n", "\n", "\r\n", "\n\n", "\n \n"]


def scalars(node: Scalar | Branch) -> list[Scalar]:
    return [node] if isinstance(node, Scalar) else [each for child in node.children for each in scalars(child)]


def check_spans(found: Document) -> int:
    """Each string's characters stand where they are said to, in order; how many strings there were."""
    strings = [each for root in found.roots for each in scalars(root) if found.format.kind_of(each) == "string"]
    for scalar in strings:
        if found.format.name == "Python" and scalar.style != "python":
            continue  # the name of a keyword
        last = scalar.start
        for character, (start, end) in zip(scalar.value, found.spans(scalar), strict=True):
            assert last <= start < end <= scalar.end or (start, end) == (last, last)
            written = found.text[start:end]
            folded = character in " \n\u2028" and not written.strip(" \t\r\n\x85\u2028\u2029")
            escaped = written[0] in "\\'"  # what it means, the length of the value holds
            assert written == character or folded or escaped, (character, written)
            last = start
    return len(strings)


def texts(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), max_size=12).map("".join)


YAML_PIECES = [
    *FRAGMENTS,
    *BREAKS,
    "\n  ",
    "\n    ",
    "\\n",
    "\\x41",
    "\\u00e9",
    "\\U0001F600",
    "\\\n",
    "\\\n  ",
    "\\\\",
    '\\"',
    "\\ ",
    "\x85",
    "\u2028",
]


@given(style=st.sampled_from(["", "'", '"']), body=texts(YAML_PIECES), flow=st.booleans())
@example(style='"', body="a\\\n \n b  \\\n  c \n\n d", flow=False)
def test_yaml_in_quotes_and_plain(style: str, body: str, flow: bool) -> None:
    text = f"- [{style}{body}{style}, b]" if flow else f"-\n  - {style}{body}{style}\n  - b"
    read_yaml(text)


@given(
    head=st.sampled_from(["|", ">", "|-", ">+", "|2", ">2-", "|+ # note", ">- # note", "|1+"]),
    lines=st.lists(st.tuples(st.sampled_from(["", " ", "  ", "   ", "    ", "  \t"]), texts(FRAGMENTS)), max_size=7),
    ending=st.sampled_from(["\n", "\r\n", "\x85", "\u2028"]),
    after=st.sampled_from(["", "- b\n", "# c\n", "\n\n# c\n- b", "..."]),
    last=st.booleans(),
)
def test_yaml_blocks(head: str, lines: list[tuple[str, str]], ending: str, after: str, last: bool) -> None:
    body = ending.join(indent + text for indent, text in lines)
    read_yaml(f"- {head}{ending}{body}{ending if last or after else ''}{after}")


@pytest.mark.parametrize(
    "value", ["&a \u00a0tahn", "&a:tahn", "&a-1 !!str \u3000tahn", "! # b\n  &a\ttahn", "[&a ,!x ]"]
)
def test_yaml_after_anchors_and_tags(value: str) -> None:
    read_yaml(f"act: {value}\n")


def read_yaml(text: str) -> None:
    pytest.importorskip("yaml")
    try:
        found = document("x.yaml", text, format_of("x.yaml"))
    except UnreadableError:
        return
    check_spans(found)


@given(
    spec=specs(depth=1),
    style=st.sampled_from(["'", '"', "|", ">", ""]),
    width=st.integers(5, 80),
    depth=st.integers(0, 3),
)
def test_yaml_as_it_is_written_by_programs(spec: str, style: str, width: int, depth: int) -> None:
    yaml = pytest.importorskip("yaml")
    value: object = {"act": spec, "other": ["b"]}
    for _ in range(depth):
        value = {"inner": [value]}
    found = document("x.yaml", yaml.safe_dump(value, default_style=style or None, width=width), format_of("x.yaml"))
    check_spans(found)


@given(value=st.text(st.sampled_from("a'\"\\\n\té中\U0001f600\ud83d\x01/"), max_size=12), plain=st.booleans())
def test_json(value: str, plain: bool) -> None:
    text = json.dumps({"é": value, "a": [value]}, ensure_ascii=not plain, indent=1)
    found = document("x.json", text, format_of("x.json"))
    assert [each.value for each in scalars(found.roots[0])] == ["é", value, "a", value]
    check_spans(found)


TOML_PIECES = [*FRAGMENTS, *BREAKS, "\\n", "\\u00e9", "\\U0001F600", "\\\n", "\\  \r\n \n ", "\\\\", '\\"', '""', "\\t"]


@given(quote=st.sampled_from(['"""', "'''", '"', "'"]), body=texts(TOML_PIECES))
def test_toml(quote: str, body: str) -> None:
    text = f"[a.'b c']\nx . y = {quote}{body}{quote} # note\nz = [1, {{q = {quote}{body}{quote}}},]"
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = document("x.toml", text, format_of("x.toml"))
    assert set(strings(table)) <= {each.value for each in scalars(found.roots[0])}
    check_spans(found)


def strings(value: object) -> list[str]:
    """All strings in what the standard library read, keys included."""
    if isinstance(value, str):
        return [value]
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [string for each in inner for string in strings(each)]


PYTHON_PIECES = [
    *FRAGMENTS, "\\n", "\\x41", "\\101", "\\N{DIGIT ONE}", "\\u00e9", "\\q", "\\\n", "\\\r\n", "\n", "\r\n", "\\\\",
    "\\'", '\\"',
]  # fmt: skip


@given(
    pieces=st.lists(
        st.tuples(
            st.sampled_from(["", "r", "R", "u"]), st.sampled_from(['"', "'", '"""', "'''"]), texts(PYTHON_PIECES)
        ),
        min_size=1,
        max_size=3,
    ),
    gap=st.sampled_from([" ", "", "  # it's\n", "\n\n", " \\\n "]),
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
def test_python(pieces: list[tuple[str, str, str]], gap: str) -> None:
    literal = gap.join(f"{prefix}{quote}{body}{quote}" for prefix, quote, body in pieces)
    text = f"é = 'é'; f(\n  'ü', act=({literal}))"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call = ast.parse(text).body[1].value
        value = ast.literal_eval(call.keywords[0].value)
    except (SyntaxError, ValueError, AttributeError, IndexError):
        return
    found = document("x.py", text, format_of("x.py"))
    assert value in [each.value for root in found.roots for each in scalars(root)]
    check_spans(found)


def test_lines_are_those_of_editors() -> None:
    found = document("x.json", '{"a":\r\n"b",\r"c":\n1}', format_of("x.json"))
    places = [found.place(each.start) for each in scalars(found.roots[0])]
    assert places == [(1, 2), (2, 1), (3, 1), (4, 1)]
    assert [found.around(at) for at in (1, 7, 12, 17)] == [('{"a":', 1), ('"b",', 1), ('"c":', 1), ("1}", 1)]


def test_a_random_mixture_of_styles_is_read_as_pyyaml_reads_it() -> None:
    yaml = pytest.importorskip("yaml")
    source = random.Random(5)
    read = 0
    for _ in range(300):
        body = "".join(
            source.choice([*YAML_PIECES, "- ", "? ", "&a ", "*a", "{", "}", "---\n", "!t ", "~"]) for _ in range(12)
        )
        try:
            wanted = [
                str(each.value)
                for each in yaml.parse(body, Loader=yaml.CSafeLoader)
                if isinstance(each, yaml.ScalarEvent)
            ]
            found = document("x.yaml", body, files.YAML)
        except (yaml.YAMLError, UnreadableError):
            continue
        assert {each.value for root in found.roots for each in scalars(root)} == set(wanted)
        read += check_spans(found)
    assert read > 100
