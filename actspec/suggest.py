"""The nearest valid choice for a misspelt word."""

from __future__ import annotations

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
    ranked = []
    for choice in choices:
        other, others_letters = _features(choice)
        most = max(1, min(len(plain), len(other)) // 3)
        distance = None
        # Each letter that only one word has costs an edit; a replacement pays for one on each side.
        if (
            abs(len(plain) - len(other)) <= most
            and (letters & ~others_letters).bit_count() <= most
            and (others_letters & ~letters).bit_count() <= most
        ):
            distance = _distance(plain, other)
        if distance is not None and distance <= most:
            ranked.append((distance, choice))
        elif (len(plain) >= 3 and other.startswith(plain)) or (parts and (plain in other or other in plain)):
            ranked.append((len(other), choice))
    return tuple(choice for _, choice in sorted(ranked)[:limit])


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
