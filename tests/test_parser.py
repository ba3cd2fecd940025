"""Text to syntax tree: limits, syntax errors and their positions, the grammar file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import actspec
from actspec.errors import SpecError
from actspec.parser import parse_syntax
from actspec.syntax import Call, Group, Index, Number, Range, Spec, Stage

ROOT = Path(__file__).parent.parent


def tree(text: str) -> Spec:
    spec, problems = parse_syntax(text)
    assert problems == ()
    return spec


def fault(text: str) -> tuple[tuple[int, int], str]:
    try:
        _, (problem,) = parse_syntax(text)
    except SpecError as error:
        assert error.spec == text  # noqa: PT017  # a fault may stop the reading or not
        (problem,) = error.problems
    return problem.span, problem.reason


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("tanh", "tanh"),
        (" tanh +\n\tnorm : z ", "tanh+norm:z"),
        ("maxout:4", "maxout:4"),
        ("leakyrelu:-.5e-3", "leakyrelu:-.5e-3"),
        ("clip( -1 , +1 )", "clip(-1,+1)"),
        ("elu()", "elu"),
        ("f(true, FALSE, None, inf, -inf, 'a', \"it's\")", "f(true,false,none,inf,-inf,'a','it\\'s')"),
        ("continuous(tanh+norm:z, tau=2)", "continuous(tanh+norm:z,tau=2)"),
        ("elu(alpha=~1)", "elu(alpha=~1)"),
        ("elu(alpha=~ normal(1, std=0.1))", "elu(alpha=~normal(1,std=0.1))"),
        ("softmax[:5]+softplus[ 5 : ]", "softmax[:5]+softplus[5:]"),
        ("tanh[-1]", "tanh[-1]"),
        ("tanh[1:8:2]", "tanh[1:8:2]"),
        ("(relu+norm:z)[2:8]", "(relu+norm:z)[2:8]"),
        ("infinity", "infinity"),
        ("f(infinity, nano, trueish, none_of)", "f(infinity,nano,trueish,none_of)"),
        ("true", "true"),
    ],
)
def test_a_tree_prints_its_text_without_spaces(text: str, printed: str) -> None:
    assert str(tree(text)) == printed


def test_nodes_know_their_spans() -> None:
    spec = tree(" tanh + (elu : 0.5)[ 1 : 2 ]+ x[-1]")
    assert spec == Spec(
        (
            Stage(Call("tanh", None, (), (1, 5), (1, 5)), None, (1, 5)),
            Stage(
                Group(
                    Spec(
                        (Stage(Call("elu", Number("0.5", (15, 18)), (), (9, 18), (9, 12)), None, (9, 18)),),
                        (9, 18),
                    ),
                    (8, 19),
                ),
                Range(Number("1", (21, 22)), Number("2", (25, 26)), None, (19, 28)),
                (8, 28),
            ),
            Stage(Call("x", None, (), (30, 31), (30, 31)), Index(Number("-1", (32, 34)), (31, 35)), (30, 35)),
        ),
        (1, 35),
    )


@pytest.mark.parametrize(
    ("text", "span", "reason"),
    [
        ("", (0, 0), "the spec is empty: expected an activation name, such as 'linear'"),
        (" \n", (2, 2), "the spec is empty: expected an activation name, such as 'linear'"),
        ("tanh+", (5, 5), "expected an activation name after '+', the spec ends here"),
        ("tanh+  ", (7, 7), "expected an activation name after '+', the spec ends here"),
        ("tanh++relu", (5, 6), "expected an activation name after '+', found '+'"),
        ("+", (0, 1), "expected an activation name, found '+'"),
        ("tanh relu", (5, 9), "expected '+' between activations, found 'relu'"),
        ("tanh|relu", (4, 5), "expected '+' between activations, found '|'"),
        ("elu(1)(2)", (6, 7), "expected '+' between activations, found '('"),
        ("tanh)", (4, 5), "')' closes nothing"),
        ("tanh]", (4, 5), "']' closes nothing"),
        ("(tanh", (5, 5), "'(' is never closed: expected ')'"),
        ("elu(0.5 ", (8, 8), "'(' is never closed: expected ')'"),
        ("tanh[1", (6, 6), "'[' is never closed: expected ']'"),
        ("tanh[", (5, 5), "expected an index, such as [0], or a range, such as [2:5], after '[', the spec ends here"),
        ("tanh[x]", (5, 6), "expected an index, such as [0], or a range, such as [2:5], after '[', found 'x'"),
        ("tanh[1:x]", (7, 8), "expected a whole number or ']' after ':', found 'x'"),
        ("tanh[1 2]", (7, 8), "expected ']', found '2'"),
        ("maxout:", (7, 7), "expected a variant or a number after ':', the spec ends here"),
        ("maxout:4:x", (9, 10), "nothing may follow the number ':4'"),
        ("elu(alpha=)", (10, 11), "expected a value after '=', found ')'"),
        ("elu(0.5,)", (8, 9), "expected a value after ',', found ')'"),
        ("elu(1 2)", (6, 7), "expected ',' or ')', found '2'"),
        ("elu(~)", (5, 6), "expected a number, normal(mean, std) or uniform(low, high) after '~', found ')'"),
        (
            "elu(~normal)",
            (5, 11),
            "expected a number, normal(mean, std) or uniform(low, high) after '~', found 'normal'",
        ),
        ("elu(~ tanh", (6, 10), "expected a number, normal(mean, std) or uniform(low, high) after '~', found 'tanh'"),
        ("elu('a''b')", (7, 10), "expected ',' or ')', found \"'b'\""),
        ("(tanh]", (5, 6), "expected '+' or ')', found ']'"),
        ("tähn", (1, 2), "names are made of the letters a-z, digits, '_' and '-', found 'ä'"),
        ("elu(fal\u017fe)", (7, 8), "names are made of the letters a-z, digits, '_' and '-', found '\u017f'"),
        ("elu(\u0663)", (4, 5), "expected a value after '(', found '\u0663'"),
        ("tanh\u00a0", (4, 5), "expected '+' between activations, found '\\xa0'"),
        ("elu('a", (4, 6), "the string is never closed: expected a second '"),
        ("'tanh'", (0, 6), "a quoted string can only be a parameter's value"),
        ("f('a\\qb')", (4, 6), "unknown escape \\q in a string"),
        ("f('\\\n')", (3, 5), "unknown escape '\\n' in a string"),
        ("f('\\x4')", (3, 5), "\\x takes 2 hexadecimal digits, the number of a character"),
        ("f('\\U00110000')", (3, 13), "\\U takes 8 hexadecimal digits, the number of a character"),
        ("relu+\n ?", (7, 8), "expected an activation name after '+', found '?'"),
    ],
)
def test_syntax_errors_say_where_and_why(text: str, span: tuple[int, int], reason: str) -> None:
    assert fault(text) == (span, reason)


def test_limit_of_characters() -> None:
    assert str(tree("tanh" + " " * 4092)) == "tanh"
    assert fault("tanh" + " " * 4093) == ((4096, 4097), "a spec has at most 4,096 characters, this has 4,097")


def test_limit_of_stages() -> None:
    assert len(tree("+".join(["a"] * 256)).stages) == 256
    text = "+".join(["a"] * 257)
    assert fault(text) == ((512, 513), "a spec has at most 256 activations, this has more")


def test_limit_of_stages_holds_for_composed_pipelines() -> None:
    with pytest.raises(SpecError, match="at most 256 activations, this has more"):
        actspec.parse("+".join(["elu"] * 256)) + actspec.parse("+".join(["elu"] * 256))


def test_limit_of_stages_counts_nested_ones() -> None:
    assert fault(f"f({'+'.join(['a'] * 256)})")[1] == "a spec has at most 256 activations, this has more"


@pytest.mark.parametrize(
    "text",
    ["a(b=1,x=2)", "a:b:c", "a(~normal(1,2))", "a(true,none,inf)", "a(1e5,1e-5,.5)", "a('b+c')", 'a("b\'", 1)'],
)
def test_limit_of_stages_counts_activations_alone(text: str) -> None:
    assert len(tree("+".join([text] * 200)).stages) == 200


def test_limit_of_nesting() -> None:
    assert str(tree("(" * 32 + "a" + ")" * 32)) == "(" * 32 + "a" + ")" * 32
    assert fault("f(" * 33 + "a" + ")" * 33) == ((65, 66), "parentheses nest at most 32 deep")


def test_brackets_in_strings_do_not_nest() -> None:
    assert str(tree(f"f('{'(' * 50}')")) == f"f('{'(' * 50}')"


@pytest.mark.parametrize("opened", ["(", "f(", "f(b=", "f(~normal("])
def test_any_depth_is_a_spec_error_not_a_recursion_error(opened: str) -> None:
    with pytest.raises(SpecError):
        actspec.parse((opened * 4096)[:4096])


def test_the_grammar_is_read_from_the_package_where_it_is_packaged(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "actspec", tmp_path / "actspec")
    shutil.copytree(ROOT / "grammar", tmp_path / "actspec" / "grammar")
    program = "import actspec; print(actspec.parse('tanh'), actspec.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["tanh", str(tmp_path / "actspec" / "__init__.py")], done.stderr
