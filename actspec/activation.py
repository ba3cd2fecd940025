"""The base class of activations: a subclass with one NumPy formula becomes a word of the language.

Defining the class registers it; its annotated attributes are its parameters; instances are frozen and hashable.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from actspec import registry
from actspec.arrays import Array, check_result, real_array
from actspec.errors import UnboundError, did_you_mean
from actspec.graph.operand import Operand
from actspec.graph.unfollowed import UnfollowedError
from actspec.kernels.run import Runner
from actspec.limits import MAX_NESTING
from actspec.parameters import MISSING, Bound, Learnable, Parameter, declare, spell
from actspec.plugins import normalise
from actspec.suggest import closest

if typing.TYPE_CHECKING:
    import inspect

_MAX_LEVELS = 80  # guards recursion; the language's own limit is checked on the spelling


@dataclass(frozen=True, slots=True)
class Definition:
    """What a class declares: its name in the language, its other names, its parameters in order."""

    name: str
    aliases: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    registered: bool


class _Signature:
    """What ``help`` and editors show of a class: its parameters, made when they ask."""

    def __get__(self, instance: object, cls: type[Activation]) -> inspect.Signature:
        import inspect  # slow to import

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature(
            [
                inspect.Parameter(
                    each.name,
                    kind,
                    default=inspect.Parameter.empty if each.required else each.default,
                    annotation=each.type | None if each.optional else each.type,
                )
                for each in cls.__definition__.parameters
            ]
        )


class Activation:
    """An activation function: subclass it, write ``__call__`` in plain NumPy, and use its lowercase name in specs.

    Annotated attributes are parameters (float, int, bool, str or Activation, with or without a default; ``parameter()``
    adds a domain). Class keywords: ``name`` ("norm:l1"), ``aliases``, ``register=False`` for abstract bases,
    ``override=True`` to take a name that is in use.

    Calling an instance runs the formula on any real array_like x, of any shape, and returns that shape; ``out`` is
    where to write. Errors: RegistryError for a name that is taken, TypeError for a body that can't be an activation.

    >>> import actspec
    >>> with actspec.registry.scope():
    ...     class ThresholdedLinear(actspec.Activation):
    ...         "Identity above theta, zero below."
    ...         theta: float = 1.0
    ...         def __call__(self, x):
    ...             return x * (x > self.theta)
    ...     actspec.parse("thresholdedlinear(2)")([1.0, 3.0])
    array([0., 3.])
    """

    __array_ufunc__: ClassVar[None] = None  # an activation is no operand of an array
    __signature__: ClassVar[Any] = _Signature()
    __definition__: ClassVar[Definition] = Definition("activation", (), (), registered=False)
    __match_args__: ClassVar[tuple[str, ...]] = ()
    __formula__: ClassVar[Callable[..., Any] | None] = None
    __derivative__: ClassVar[Callable[..., Any] | None] = None

    stateful: ClassVar[bool] = False
    """Whether the activation remembers earlier inputs, so that it runs in a bound cell only.

    Then ``advance(self, state, x)``, in plain NumPy too, is the next state of each element, and ``__call__`` is the
    output that this state gives.
    """

    draws: ClassVar[str] = ""
    """When the activation draws random numbers: ``""`` (never), ``"training"`` or ``"always"``, in a bound cell only.

    It follows from the class's methods. ``draw(self, rng, shape)`` returns noise from a NumPy generator, of x's shape
    or one that broadcasts to it, and ``sample(self, x, noise)``, in plain NumPy, the result. A class with ``__call__``
    beside them draws in training mode, and gives that otherwise; one without it draws always.
    """

    # A Callable, so that subclasses may write __call__(self, x) without out.
    __call__: Callable[..., Any]

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        aliases: tuple[str, ...] = (),
        register: bool = True,
        override: bool = False,
        **kwargs: Any,
    ) -> None:
        try:
            super().__init_subclass__(**kwargs)
        except TypeError:
            hint = _hint(next(iter(kwargs), ""), ("name", "aliases", "register", "override"))
            raise TypeError(f"{cls.__qualname__} has no class keyword {', '.join(map(repr, kwargs))}{hint}") from None
        for keyword, value in (("register", register), ("override", override)):
            if not isinstance(value, bool):
                raise TypeError(f"{keyword} of {cls.__qualname__} must be True or False, not {value!r}")
        if not isinstance(aliases, (tuple, list)) or not all(isinstance(alias, str) for alias in aliases):
            raise TypeError(f"aliases of {cls.__qualname__} must be a tuple of names, not {aliases!r}")
        declared = _declare_parameters(cls)
        for each in declared:
            if each.name in cls.__dict__:
                setattr(cls, each.name, each.default)  # checked, and no longer wrapped in its domain
        spelled = _lower(cls.__name__ if name is None else name)
        setattr(cls, "__match_args__", tuple(each.name for each in declared))  # noqa: B010  # as for __call__ below
        cls.__definition__ = Definition(spelled, tuple(map(_lower, aliases)), declared, register)
        body = _own_body(cls)
        if body is not None:
            cls.__formula__ = body
            setattr(cls, "__call__", _runner(body))  # noqa: B010  # mypy takes __call__ for a method
        cls.__derivative__ = _own_derivative(cls)
        if cls.__derivative__ is not None and cls.features_out is not Activation.features_out:
            raise TypeError(
                f"{cls.__qualname__} changes the number of features, so it can't have a derivative of each element"
            )
        if cls.stateful and not _takes(getattr(cls, "advance", None), 3):
            wanted = "a method advance(self, state, x) that returns the next state of each element"
            raise TypeError(f"{cls.__qualname__} is stateful, so it needs {wanted}")
        if "draws" in cls.__dict__:
            raise TypeError(f"{cls.__qualname__} must not define 'draws': it follows from its draw and sample")
        cls.draws = _when_it_draws(cls)
        if cls.draws == "always" and cls.__formula__ is None:
            cls.__formula__ = _draws_always
            setattr(cls, "__call__", _runner(_draws_always))  # noqa: B010  # as above
        if register:
            if cls.__formula__ is None:
                raise TypeError(
                    f"{cls.__qualname__} has no formula: define __call__(self, x), or pass register=False for a base"
                )
            _check_members(cls)
            registry.register(registry.Entry(spelled, cls, cls.__definition__.aliases), override=override)
        cls._members = 0  # so that it is among those that are counted
        cls._members = len(cls.__dict__)

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Refuse classes that were changed after their definition, as the dataclass decorator does."""
        if len(cls.__dict__) != cls._members and cls.__definition__.registered:
            _check_members(cls)
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        if cls.__formula__ is None:
            raise TypeError(f"{cls.__qualname__} is abstract: it has no formula")
        declared = cls.__definition__.parameters
        if len(args) > len(declared):
            raise TypeError(f"{cls.__qualname__} takes at most {len(declared)} parameters, not {len(args)}")
        given = dict(zip((each.name for each in declared), args, strict=False))
        for key, value in kwargs.items():
            if key in given:
                raise TypeError(f"{cls.__qualname__} got its parameter {key!r} twice")
            given[key] = value
        levels = -1
        for each in declared:
            value = given.pop(each.name, each.default)
            if value is MISSING:
                raise TypeError(f"{cls.__qualname__} needs its parameter {each.name!r}: {each.expected}")
            value = each.coerce(value)
            object.__setattr__(self, each.name, value)
            if isinstance(value, Activation):
                levels = max(levels, value._levels)
        if given:
            unknown = next(iter(given))
            hint = _hint(unknown, [each.name for each in declared])
            raise TypeError(f"{cls.__qualname__} has no parameter {unknown!r}{hint}")
        object.__setattr__(self, "_levels", 1 + levels)
        if self._levels > _MAX_LEVELS:
            raise ValueError(f"activations nest at most {MAX_NESTING} deep")
        self.__post_init__()

    _levels: ClassVar[int]
    _members: ClassVar[int] = 0
    """How many members the class had when they were checked."""

    def __post_init__(self) -> None:
        """Check parameters that depend on each other: raise ValueError with the reason."""

    @classmethod
    def from_value(cls, value: object) -> Activation | None:
        """What a parameter of type Activation makes of a value: an instance, or None where it can't be one."""
        if isinstance(value, Activation):
            return value
        if isinstance(value, type):
            return value() if issubclass(value, Activation) else None
        composed = getattr(value, "as_stage", None)
        return composed() if callable(composed) else None

    @property
    def stages(self) -> tuple[Activation, ...]:
        """The activations that this one is made of, from left to right: itself, unless it is a group."""
        return (self,)

    @property
    def resizes(self) -> bool:
        """Whether the result has other features than x."""
        return type(self).features_out is not Activation.features_out

    def features_out(self, n: int) -> int:
        """How many features the result has where x has n; ValueError where x can't have so many.

        Override it in a class whose formula changes the number of features, as gated ones do.
        """
        return n

    @property
    def _nested(self) -> tuple[Activation, ...]:
        """The activations among the parameters' values."""
        return tuple(value for value in self._values() if isinstance(value, Activation))

    def _values(self) -> tuple[Any, ...]:
        """The parameters' values in declared order."""
        return tuple([getattr(self, name) for name in self.__match_args__])

    def _items(self) -> list[tuple[Parameter, Any]]:
        """The parameters in declared order, each with its value."""
        return [(each, getattr(self, each.name)) for each in self.__definition__.parameters]

    def needs_binding(self) -> str | None:
        """Why this activation can't run before it is bound (it learns, remembers or draws), or None where it can."""
        learnt = [name for name in self.__match_args__ if isinstance(getattr(self, name), Learnable)]
        if learnt:
            return f"{self.__definition__.name!r} learns its {' and '.join(learnt)}"
        if self.stateful:
            return f"{self.__definition__.name!r} remembers its earlier inputs"
        if self.draws == "always":
            return f"{self.__definition__.name!r} {_DRAWS}"
        return first_reason(self._nested)

    def formula(self, x: Any) -> Any:
        """The formula on a copy of an array of floats, as its author wrote it; the result is checked to fit x."""
        if isinstance(x, Operand):  # a formula that is followed runs another one
            return self.follow(x)
        return self.formula_on(x.copy())

    def formula_on(self, x: Array) -> Array:
        """The formula on an array that it may write into."""
        body = type(self).__formula__
        assert body is not None
        given = self._given(x.dtype)
        if given is self:
            return _checked(self, body, x)
        try:
            return _checked(given, body, x)
        except (TypeError, ValueError) as error:
            learnt = " and ".join(each.name for each, value in self._items() if isinstance(value, Bound))
            if not learnt:
                raise
            raise type(error)(
                f"{type(self).__qualname__} can't learn {learnt}: its formula is given an array with one value a "
                f"feature in place of a number, and fails with {error}"
            ) from error

    def apply_derivative(self, x: Array, y: Array) -> Array:
        """What the activation's own derivative makes of input and output; the result is checked to fit x."""
        own = self.own_derivative
        assert own is not None
        what = f"the derivative of {type(self).__qualname__}"
        return check_result(own(self._given(x.dtype), x, y), x, what)

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Noise for an array of this shape and type, drawn from a generator; checked to fit."""
        given: Any = self._given(dtype)
        noise = real_array(given.draw(rng, shape), f"the noise of {type(self).__qualname__}")
        if noise.shape == shape:
            return noise.astype(dtype, copy=False)
        try:
            return np.broadcast_to(noise, shape).astype(dtype)
        except ValueError:
            raise ValueError(
                f"the noise of {type(self).__qualname__} has the shape {noise.shape}, which doesn't fit {shape} of x"
            ) from None

    def sampled(self, x: Array, noise: Array) -> Array:
        """What the activation makes of an array of floats and its noise, as its author wrote it; checked to fit x."""
        given: Any = self._given(x.dtype)
        return check_result(given.sample(x, noise), x, f"the sample of {type(self).__qualname__}")

    def _given(self, dtype: np.dtype[Any]) -> Activation:
        """The activation as its formula sees it, with the learnt values of a cell as arrays of a type."""
        changed = {}
        for each, value in self._items():
            if isinstance(value, Bound):
                changed[each.name] = value.of(value.columns(dtype))
            elif each.per is not None and isinstance(value, float):
                changed[each.name] = (value,) * getattr(self, each.per)
        if not changed:
            return self
        given = object.__new__(type(self))
        given.__dict__.update(vars(self), **changed)
        return given

    def learnt_values(self, dtype: np.dtype[Any]) -> dict[int, npt.NDArray[Any]]:
        """The values that a cell learns, by their numbers, as arrays of a type with one value a feature."""
        found: dict[int, npt.NDArray[Any]] = {}
        for value in self._values():
            if isinstance(value, Bound):
                found.update(enumerate(value.columns(dtype), value.first))
        for nested in self._nested:
            found.update(nested.learnt_values(dtype))
        return found

    @property
    def readout(self) -> tuple[Activation, ...]:
        """Of an activation that remembers: the activations that make its output of its state."""
        return (self,)

    @property
    def own_derivative(self) -> Callable[..., Any] | None:
        """The class's own ``derivative(self, x, y)``; None where it has none, or changes the formula it belongs to."""
        return type(self).__derivative__

    def follow(self, x: Operand) -> Operand:
        """What the formula makes of what stands for an array: of a symbol, or a part of an array."""
        body = type(self).__formula__
        assert body is not None
        y: Operand = x.run(self, body)
        return y

    def __setattr__(self, name: str, value: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r}: {type(self).__qualname__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete {name!r}: {type(self).__qualname__} is frozen")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Activation)
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __str__(self) -> str:
        items = [(each, value.start if isinstance(value, Bound) else value) for each, value in self._items()]
        changed = [
            f"{each.name}={spell(value)}" for each, value in items if each.required or not _same(value, each.default)
        ]
        return f"{self.__definition__.name}({','.join(changed)})" if changed else self.__definition__.name

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        given = ", ".join(f"{each.name}={_repr(value)}" for each, value in self._items())
        return f"{type(self).__qualname__}({given})"

    def __copy__(self) -> Activation:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Activation:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._values())


def _hint(word: str, choices: Iterable[str]) -> str:
    near = closest(word, choices)
    return f"; {did_you_mean(near)}" if near else ""


def _lower(name: str) -> str:
    """The name in lowercase; the registry refuses what is no ASCII string, and names it as it was given."""
    return name.lower() if isinstance(name, str) and name.isascii() else name


def _rebuild(cls: type[Activation], values: tuple[Any, ...]) -> Activation:
    return cls(*values)


def _runner(body: Callable[..., Any]) -> Callable[..., Any]:
    """What takes the place of a class's ``__call__``: the formula with the rules for arrays around it."""

    def __call__(self: Activation, x: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        runner = self.__dict__.get("_runner")
        if runner is None or type(self).__formula__ is not body:
            if isinstance(x, Operand):
                return self.follow(x) if type(self).__formula__ is body else body(self, x)
            if type(self).__formula__ is not body:  # a formula calls the one that it overrides
                return Runner((_Inherited(self, body),))(x, out)
            runner = Runner((self,), refusal(self.needs_binding()))
            object.__setattr__(self, "_runner", runner)
        return runner(x, out)

    __call__.__doc__ = body.__doc__
    return __call__


@dataclass(frozen=True, slots=True)
class _Inherited:
    """An activation with the formula of one of its bases, which runs as it is written."""

    activation: Activation
    body: Callable[..., Any]

    def formula(self, x: Array) -> Array:
        return _checked(self.activation._given(x.dtype), self.body, x.copy())

    def follow(self, _x: Operand) -> Operand:
        raise UnfollowedError("it is called from a formula that runs as it is written")

    @property
    def resizes(self) -> bool:
        return self.activation.resizes

    def features_out(self, n: int) -> int:
        return self.activation.features_out(n)

    def learnt_values(self, _dtype: np.dtype[Any]) -> dict[int, npt.NDArray[Any]]:
        return {}


def _checked(activation: Activation, body: Callable[..., Any], x: Array) -> Array:
    width = activation.features_out(x.shape[-1]) if activation.resizes else None
    return check_result(body(activation, x), x, f"the formula of {type(activation).__qualname__}", width)


_DRAWS = "draws random numbers"


def _draws_always(self: Activation, _x: Any) -> Any:
    """The formula of a class that has none without random numbers: an error that says to bind it."""
    raise UnboundError(refusal(f"{self.__definition__.name!r} {_DRAWS}"))


def _when_it_draws(cls: type[Activation]) -> str:
    """When a class draws random numbers, as its methods say; TypeError where one is missing."""
    draw, sample = getattr(cls, "draw", None), getattr(cls, "sample", None)
    if sample is None and (draw is None or not cls.__definition__.registered):
        return ""
    if sample is None or not _takes(sample, 3):
        raise TypeError(f"{cls.__qualname__} draws random numbers, so it needs a method sample(self, x, noise)")
    if not _takes(draw, 3):
        wanted = "a method draw(self, rng, shape) that returns them for an array of that shape"
        raise TypeError(f"{cls.__qualname__} draws random numbers, so it needs {wanted}")
    if cls.stateful:
        raise TypeError(f"{cls.__qualname__} is stateful, so it can't draw random numbers too: write two activations")
    return "always" if cls.__formula__ in (None, _draws_always) else "training"


def first_reason(stages: Iterable[Activation]) -> str | None:
    """Why the first of some activations that can't run before it is bound can't; None where all can."""
    return next(filter(None, (stage.needs_binding() for stage in stages)), None)


def refusal(reason: str | None) -> str | None:
    """What to say to who calls something that can't run on its own; the reason is from ``needs_binding()``."""
    if reason is None:
        return None
    if "learns" not in reason:
        seed = "rng=0" if reason.endswith(_DRAWS) else ""
        return f"{reason}: bind it before you call it, cell = pipeline.bind({seed})"
    return (
        f"{reason}: bind it before you call it, cell = pipeline.bind(features=...); "
        "parameters with fixed values, such as prelu(slope=0.25), need no binding"
    )


def _own_body(cls: type[Activation]) -> Callable[..., Any] | None:
    """The formula that a class brings, itself or by a base that is no Activation; None where it inherits one."""
    for base in cls.__mro__:
        if "__call__" in vars(base):
            if base is not cls and issubclass(base, Activation):
                return None
            body: Callable[..., Any] = vars(base)["__call__"]
            _check_body(cls, body)
            return body
    return None


def _own_derivative(cls: type[Activation]) -> Callable[..., Any] | None:
    """The derivative that a class has beside its formula; None where the formula is newer, or there is none."""
    for base in cls.__mro__:
        if "derivative" in vars(base):
            body: Callable[..., Any] = vars(base)["derivative"]
            if not _takes(body, 3):
                wanted = "must be a method that takes x and y = f(x): def derivative(self, x, y)"
                raise TypeError(f"{cls.__qualname__}: its derivative {wanted}")
            return body
        if "__call__" in vars(base):
            return None
    return None


def _check_body(cls: type, body: object) -> None:
    """TypeError where a formula can't be called as ``body(self, x)``."""
    if not _takes(body, 2):
        raise TypeError(f"{cls.__qualname__}: its formula must be a method that takes x alone: def __call__(self, x)")


def _takes(body: object, count: int) -> bool:
    """Whether a method can be called with so many arguments, itself included."""
    code = getattr(body, "__code__", None)
    fits = not isinstance(body, (staticmethod, classmethod)) and callable(body)
    if fits and code is not None:
        most = code.co_argcount if not code.co_flags & _VARARGS else count
        fits = code.co_argcount - len(getattr(body, "__defaults__", None) or ()) <= count <= most
        fits = fits and code.co_kwonlyargcount <= len(getattr(body, "__kwdefaults__", None) or ())
    return fits


_VARARGS = 0x04

# What gives an activation its meaning in a pipeline; a subclass says the rest.
_FINAL = (
    *(
        "formula",
        "apply_derivative",
        "drawn",
        "sampled",
        "follow",
        "learnt_values",
        "own_derivative",
        "stages",
        "needs_binding",
        "from_value",
        "_nested",
        "_values",
        "_items",
        "__init__",
        "__eq__",
    ),
    *("__hash__", "__str__", "__setattr__", "__delattr__", "__copy__", "__deepcopy__", "__reduce__"),
)


def _check_members(cls: type[Activation]) -> None:
    """TypeError where a class replaces what an activation has to have from its base."""
    changed = {name for base in cls.__mro__ if base not in (Activation, object) for name in vars(base)}
    for name in _FINAL:
        if name in changed:
            hint = ": its parameters are its annotated attributes, without a decorator" if name == "__init__" else ""
            raise TypeError(f"{cls.__qualname__} must not define {name!r}, which Activation brings along{hint}")
    if "__slots__" in cls.__dict__:
        raise TypeError(f"{cls.__qualname__} must not define '__slots__'")


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default


def _repr(value: object) -> str:
    return f"float({str(value)!r})" if isinstance(value, float) and value - value != 0 else repr(value)


def _declare_parameters(cls: type[Activation]) -> tuple[Parameter, ...]:
    """The parameters of a class: its bases' in their order, then its own."""
    declared: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__[1:]):
        if issubclass(base, Activation):
            declared.update((each.name, each) for each in base.__definition__.parameters)
    annotations = _annotations(cls)
    for name in declared.keys() & cls.__dict__.keys() - annotations.keys():
        declared[name] = _with_default(cls, declared[name], cls.__dict__[name])
    for name, annotation in annotations.items():
        if annotation is ClassVar or typing.get_origin(annotation) is ClassVar:
            continue
        if (hasattr(Activation, name) and name not in declared) or name in _TAKEN:
            raise TypeError(f"{cls.__qualname__}: {name!r} can't be the name of a parameter; choose another")
        try:
            declared[name] = declare(name, annotation, cls.__dict__.get(name, MISSING), Activation)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{cls.__qualname__}: {error}") from None
    seen: dict[str, str] = {}
    optional_before = False
    for each in declared.values():
        other = seen.setdefault(normalise(each.name), each.name)
        if other != each.name:
            raise TypeError(f"{cls.__qualname__}: parameters {other!r} and {each.name!r} are one name in a spec")
        if each.required and optional_before:
            raise TypeError(f"{cls.__qualname__}: parameter {each.name!r} without a default follows one with a default")
        optional_before = optional_before or not each.required
    return tuple(declared.values())


_TAKEN = frozenset({"self", "x", "out", "derivative", "vjp", "jvp", "jacobian", "bind", "draw", "sample"})


def _with_default(cls: type, inherited: Parameter, default: object) -> Parameter:
    """An inherited parameter whose default a class replaces without repeating its type."""
    try:
        return dataclasses.replace(inherited, default=inherited.coerce(default))
    except (TypeError, ValueError) as error:
        raise type(error)(f"{cls.__qualname__}: {error}") from None


_PLAIN: dict[str, Any] = {"float": float, "int": int, "bool": bool, "str": str, "Activation": Activation}


def _annotations(cls: type) -> dict[str, Any]:
    """A class's own annotations as types, evaluated where they are strings."""
    try:
        found = dict(cls.__annotations__)
    except NameError as error:  # where annotations are evaluated late
        raise TypeError(f"{cls.__qualname__}: an annotation can't be resolved: {error}") from None
    if all(not isinstance(value, str) or value in _PLAIN for value in found.values()):
        return {key: _PLAIN.get(value, value) if isinstance(value, str) else value for key, value in found.items()}
    import inspect  # slow to import, and only such annotations need it

    try:
        body = cls.__dict__.get("__call__")
        return inspect.get_annotations(cls, globals=getattr(body, "__globals__", None), locals=vars(cls), eval_str=True)
    except NameError as error:
        raise TypeError(f"{cls.__qualname__}: an annotation can't be resolved: {error}") from None
