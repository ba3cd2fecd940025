"""An LALR(1) parser over compiled tables: it reads a text once and builds what its caller makes of each rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

END: Final = "$END"
"""The terminal that stands for the end of the text."""

_NONE: Final = -(2**31)

Span = tuple[int, int]

Build = Callable[[list[Any], Span], Any]
"""What makes a value of a rule's children (values, tokens, None for what was left out) and its place in the text.

It must not be a list.
"""


class Token(NamedTuple):
    """A word of the text: its terminal, its text, and where it starts and ends."""

    terminal: str
    text: str
    span: Span


class Rule(NamedTuple):
    """What a reduction takes and gives.

    ``children`` are the places of the symbols that count, -1 for one that was left out. A ``repeated`` rule is a helper
    of ``*``: its children become those of the rule around it. A ``transparent`` one stands for its child where it is
    the only one.
    """

    name: str
    length: int
    children: tuple[int, ...]
    repeated: bool
    transparent: bool


class MisreadError(Exception):
    """The text is no sentence: ``token`` can't stand where it does; terminal ``""`` is a character of no token.

    ``expected`` are the terminals that could have stood there.
    """

    def __init__(self, token: Token, expected: frozenset[str]) -> None:
        super().__init__(token, expected)
        self.token = token
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Tables:
    """A grammar, ready to read with.

    ``terminals`` are the patterns by name, the first that fits being right. ``actions`` say for each state what a
    symbol does: n leads to the state n, -n - 1 reduces by the rule n. The end leads to the state ``last``.
    """

    terminals: Mapping[str, str]
    ignored: str
    rules: Sequence[Rule]
    actions: Sequence[Mapping[str, int]]
    first: int
    last: int
    _matchers: dict[int, Callable[[str, int], re.Match[str] | None]] = field(default_factory=dict, compare=False)

    def parse(self, text: str, build: Mapping[str, Build]) -> Any:
        """What ``build`` makes of the text; MisreadError where the grammar doesn't have it."""
        actions, rules, matchers = self.actions, self.rules, self._matchers
        state, at = self.first, 0
        stack: list[tuple[int, Any, Span]] = [(state, None, (0, 0))]
        while True:
            match = (matchers.get(state) or self._matcher(state))(text, at)
            if match is None:
                token = self._unread(text, at)
                if token.terminal != END:
                    raise MisreadError(token, self._expected(stack))
            else:
                terminal = match.lastgroup
                assert terminal is not None
                token = Token(terminal, match[terminal], match.span(terminal))
            terminal, _, span = token
            while (action := actions[state].get(terminal, _NONE)) < 0:
                if action == _NONE:
                    raise MisreadError(token, self._expected(stack))
                name, length, chosen, repeated, transparent = rules[-action - 1]
                taken = stack[-length:]
                del stack[-length:]
                state = actions[stack[-1][0]][name]
                place = taken[0][2] if length == 1 else (taken[0][2][0], taken[-1][2][1])
                if transparent and len(chosen) == 1:
                    stack.append((state, taken[chosen[0]][1], place))
                    continue
                children: list[Any] = []
                for each in chosen:
                    child = None if each < 0 else taken[each][1]
                    if type(child) is not list:
                        children.append(child)
                    elif children:
                        children += child
                    else:
                        children = child
                stack.append((state, children if repeated else build[name](children, place), place))
            if action == self.last:
                value: Any = stack[-1][1]
                return value
            state, at = action, span[1]
            stack.append((state, token, span))

    def _matcher(self, state: int) -> Callable[[str, int], re.Match[str] | None]:
        """What finds the next token in a state, from the terminals that it takes."""
        wanted = [f"(?P<{name}>{pattern})" for name, pattern in self.terminals.items() if name in self.actions[state]]
        # A state that takes the end alone finds nothing.
        self._matchers[state] = re.compile(f"(?:{self.ignored})?(?:{'|'.join(wanted) or '(?!)'})").match
        return self._matchers[state]

    def _unread(self, text: str, at: int) -> Token:
        """What stands where no token fits: the end, another token, or a character of none."""
        if at == len(text):
            return Token(END, "", (at, at))
        skipped = re.compile(self.ignored).match(text, at)
        start = at if skipped is None else skipped.end()
        if start == len(text):
            return Token(END, "", (start, start))
        for name, pattern in self.terminals.items():
            match = re.compile(pattern).match(text, start)
            if match is not None:
                return Token(name, match[0], match.span())
        return Token("", text[start], (start, start + 1))

    def _expected(self, stack: list[tuple[int, Any, Span]]) -> frozenset[str]:
        """The terminals that the states of the stack would take next."""
        states = [state for state, _, _ in stack]
        return frozenset(
            name
            for name in self.actions[states[-1]]
            if (name in self.terminals or name == END) and self._takes(states, name)
        )

    def _takes(self, states: list[int], terminal: str) -> bool:
        stack = list(states)
        while (action := self.actions[stack[-1]].get(terminal, _NONE)) < 0:
            if action == _NONE:
                return False
            rule = self.rules[-action - 1]
            del stack[-rule.length :]
            stack.append(self.actions[stack[-1]][rule.name])
        return True
