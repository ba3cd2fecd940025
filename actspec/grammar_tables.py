"""The grammar as a parser: loaded from compiled tables, which take a tenth of the time that compiling it takes.

``python -c "import actspec.grammar_tables as t; t.write_tables()"`` writes the tables anew after a change of
``grammar/spec.lark``; a test holds that they belong to it.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

import lark
from lark import Lark

_LARK_SERIES = lark.__version__.rpartition(".")[0]  # the layout of the tables may change with it


@lru_cache(1)
def load_grammar() -> Lark:
    """The parser of ``grammar/spec.lark``; compiled on the spot under another series of Lark than the tables' own."""
    tables = json.loads(_read("spec.tables.json"))
    return Lark.load(_whole_keys(tables["parser"])) if tables["lark"] == _LARK_SERIES else compile_grammar()


def compile_grammar() -> Lark:
    """The parser of ``grammar/spec.lark``, compiled from its text."""
    return Lark(_read("spec.lark"), start="spec", parser="lalr", propagate_positions=True, maybe_placeholders=True)


def grammar_digest() -> str:
    """The SHA-256 of the grammar's text, by which tables know their grammar."""
    import hashlib  # for the tests and for writing tables alone

    return hashlib.sha256(_read("spec.lark").encode()).hexdigest()


def write_tables() -> str:
    """Compile the grammar and write its tables beside it; the path of the file."""
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    data, memo = compile_grammar().memo_serialize([TerminalDef, Rule])
    tables = {"grammar": grammar_digest(), "lark": _LARK_SERIES, "parser": {"data": data, "memo": memo}}
    path = os.path.join(_folder(), "spec.tables.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tables, file, sort_keys=True, separators=(",", ":"))
        file.write("\n")
    return path


def _folder() -> str:
    """Where the grammar is: in the installed package, or beside it in a checkout."""
    here = os.path.dirname(os.path.abspath(__file__))
    packaged = os.path.join(here, "grammar")
    return packaged if os.path.isdir(packaged) else os.path.join(os.path.dirname(here), "grammar")


def _read(name: str) -> str:
    with open(os.path.join(_folder(), name), encoding="utf-8") as file:
        return file.read()


def _whole_keys(node: Any) -> Any:
    """JSON knows no numbers as keys: give them back."""
    if isinstance(node, dict):
        return {int(key) if key.isdigit() else key: _whole_keys(value) for key, value in node.items()}
    return [_whole_keys(value) for value in node] if isinstance(node, list) else node
