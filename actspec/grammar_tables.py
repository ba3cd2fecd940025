"""The grammar as a parser: Lark compiles ``grammar/spec.lark`` to tables, which are kept beside it.

``python -c "import actspec.grammar_tables as t; t.write_tables()"`` writes them anew after a change of the grammar;
until then the changed grammar is compiled on the spot, where it is needed first.
"""

from __future__ import annotations

import json
import os
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from actspec.lalr import END, Rule, Tables

if TYPE_CHECKING:
    from lark import Lark


@lru_cache(1)
def load_grammar() -> Tables:
    """The parser of ``grammar/spec.lark``."""
    kept = json.loads(_read("spec.tables.json"))
    tables = kept["tables"] if kept["grammar"] == _digest() else serialise(compile_grammar())
    rules = [Rule(name, length, tuple(children), *kind) for name, length, children, *kind in tables["rules"]]
    return Tables(**{**tables, "rules": rules})


def compile_grammar() -> Lark:
    """Lark's own parser of ``grammar/spec.lark``, from its text."""
    import lark  # for a grammar that was changed, and for the tests

    return lark.Lark(_read("spec.lark"), start="spec", parser="lalr", propagate_positions=True, maybe_placeholders=True)


def serialise(grammar: Lark) -> dict[str, Any]:
    """The tables of a parser that Lark compiled, as JSON holds them."""
    from lark.parsers.lalr_analysis import Shift

    lexer: Any = grammar.parser.lexer
    table = grammar.parser.parser._parse_table
    # Numbered by the way from the first, as Lark's own numbers are other ones each time.
    found, numbers = [table.start_states["spec"]], {table.start_states["spec"]: 0}
    rules = {rule: number for number, rule in enumerate(grammar.rules)}
    actions: list[dict[str, int]] = []
    for state in found:  # which grows meanwhile
        row = sorted(table.states[state].items())
        for _, (kind, to) in row:
            if kind is Shift and to not in numbers:
                numbers[to] = len(found)
                found.append(to)
        actions.append({name: numbers[to] if kind is Shift else -rules[to] - 1 for name, (kind, to) in row})
    last = numbers[table.end_states["spec"]]
    actions[last][END] = last
    # Lark has put the terminals in the order in which they are tried.
    ordered = lexer.root_lexer.terminals
    ignored = lexer.root_lexer.ignore_types
    return {
        "terminals": {each.name: each.pattern.to_regexp() for each in ordered if each.name not in ignored},
        "ignored": "|".join(each.pattern.to_regexp() for each in ordered if each.name in ignored),
        "rules": [_rule(rule) for rule in grammar.rules],
        "actions": actions,
        "first": 0,
        "last": last,
    }


def _rule(rule: Any) -> Rule:
    """A rule of Lark's: marks that need no name in the grammar don't count, what was left out does."""
    children: list[int] = []
    left_out = rule.options.empty_indices or (False,) * len(rule.expansion)
    symbols = iter(enumerate(rule.expansion))
    for missing in left_out:
        place, symbol = (-1, None) if missing else next(symbols)
        if symbol is None or not getattr(symbol, "filter_out", False):
            children.append(place)
    name = rule.origin.name
    return Rule(name, len(rule.expansion), tuple(children), name.startswith("_"), rule.options.expand1)


def write_tables() -> str:
    """Compile the grammar and write its tables beside it; the path of the file."""
    path = os.path.join(_folder(), "spec.tables.json")
    kept = {"grammar": _digest(), "tables": serialise(compile_grammar())}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(kept, file, separators=(",", ":"))
        file.write("\n")
    return path


def _digest() -> int:
    """By what tables know their grammar: a check sum of its text."""
    return zlib.crc32(_read("spec.lark").encode())


def _folder() -> str:
    """Where the grammar is: in the installed package, or beside it in a checkout."""
    here = os.path.dirname(os.path.abspath(__file__))
    packaged = os.path.join(here, "grammar")
    return packaged if os.path.isdir(packaged) else os.path.join(os.path.dirname(here), "grammar")


def _read(name: str) -> str:
    with open(os.path.join(_folder(), name), encoding="utf-8") as file:
        return file.read()
