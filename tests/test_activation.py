"""Custom activations: a class with one formula becomes a word of the language, and behaves like a built-in."""

from __future__ import annotations

import copy
import dataclasses
import enum
import inspect
import math
import pickle
import types
import typing
from typing import ClassVar, Optional

import numpy as np
import pytest

import actspec
from actspec import Activation, Learnable, Normal, RegistryError, SpecError, Uniform, parameter, parse, registry
from actspec.catalog import Elu, NormZ, ReLU, Tanh


@pytest.fixture(autouse=True)
def _scope():
    with registry.scope():
        yield


def identity(_self, x):
    return x


def define(called="Sample", body=None, annotations=None, **keywords):
    """A class made by hand, for cases that the class statement would make long."""
    members = {"__call__": identity, "__annotations__": annotations or {}, **(body or {})}
    if members["__call__"] is None:
        del members["__call__"]
    return types.new_class(called, (Activation,), keywords, lambda space: space.update(members))


class Everything(Activation, name="test:everything", register=False):
    """One parameter of each type; its annotations are strings, as this module says."""

    f: float = 1.5
    i: int = 2
    b: bool = False
    s: str = "a"
    a: Activation = Tanh
    of: Optional[float] = None  # noqa: UP045
    oi: int | None = 3
    ob: bool | None = None
    os: typing.Union[str, None] = "b"  # noqa: UP007
    oa: Activation | None = None
    constant: ClassVar[int] = 7
    other: typing.ClassVar = 8
    plain = 9

    def __call__(self, x):
        return x


# ---- the contract's example


def test_the_example_of_the_contract():
    class ThresholdedLinear(Activation):
        """Identity above theta, zero below."""

        theta: float = 1.0

        def __call__(self, x):
            return x * (x > self.theta)

    x = np.array([-3.0, 0.5, 1.0, 3.0])
    np.testing.assert_array_equal(parse("thresholdedlinear")(x), [0, 0, 0, 3])
    np.testing.assert_array_equal(parse("thresholded_linear(0.2)")(x), [0, 0.5, 1, 3])
    assert parse("thresholdedlinear:2") == parse("ThresholdedLinear(theta=2)") == parse(ThresholdedLinear(2))
    assert parse("thresholdedlinear+norm:z")[0] == ThresholdedLinear()
    assert parse("thresholdedlinear(theta=~2)")[0].theta == Learnable(2)
    assert "thresholdedlinear" in actspec.names()
    described = actspec.describe("thresholdedlinear")
    assert described.summary == "Identity above theta, zero below"
    assert [p.name for p in described.parameters] == ["theta"]


# ---- parameters


def test_parameters_of_every_type_are_declared_in_order():
    declared = actspec.describe(Everything).parameters
    assert [p.name for p in declared] == ["f", "i", "b", "s", "a", "of", "oi", "ob", "os", "oa"]
    assert [p.type for p in declared] == [float, int, bool, str, Activation] * 2
    assert [p.optional for p in declared] == [False] * 5 + [True] * 5
    act = Everything()
    assert (act.f, act.i, act.b, act.s, act.a) == (1.5, 2, False, "a", Tanh())
    assert (act.of, act.oi, act.ob, act.os, act.oa) == (None, 3, None, "b", None)
    assert (act.constant, act.other, act.plain) == (7, 8, 9)


def test_parameters_of_every_type_are_written_and_read():
    class Everywhere(Everything):
        pass

    spec = "everywhere(f=2.5,i=-3,b=true,s='it\\'s',a=relu+tanh,of=1e-9,oi=none,ob=false,os=none,oa=norm:z[1:])"
    act = parse(spec)
    assert str(act) == spec
    assert parse(str(act)) == act
    assert (act[0].f, act[0].i, act[0].b, act[0].s) == (2.5, -3, True, "it's")
    assert (act[0].of, act[0].oi, act[0].ob, act[0].os) == (1e-9, None, False, None)
    assert parse(act[0].a) == parse("relu+tanh")
    assert parse(act[0].oa) == parse("norm:z[1:]")
    assert str(parse("everywhere(1.5, 2, false, 'a', tanh, none, 3)")) == "everywhere"


ACCEPTED = {
    "f": [(1, 1.0), (np.float32(0.5), 0.5), (np.int8(3), 3.0), (np.float16(2), 2.0), (math.inf, math.inf), (-0.0, 0.0)],
    "i": [(5, 5), (np.int64(5), 5), (-5, -5)],
    "b": [(True, True), (np.bool_(True), True)],
    "s": [("", ""), (np.str_("x"), "x")],
    "a": [(ReLU, ReLU()), (ReLU(6), ReLU(6)), (parse("relu"), ReLU())],
    "of": [(None, None), (2, 2.0)],
    "oi": [(None, None), (2, 2)],
    "oa": [(None, None), (NormZ, NormZ())],
}
REFUSED = {
    "f": ["1", None, True, np.bool_(False), 1j, [1.0], np.ones(2), object(), Tanh()],
    "i": [1.0, "1", None, True, np.float64(1), [1]],
    "b": [1, 0, "true", None, 1.0],
    "s": [b"a", 1, None, Tanh],
    "a": [None, 5, "nosuch", object(), int, Activation],
    "of": ["none", True],
    "oi": [1.5, "none"],
    "oa": [5, "none"],
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_value_becomes_of_its_parameters_type(name):
    for given, kept in ACCEPTED[name]:
        value = getattr(Everything(**{name: given}), name)
        assert value == kept
        assert type(value) is type(kept)
        assert Everything(**{name: given}) == Everything(**{name: kept})


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_of_another_type_is_a_type_error_that_names_the_parameter(name):
    for value in REFUSED[name]:
        with pytest.raises(TypeError, match=rf"\b{name} must be |abstract"):
            Everything(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("f", 10**400), ("i", 2**80), ("i", -(2**31))])
def test_a_number_that_no_machine_holds_is_a_value_error(name, value):
    with pytest.raises(ValueError, match=rf"\b{name} must be .*: the number is too large"):
        Everything(**{name: value})


def test_nan_is_no_value():
    with pytest.raises(ValueError, match="f must be a number"):
        Everything(f=math.nan)


def test_a_string_enum_is_its_value():
    class Choice(str, enum.Enum):  # noqa: UP042  # as in older code
        X = "x"

    assert Everything(s=Choice.X) == Everything(s="x")
    assert Everything(s=Choice.X).s == "x"
    assert type(Everything(s=Choice.X).s) is str


def test_positional_and_named_arguments_are_checked():
    assert Elu(0.5) == Elu(alpha=0.5)
    with pytest.raises(TypeError, match="at most 1"):
        Elu(1, 2)
    with pytest.raises(TypeError, match="'alpha' twice"):
        Elu(1, alpha=1)
    with pytest.raises(TypeError, match=r"'alhpa'.*did you mean 'alpha'"):
        Elu(alhpa=1)
    with pytest.raises(TypeError, match="'beta'"):
        Elu(1, beta=1)


def test_a_required_parameter_has_to_be_given():
    class Needing(Activation):
        power: int
        scale: float = 1.0

        def __call__(self, x):
            return self.scale * x**self.power

    with pytest.raises(TypeError, match="'power'"):
        Needing()
    with pytest.raises(SpecError, match="power"):
        parse("needing")
    with pytest.raises(TypeError, match="'power'"):
        parse(Needing)
    np.testing.assert_array_equal(parse("needing(2)")([3.0]), [9])
    assert str(parse("needing(2, 1)")) == "needing(power=2)"


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        ({"ge": 0}, [0, 1, math.inf], [-1e-9, -math.inf]),
        ({"gt": 0}, [1e-300, 1], [0, -0.0, -1]),
        ({"le": 1}, [1, -5], [1.0000001]),
        ({"lt": 1}, [0.9999], [1, 2]),
        ({"ge": 0, "lt": 1}, [0, 0.5], [-0.1, 1]),
        ({"gt": -1, "le": 1}, [1, 0], [-1, 1.1]),
    ],
)
def test_a_domain_is_kept(domain, inside, outside):
    made = define(annotations={"p": "float"}, body={"p": parameter(default=0.5, **domain)})
    assert made().p == made.p == 0.5
    for value in inside:
        assert made(value).p == value
    for value in outside:
        with pytest.raises(ValueError, match=r"\bp must be a number .*, not "):
            made(value)
        with pytest.raises(SpecError, match="p must be"):
            parse(f"sample({value})" if math.isfinite(value) else "sample(-inf)")
    with pytest.raises(ValueError, match="p must be"):
        made(Learnable(outside[0] if math.isfinite(outside[0]) else 0))


def test_a_domain_holds_for_ints_optionals_and_what_has_no_default():
    class Bounded(Activation):
        k: int = parameter(ge=1, le=9)
        o: float | None = parameter(default=None, gt=0)

        def __call__(self, x):
            return x

    assert Bounded(3) == Bounded(k=3, o=None)
    with pytest.raises(TypeError, match="'k'"):
        Bounded()
    for bad in ({"k": 0}, {"k": 10}, {"k": 1, "o": 0}):
        with pytest.raises(ValueError, match="must be"):
            Bounded(**bad)
    assert actspec.describe("bounded").parameters[0].ge == 1


@pytest.mark.parametrize("start", [1.0, Normal(1, 0.1), Uniform(0, 1)])
def test_any_float_may_be_learnable_and_nothing_else(start):
    act = Everything(f=Learnable(start), of=Learnable(start))
    assert act.f == Learnable(start)
    for name in ("i", "b", "s", "a", "oi"):
        with pytest.raises(TypeError, match=f"{name} must be"):
            Everything(**{name: Learnable(start)})
    with pytest.raises(actspec.UnboundError, match=r"test:everything(.|\n)*\bbind\b"):
        act(1.0)


@pytest.fixture
def band():
    class Band(Activation):
        low: float = 0.0
        high: float = 1.0

        def __post_init__(self):
            if self.low > self.high:
                raise ValueError("low must be at most high")

        def __call__(self, x):
            return np.clip(x, self.low, self.high)

    return Band


def test_post_init_checks_what_depends_on_each_other(band):
    assert band(0, 2).high == 2
    with pytest.raises(ValueError, match="low must be at most high"):
        band(3, 2)
    with pytest.raises(SpecError, match="low must be at most high") as caught:
        parse("tanh+band(3,2)")
    assert caught.value.span == (5, 14)


@pytest.mark.usefixtures("band")
def test_post_init_that_can_not_take_a_learnable_is_still_a_spec_error():
    with pytest.raises(SpecError):
        parse("band(low=~0.5)")


def test_post_init_can_not_change_a_parameter():
    class Sneaky(Activation):
        p: float = 0.0

        def __post_init__(self):
            self.p = 5

        def __call__(self, x):
            return x

    with pytest.raises(dataclasses.FrozenInstanceError):
        Sneaky()


# ---- inheritance


def test_parameters_are_inherited_and_defaults_overridden():
    class Base(Activation, register=False):
        theta: float = parameter(default=1.0, ge=0)
        slope: float = 2.0

        def __call__(self, x):
            return x * (x > self.theta) * self.slope

    class Higher(Base):
        theta: float = 3.0

    class Longer(Higher):
        extra: int = 1

    assert "base" not in actspec.names()
    assert [p.name for p in actspec.describe("longer").parameters] == ["theta", "slope", "extra"]
    assert Longer() == Longer(3.0, 2.0, 1)
    np.testing.assert_array_equal(parse("higher")([2.0, 4.0]), [0, 8])
    assert str(parse("higher(theta=3,slope=1)")) == "higher(slope=1)"
    assert Higher() != Longer()
    with pytest.raises(ValueError, match="theta"):
        Base(-1)


def test_a_default_overridden_without_an_annotation_is_not_ignored():
    class Base(Activation, register=False):
        theta: float = 1.0

        def __call__(self, x):
            return x * self.theta

    class Doubled(Base):
        theta = 2.0

    assert Doubled.theta == Doubled().theta == 2.0
    assert parse("doubled")(3.0) == 6.0


def test_parameters_of_several_bases_come_together():
    class One(Activation, register=False):
        a: float = 1.0

        def __call__(self, x):
            return x * self.a

    class Two(Activation, register=False):
        b: float = 2.0

    class Both(One, Two):
        c: float = 3.0

    assert sorted(p.name for p in actspec.describe("both").parameters) == ["a", "b", "c"]
    assert Both(a=5)(2.0) == 10


def test_super_call_runs_the_bases_formula():
    class Shifted(Elu):
        shift: float = 1.0

        def __call__(self, x):
            return super().__call__(x) + self.shift

    class Again(Shifted):
        def __call__(self, x):
            x += 1
            return super().__call__(x) * 2

    x = np.array([[-1.0, 2.0]])
    np.testing.assert_allclose(Shifted()(x), Elu()(x) + 1)
    np.testing.assert_allclose(parse("again(alpha=2,shift=3)")(x), (Elu(2)(x + 1) + 3) * 2)
    np.testing.assert_array_equal(x, [[-1.0, 2.0]])
    assert Shifted()(np.float32(1)).dtype == np.float32
    assert Shifted()(2) == 3


def test_aliases_are_not_inherited_and_families_are_not_joined():
    class Original(Activation, name="test:one", aliases=("first", "uno")):
        def __call__(self, x):
            return x

    class Derived(Original):
        pass

    assert actspec.describe("derived").aliases == ()
    assert type(parse("uno")[0]) is Original
    assert type(parse("derived")[0]) is Derived


def test_an_abstract_base_can_not_be_made():
    class Bare(Activation, register=False):
        p: float = 1.0

    for cls in (Bare, Activation):
        with pytest.raises(TypeError, match="abstract"):
            cls()


# ---- bodies

x = np.random.default_rng(5).normal(0, 2, (4, 6))


def test_a_body_may_branch_on_data():
    def body(_self, x):
        if x.max() > 100:
            return -x
        return np.array([[value if value > 0 else 0.0 for value in row] for row in x])

    branching = define(body={"__call__": body})()
    np.testing.assert_array_equal(branching(x), np.maximum(x, 0))
    np.testing.assert_array_equal(branching(x + 200), -(x + 200))


def test_a_body_may_work_in_place():
    def body(_self, x):
        x -= x.mean(axis=-1, keepdims=True)
        np.tanh(x, out=x)
        x[..., 0] = 0
        return x

    before = x.copy()
    y = parse(define(body={"__call__": body}))(x)
    expected = np.tanh(x - x.mean(axis=-1, keepdims=True))
    expected[:, 0] = 0
    np.testing.assert_allclose(y, expected)
    np.testing.assert_array_equal(x, before)


def test_a_body_may_call_other_activations():
    class Mixed(Activation):
        base: Activation = Tanh
        gate: Activation | None = None

        def __call__(self, x):
            y = self.base(x) * 0.5 + Elu(0.5)(x) + parse("relu+norm:max")(x)
            return y if self.gate is None else y * self.gate(x)

    expected = np.tanh(x) * 0.5 + Elu(0.5)(x) + parse("relu+norm:max")(x)
    np.testing.assert_allclose(Mixed()(x), expected)
    np.testing.assert_allclose(parse("mixed(gate=sigmoid)")(x), expected * parse("sigmoid")(x))
    np.testing.assert_allclose(parse("mixed(tanh+relu,gate=(tanh+relu)[1:])")(x).shape, x.shape)
    assert parse("mixed")(x.astype(np.float32)).dtype == np.float32


def test_a_body_sees_a_float_array_of_its_own():
    seen = []

    def body(_self, x):
        seen.append(x)
        return np.sort(x)  # runs as it is written

    act = define(body={"__call__": body})()
    for given in (
        x,
        x.astype(np.float32),
        x.astype(np.float16),
        x.astype(">f8"),
        [1, 2],
        True,
        3.0,
        np.broadcast_to(1.0, 4),
    ):
        act(given)
        own = seen.pop()
        assert type(own) is np.ndarray
        assert own.dtype in (np.float32, np.float64)
        assert own.dtype.isnative
        assert own.flags.writeable
        assert own.shape == (np.shape(given) or (1,))  # a scalar is a row of one
        assert not np.shares_memory(own, given)


@pytest.mark.parametrize(
    ("returned", "dtype"),
    [
        (lambda x: x > 0, "f4"),
        (lambda x: (x > 0).astype(int), "f4"),
        (lambda x: x.astype(np.float64), "f4"),
        (lambda x: x.astype(np.float16), "f8"),
        (lambda x: x.tolist(), "f8"),
        (lambda x: np.broadcast_to(x[:1], x.shape), "f8"),
        (lambda x: x.astype(">f8"), "f8"),
    ],
)
def test_a_result_takes_the_type_of_the_input(returned, dtype):
    act = define(body={"__call__": lambda _self, x: returned(x)})()
    given = x.astype(dtype)
    for y in (act(given), parse(act)(given)):
        assert y.dtype == dtype
        assert y.dtype.isnative
        assert y.flags.writeable
        np.testing.assert_allclose(y, np.asarray(returned(given), float), rtol=1e-6)


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        (lambda _: None, TypeError),
        (lambda _: "tanh", TypeError),
        (lambda x: x.astype(complex), TypeError),
        (lambda x: x.astype(object), TypeError),
        (lambda x: x.astype(str), TypeError),
        (lambda x: (x, x), (TypeError, ValueError)),
        (lambda _: [[1.0], [1.0, 2.0]], (TypeError, ValueError)),
        (lambda _: len, TypeError),
        (lambda x: x[:, :1], ValueError),
        (lambda x: x[:-1], ValueError),
        (lambda x: x[None], ValueError),
        (lambda x: x.T, ValueError),
        (lambda x: x.ravel(), ValueError),
        (lambda x: x.mean(axis=-1), ValueError),
        (lambda x: x.mean(axis=-1, keepdims=True), ValueError),
        (lambda x: x[:0], ValueError),
    ],
)
def test_a_bad_result_is_an_error_that_names_the_class(returned, error):
    class Faulty(Activation):
        def __call__(self, x):
            return returned(x)

    out = np.full(x.shape, 5.0)
    for call in (Faulty(), parse("tanh+faulty+relu"), lambda x: Faulty()(x, out=out), parse("faulty[:]")):
        with pytest.raises(error, match="Faulty"):
            call(x)
    assert (out == 5).all()


def test_what_a_body_raises_comes_through():
    class Grumpy(Activation):
        def __call__(self, _):
            raise LookupError("of its own")

    for call in (Grumpy(), parse("tanh+grumpy")):
        with pytest.raises(LookupError, match="of its own"):
            call(x)


# ---- instances


def test_instances_are_frozen():
    act = Elu(0.5)
    for change in (
        lambda: setattr(act, "alpha", 1),
        lambda: setattr(act, "new", 1),
        lambda: delattr(act, "alpha"),
        lambda: setattr(act, "__call__", len),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    assert act.alpha == 0.5


def test_equality_and_hash_are_by_class_and_values():
    assert Elu(alpha=0.5) == Elu(0.5)
    assert hash(Elu(alpha=0.5)) == hash(Elu(0.5))
    assert len({Elu(), Elu(1), Elu(1.0), Elu(np.float32(1)), Elu(2), Tanh(), Tanh()}) == 3
    assert Elu() != ReLU()
    assert Elu() != "elu"
    assert Elu(Learnable(1)) != Elu(1)
    assert Elu(Learnable(1)) == Elu(Learnable(1.0))


def test_repr_and_str():
    namespace = {"Elu": Elu, "ReLU": ReLU, "Everything": Everything, "Tanh": Tanh, "NormZ": NormZ}
    namespace |= {"Learnable": Learnable, "Normal": Normal}
    for act in (
        Elu(0.5),
        ReLU(),
        ReLU(6),
        NormZ(axis=0),
        Elu(Learnable(Normal(1, 0.1))),
        Everything(),
        Everything(a=ReLU),
    ):
        assert eval(repr(act), namespace) == act
    assert repr(Elu(0.5)) == "Elu(alpha=0.5)"
    assert str(Elu(0.5)) == "elu(alpha=0.5)"
    assert str(Elu()) == "elu"


def test_a_repr_with_a_pipeline_inside_evaluates():
    act = Everything(a=parse("relu+norm:z"), oa=parse("tanh[1:]"))
    names = {"actspec": actspec, "Everything": Everything, "Tanh": Tanh, "ReLU": ReLU, "NormZ": NormZ}
    assert eval(repr(act), names) == act


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_instances_pickle_and_copy(protocol):
    for act in (
        Elu(0.5),
        ReLU(),
        Elu(Learnable(Normal(1, 0.1))),
        Everything(s="x", a=parse("relu+norm:z"), oa=parse("tanh[1:]")),
    ):
        for same in (pickle.loads(pickle.dumps(act, protocol)), copy.copy(act), copy.deepcopy(act)):
            assert same == act
            assert type(same) is type(act)
            assert hash(same) == hash(act)


def test_calling_an_instance_equals_its_pipeline():
    for act in (Elu(0.5), NormZ(axis=0), Everything()):
        np.testing.assert_array_equal(act(x), parse(act)(x))
    out = np.empty_like(x)
    assert Elu()(x, out=out) is out
    assert Elu()(x, out) is out


# ---- class definitions that fail register nothing


class NotAType:
    pass


BAD_CLASSES = {
    "a list": ({"annotations": {"p": list}}, TypeError),
    "a class": ({"annotations": {"p": NotAType}}, TypeError),
    "an unknown name": ({"annotations": {"p": "NoSuchType"}}, TypeError),
    "complex": ({"annotations": {"p": complex}}, TypeError),
    "float or int": ({"annotations": {"p": float | int}}, TypeError),
    "a default of the wrong type": ({"annotations": {"p": float}, "body": {"p": "1"}}, TypeError),
    "an int's default that is a float": ({"annotations": {"p": int}, "body": {"p": 1.0}}, TypeError),
    "None where it may not be": ({"annotations": {"p": float}, "body": {"p": None}}, TypeError),
    "nan": ({"annotations": {"p": float}, "body": {"p": math.nan}}, ValueError),
    "a default outside its domain": (
        {"annotations": {"p": float}, "body": {"p": parameter(default=-1, ge=0)}},
        ValueError,
    ),
    "a learnable int": ({"annotations": {"p": int}, "body": {"p": Learnable(1)}}, TypeError),
    "a required one after a default": ({"annotations": {"p": float, "q": float}, "body": {"p": 1.0}}, TypeError),
    "an underscore": ({"annotations": {"_p": float}}, TypeError),
    "a method's name": ({"annotations": {"stages": float}}, TypeError),
    "__call__'s own": ({"annotations": {"x": float}}, TypeError),
    "out": ({"annotations": {"out": float}}, TypeError),
    "two that are one in a spec": ({"annotations": {"my_p": float, "myP": float}}, TypeError),
    "letters that a spec can't write": ({"annotations": {"\N{GREEK SMALL LETTER LAMDA}": float}}, TypeError),
    "a word of the language": ({"annotations": {"none": float}}, TypeError),
    "another word of the language": ({"annotations": {"inf": float}, "body": {"inf": 1.0}}, TypeError),
    "no formula": ({"body": {"__call__": None}}, TypeError),
    "its own __init__": ({"body": {"__init__": lambda _self: None}}, TypeError),
    "a keyword that isn't one": ({"nmae": "x"}, TypeError),
    "aliases that are a string": ({"aliases": "alias"}, TypeError),
    "an alias that is no string": ({"aliases": ("alias", 5)}, TypeError),
    "aliases that are None": ({"aliases": None}, TypeError),
    "a name that is no string": ({"name": 5}, TypeError),
    "a name of no letters": ({"name": "1a"}, RegistryError),
    "an empty name": ({"name": ""}, RegistryError),
    "a name with a space": ({"name": "a b"}, RegistryError),
    "a reserved name": ({"name": "none"}, RegistryError),
    "a taken name": ({"name": "Tanh"}, RegistryError),
    "a taken alias": ({"aliases": ("fresh", "leaky_rectify")}, RegistryError),
    "a name twice": ({"name": "fresh", "aliases": ("Fresh",)}, RegistryError),
    "a bad alias": ({"aliases": ("fresh", "a+b")}, RegistryError),
}


@pytest.mark.parametrize("case", BAD_CLASSES)
def test_a_bad_class_is_an_error_and_registers_nothing(case):
    keywords, error = BAD_CLASSES[case]
    before, known = actspec.names(), dict(registry.entries())
    with pytest.raises(error, match=r"Sample|sample|__init_subclass__"):
        define(**keywords)
    assert actspec.names() == before
    assert dict(registry.entries()) == known
    assert str(parse("tanh+leaky_rectify")) == "tanh+leakyrelu"
    with pytest.raises(SpecError):
        parse("sample")


def test_a_clash_names_both_classes():
    with pytest.raises(RegistryError) as caught:
        define(called="Mine", body={"__module__": "mine.module"}, aliases=("relu",))
    assert "mine.module" in str(caught.value)
    assert "actspec.catalog.rectifiers.ReLU" in str(caught.value)
    assert "'relu'" in str(caught.value)


def test_register_false_leaves_the_language_alone():
    class Tanh(Activation, register=False):
        def __call__(self, x):
            return x * 0

    assert parse("tanh")(5.0) == pytest.approx(np.tanh(5.0), rel=1e-15)
    assert Tanh()(5.0) == 0
    assert parse("tanh")[0] != Tanh()


def test_override_takes_a_name_until_the_scope_ends():
    with registry.scope():

        class Mine(Activation, name="tanh", override=True):
            def __call__(self, x):
                return x * 0

        assert parse("tanh")(5.0) == 0
        assert type(parse("Tanh")[0]) is Mine
        assert actspec.names().count("tanh") == 1
    assert parse("tanh")(5.0) == pytest.approx(np.tanh(5.0), rel=1e-15)


def test_a_cell_run_twice_replaces_the_class_at_once():
    def cell(factor, names):
        class InNotebook(Activation, aliases=names):
            def __call__(self, x):
                return x * factor

        return InNotebook

    cell(2, ("nb", "old"))
    before = parse("innotebook")
    assert before(3.0) == parse("nb")(3.0) == parse("innotebook+linear")(3.0) == 6
    second = cell(5, ("nb",))
    assert parse("innotebook")(3.0) == parse("nb")(3.0) == parse("innotebook+linear")(3.0) == 15
    assert type(parse("innotebook")[0]) is second
    assert parse("innotebook") != before
    assert before(3.0) == 6  # what was parsed stays what it was
    assert actspec.names().count("innotebook") == 1
    with pytest.raises(SpecError):
        parse("old")


def test_a_name_that_failed_is_known_as_soon_as_it_is_defined():
    with pytest.raises(SpecError):
        parse("latecomer")
    define(called="Latecomer")
    assert str(parse("latecomer")) == "latecomer"


def test_another_module_can_not_replace_a_class_unasked():
    define(called="Shared", body={"__module__": "first", "__qualname__": "Shared"})
    with pytest.raises(RegistryError, match=r"second\.Shared.*first\.Shared"):
        define(called="Shared", body={"__module__": "second", "__qualname__": "Shared"})


def test_a_class_says_what_it_is_where_it_is_read():
    class Documented(Activation):
        """Doubles: ``2*x``.

        More.
        """

        def __call__(self, x):
            """Run."""
            return 2 * x

    assert Documented.__doc__.startswith("Doubles")
    assert Documented.__call__.__doc__ == "Run."
    assert actspec.describe("documented").formula == "2*x"
    assert Documented.__module__ == __name__


@pytest.mark.parametrize(
    "members",
    [
        {"formula": lambda _self, x: x},
        {"stages": ()},
        {"needs_binding": None},
        {"__str__": lambda _self: "x"},
        {"__eq__": lambda _self, _other: True},
        {"__hash__": None},
        {"__init__": lambda _self: None},
        {"__slots__": ("a",)},
    ],
)
def test_what_activation_brings_along_stays(members):
    before = actspec.names()
    with pytest.raises(TypeError, match=f"must not define '{next(iter(members))}'"):
        type("Own", (Activation,), {"__call__": lambda _self, x: x, **members})
    assert actspec.names() == before


def test_a_dataclass_decorator_is_refused_where_it_would_change_the_meaning():
    with actspec.registry.scope():

        @dataclasses.dataclass(frozen=True)
        class Decorated(Activation):
            a: float = 2.0

            def __call__(self, x):
                return x * self.a

        refused = pytest.raises((TypeError, SpecError), match=r"must not define '__init__'.*without a decorator")
        for make in (Decorated, lambda: actspec.parse("decorated"), lambda: actspec.parse(Decorated)):
            with refused:
                make()


@pytest.mark.parametrize(
    "body",
    [
        staticmethod(lambda x: x),
        classmethod(lambda _cls, x: x),
        lambda x: x,
        lambda _self, x, y: x + y,
        lambda _self, x, *, y: x + y,
        5,
    ],
)
def test_a_formula_takes_x_alone(body):
    before = actspec.names()
    with pytest.raises(TypeError, match=r"def __call__\(self, x\)"):
        type("Odd", (Activation,), {"__call__": body})
    assert actspec.names() == before


@pytest.mark.parametrize("body", [lambda _self, x, _scale=1: x, lambda *args: args[1]])
def test_a_formula_may_have_more_that_it_does_not_need(body):
    with actspec.registry.scope():
        assert type("Loose", (Activation,), {"__call__": body})()(1.0) == 1.0


def test_an_unknown_class_keyword_names_the_nearest():
    with pytest.raises(TypeError, match=r"Odd has no class keyword 'alias'; did you mean 'aliases'\?"):
        type("Odd", (Activation,), {"__call__": lambda _self, x: x}, alias=("q",))


@pytest.mark.parametrize("keywords", [{"register": "no"}, {"override": 3}])
def test_class_keywords_have_types(keywords):
    with pytest.raises(TypeError, match=f"{next(iter(keywords))} of Odd must be True or False"):
        type("Odd", (Activation,), {"__call__": lambda _self, x: x}, **keywords)


@pytest.mark.parametrize(
    ("annotation", "bounds", "error"),
    [
        (float, {"ge": "x"}, TypeError),
        (float, {"le": math.nan}, TypeError),
        (float, {"ge": 5, "le": 2}, ValueError),
        (str, {"ge": 1}, TypeError),
    ],
)
def test_a_domain_has_to_make_sense(annotation, bounds, error):
    members = {"__annotations__": {"a": annotation}, "a": actspec.parameter(**bounds), "__call__": lambda _self, x: x}
    with pytest.raises(error, match=r"\ba\b|'a'"):
        type("Odd", (Activation,), members)


def test_values_are_shown_as_they_were_given():
    with pytest.raises(TypeError, match=r"axis must be a whole number, not 1\.0"):
        actspec.catalog.NormZ(axis=1.0)


def test_editors_and_patterns_see_the_parameters():
    assert str(inspect.signature(Elu)) == "(alpha: float = 1.0)"
    assert str(inspect.signature(actspec.catalog.Maxout)).startswith("(pieces: int, slope: float = Learnable(")
    match Elu(0.5):
        case Elu(alpha):
            assert alpha == 0.5


def test_activations_and_pipelines_can_be_formatted():
    assert f"{Elu(0.5):>20}|{parse('tanh'):<6}|" == "      elu(alpha=0.5)|tanh  |"


def test_arrays_are_no_operands():
    for other in (np.ones(2), np.float64(1.0)):
        for act in (Tanh(), parse("tanh+relu")):
            with pytest.raises(TypeError):
                other + act


def test_annotations_are_resolved_where_the_formula_was_written():
    namespace = {"Activation": Activation, "Real": float, "__name__": "nowhere"}
    source = (
        "from __future__ import annotations\n"
        "class Elsewhere(Activation):\n    a: Real = 2.0\n    def __call__(self, x): return x * self.a\n"
    )
    with registry.scope():
        exec(source, namespace)
        assert parse("elsewhere(3)")(1.0) == 3.0


def test_late_annotations_that_fail_are_named():
    class Late(type(Activation)):
        @property
        def __annotations__(cls):
            raise NameError("name 'Nowhere' is not defined")

    with pytest.raises(TypeError, match="an annotation can't be resolved"):
        Late("Odd", (Activation,), {"__call__": lambda _self, x: x})


def test_a_cell_run_again_may_change_its_class_keywords():
    with actspec.registry.scope():
        for keywords in ({"aliases": ("f",)}, {"name": "foo2", "aliases": ("f",)}):
            members = {"__call__": lambda _self, x: x, "__module__": "__main__", "__qualname__": "Foo"}
            type("Foo", (Activation,), members, **keywords)
        assert str(actspec.parse("f")) == "foo2"
        assert "foo" not in actspec.names()
