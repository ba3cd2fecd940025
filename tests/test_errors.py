"""Error messages: the text, the caret under the fault, the question that follows."""

from __future__ import annotations

import pickle

import pytest

import actspec
from actspec.errors import LayerError, Problem, SpecError, did_you_mean


def message(spec: str, start: int, end: int) -> list[str]:
    return str(SpecError(spec, (Problem((start, end), "wrong"),))).split("\n")


def test_the_message_of_the_contract() -> None:
    with pytest.raises(SpecError) as caught:
        actspec.parse("tahn+relu")
    assert str(caught.value) == "unknown activation 'tahn'\n  tahn+relu\n  ^^^^\ndid you mean 'tanh'?"
    assert caught.value.spec == "tahn+relu"
    assert caught.value.span == (0, 4)
    assert caught.value.reason == "unknown activation 'tahn'"
    assert caught.value.suggestions == ("tanh",)
    assert isinstance(caught.value, ValueError)


def test_the_caret_at_the_end_stands_behind_the_text() -> None:
    assert message("tanh+", 5, 5) == ["wrong", "  tanh+", "       ^"]


def test_the_caret_of_an_empty_spec() -> None:
    assert message("", 0, 0) == ["wrong", "  ", "  ^"]


def test_a_fault_is_shown_in_its_own_line() -> None:
    assert message("relu+\n  tahn\n+elu", 8, 12) == ["wrong", "    tahn", "    ^^^^"]


def test_a_fault_over_several_lines_is_marked_in_its_first() -> None:
    assert message("relu(1,\n2)", 0, 10) == ["wrong", "  relu(1,", "  ^^^^^^^"]


def test_a_fault_at_a_line_break() -> None:
    assert message("relu\n", 4, 5) == ["wrong", "  relu", "      ^"]


def test_the_end_of_a_text_with_blank_lines_is_shown_where_it_ends() -> None:
    assert message("relu+\n tanh+ \n \n", 16, 16) == ["wrong", "   tanh+ ", "        ^"]


def test_tabs_stay_in_the_caret_line() -> None:
    assert message("\trelu+\ttahn", 7, 11) == ["wrong", "  \trelu+\ttahn", "  \t     \t^^^^"]


def test_wide_and_combining_characters_take_their_columns() -> None:
    assert message("中e\u0301x", 3, 4)[2] == "     ^"
    assert message("中", 0, 1)[2] == "  ^^"


def test_control_characters_never_reach_the_terminal() -> None:
    assert message("\x1b[31m", 0, 1) == ["wrong", "  \ufffd[31m", "  ^"]


def test_long_lines_are_cut_around_the_fault() -> None:
    lines = message("a" * 200 + "b" + "c" * 200, 200, 201)
    assert lines[1] == "  …" + "a" * 60 + "b" + "c" * 60 + "…"
    assert lines[1][lines[2].index("^")] == "b"


def test_long_faults_are_cut() -> None:
    lines = message("a" * 4096, 0, 4096)
    assert lines[1] == "  " + "a" * 120 + "…"
    assert lines[2] == "  " + "^" * 120


def test_several_problems_are_all_shown_in_order() -> None:
    with pytest.raises(SpecError) as caught:
        actspec.parse("tahn+rleu")
    assert [problem.span for problem in caught.value.problems] == [(0, 4), (5, 9)]
    assert str(caught.value).count("\n\n") == 1


def test_many_problems_are_counted() -> None:
    error = SpecError("x", tuple(Problem((0, 1), f"wrong {i}") for i in range(12)))
    assert "wrong 9" in str(error)
    assert "wrong 10" not in str(error)
    assert str(error).endswith("... and 2 more problems")


def test_suggestions_are_listed_as_a_question() -> None:
    assert did_you_mean(("a",)) == "did you mean 'a'?"
    assert did_you_mean(("a", "b")) == "did you mean 'a' or 'b'?"
    assert did_you_mean(("a", "b", "c")) == "did you mean 'a', 'b' or 'c'?"


@pytest.mark.parametrize(
    "error", [SpecError("x", (Problem((0, 1), "wrong", ("y",)),)), LayerError("layers[0]", "wrong")]
)
def test_errors_pickle(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
