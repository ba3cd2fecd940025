"""The nearest valid choice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actspec.suggest import closest


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("tahn", "tanh"),
        ("tanhh", "tanh"),
        ("tan", "tanh"),
        ("Sigmod", "sigmoid"),
        ("leaky-rlu", "leakyrelu"),
        ("normz", "norm:z"),
        ("negativ_slope", "negative_slope"),
        ("sig", "sigmoid"),
    ],
)
def test_slips_find_their_word(word: str, nearest: str) -> None:
    choices = ["tanh", "relu", "sigmoid", "leakyrelu", "norm:z", "negative_slope", "axis"]
    assert closest(word, choices)[0] == nearest


@pytest.mark.parametrize("word", ["", "x", "banana", "a" * 5000])
def test_what_is_near_nothing_finds_nothing(word: str) -> None:
    assert closest(word, ["tanh", "relu", "sigmoid"]) == ()


def test_at_most_limit_choices() -> None:
    assert len(closest("elu", ["elu1", "elu2", "elu3", "elu4"], limit=2)) == 2


def plain_distance(a: str, b: str) -> int:
    """Optimal string alignment by its definition, without short cuts."""
    table = {(i, j): max(i, j) for i in range(len(a) + 1) for j in range(len(b) + 1) if min(i, j) == 0}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(a), len(b)]


@given(st.text("abcd", max_size=9), st.text("abcd", max_size=9))
def test_distance_equals_its_definition(word: str, choice: str) -> None:
    near = plain_distance(word, choice) <= max(1, min(len(word), len(choice)) // 3)
    begins = len(word) >= 3 and choice.startswith(word)
    assert (closest(word, [choice]) == (choice,)) == (near or begins)
