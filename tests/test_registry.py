"""Names: how they are compared, who owns them, aliases, families, scopes, threads."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator

import pytest

import actspec
from actspec import registry
from actspec.errors import RegistryError


@pytest.fixture(autouse=True)
def _scope() -> Iterator[None]:
    with registry.scope():
        yield


def define(cls_name: str = "Mine", qualname: str | None = None, **keywords: object) -> type[actspec.Activation]:
    body = {"__call__": lambda self, x: x, "__module__": __name__, "__qualname__": qualname or cls_name}  # noqa: ARG005
    return type(cls_name, (actspec.Activation,), body, **keywords)  # type: ignore[call-overload,no-any-return]


def test_a_class_is_registered_under_its_lowercase_name() -> None:
    cls = define("ThresholdedLinear")
    assert actspec.parse("thresholdedlinear")[0] == cls()
    assert "thresholdedlinear" in actspec.names()


@pytest.mark.parametrize("spelled", ["Leaky_ReLU", "leaky-relu", "LEAKYRELU", "_leaky__relu-"])
def test_case_underscores_and_hyphens_do_not_count(spelled: str) -> None:
    assert str(actspec.parse(spelled)) == "leakyrelu"


def test_a_given_name_is_the_canonical_one() -> None:
    define(name="norm:L_1", aliases=("Euclid",))
    assert str(actspec.parse("euclid + NORM:l1")) == "norm:l_1+norm:l_1"
    assert actspec.describe("euclid").aliases == ("euclid",)


def test_names_are_sorted_and_primary() -> None:
    define(name="zz", aliases=("aa",))
    assert actspec.names() == sorted(actspec.names())
    assert "zz" in actspec.names()
    assert "aa" not in actspec.names()


def test_a_taken_name_names_both_classes() -> None:
    before = dict(registry.entries())
    with pytest.raises(
        RegistryError, match=r"'tanh' of tests\.test_registry\.Tanh .* actspec\.catalog\.sigmoids\.Tanh"
    ):
        define("Tanh")
    assert dict(registry.entries()) == before


def test_a_taken_alias_registers_nothing() -> None:
    before = dict(registry.entries())
    with pytest.raises(RegistryError, match="the name 'rectify'"):
        define("Fresh", aliases=("other", "Rectify"))
    assert dict(registry.entries()) == before
    with pytest.raises(actspec.SpecError):
        actspec.parse("fresh")


def test_one_name_twice_in_a_class() -> None:
    with pytest.raises(RegistryError, match="the same name twice"):
        define("Fresh", aliases=("FRE_SH",))


@pytest.mark.parametrize(
    "name", ["", "1st", "a b", "größe", "norm:", ":z", "a::b", "a+b", "_", "-a", "lea\u212ayrelu", "a" * 129]
)
def test_names_that_are_no_words(name: str) -> None:
    with pytest.raises(RegistryError, match="can't be the name"):
        define("Fresh", name=name)


@pytest.mark.parametrize("name", ["inf", "NaN", "true", "f_alse", "none", "none:x", "x:inf", "x:nan:y"])
def test_words_of_the_language_are_no_names(name: str) -> None:
    with pytest.raises(RegistryError, match="word of the language"):
        define("Fresh", name=name)


def test_a_name_of_the_wrong_type() -> None:
    with pytest.raises(TypeError, match="must be a str, not int"):
        define("Fresh", name=3)


def test_defining_the_same_class_again_replaces_it() -> None:
    old = define("Cell", aliases=("first", "second"))
    before = actspec.parse("cell")
    new = define("Cell", aliases=("second", "third"))
    assert type(actspec.parse("cell")[0]) is new
    assert type(before[0]) is old
    assert type(actspec.parse("third")[0]) is new
    with pytest.raises(actspec.SpecError):
        actspec.parse("first")


def test_another_class_of_the_same_name_is_refused() -> None:
    define("Cell", qualname="one.Cell")
    with pytest.raises(RegistryError, match="taken by"):
        define("Cell", qualname="two.Cell")


def test_one_class_body_may_serve_several_names() -> None:
    first, second = define("Made", name="made1"), define("Made", name="made2")
    assert type(actspec.parse("made1")[0]) is first
    assert type(actspec.parse("made2")[0]) is second


def test_override_takes_a_name_and_its_aliases() -> None:
    cls = define("Mine", name="relu", override=True)
    assert type(actspec.parse("relu")[0]) is cls
    with pytest.raises(actspec.SpecError):
        actspec.parse("rectify")


def test_override_of_an_alias_leaves_its_owner() -> None:
    cls = define("Mine", name="rectify", override=True)
    assert type(actspec.parse("rectify")[0]) is cls
    assert str(actspec.parse("relu")) == "relu"
    assert str(actspec.parse("rect:max")) == "relu"


def test_a_scope_ends_with_its_block() -> None:
    with registry.scope():
        define("Inner")
        assert str(actspec.parse("inner")) == "inner"
    with pytest.raises(actspec.SpecError):
        actspec.parse("inner")


def test_a_scope_ends_with_an_exception() -> None:
    def fail() -> None:
        with registry.scope():
            define("Inner")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "inner" not in actspec.names()


def test_what_a_scope_hid_comes_back() -> None:
    with registry.scope():
        define("Relu", override=True)
        with pytest.raises(actspec.SpecError):
            actspec.parse("rectify")
    assert str(actspec.parse("rectify")) == "relu"


def test_scopes_nest() -> None:
    outer = define("Cell", qualname="a.Cell")
    with registry.scope():
        inner = define("Cell", qualname="b.Cell", override=True)
        with registry.scope():
            assert type(actspec.parse("cell")[0]) is inner
        assert type(actspec.parse("cell")[0]) is inner
    assert type(actspec.parse("cell")[0]) is outer


def test_a_later_scope_does_not_see_an_earlier_one() -> None:
    for _ in range(50):  # new scopes may live where old ones did
        with registry.scope():
            with pytest.raises(actspec.SpecError):
                actspec.parse("fleeting")
            define("Fleeting")
            actspec.parse("fleeting")


def test_one_scope_may_be_entered_again_and_inside_itself() -> None:
    scope = registry.scope()
    for _ in range(2):
        with scope, scope:
            define("Inner")
        assert "inner" not in actspec.names()


def test_scopes_of_threads_are_their_own() -> None:
    both_defined = threading.Barrier(2, timeout=20)
    seen: dict[str, object] = {}

    def work(which: str) -> None:
        with registry.scope():
            cls = define("Local", qualname=f"{which}.Local")
            both_defined.wait()
            seen[which] = type(actspec.parse("local")[0]) is cls

    threads = [threading.Thread(target=work, args=(which,)) for which in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"a": True, "b": True}
    assert "local" not in actspec.names()


def test_a_copied_context_keeps_its_scope() -> None:
    define("Inherited")
    seen: list[str] = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: context.run(lambda: seen.append(str(actspec.parse("inherited")))))
    thread.start()
    thread.join()
    assert seen == ["inherited"]


def test_registering_from_many_threads_loses_nothing() -> None:
    context = contextvars.copy_context()

    def work(number: int) -> None:
        context.copy().run(define, f"Parallel{'abcdefghij'[number]}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [name for name in actspec.names() if name.startswith("parallel")] == [f"parallel{c}" for c in "abcdefghij"]


def test_parse_sees_what_was_registered_since() -> None:
    with pytest.raises(actspec.SpecError):
        actspec.parse("latecomer")
    define("LateComer")
    assert str(actspec.parse("latecomer")) == "latecomer"


def test_entries_are_a_copy() -> None:
    registry.entries().clear()  # type: ignore[attr-defined]
    assert "tanh" in actspec.names()
