"""What may stand next in a spec that is being written: names, variants, parameters and values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from actspec import registry
from actspec.activation import Activation
from actspec.dialects.dialect import Dialect, alone, vocabulary
from actspec.dialects.tables import distinct
from actspec.parameters import DRAWS, Parameter, spell
from actspec.plugins import PluginError, normalise
from actspec.vocabulary import Plain


@dataclass(frozen=True, slots=True)
class Completion:
    """A spec with one more word than was written, what that word is, and whether the spec may end there."""

    text: str
    help: str = ""
    complete: bool = True


def complete(text: str, dialect: str | None = None) -> list[Completion]:
    """What may become of the start of a spec, which is one of the ``dialect``, if that is given.

    >>> [each.text for each in complete("tanh + rect:m")]
    ['tanh + rect:min', 'tanh + rect:minmax', 'tanh + rect:max']
    >>> complete("elu(al")
    [Completion(text='elu(alpha=', help='float = 1', complete=False)]
    >>> complete("leaky", "keras")
    [Completion(text='leaky_relu', help='leakyrelu(negative_slope=0.2)', complete=True)]
    """
    known = Plain() if dialect is None else vocabulary(dialect)
    match = _WORD.search(text)
    assert match
    word = match[0]
    before = text[: match.start()]
    return [Completion(before + each.text, each.help, each.complete) for each in _offers(before, word, known)]


_WORD = re.compile(r"(?:_*[A-Za-z][A-Za-z0-9_-]*\s*:\s*)*(?:_*[A-Za-z][A-Za-z0-9_-]*|_*)$|$")
_TOKEN = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|_*[A-Za-z][A-Za-z0-9_-]*(?:\s*:\s*_*[A-Za-z][A-Za-z0-9_-]*)*|[0-9.][A-Za-z0-9_.]*|\S"""
)


@dataclass
class _Open:
    """A bracket that is open, and what is inside it so far; ``name`` is whose parameters it holds."""

    bracket: str
    name: str = ""
    given: list[str] = field(default_factory=list)
    position: int = 0
    parameter: str = ""


def _offers(before: str, word: str, known: Plain | Dialect) -> Iterator[Completion]:
    opened, last = _read(before)
    inside = opened[-1] if opened else None
    if last == "~":
        yield from _matching(word, (Completion(f"{name}(", "where it starts from", complete=False) for name in DRAWS))
    elif last in ("", "+") or (last == "(" and inside and not inside.name):
        yield from _names(word, known)
    elif inside and inside.name and last in ("(", ",", "="):
        declared = _parameters(inside.name, known, drawn=inside.bracket == "~(")
        if last == "=":
            key = normalise(inside.parameter)
            yield from _values(word, [each for each in declared if normalise(each.name) == key], known)
            return
        given = set(map(normalise, inside.given))
        free = [each for each in declared[inside.position :] if normalise(each.name) not in given]
        yield from _matching(word, (_parameter(each) for each in free))
        if not given and free and free[0].type is Activation:
            yield from _names(word, known)


def _read(before: str) -> tuple[list[_Open], str]:
    """The brackets that are open after a text, and its last token."""
    opened: list[_Open] = []
    earlier = last = ""
    name = ""
    for match in _TOKEN.finditer(before):
        mark = match[0]
        if mark == "(":
            numbered = bool(name) and last[:1].isdigit()  # as in "maxout:4("
            called = last if _is_name(last) else name if numbered else ""
            opened.append(_Open("~(" if earlier == "~" else "(", called, position=int(numbered)))
        elif mark == "[":
            opened.append(_Open("["))
        elif mark in (")", "]") and opened:
            opened.pop()
        elif mark == "," and opened:
            opened[-1].position += 1
        elif mark == "=" and opened:
            opened[-1].parameter = last
            opened[-1].given.append(last)
        # The number of "maxout:4" leads to the name before it.
        name = last if mark == ":" and _is_name(last) else name if last == ":" else ""
        earlier, last = last, mark
    return opened, last


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"


def _names(word: str, known: Plain | Dialect) -> Iterator[Completion]:
    if isinstance(known, Dialect):
        yield from _words_of(known, word)
        return
    entries = registry.entries()
    names = {name: entries.get(normalise(name)) for name in registry.names()}
    found = list(_matching(word, (_named(name, entry) for name, entry in names.items())))
    primary = {each.text for each in found}
    yield from found
    others = [entry for entry in names.values() if entry and entry.name not in primary]
    aliases = sorted((alias, entry) for entry in others for alias in entry.aliases)
    yield from _matching(word, (_named(*each) for each in aliases))


def _words_of(dialect: Dialect, word: str) -> Iterator[Completion]:
    """The words of a system, as they are spelled there, and what each stands for."""
    names = dialect.names
    spelled = [name for name in names if name.startswith(word)]  # LeakyReLU and leaky_relu may be two words
    yield from _matching(word, (_word_of(dialect, name) for name in distinct(spelled or names)))


def _word_of(dialect: Dialect, name: str) -> Completion:
    word = dialect.find(name)
    assert word
    meaning = alone(word)
    shown = "" if meaning is None else str(meaning)
    return Completion(name, shown if shown != name else "", complete=meaning is not None)


def _named(name: str, entry: registry.Entry | None) -> Completion:
    needed = entry is not None and any(each.required for each in entry.cls.__definition__.parameters)
    return Completion(name, _summary(entry), complete=not needed)


def _summary(entry: registry.Entry | None) -> str:
    """The first line of a class's docstring; a plugin is not imported for it."""
    return "" if entry is None else (entry.cls.__doc__ or "").strip().partition("\n")[0].replace("``", "")


def _parameters(name: str, known: Plain | Dialect, *, drawn: bool) -> Sequence[Parameter]:
    if drawn:
        cls = DRAWS.get(normalise(name))
        return () if cls is None else cls.parameters
    try:
        word = known.find(name)
    except PluginError:
        return ()
    return () if word is None else word.parameters


def _parameter(declared: Parameter) -> Completion:
    kind = f"{getattr(declared.type, '__name__', declared.type)}{' or none' if declared.optional else ''}".lower()
    default = "" if declared.required else f" = {spell(declared.default)}"
    return Completion(f"{declared.name}=", kind + default, complete=False)


def _values(word: str, parameters: Sequence[Parameter], known: Plain | Dialect) -> Iterator[Completion]:
    for each in parameters:
        words = ["true", "false"] if each.type is bool else ["inf"] if each.type is float else []
        words += ["none"] * each.optional
        yield from _matching(word, map(Completion, words))
        if each.type is Activation:
            yield from _names(word, known)


def _matching(word: str, choices: Iterable[Completion]) -> Iterator[Completion]:
    """The choices that begin as the word does; the families that are written stay as they are."""
    key = normalise("".join(word.split()))
    families = word.count(":")
    kept = word[: len(word) - len(word.split(":")[-1].lstrip())] if families else ""
    for each in choices:
        if normalise(each.text).startswith(key) and each.text.count(":") >= families:
            yield Completion(kept + each.text.split(":", families)[-1], each.help, each.complete)
