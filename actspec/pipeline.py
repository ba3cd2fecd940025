"""Pipelines, which users hold: what ``parse`` makes of a spec."""

from __future__ import annotations

import importlib
import operator
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from actspec import registry, structure
from actspec.activation import Activation, first_reason, refusal
from actspec.catalog import Linear
from actspec.errors import Problem, SpecError
from actspec.graph.operand import features_after
from actspec.kernels.run import Runner
from actspec.limits import MAX_STAGES
from actspec.parser import check_limits, parse_syntax
from actspec.resolve import resolve

if TYPE_CHECKING:
    from actspec.cell import Cell


class Pipeline(Runner):
    """Activations that run from left to right: immutable, hashable, spelled in one way.

    ``Pipeline(Tanh(), NormZ())`` and ``parse("tanh+norm:z")`` are equal. Calling it with a real array_like x of any
    shape returns that shape; ``out`` is where to write, x itself included. SpecError where the whole passes a limit of
    the language.

    >>> import actspec
    >>> act = actspec.parse("relu + tanh") + "norm:max"
    >>> str(act), len(act), act[1]
    ('relu+tanh+norm:max', 3, Tanh())
    >>> act([-1.0, 0.0, 2.0]).round(6)
    array([0., 0., 1.])
    """

    __slots__ = ("__weakref__", "_hash", "_spelling", "_stages", "_unbound")

    # An array that meets a pipeline under "+" is no part of it: let Pipeline say so.
    __array_ufunc__ = None

    _stages: tuple[Activation, ...]
    _spelling: str
    _hash: int
    _unbound: str | None

    def __init__(self, *stages: Activation | type[Activation]) -> None:
        instances = []
        for position, stage in enumerate(stages):
            instance = Activation.from_value(stage)
            if instance is None:
                raise TypeError(f"stage {position} must be an Activation, not {_kind(stage)}; parse() reads strings")
            instances.append(instance)
        self._consist_of(structure.group(instances).stages if instances else (Linear(),))

    @classmethod
    def _of(cls, flat: tuple[Activation, ...]) -> Pipeline:
        """The pipeline of at least one activation, groups laid flat."""
        made = object.__new__(cls)
        made._consist_of(flat)
        return made

    def _consist_of(self, flat: tuple[Activation, ...]) -> None:
        spelling = "+".join(map(str, flat))
        check_limits(spelling)
        set_slot = object.__setattr__
        set_slot(self, "_stages", flat)
        set_slot(self, "_spelling", spelling)
        set_slot(self, "_hash", hash(flat))
        set_slot(self, "_unbound", first_reason(flat))
        super().__init__(flat, refusal(self._unbound))

    @property
    def stages(self) -> tuple[Activation, ...]:
        """The activations from left to right."""
        return self._stages

    def as_stage(self) -> Activation:
        """The pipeline as one activation, as a parameter of another one holds it."""
        return structure.group(self._stages)

    def needs_binding(self) -> str | None:
        """Why the pipeline can't run before it is bound (a stage learns, or remembers), or None where it can."""
        return self._unbound

    def features_out(self, n: int) -> int:
        """The width of the last axis of the result for an x of width ``n``: n itself, but for gated activations.

        ValueError where x can't have so many features.

        >>> import actspec
        >>> actspec.parse("tanh + glu").features_out(8)
        4
        """
        try:
            whole = operator.index(n) if not isinstance(n, bool) else None
        except TypeError:
            whole = None
        if whole is None:
            raise TypeError(f"n must be a whole number of features, not {_kind(n)}")
        if whole < 0:
            raise ValueError(f"n must be at least 0, not {whole}")
        return features_after(self._stages, whole)

    def derivative(self, x: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """The elementwise derivative ``f'(x)``, of x's shape, with types and ``out`` as for a call.

        At a kink it is PyTorch's value. DerivativeError where features are coupled (use ``jacobian``, ``vjp`` or
        ``jvp``), or where a formula can't be followed and its class has no derivative of its own.

        >>> import actspec
        >>> actspec.parse("relu + tanh").derivative([-1.0, 0.0, 0.5]).round(4)
        array([0.    , 0.    , 0.7864])
        """
        return self._running().derivative(x, out)

    def vjp(self, x: npt.ArrayLike, g: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """The product ``Jᵀg`` of x's shape: the gradient by x, where g is the gradient by the result.

        g has x's shape, and is taken in the type of the result; ``out`` may be x or g. Errors as for ``derivative``,
        but that features may be coupled. Equals what torch.autograd.grad gives.

        >>> import actspec
        >>> actspec.parse("norm:mean").vjp([1.0, 2.0, 3.0], [3.0, 0.0, 0.0])
        array([ 2., -1., -1.])
        """
        return self._running().vjp(x, g, out)[0]

    def jvp(self, x: npt.ArrayLike, v: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """The product ``J v`` of x's shape: how the result changes where x changes by a little of v.

        v has x's shape, and is taken in the type of the result; ``out`` may be x or v. Errors as for ``vjp``. Equals
        what torch.func.jvp and jax.jvp give.

        >>> import actspec
        >>> actspec.parse("norm:mean").jvp([1.0, 2.0, 3.0], [3.0, 0.0, 0.0])
        array([ 2., -1., -1.])
        """
        return self._running().jvp(x, v, out, {})

    def jacobian(self, x: npt.ArrayLike) -> Any:
        """The Jacobian of each row of the last axis: ``J[..., i, j]`` is the derivative of output i by input j.

        Its shape is x's with the last axis twice. DerivativeError where other axes are coupled; else as for ``vjp``.

        >>> import actspec
        >>> actspec.parse("softmax").jacobian([0.0, 0.0])
        array([[ 0.25, -0.25],
               [-0.25,  0.25]])
        """
        return self._running().jacobian(x)

    def bind(
        self,
        features: int | None = None,
        rng: int | np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
        parameters: Mapping[str, npt.ArrayLike] | None = None,
    ) -> Cell:
        """A cell: the pipeline with arrays for what it learns, one value a feature, for what it remembers and draws.

        ``features`` is the width of the last axis, needed where something is learnt. Starts are drawn from ``rng``, a
        seed or a NumPy generator, in the order of the spec, and kept in ``dtype``, float32 or float64; or they are
        those of ``parameters``, as a cell's ``state_dict()`` or ``numpy.load`` of an ``.npz`` file gives them. What
        random activations draw later comes from ``rng`` too. Errors: TypeError without ``features``, ValueError where
        ``parameters`` are those of another pipeline.

        >>> import actspec
        >>> cell = actspec.parse("prelu + maxout:2").bind(features=3, rng=0)
        >>> {name: values.shape for name, values in cell.parameters.items()}
        {'0.slope': (3,), '1.slope': (3, 2), '1.intercept': (3, 2)}
        """
        from actspec.cell import bind  # programs that only read specs never need it

        return bind(self, features, rng, dtype, parameters)

    def spell(self, dialect: str) -> str:
        """The spec that reads back to this pipeline in a dialect: ``parse(p.spell(d), dialect=d) == p``.

        ValueError names the activation or the parameter that the system can't express. Composition, groups, slices and
        ``~`` are the language's own, in every dialect.

        >>> import actspec
        >>> actspec.parse("leakyrelu(0.3) + softmax(axis=1)").spell("onnx")
        'LeakyRelu(alpha=0.3)+Softmax(axis=1)'
        """
        from actspec import dialects
        from actspec.dialects import spelling

        spelled = spelling.write(self._stages, dialects.load(dialect))
        check_limits(spelled)
        return spelled

    def __add__(self, other: object) -> Pipeline:
        right = _composable(other)
        return NotImplemented if right is None else Pipeline(*self._stages, *right.stages)

    def __radd__(self, other: object) -> Pipeline:
        left = _composable(other)
        return NotImplemented if left is None else Pipeline(*left.stages, *self._stages)

    def __len__(self) -> int:
        return len(self._stages)

    def __iter__(self) -> Iterator[Activation]:
        return iter(self._stages)

    @overload
    def __getitem__(self, index: int) -> Activation: ...
    @overload
    def __getitem__(self, index: slice) -> Pipeline: ...
    def __getitem__(self, index: int | slice) -> Activation | Pipeline:
        """One activation, or the pipeline of a slice of them; an empty slice is ``linear``."""
        chosen = self._stages[index]
        return Pipeline(*chosen) if isinstance(chosen, tuple) else chosen

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to {name!r}: a Pipeline is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete {name!r}: a Pipeline is immutable")

    def __eq__(self, other: object) -> bool:
        return self._stages == other._stages if isinstance(other, Pipeline) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self._spelling

    def __format__(self, spec: str) -> str:
        return format(self._spelling, spec)

    def __repr__(self) -> str:
        return f"actspec.parse({self._spelling!r})"

    def __copy__(self) -> Pipeline:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Pipeline:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        classes = {type(stage) for stage in structure.leaves(self._stages)}
        for cls in classes:
            entry = registry.find(cls.__definition__.name) if cls.__definition__.registered else None
            if entry is None or entry.cls is not cls:
                raise pickle.PicklingError(
                    f"can't pickle {self!r}: {cls.__module__}.{cls.__qualname__} is not what the name "
                    f"{cls.__definition__.name!r} stands for in the registry"
                )
        return _unpickle, (self._spelling, _owners(self))


def parse(spec: str | Pipeline | Activation | type[Activation] | None, dialect: str | None = None) -> Pipeline:
    """The pipeline that a spec stands for: a string, or a Pipeline, an Activation (class or instance), None (linear).

    With a ``dialect`` ("torch", "keras", "jax", "tf", "onnx", "huggingface", "paddle", "theanets" or "lasagne") the
    names, defaults and parameters of a string are those of that system.

    SpecError where the string is no valid spec: it knows the position, the cause and the nearest valid names.
    ValueError for an unknown dialect, TypeError for anything else.

    >>> import actspec
    >>> act = actspec.parse("tanh + norm:z(axis=0, eps=1e-8)")
    >>> act
    actspec.parse('tanh+norm:z(axis=0)')
    >>> actspec.parse(None) == actspec.parse("linear")
    True
    >>> actspec.parse("leaky_relu", dialect="keras")
    actspec.parse('leakyrelu(negative_slope=0.2)')
    """
    if dialect is not None:
        return _parse_in(dialect, spec)
    if isinstance(spec, str):
        # A subclass, such as a string enumeration, may print itself in its own way.
        return _parse(spec if type(spec) is str else str.__str__(spec), registry.version())
    if isinstance(spec, Pipeline):
        return spec
    if spec is None:
        return Pipeline(Linear())
    stage = Activation.from_value(spec)
    if stage is None:
        raise TypeError(f"spec must be a str, a Pipeline, an Activation or None, not {_kind(spec)}")
    return Pipeline(stage)


def validate(spec: str | Pipeline | Activation | type[Activation] | None, dialect: str | None = None) -> None:
    """None for a valid spec; the errors of ``parse`` for any other.

    >>> import actspec
    >>> actspec.validate("elu(alpha=0.5)")
    """
    parse(spec, dialect)


def _parse_in(dialect: str, spec: str | Pipeline | Activation | type[Activation] | None) -> Pipeline:
    """A spec read in a dialect; what is no string has been read already."""
    from actspec import dialects  # programs that speak the plain language alone never need them

    dialects.load(dialect)
    if not isinstance(spec, str):
        return parse(spec)
    return _parse(str.__str__(spec), registry.version(), dialect)


@lru_cache(4096)
def _parse(text: str, _version: tuple[int, int], dialect: str | None = None) -> Pipeline:
    """``_version`` keeps the cache true: names mean what the registry says at the time."""
    stages = _read_chain(text, _version, dialect)
    try:
        return Pipeline._of(stages)
    except SpecError as error:
        reason = f"{error.reason} in its canonical spelling"
        raise SpecError(text, (Problem((0, len(text)), reason),)) from None


def _read_chain(text: str, version: tuple[int, int], dialect: str | None) -> tuple[Activation, ...]:
    """The activations of a spec; the parts of a short chain are remembered, as they come again in others."""
    if "+" in text and len(text) < 2 * MAX_STAGES:
        with suppress(SpecError):  # a plus of a number, a string or a group; or a fault, whose place is in the whole
            return tuple(stage for part in text.split("+") for stage in _read_part(part, version, dialect))
    return _read(text, dialect)


@lru_cache(1024)
def _read_part(text: str, _version: tuple[int, int], dialect: str | None) -> tuple[Activation, ...]:
    return _read(text, dialect)


def _read(text: str, dialect: str | None) -> tuple[Activation, ...]:
    if dialect is None:
        return resolve(text, *parse_syntax(text))
    from actspec.dialects.dialect import vocabulary

    return resolve(text, *parse_syntax(text), vocabulary(dialect))


def _composable(value: object) -> Pipeline | None:
    try:
        return parse(value)  # type: ignore[arg-type]
    except TypeError:
        if isinstance(value, type) and issubclass(value, Activation):
            raise
        return None


def _owners(pipeline: Pipeline) -> tuple[tuple[str, str], ...]:
    """Module and qualified name of each class in a pipeline that actspec doesn't bring along itself."""
    classes = {type(stage) for stage in structure.leaves(pipeline.stages)}
    # A spawned process knows the main module by another name.
    owners = {(cls.__module__.replace("__mp_main__", "__main__"), cls.__qualname__) for cls in classes}
    return tuple(sorted(owner for owner in owners if not owner[0].startswith("actspec.")))


def _unpickle(spelling: str, owners: tuple[tuple[str, str], ...]) -> Pipeline:
    """Read a pickled pipeline: its spelling, once the modules that define its activations are imported."""
    what = f"can't load the pipeline {spelling!r}"
    for module, _ in owners:
        if module not in sys.modules:
            try:
                importlib.import_module(module)
            except Exception as error:
                raise pickle.UnpicklingError(
                    f"{what}: it needs activations of the module {module!r}, "
                    f"which failed to import: {type(error).__name__}: {error}"
                ) from error
    try:
        pipeline = parse(spelling)
    except SpecError as error:
        raise pickle.UnpicklingError(f"{what}: {error.reason}; first define its class, or import its module") from error
    if (found := _owners(pipeline)) != owners:
        wanted, other = ({f"{module}.{name}" for module, name in each} for each in (owners, found))
        raise pickle.UnpicklingError(
            f"{what}: it was made with {', '.join(sorted(wanted - other)) or 'built-in activations'}, "
            f"but its names now mean {', '.join(sorted(other - wanted)) or 'built-in ones'}"
        )
    return pipeline


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
