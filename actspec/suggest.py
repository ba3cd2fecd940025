"""The nearest valid choice for a misspelt word."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache


def closest(word: str, choices: Iterable[str], limit: int = 3, *, parts: bool = False) -> tuple[str, ...]:
    """The choices that a writer of ``word`` may have meant, nearest first, at most ``limit``.

    Near means few edits (insert, delete, replace, swap of neighbours) for the length of the word, or a shared start
    of at least three letters. Case, ``_``, ``-`` and ``:`` don't count. With ``parts``, for short lists, it is enough
    that one word is a part of the other.

    >>> closest("tahn", ["tanh", "relu", "scaledtanh"])
    ('tanh',)
    """
    if len(word) > 64:
        return ()
    plain, letters = _features(word)
    by_length, in_order = _index(tuple(choices))
    ranked: dict[str, int] = {}
    for length, group in by_length.items():
        most = max(1, min(len(plain), length) // 3)
        if abs(len(plain) - length) > most:
            continue
        for other, others_letters, choice in group:
            # Each letter that only one word has costs an edit; a replacement pays for one on each side.
            if (
                (letters & ~others_letters).bit_count() <= most
                and (others_letters & ~letters).bit_count() <= most
                and (distance := _distance(plain, other)) <= most
            ):
                ranked[choice] = distance
    begun = len(plain) >= 3
    first = 0 if parts else bisect_left(in_order, (plain,)) if begun else len(in_order)
    for other, choice in in_order[first:]:
        if (begun and other.startswith(plain)) or (parts and (plain in other or other in plain)):
            ranked.setdefault(choice, len(other))
        elif not parts:
            break
    return tuple(sorted(ranked, key=lambda choice: (ranked[choice], choice))[:limit])


@lru_cache(64)
def _index(choices: tuple[str, ...]) -> tuple[dict[int, list[tuple[str, int, str]]], list[tuple[str, str]]]:
    """Choices by the length of what is compared, with its letters, and in its order."""
    by_length: dict[int, list[tuple[str, int, str]]] = {}
    for choice in choices:
        plain, letters = _features(choice)
        by_length.setdefault(len(plain), []).append((plain, letters, choice))
    return by_length, sorted((plain, choice) for group in by_length.values() for plain, _, choice in group)


_IGNORED = str.maketrans("", "", "_-: ")


@lru_cache(4096)
def _features(word: str) -> tuple[str, int]:
    """A word without case and marks, and the set of its characters as a bit mask."""
    plain = word.lower().translate(_IGNORED)
    letters = 0
    for char in plain:
        letters |= 1 << (ord(char) & 63)
    return plain, letters


def _distance(a: str, b: str) -> int:
    """Edit distance with swaps (optimal string alignment), all rows of a column at once, one bit for each.

    Hyyro (2002), Explaining and extending the bit-parallel approximate string matching algorithm of Myers.
    """
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for index, char in enumerate(a):
        places[char] = places.get(char, 0) | 1 << index
    every = (1 << len(a)) - 1
    last = 1 << len(a) - 1
    distance = len(a)
    up, down = every, 0  # where the column grows by one, and where it shrinks
    diagonal = before = 0
    for char in b:
        here = places.get(char, 0)
        swapped = ((~diagonal & here) << 1) & before
        diagonal = ((((here & up) + up) ^ up) | here | down | swapped) & every
        right, left = (down | ~(diagonal | up)) & every, diagonal & up
        distance += bool(right & last) - bool(left & last)
        right, left = (right << 1 | 1) & every, (left << 1) & every
        up, down = (left | ~(diagonal | right)) & every, right & diagonal
        before = here
    return distance
