"""Plants: what a network steers, and what gives it its next inputs in return."""

from __future__ import annotations

import operator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array, real_array
from actspec.errors import DerivativeError, UnboundError
from actspec.graph.followed import Followed, parts_of
from actspec.graph.unfollowed import UnfollowedError

_Slopes = tuple[Array, Array, Array]


class Plant:
    """Base class of stateful sources in closed loop: a network's outputs steer them, and they give its next inputs.

    A subclass says in plain NumPy how its state moves (``step``), what a network sees of it (``observe``) and what is
    asked of it (``target``). Each takes and returns arrays with a row for each member of the batch. They depend on what
    they are given alone, row by row: a clock is part of the state. Derivatives follow from these formulas.

    ``init`` is the state to begin with, (batch, features of the state), float32 or else float64; ``steps`` is how many
    calls make a run.

    A cart that is pushed, and should come to rest at 1:

    >>> import actspec, numpy as np
    >>> class Cart(actspec.Plant):
    ...     def step(self, state, action):
    ...         place, speed = state[:, 0], state[:, 1]
    ...         speed = 0.9 * speed + action[:, 0]
    ...         return np.stack([place + speed, speed], axis=1)
    ...
    ...     def target(self, state):
    ...         return np.ones_like(state) * [1.0, 0.0]
    >>> cart = Cart(init=[[0.0, 0.0], [5.0, 0.0]], steps=3)
    >>> cart.shape
    (2, 3, 2)
    >>> x = cart(None)                                  # the first inputs; there is no output yet
    >>> for _ in range(2):
    ...     x = cart(0.5 * (1 - x[:, :1]) - x[:, 1:])   # a network's outputs, in earnest
    >>> inputs, targets = cart.get_vecs()
    >>> inputs[:, :, 0]
    array([[0. , 0.5, 0.7],
           [5. , 3. , 2.2]])
    >>> cart.d_state[0]
    array([[1. , 0.9],
           [0. , 0.9]])
    """

    _init: Array
    _state: Array
    _inputs: list[Array]
    _targets: list[Array]
    _latest: tuple[Array, Array] | None  # the state and the output of the latest advance
    _found: _Slopes | None  # its derivatives, once they are asked for

    def __init__(self, init: npt.ArrayLike, steps: int) -> None:
        self.steps = operator.index(steps)
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {steps}")
        self._init = _as_state(init)
        Plant.reset(self)

    # what a subclass writes

    def step(self, state: Any, action: Any) -> Any:
        """The next state, for a network's output, (batch, outputs)."""
        raise NotImplementedError(f"{type(self).__name__} must have a method step(self, state, action)")

    def observe(self, state: Any) -> Any:
        """What the network sees of a state, (batch, inputs): the state itself, unless a subclass says otherwise."""
        return state

    def target(self, state: Any) -> Any:
        """What is asked for at a state, (batch, outputs): whatever a trainer compares; NaN asks for nothing."""
        raise NotImplementedError(f"{type(self).__name__} must have a method target(self, state)")

    def derivatives(self, state: Array, action: Array, after: Array) -> tuple[Any, Any, Any]:
        """``(d_input, d_state, d_output)`` of a step from ``state`` to ``after``, found from ``step`` and ``observe``.

        Their shapes are those of the properties. The formulas may use all elementwise functions that an activation may;
        indices (``state[:, 0]``); ``np.stack``, ``np.concatenate``, ``np.column_stack``, sums and means along other
        axes than the first; matrix products and ``np.einsum``. Anything else is a DerivativeError. A subclass whose
        formulas use more, or that knows a shorter way, writes this method itself.
        """
        d_state, d_input = self._jacobian("step", after, state, action)
        (d_output,) = self._jacobian("observe", None, after)
        return d_input, d_state, d_output

    # the loop

    @cached_property  # no property, so that a subclass that does without these methods can set it
    def shape(self) -> tuple[int, int, int]:
        """(batch, steps, inputs): the shape of a run's inputs."""
        return (len(self._state), self.steps, self._seen("observe", self._state).shape[1])

    @property
    def state(self) -> Array:
        """The state, (batch, features of the state): a read-only array."""
        return self._state

    def __call__(self, x: npt.ArrayLike | None) -> Array:
        """Advance by a network's output x, (batch, outputs), and return the next inputs, (batch, inputs).

        For None, before there is an output, it stays where it is. RuntimeError after ``steps`` calls without a reset.
        """
        if len(self._inputs) == self.steps:
            raise RuntimeError(f"{type(self).__name__} has made its {self.steps} steps: reset() it before the next run")
        state, latest, found = self._state, self._latest, self._found
        if x is not None:
            action = self._action(x)
            with np.errstate(all="ignore"):
                state = self._as_returned(self.step(self._state, action), "step", self._state)
            if state.shape != self._state.shape:
                name = type(self).__name__
                raise ValueError(f"{name}.step must return the state's shape {self._state.shape}, not {state.shape}")
            latest, found = (self._state, action), None
        inputs, targets = self._seen("observe", state), self._seen("target", state)
        self._inputs.append(inputs)
        self._targets.append(targets)
        self._state, self._latest, self._found = state, latest, found
        return inputs.copy()

    def get_vecs(self) -> tuple[Array, Array]:
        """``(inputs, targets)`` of the calls since the last reset, each with the axes (batch, calls, features)."""
        if not self._inputs:
            inputs, targets = self._seen("observe", self._state), self._seen("target", self._state)
            return inputs[:, None][:, :0], targets[:, None][:, :0]
        return np.stack(self._inputs, axis=1), np.stack(self._targets, axis=1)

    def reset(self, init: npt.ArrayLike | None = None) -> None:
        """Go back to the state that it was made with, or to ``init``, of any batch; the calls so far are forgotten."""
        state = self._init if init is None else _as_state(init)
        if state.shape[1] != self._init.shape[1]:
            raise ValueError(f"init must have {self._init.shape[1]} features of the state, not {state.shape[1]}")
        self._state = state
        self._inputs, self._targets = [], []
        self._latest = self._found = None
        self.__dict__.pop("shape", None)

    # derivatives

    @property
    def d_input(self) -> Array:
        """The derivative of the state by the network's output, in the latest advance: (batch, state, outputs)."""
        return self._slopes()[0]

    @property
    def d_state(self) -> Array:
        """The derivative of the state by the state before, in the latest advance: (batch, state, state)."""
        return self._slopes()[1]

    @property
    def d_output(self) -> Array:
        """The derivative of the inputs that it gives by its state, after the latest advance: (batch, inputs, state)."""
        return self._slopes()[2]

    def _slopes(self) -> _Slopes:
        if self._latest is None:
            raise UnboundError(f"{type(self).__name__} has not advanced since it was made or reset: call it first")
        if self._found is None:
            state, action = self._latest
            batch, width = state.shape
            with np.errstate(all="ignore"):
                d_input, d_state, d_output = self.derivatives(state, action, self._state)
            self._found = (
                self._slope(d_input, "d_input", (batch, width, action.shape[1])),
                self._slope(d_state, "d_state", (batch, width, width)),
                self._slope(d_output, "d_output", (batch, self.shape[2], width)),
            )
        return self._found

    def _slope(self, values: Any, name: str, shape: tuple[int, ...]) -> Array:
        array = self._as_returned(values, f"derivatives as {name}", self._state)
        if array.shape != shape:
            raise ValueError(f"{name} of {type(self).__name__} must have the shape {shape}, not {array.shape}")
        return array

    def _jacobian(self, name: str, expected: Array | None, *arrays: Array) -> list[Array]:
        """The derivatives of a formula, row by row, by each of the arrays that it is given."""
        widths = [each.shape[1] for each in arrays]
        directions = np.split(np.eye(sum(widths), dtype=arrays[0].dtype), np.cumsum(widths)[:-1], axis=1)
        given = [
            Followed(array, np.repeat(rows[:, None], len(array), axis=1))
            for array, rows in zip(arrays, directions, strict=True)
        ]
        try:
            result = getattr(self, name)(*given)
        except UnfollowedError as error:
            raise self._unfollowed(name, str(error)) from None
        value, *changes = parts_of(result, sum(widths))
        wanted = self._seen(name, *arrays) if expected is None else expected
        if not np.array_equal(np.asarray(value, wanted.dtype), wanted, equal_nan=True):
            raise self._unfollowed(name, "it returns something else when it is called again")
        return np.split(np.stack(changes, axis=-1), np.cumsum(widths)[:-1], axis=-1)

    def _unfollowed(self, name: str, reason: str) -> DerivativeError:
        return DerivativeError(
            f"{type(self).__name__}.{name} can't be differentiated, as {reason}; write it otherwise, or give the class "
            "a method derivatives(self, state, action, after) that returns d_input, d_state and d_output"
        )

    # arrays

    def _action(self, x: npt.ArrayLike) -> Array:
        given = real_array(x, "x")
        if given.ndim != 2 or len(given) != len(self._state):
            raise ValueError(f"x must have the shape ({len(self._state)}, outputs) of the batch, not {given.shape}")
        return _read_only(given, self._state.dtype)

    def _seen(self, name: str, *arrays: Array) -> Array:
        with np.errstate(all="ignore"):
            values = self._as_returned(getattr(self, name)(*arrays), name, arrays[0])
        if values.ndim != 2 or len(values) != len(arrays[0]):
            raise ValueError(
                f"{type(self).__name__}.{name} must return two axes, the first for a batch of {len(arrays[0])}, "
                f"not the shape {values.shape}"
            )
        return values

    def _as_returned(self, values: Any, name: str, like: Array) -> Array:
        """A formula's result as an array of the state's type that nobody can change."""
        return _read_only(real_array(values, f"what {type(self).__name__}.{name} returns"), like.dtype)


def _as_state(init: npt.ArrayLike) -> Array:
    given = real_array(init, "init")
    if given.ndim != 2:
        raise ValueError(f"init must have the shape (batch, features of the state), not {given.shape}")
    single = given.dtype.kind == "f" and given.dtype.itemsize <= 4
    return _read_only(given, np.dtype(np.float32 if single else np.float64))


def _read_only(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> Array:
    """A copy that nobody can change: a formula that worked in place would spoil what is remembered."""
    made = np.array(values, dtype, order="C")
    made.flags.writeable = False
    return made
