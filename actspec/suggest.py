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
            distance = _distance(plain, other, most)
        if distance is not None:
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


def _without_shared_ends(a: str, b: str) -> tuple[str, str]:
    """Both words without the start and the end that they share, which cost no edit."""
    start, stop = 0, min(len(a), len(b))
    while start < stop and a[start] == b[start]:
        start += 1
    end = 0
    while end < stop - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return a[start : len(a) - end], b[start : len(b) - end]


def _distance(a: str, b: str, most: int) -> int | None:
    """Edit distance with swaps (optimal string alignment), or None above ``most``."""
    a, b = _without_shared_ends(a, b)
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != other))
            if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None
