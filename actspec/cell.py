"""Cells: pipelines bound to a number of features, with the values that they learn, remember and draw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from actspec import structure
from actspec.activation import Activation
from actspec.arrays import Array, check_out, real_array, result_type
from actspec.assembly import Assembly, assemble, widths
from actspec.errors import DerivativeError, UnboundError
from actspec.kernels import gradients, plan, program, recurrence
from actspec.kernels.drive import computed_type
from actspec.kernels.execute import is_plain
from actspec.kernels.forward import learnt_values
from actspec.kernels.plan import Compiled
from actspec.kernels.program import Draw, Memory, Program, State, Steps, Within
from actspec.kernels.run import Runner
from actspec.parameters import Bound, Learnable, Normal, Parameter, Uniform
from actspec.structure import Group, Sliced

_CHUNK = 1 << 17
"""About how many elements of a sequence are taken at a time: what passes from stage to stage stays in cache."""


class Pipeline(Protocol):
    """What is bound: a pipeline, which stands above this module."""

    @property
    def stages(self) -> tuple[Activation, ...]:
        """Its activations."""

    def features_out(self, n: int, /) -> int:
        """The number of features of the result, which checks that of x."""


class Parameters(MutableMapping[str, npt.NDArray[Any]]):
    """The values that a cell learns, by name, in the order of the spec: live arrays, to be changed in place.

    Assignment copies into the array that there is; names can't be added or removed.
    """

    def __init__(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name not in self._arrays:
            raise KeyError(f"{name!r} is no parameter: there are {', '.join(self._arrays) or 'none'}")
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __setitem__(self, name: str, values: npt.ArrayLike) -> None:
        live = self[name]
        if values is not live:
            given = real_array(values, f"parameter {name!r}")
            if given.ndim and given.shape != live.shape:
                raise ValueError(f"parameter {name!r} has the shape {live.shape}, not {given.shape}")
            live[...] = given

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"can't remove {name!r}: a cell's parameters are those of its spec")

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return repr(self._arrays)


class Cell:
    """A pipeline with the values that it learns, what it remembers and what it draws; ``Pipeline.bind`` makes it.

    Calling it with a real array_like x, whose last axis has the features, returns an array of that shape, with types
    and ``out`` as for a pipeline. Where stages remember, the call advances their states, and where they draw random
    numbers, its generator, so that it isn't for several threads at once.

    >>> import actspec
    >>> cell = actspec.parse("prelu + norm:mean").bind(features=3)
    >>> cell.parameters
    {'0.slope': array([0.25, 0.25, 0.25])}
    >>> cell([[-4.0, 0.0, 4.0]])
    array([[-2., -1.,  3.]])
    >>> dx, dparams = cell.vjp([[-4.0, -2.0, 4.0]], [[3.0, 0.0, 0.0]])
    >>> dx, dparams["0.slope"]
    (array([[ 0.5 , -0.25, -1.  ]]), array([-8.,  2.,  0.]))
    """

    def __init__(
        self,
        pipeline: Pipeline,
        features: int | None,
        rng: np.random.Generator,
        dtype: np.dtype[Any],
        saved: Mapping[str, Any] | None,
    ) -> None:
        self._pipeline = pipeline
        self._features = features
        self._dtype = dtype
        binder = _Binder(rng, dtype, saved)
        self._stages = tuple(binder.chain(pipeline.stages, "", features))
        self._names = binder.names
        self._parameters = Parameters(binder.arrays)
        self._rng = rng
        self._assemblies: dict[bool, Assembly] = {}
        self.training = False
        self._runner = Runner(self._stages, width=features)
        self._starts: list[Array | None] = []  # what states were set to, as long as their shape isn't known
        self._states: list[State] = []
        self._began: dict[bool, list[State]] = {}  # the states that the latest call (False) and scan (True) began with
        self._noise: dict[int, Array] = {}  # of the latest call, by the places of what drew it
        self._scanned = False
        self.reset()

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that is bound."""
        return self._pipeline

    @property
    def features(self) -> int | None:
        """The number of features; None where the pipeline was bound without it."""
        return self._features

    def __repr__(self) -> str:
        given = "" if self._features is None else f"features={self._features}"
        return f"{self._pipeline!r}.bind({given})"

    def __reduce__(self) -> tuple[Any, ...]:
        states = (self._starts, self._states, self._began)
        drawn = (self._rng, self._training, self._noise, self._scanned)
        return _rebuild, (self._pipeline, self._features, self._dtype, self.state_dict(), states, drawn)

    # learnable parameters

    @property
    def parameters(self) -> Parameters:
        """The values that it learns by name, ``"<stage>.<parameter>"``: live arrays with one value a feature."""
        return self._parameters

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of the parameters by name, for ``load_state_dict`` and ``numpy.savez(file, **...)``."""
        return {name: values.copy() for name, values in self._parameters.items()}

    def load_state_dict(self, saved: Mapping[str, npt.ArrayLike]) -> None:
        """Take the parameters' values from a mapping, such as ``numpy.load(file)`` of an ``.npz`` file.

        ValueError where names or shapes aren't those of this cell; then nothing is changed.
        """
        _check_mapping(saved, "saved")
        _check_names(saved, self._parameters)
        given = {name: _as_saved(saved, name, each.shape, each.dtype) for name, each in self._parameters.items()}
        self._parameters.update(given)

    # drawing

    @property
    def training(self) -> bool:
        """Whether it is in training mode, in which ``rrelu`` and its like draw random numbers; False at first.

        Activations that draw always, such as ``gumbel_softmax``, do so in both modes. Set it at any time.
        """
        return self._training

    @training.setter
    def training(self, training: bool) -> None:
        if not isinstance(training, (bool, np.bool_)):
            raise TypeError(f"training must be True or False, not {training!r}")
        mode = bool(training)
        if mode not in self._assemblies:
            self._assemblies[mode] = assemble(self._stages, self._features, training=mode)
        self._training = mode
        self._assembly = self._assemblies[mode]
        self._plain = not (self._assembly.memories or self._assembly.draws)  # then it runs as a pipeline does

    @property
    def rng(self) -> np.random.Generator:
        """The generator that random numbers come from: the one that ``bind`` was given, or made of its seed."""
        return self._rng

    @property
    def noise(self) -> Any:
        """What the stage that draws drew in the latest call: an array of the shape that the stage was given.

        A tuple of arrays where several stages draw at present, None where none does. After a scan it has the axis of
        steps.
        """
        found = []
        for each in self._assembly.draws:
            drawn = self._noise.get(each.place)
            if drawn is None:
                raise UnboundError(
                    f"'{each.stage}' has drawn no random numbers since it was bound or reset: call the cell first"
                )
            found.append((drawn if self._scanned else drawn[0]).copy())
        return self._for_each(found)

    # running

    def __call__(self, x: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """The result for x, of its shape; states advance by one step."""
        if self._plain:
            return self._runner(x, out)
        return self._over_time(x, out, steps=False)

    def scan(self, xs: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """The results for steps along the first axis of xs, as calls with one after the other give them.

        xs is (time, batch, features), or (time, features); the states end as those calls would leave them, and each
        step has random numbers of its own.

        >>> import actspec
        >>> cell = actspec.parse("continuous(linear, tau=2)").bind()
        >>> cell.scan([[1.0], [1.0], [1.0]])
        array([[0.5  ],
               [0.75 ],
               [0.875]])
        """
        return self._over_time(xs, out, steps=True)

    def vjp(self, x: npt.ArrayLike, g: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """``(dx, dparams)``: the gradients by x and by the parameters, where g is that by the result.

        dx has x's shape; dparams has the names and shapes of ``parameters``. Where stages remember, it differentiates
        the latest call, from the states that it began with (where there was none, one from the present states);
        states stay as they are. Where stages draw, it is that of the latest call's noise, and ValueError where that
        has another shape than x asks for. Errors as for ``Pipeline.vjp``.
        """
        if self._plain:
            dx, sums = self._runner._running().vjp(x, g, out)
            return dx, self._named(sums)
        return self._vjp_over_time(x, g, out, steps=False)

    def scan_vjp(self, xs: npt.ArrayLike, gs: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """``(dxs, dparams)`` of the latest scan: backpropagation through time, from the states that it began with."""
        return self._vjp_over_time(xs, gs, out, steps=True)

    def jvp(
        self,
        x: npt.ArrayLike,
        v: npt.ArrayLike,
        dparams: Mapping[str, npt.ArrayLike] | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> Any:
        """How the result changes where x changes by v, and parameters by ``dparams`` (those left out don't).

        Where stages remember or draw, of the latest call, as for ``vjp``.
        """
        if dparams is not None:
            _check_mapping(dparams, "dparams")
        given = {} if dparams is None else dict(dparams)
        for name in given:
            if name not in self._parameters:
                raise ValueError(f"{name!r} is no parameter: there are {', '.join(self._parameters) or 'none'}")
        changes = self._numbered(given)
        if self._plain:
            return self._runner._running().jvp(x, v, out, changes)
        values, y = self._prepared(x, out, steps=False, resized=True)
        change = self._like(v, "v", values, steps=False)
        states, noise = self._beginning(values, steps=False), self._latest(values, steps=False)
        learnt = self._learnt(values.dtype)
        moved = {number: changes.get(number, np.zeros_like(each)) for number, each in learnt.items()}
        with np.errstate(all="ignore"):
            if values.size:
                found = program.jvp(self._assembly.program, values, change, states, learnt, noise, moved)
            else:
                found = np.empty(self._shape_out(values.shape), values.dtype)
        return self._given_back(found, y, out, steps=False)

    def derivative(self, x: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """The elementwise derivative by x, as for a pipeline; of the latest call where stages remember or draw."""
        if self._plain:
            return self._runner._running().derivative(x, out)
        values, _ = self._prepared(x, None, steps=False)
        gradients.check_elementwise(tuple(program.segments(self._assembly.program, values)))
        return self.jvp(x, np.ones(np.shape(x)), out=out)

    def jacobian(self, x: npt.ArrayLike) -> Any:
        """The Jacobian of each row by x, as for a pipeline; of the latest call where stages remember or draw."""
        if self._plain:
            return self._runner._running().jacobian(x)
        values, _ = self._prepared(x, None, steps=False)
        gradients.check_rows(tuple(program.segments(self._assembly.program, values)), values.ndim - 1)
        x = np.atleast_1d(np.asarray(x))
        shape, dtype = self._shape_out(x.shape), result_type(x.dtype)
        return gradients.jacobian(lambda g: self.vjp(x, g)[0], shape, x.shape[-1], dtype)

    # state

    @property
    def state(self) -> Any:
        """What the stage that remembers holds: an array; a tuple of arrays where there are several, None for none.

        Before the first call it is what ``reset`` was given, or zero for each feature.
        """
        return self._for_each([self._shown(number) for number in range(len(self._assembly.memories))])

    def reset(self, init: Any = None) -> None:
        """Set the states to zero, or to ``init``: an array that fits the batch, or a tuple for several states."""
        count = len(self._assembly.memories)
        if count != 1 and not (init is None or isinstance(init, (tuple, list))):
            raise TypeError(f"init must be a tuple of {count} states, one for each stage that remembers")
        given = (init,) if count == 1 else (None,) * count if init is None else tuple(init)
        if len(given) != count:
            raise ValueError(f"init must have {count} states, not {len(given)}")
        self._starts = [None if each is None else np.array(real_array(each, "init"), np.float64) for each in given]
        self._states, self._began, self._noise = [], {}, {}

    @property
    def d_input(self) -> Any:
        """The derivative of the state by what its stage was given, in the latest call; of the state's shape."""
        return self._for_each([self._slope(each, by="by_input") for each in self._assembly.memories])

    @property
    def d_state(self) -> Any:
        """The derivative of the state by the state before, in the latest call: an array of the state's shape."""
        return self._for_each([self._slope(each, by="by_state") for each in self._assembly.memories])

    @property
    def d_output(self) -> Any:
        """The derivative of a stage's output by its state; a matrix for each row where features are coupled."""
        return self._for_each([self._slope_of_output(each) for each in self._assembly.memories])

    def _for_each(self, values: list[Any]) -> Any:
        return tuple(values) if len(values) > 1 else values[0] if values else None

    def _shown(self, number: int) -> Array:
        if self._states:
            return self._states[number].now.copy()
        start = self._starts[number]
        if start is not None:
            return start.copy()
        memory = self._assembly.memories[number]
        return np.zeros(() if self._features is None else self._assembly.shape_at(memory, (self._features,)))

    def _stepped(self, memory: Memory) -> State:
        state = self._states[memory.place] if self._states else None
        if state is None or state.given is None:
            raise UnboundError(f"'{memory.stage}' has not been called since it was bound or reset: call the cell first")
        return state

    def _slope(self, memory: Memory, by: str) -> Array:
        state = self._stepped(memory)
        assert state.before is not None
        assert state.given is not None
        kernel: Compiled = getattr(memory.recurrence(state.now.dtype), by)
        with np.errstate(all="ignore"):
            return recurrence.slope(kernel, state.before, state.given, self._learnt(state.now.dtype))

    def _slope_of_output(self, memory: Memory) -> Any:
        state = self._stepped(memory).now
        for each in structure.leaves(memory.stage.readout):
            if each.draws == "always" or (each.draws and self._training):
                raise DerivativeError(f"'{each}' draws random numbers of the state: use vjp(x, g) or jvp(x, v)")
        driver = Runner(memory.stage.readout, width=None if self._features is None else state.shape[-1])._running()
        coupled = any(True for _ in plan.couplings(driver.segments(state.ndim, state.dtype)))
        return driver.jacobian(state) if coupled else driver.derivative(state, None)

    # arrays

    def _over_time(self, x: npt.ArrayLike, out: npt.NDArray[Any] | None, *, steps: bool) -> Any:
        values, y = self._prepared(x, out, steps=steps, resized=True)
        states, noise = self._present(values), self._drawn(values)
        learnt = self._learnt(values.dtype)
        began = [each.copy() for each in states]
        with np.errstate(all="ignore"):
            if not values.size:
                found = np.empty(self._shape_out(values.shape), values.dtype)
                for each in states if len(values) else ():  # steps of nothing are steps
                    each.before, each.given = each.now.copy(), np.empty_like(each.now)
            elif values.size <= _CHUNK:
                found = program.run(self._assembly.program, values, states, learnt, noise)
            else:
                direct = steps and is_plain(y, values.dtype) and y.flags.c_contiguous
                apart = direct and not np.may_share_memory(y, values)
                found = y if apart else np.empty(self._shape_out(values.shape), values.dtype)
                whole = len(values) if program.is_fused(self._assembly.program, values.dtype) else 0
                step = max(1, whole, _CHUNK // max(1, math.prod(values.shape[1:])))
                for start in range(0, len(values), step):
                    part = slice(start, start + step)
                    some = {place: drawn[part] for place, drawn in noise.items()}
                    program.run(self._assembly.program, values[part], states, learnt, some, found[part])
        self._began, self._states = {**self._began, steps: began}, states
        self._noise, self._scanned = noise, steps
        return self._given_back(found, y, out, steps=steps)

    def _vjp_over_time(self, x: npt.ArrayLike, g: npt.ArrayLike, out: npt.NDArray[Any] | None, *, steps: bool) -> Any:
        values, y = self._prepared(x, out, steps=steps)
        given = self._like(g, "g", values, steps=steps)
        learnt = self._learnt(values.dtype)
        sums: gradients.Sums = {}
        with np.errstate(all="ignore"):
            states, noise = self._beginning(values, steps=steps), self._latest(values, steps=steps)
            run = self._assembly.program
            found = program.vjp(run, values, given, states, learnt, noise, sums) if values.size else values
        return self._given_back(found, y, out, steps=steps), self._named(sums)

    def _shape_out(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the result for an x of this one."""
        width = self._pipeline.features_out(shape[-1]) if shape else 1
        return (*shape[:-1], width) if shape and width != shape[-1] else shape

    def _prepared(
        self, x: npt.ArrayLike, out: npt.NDArray[Any] | None, *, steps: bool, resized: bool = False
    ) -> tuple[Array, npt.NDArray[Any]]:
        """What x is as steps of plain arrays, and where to write what has its shape, or that of the result."""
        name = "xs" if steps else "x"
        given = real_array(x, name)
        if steps and given.ndim < 2:
            raise ValueError(f"xs must have an axis of steps before the features, not the shape {given.shape}")
        result = result_type(given.dtype)
        shape = self._shape_out(given.shape) if resized else given.shape
        if out is not None:
            check_out(out, shape, result)
        if self._features is not None and (given.shape[-1:] or (1,)) != (self._features,):
            width = given.shape[-1] if given.ndim else 1
            raise ValueError(f"{name} must have the {self._features} features that it was bound to, not {width}")
        values = np.ascontiguousarray(given if steps else given[None], dtype=computed_type(result))
        if values.ndim == 1:  # one step of a scalar, which counts as one feature
            values = values[:, None]
        y = np.empty(shape, result) if out is None else out
        return values.view(np.ndarray), y

    def _like(self, value: npt.ArrayLike, name: str, values: Array, *, steps: bool) -> Array:
        given = real_array(value, name)
        whole = self._shape_out(values.shape) if name == "g" else values.shape
        shape = whole if steps else whole[1:]
        if given.shape != shape and not (given.ndim == 0 and shape == (1,)):
            whose = "x" if whole == values.shape else "the result"
            raise ValueError(f"{name} must have the shape {shape} of {whose}, not {given.shape}")
        return np.ascontiguousarray(given, dtype=values.dtype).reshape(whole)

    def _given_back(self, found: Array, y: npt.NDArray[Any], out: npt.NDArray[Any] | None, *, steps: bool) -> Any:
        if found is not y:
            np.copyto(y, (found if steps else found[0]).reshape(y.shape), casting="unsafe")
        return y[()] if out is None else out

    def _present(self, values: Array) -> list[State]:
        """The states as they are, for a batch like that of these steps; they are the cell's own to change."""
        return self._shaped([each.now for each in self._states], values)

    def _beginning(self, values: Array, *, steps: bool) -> list[State]:
        """The states that the latest call or scan began with; where there was none, one would begin with those now."""
        return self._shaped([each.now for each in self._began.get(steps, self._states)], values)

    def _shaped(self, states: list[Array], values: Array) -> list[State]:
        made = []
        for memory in self._assembly.memories:
            shape = self._assembly.shape_at(memory, values.shape[1:])
            start = states[memory.place] if states else self._starts[memory.place]
            if states and start is not None and start.shape != shape:
                raise ValueError(
                    f"the state of '{memory.stage}' has the shape {start.shape}, but x asks for {shape}: call reset() "
                    "before another batch"
                )
            now = np.zeros(shape, values.dtype)
            if start is not None:
                try:
                    now[...] = start
                except ValueError:
                    raise ValueError(f"init has the shape {start.shape}, which doesn't fit {shape} of x") from None
            made.append(State(now))
        return made

    # noise

    def _drawn(self, values: Array) -> dict[int, Array]:
        """New noise for these steps, drawn as calls with one after the other draw it."""
        if not self._assembly.draws:  # there may be many steps
            return {}
        shapes = [self._assembly.shape_at(each, values.shape[1:]) for each in self._assembly.draws]
        noise = [np.empty((len(values), *shape), values.dtype) for shape in shapes]
        for step in range(len(values)):
            for each, shape, drawn in zip(self._assembly.draws, shapes, noise, strict=True):
                drawn[step] = each.stage.drawn(self._rng, shape, values.dtype)
        return {each.place: drawn for each, drawn in zip(self._assembly.draws, noise, strict=True)}

    def _latest(self, values: Array, *, steps: bool) -> dict[int, Array]:
        """The noise of the latest call, which has to have been with steps like these."""
        found = {}
        for each in self._assembly.draws:
            drawn = self._noise.get(each.place)
            if drawn is None:
                raise UnboundError(
                    f"'{each.stage}' has drawn no random numbers since it was bound or reset: call the cell first"
                )
            if self._scanned is not steps:
                latest, asked = ("scan", "call") if self._scanned else ("call", "scan")
                raise ValueError(
                    f"the latest random numbers of '{each.stage}' are those of a {latest}: {asked} the cell first, or "
                    f"ask for {'scan_vjp(xs, gs)' if self._scanned else 'vjp(x, g)'}"
                )
            shape = (len(values), *self._assembly.shape_at(each, values.shape[1:]))
            if drawn.shape != shape:
                first = 0 if steps else 1
                raise ValueError(
                    f"the latest random numbers of '{each.stage}', which derivatives are of, have the shape "
                    f"{drawn.shape[first:]}, but x asks for {shape[first:]}: "
                    f"{'scan' if steps else 'call'} the cell with it first"
                )
            found[each.place] = drawn.astype(values.dtype, copy=False)
        return found

    # learnt values by number and by name

    def _learnt(self, dtype: np.dtype[Any]) -> dict[int, npt.NDArray[Any]]:
        return learnt_values(self._stages, dtype)

    def _named(self, sums: gradients.Sums) -> dict[str, npt.NDArray[Any]]:
        """What learnt values get, with the names and shapes of the parameters."""
        named = {}
        for name, first in self._names.items():
            live = self._parameters[name]
            columns = range(1 if live.ndim == 1 else live.shape[1])
            each = [sums.get(first + column, np.zeros(len(live))) for column in columns]
            named[name] = (each[0] if live.ndim == 1 else np.stack(each, axis=1)).astype(live.dtype)
        return named

    def _numbered(self, named: Mapping[str, npt.ArrayLike]) -> dict[int, npt.NDArray[Any]]:
        """Values with the names and shapes of parameters, by their numbers."""
        numbered: dict[int, npt.NDArray[Any]] = {}
        for name, values in named.items():
            live, first = self._parameters[name], self._names[name]
            given = real_array(values, f"dparams[{name!r}]")
            if given.shape != live.shape:
                raise ValueError(f"dparams[{name!r}] must have the shape {live.shape}, not {given.shape}")
            columns = [given] if live.ndim == 1 else list(given.T)
            numbered.update(enumerate(columns, first))
        return numbered


def _rebuild(
    pipeline: Pipeline,
    features: int | None,
    dtype: np.dtype[Any],
    saved: dict[str, npt.NDArray[Any]],
    states: tuple[list[Array | None], list[State], dict[bool, list[State]]],
    drawn: tuple[np.random.Generator, bool, dict[int, Array], bool],
) -> Cell:
    """A copy of a cell: its parameters, its states, its generator and what it drew last."""
    rng, training, noise, scanned = drawn
    cell = Cell(pipeline, features, rng, dtype, saved)
    cell._starts, cell._states, cell._began = states
    cell.training = training
    cell._noise, cell._scanned = noise, scanned
    return cell


class _Binder:
    """Puts live arrays in place of learnable parameters, and gives them names and numbers."""

    def __init__(self, rng: np.random.Generator, dtype: np.dtype[Any], saved: Mapping[str, Any] | None) -> None:
        self.rng = rng
        self.dtype = dtype
        self.saved = saved
        self.arrays: dict[str, npt.NDArray[Any]] = {}
        self.names: dict[str, int] = {}
        self.count = 0

    def bound(self, activation: Activation, place: str, width: int | None) -> Activation:
        """The activation with what it learns, inside it too, bound to live arrays."""
        made: Activation = object.__new__(type(activation))
        made.__dict__.update(vars(activation))
        made.__dict__.pop("_runner", None)
        if isinstance(activation, Group):
            made.__dict__["stages"] = tuple(self.chain(activation.stages, f"{place}.", width))
        for each, value in activation._items():
            if isinstance(value, Learnable):
                made.__dict__[each.name] = self.live(activation, each, value, f"{place}.{each.name}", width)
            elif isinstance(value, Activation):
                if isinstance(activation, Sliced):
                    inner = None if width is None else activation.width_of(width)
                    made.__dict__[each.name] = self.bound(value, place, inner)
                else:
                    made.__dict__[each.name] = self.bound(value, f"{place}.{each.name}", width)
        return made

    def chain(self, stages: tuple[Activation, ...], place: str, width: int | None) -> Iterator[Activation]:
        """Stages one after the other, bound."""
        for number, (stage, given) in enumerate(zip(stages, widths(stages, width), strict=True)):
            yield self.bound(stage, f"{place}{number}", given)

    def live(self, owner: Activation, parameter: Parameter, start: Learnable, name: str, width: int | None) -> Bound:
        """A parameter's values, drawn or as saved."""
        assert width is not None
        width = min(width, owner.features_out(width))  # of what changes their number, those that go into one
        shape = (width,) if parameter.per is None else (width, int(getattr(owner, parameter.per)))
        if self.saved is not None:
            values = _as_saved(self.saved, name, shape, self.dtype)
        else:
            values = _held(_drawn(start.start, shape, self.rng), self.dtype, f"{name!r} starts at {start}")
            for value in (values.min(initial=np.inf), values.max(initial=-np.inf)) if values.size else ():
                try:
                    parameter.coerce(float(value))
                except ValueError as error:
                    raise ValueError(f"{name!r} starts at {start}, which drew a value outside: {error}") from None
        self.arrays[name] = values
        self.names[name] = self.count
        bound = Bound(start, values, self.count, parameter.per is not None)
        self.count += bound.pieces
        return bound


def _as_saved(saved: Mapping[str, Any], name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """A parameter's saved values in a cell's type; ValueError where their shape is another."""
    values = real_array(saved[name], f"parameter {name!r}")
    if values.shape != shape:
        raise ValueError(f"parameter {name!r} has the shape {shape}, not {values.shape} as saved")
    return _held(values, dtype, f"parameter {name!r} has values as saved")


def _held(given: npt.NDArray[Any], dtype: np.dtype[Any], what: str) -> npt.NDArray[Any]:
    """An array of its own of numbers in a type; ValueError where the type is too small for them."""
    with np.errstate(over="ignore"):
        values = given.astype(dtype, order="C")
    if np.any(np.isinf(values) & np.isfinite(given)):
        raise ValueError(f"{what}, which is more than {dtype} can hold: bind with dtype='float64'")
    return values


def _drawn(start: float | Normal | Uniform, shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[Any]:
    if isinstance(start, Normal):
        return rng.normal(start.mean, start.std, shape)
    if isinstance(start, Uniform):
        return rng.uniform(start.low, start.high, shape)
    return np.full(shape, start)


def _check_mapping(value: object, name: str) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{name} must map names to arrays, as numpy.load of an .npz file does, not {type(value).__name__}"
        )


def _check_names(saved: Mapping[str, Any], names: Mapping[str, Any]) -> None:
    missing = [name for name in names if name not in saved]
    unknown = [str(name) for name in saved if name not in names]
    if missing or unknown:
        told = [f"no {', '.join(missing)}"] * bool(missing) + [f"{', '.join(unknown)} too many"] * bool(unknown)
        raise ValueError(f"the saved parameters aren't those of this pipeline: {'; '.join(told)}")


def names_and_widths(stages: tuple[Activation, ...]) -> dict[str, bool]:
    """The names of what stages learn, and whether each has a value for every feature, outside slices."""
    found: dict[str, bool] = {}

    def chain(stages: tuple[Activation, ...], place: str, whole: bool) -> None:
        for number, stage in enumerate(stages):
            whole = whole and not stage.resizes
            visit(stage, f"{place}{number}", whole)

    def visit(activation: Activation, place: str, whole: bool) -> None:
        if isinstance(activation, Group):
            chain(activation.stages, f"{place}.", whole)
        for each, value in activation._items():
            if isinstance(value, Learnable):
                found[f"{place}.{each.name}"] = whole
            elif isinstance(value, Activation):
                sliced = isinstance(activation, Sliced)
                visit(value, place if sliced else f"{place}.{each.name}", whole and not sliced)

    chain(stages, "", True)
    return found


def bind(
    pipeline: Pipeline,
    features: int | None,
    rng: Any,
    dtype: npt.DTypeLike,
    parameters: Mapping[str, npt.ArrayLike] | None,
) -> Cell:
    """A cell of a pipeline, as ``Pipeline.bind`` describes it."""
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"dtype must be float32 or float64, not {kind}")
    names = names_and_widths(pipeline.stages)
    if parameters is not None:
        _check_mapping(parameters, "parameters")
        _check_names(parameters, names)
        widths = {np.shape(parameters[name])[0] for name, whole in names.items() if whole and np.ndim(parameters[name])}
        if features is None and widths:
            features = min(widths)
    if features is not None:
        try:
            pipeline.features_out(features)
        except (TypeError, ValueError) as error:
            raise type(error)(str(error).replace("n must", "features must", 1)) from None
        features = int(features)
    elif names:
        beside = ", beside the parameters" if parameters is not None else ""
        raise TypeError(
            f"bind needs the number of features of x, bind(features=...){beside}: there is one value for each of them "
            f"in {', '.join(names)}"
        )
    return Cell(pipeline, features, _generator(rng), kind, parameters)


def _generator(rng: Any) -> np.random.Generator:
    try:
        if isinstance(rng, bool):
            raise TypeError("a truth value is no seed")
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise TypeError(f"rng must be a seed (a whole number from 0), a NumPy generator or None, not {rng!r}") from None


def _fitting(pipeline: Pipeline, least: int) -> int:
    """A number of features that a pipeline can have, from the least on."""
    for width in range(least, _MOST_TRIED):
        with suppress(ValueError):
            pipeline.features_out(width)
            return width
    return least


_MOST_TRIED = 1 << 16


def explain_bound(pipeline: Pipeline, dtype: np.dtype[Any]) -> tuple[list[str], list[tuple[str, Compiled, str]]]:
    """For each stage, why it isn't compiled (nothing where it is), and the kernels: what of, and in which form."""
    bounds = [
        abs(bound)
        for stage in structure.every(pipeline.stages)
        if isinstance(stage, Sliced)
        for bound in (stage.start, stage.stop)
        if bound is not None
    ]
    cell = bind(pipeline, _fitting(pipeline, sum(bounds) + 16), 0, np.float64, None)  # wide enough for every slice
    given = widths(cell._stages, cell.features)
    alone = [
        assemble((stage,), width, training=False).program for stage, width in zip(cell._stages, given, strict=True)
    ]

    def visit(parts: Program) -> Iterator[tuple[str, Compiled | None, str]]:
        """What each kernel is of, and its form; or what isn't compiled, and why."""
        for part, fused in program.as_they_run(parts, dtype):
            if isinstance(part, Steps):
                segments = plan.for_any_rank(part.stages, dtype, part.width)
                yield from ((str(stage), None, reason) for stage, reason in plan.reasons(segments))
                yield from ((each.title, each, each.forms[0]) for each in plan.kernels(segments))
            elif isinstance(part, Draw):
                yield from visit((part.steps,))
            elif isinstance(part, Within):
                yield from visit(part.program)
            elif fused is not None:
                yield f"the next state of {part.stage}, and its output", fused, "scan"
            elif (kernel := part.recurrence(dtype).forward) is not None:
                yield f"the next state of {part.stage}", kernel, "scan"
            else:
                yield str(part.stage), None, part.recurrence(dtype).problem

    reasons = [next((reason for _, kernel, reason in visit(each) if kernel is None), "") for each in alone]
    together = visit(cell._assembly.program)
    return reasons, [(title, kernel, form) for title, kernel, form in together if kernel is not None]
