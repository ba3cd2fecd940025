"""Plants: the loop and its record, and derivatives of their formulas against differences and by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actspec import functions
from actspec.errors import DerivativeError, UnboundError
from actspec.plant import Plant

RNG = np.random.default_rng(0)
TURN = np.array([[0.9, 0.2], [-0.3, 0.8]])
PUSH = np.array([[0.5, -1.0]])


class Linear(Plant):
    """Moves by matrices; seen as its state, of which the target is ones."""

    def step(self, state: Any, action: Any) -> Any:
        return state @ TURN + action @ PUSH

    def target(self, state: Any) -> Any:
        return np.ones_like(state)


class Pendulum(Linear):
    """An angle and a speed; seen as sine, cosine and speed."""

    def step(self, state: Any, action: Any) -> Any:
        angle, speed = state[:, 0], state[:, 1]
        speed = speed + 0.05 * (9.81 * np.sin(angle) - 0.1 * speed + 15 * np.tanh(action[:, 0]))
        return np.stack([angle + 0.05 * speed, speed], axis=1)

    def observe(self, state: Any) -> Any:
        return np.stack([np.sin(state[:, 0]), np.cos(state[:, 0]), state[:, 1]], axis=1)


def plant_of(step: Callable[[Any, Any], Any], state: Any = None) -> Plant:
    """A plant that has taken a step by a formula, with one output."""
    made = type("Given", (Linear,), {"step": lambda _, state, action: step(state, action)})
    plant: Plant = made(RNG.normal(size=(4, 2)) if state is None else state, steps=5)
    plant(RNG.normal(size=(len(plant.state), 1)))
    return plant


def differences(function: Callable[[Any], Any], x: Any, step: float = 1e-6) -> Any:
    """The derivatives of each row by each feature of x: (batch, results, features)."""
    columns = []
    for place in range(x.shape[1]):
        one = np.zeros_like(x)
        one[:, place] = step
        columns.append((function(x + one) - function(x - one)) / (2 * step))
    return np.stack(columns, axis=-1)


# the loop


def test_each_call_gives_the_inputs_that_the_state_after_it_shows() -> None:
    plant = Pendulum(RNG.normal(size=(3, 2)), steps=4)
    state, x = plant.state, plant(None)
    np.testing.assert_array_equal(x, plant.observe(state))
    for _ in range(3):
        action = RNG.normal(size=(3, 1))
        state = plant.step(state, action)
        np.testing.assert_array_equal(plant(action), plant.observe(state))
        np.testing.assert_array_equal(plant.state, state)


def test_none_leaves_the_state_where_it_is_and_counts_as_a_call() -> None:
    plant = Linear([[1.0, 2.0]], steps=2)
    plant(None)
    plant(None)
    assert plant.state.tolist() == [[1.0, 2.0]]
    assert plant.get_vecs()[0].tolist() == [[[1.0, 2.0], [1.0, 2.0]]]


def test_get_vecs_are_the_inputs_and_targets_of_all_calls_since_the_reset() -> None:
    plant = Pendulum(RNG.normal(size=(3, 2)), steps=4)
    given = [plant(None)] + [plant(RNG.normal(size=(3, 1))) for _ in range(3)]
    inputs, targets = plant.get_vecs()
    assert inputs.shape == plant.shape == (3, 4, 3)
    np.testing.assert_array_equal(inputs, np.stack(given, axis=1))
    np.testing.assert_array_equal(targets, np.ones((3, 4, 2)))
    plant.reset()
    assert [each.shape for each in plant.get_vecs()] == [(3, 0, 3), (3, 0, 2)]


def test_reset_goes_back_to_the_first_state() -> None:
    plant = Linear([[1.0, 2.0]], steps=2)
    plant([[3.0]])
    plant.reset()
    assert plant.state.tolist() == [[1.0, 2.0]]


def test_reset_takes_another_state_and_another_batch() -> None:
    plant = Linear([[1.0, 2.0]], steps=2)
    assert plant.shape == (1, 2, 2)
    plant.reset(np.zeros((5, 2)))
    assert plant.shape == (5, 2, 2)
    plant(np.ones((5, 1)))
    np.testing.assert_array_equal(plant.state, np.ones((5, 1)) @ PUSH)
    plant.reset()
    assert plant.shape == (1, 2, 2)


def test_more_calls_than_steps_are_refused() -> None:
    plant = Linear([[1.0, 2.0]], steps=1)
    plant(None)
    with pytest.raises(RuntimeError, match=r"made its 1 steps: reset\(\) it"):
        plant(None)


def test_a_call_that_fails_changes_nothing() -> None:
    class Blind(Linear):
        def observe(self, state: Any) -> Any:
            if state[0, 0] != 1:
                raise LookupError
            return state

    plant = Blind([[1.0, 2.0]], steps=3)
    plant(None)
    with pytest.raises(LookupError):
        plant([[1.0]])
    assert plant.state.tolist() == [[1.0, 2.0]]
    assert plant.get_vecs()[0].shape == (1, 1, 2)


def test_what_it_remembers_is_its_own() -> None:
    init, action = np.ones((2, 2)), np.ones((2, 1))
    plant = Pendulum(init, steps=2)
    init += 1
    x = plant(action)
    before = plant.get_vecs()[0].copy(), plant.d_state
    x += 1
    action += 1
    np.testing.assert_array_equal(plant.get_vecs()[0], before[0])
    plant.reset()
    np.testing.assert_array_equal(plant.state, np.ones((2, 2)))
    with pytest.raises(ValueError, match="read-only"):
        plant.state[0, 0] = 5


@pytest.mark.parametrize(
    ("given", "kept"), [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64), (int, np.float64)]
)
def test_floats_keep_their_type(given: type, kept: type) -> None:
    plant = Pendulum(np.ones((2, 2), given), steps=1)
    x = plant(np.ones((2, 1)))
    arrays = [x, plant.state, *plant.get_vecs(), plant.d_input, plant.d_state, plant.d_output]
    assert {each.dtype for each in arrays} == {np.dtype(kept)}


@pytest.mark.parametrize("x", [np.ones(2), np.ones((3, 1)), np.ones((2, 1, 1)), 1.0])
def test_an_output_of_another_batch_is_refused(x: Any) -> None:
    with pytest.raises(ValueError, match=r"x must have the shape \(2, outputs\) of the batch"):
        Linear(np.ones((2, 2)), steps=1)(x)


def test_a_state_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"init must have the shape \(batch, features of the state\)"):
        Linear([1.0, 2.0], steps=1)
    with pytest.raises(ValueError, match="init must have 2 features of the state, not 3"):
        Linear([[1.0, 2.0]], steps=1).reset([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="steps must be at least 1"):
        Linear([[1.0, 2.0]], steps=0)
    with pytest.raises(TypeError, match="init must be an array of real numbers"):
        Linear([["a"]], steps=1)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("step", r"Wrong.step must return the state's shape \(2, 2\), not \(2,\)"),
        ("observe", r"Wrong.observe must return two axes, the first for a batch of 2, not the shape \(2,\)"),
        ("target", r"Wrong.target must return two axes"),
    ],
)
def test_formulas_that_return_other_shapes_are_named(name: str, says: str) -> None:
    wrong = type("Wrong", (Linear,), {name: lambda _self, state, *_action: state[:, 0]})
    with pytest.raises(ValueError, match=says):
        wrong(np.ones((2, 2)), steps=1)(np.ones((2, 1)))


def test_what_a_subclass_has_to_write_is_said() -> None:
    plant = Plant([[1.0]], steps=1)
    with pytest.raises(NotImplementedError, match=r"Plant must have a method step\(self, state, action\)"):
        plant([[1.0]])
    with pytest.raises(NotImplementedError, match=r"target\(self, state\)"):
        plant(None)


def test_a_formula_can_not_spoil_the_state_in_place() -> None:
    def step(state: Any, action: Any) -> Any:
        state += action
        return state

    with pytest.raises(ValueError, match="read-only"):
        plant_of(step)


def test_a_subclass_may_set_attributes_after_the_base_class_was_made() -> None:
    class Goal(Linear):
        def __init__(self, goal: float) -> None:
            super().__init__(np.ones((2, 2)), steps=3)
            self.goal = goal

        def target(self, state: Any) -> Any:
            return np.full_like(state, self.goal)

    plant = Goal(7.0)
    plant(None)
    assert (plant.get_vecs()[1] == 7).all()


def test_a_subclass_may_do_everything_itself() -> None:
    class Own(Plant):
        def __init__(self) -> None:
            self.shape = (1, 2, 3)

        def __call__(self, x: Any) -> Any:
            return x

        def get_vecs(self) -> Any:
            return np.zeros(self.shape), np.ones(self.shape)

    plant = Own()
    assert plant.shape == (1, 2, 3)
    assert plant(5) == 5


def test_a_copy_goes_its_own_way() -> None:
    plant = Linear([[1.0, 2.0]], steps=3)
    other = copy.deepcopy(plant)
    other([[1.0]])
    assert plant.state.tolist() == [[1.0, 2.0]]
    assert plant.get_vecs()[0].shape == (1, 0, 2)


# derivatives


def test_a_linear_plant_has_its_matrices_as_derivatives() -> None:
    plant = Linear(RNG.normal(size=(3, 2)), steps=1)
    plant(RNG.normal(size=(3, 1)))
    np.testing.assert_array_equal(plant.d_state, [TURN.T] * 3)
    np.testing.assert_array_equal(plant.d_input, [PUSH.T] * 3)
    np.testing.assert_array_equal(plant.d_output, [np.eye(2)] * 3)


def test_they_are_those_of_the_latest_advance() -> None:
    plant = Pendulum(RNG.normal(size=(3, 2)), steps=4)
    plant(RNG.normal(size=(3, 1)))
    plant.d_state  # noqa: B018  # what was found for one step is not for the next
    before, action = plant.state, RNG.normal(size=(3, 1))
    plant(action)
    plant(None)
    np.testing.assert_allclose(plant.d_state, differences(lambda x: plant.step(x, action), before), atol=1e-8)
    np.testing.assert_allclose(plant.d_input, differences(lambda x: plant.step(before, x), action), atol=1e-8)
    np.testing.assert_allclose(plant.d_output, differences(plant.observe, plant.state), atol=1e-8)


def test_there_are_none_before_the_first_advance() -> None:
    plant = Linear([[1.0, 2.0]], steps=3)
    for _ in range(2):
        plant(None)
        with pytest.raises(UnboundError, match="Linear has not advanced since it was made or reset"):
            plant.d_input  # noqa: B018
        plant([[1.0]])
        plant.reset()


def _in_place(state: Any, action: Any) -> Any:
    after = state.copy()
    after[:, 0] += 0.1 * after[:, 1]
    after[:, 1:] *= action
    after[..., 0] = after[:, 0] - np.sin(after[:, 1])
    return after


def _filled(state: Any, action: Any) -> Any:
    after = np.zeros_like(state)
    after[:, 0] = state[:, 1] * action[:, 0]
    after[:, 1] = 3.0
    return after


FOLLOWED: dict[str, Callable[[Any, Any], Any]] = {
    "arithmetic": lambda s, a: (2 - s) / (1 + s * s) * a - s**3 + 2**a,
    "functions": lambda s, a: (
        np.exp(-s) + np.hypot(s, a) + np.arctan2(a, s) + functions.softplus(s) + np.sqrt(1 + a * a)
    ),
    "where and comparisons": lambda s, a: np.where(s > a, s * a, np.maximum(s, 0.3)) + s * (a < 0) + np.abs(s),
    "clip": lambda s, a: np.clip(s, -0.5, 0.5) + a.clip(-1, 1) + np.clip(s, np.full((4, 2), -0.2), None),
    "stack": lambda s, a: np.stack([s[:, 1], s[:, 0] * a[:, 0]], axis=-1),
    "stack with a constant": lambda s, a: np.stack([a[:, 0], np.full(len(s), 2.0)], axis=1),
    "concatenate": lambda s, a: np.concatenate([s[:, 1:], a * s[..., :1]], axis=1),
    "concatenate, axis by place": lambda s, a: np.concatenate((a, s), 1)[:, :2],
    "column_stack": lambda s, a: np.column_stack([s[:, 0] * a[:, 0], a]),
    "sum and mean": lambda s, a: s.sum(axis=1, keepdims=True) * a * np.ones(2) + np.mean(s * s, axis=-1)[:, None],
    "matrix by row": lambda s, a: (np.stack([s, a * s], axis=1) @ s[:, :, None])[:, :, 0],
    "matrix before": lambda s, a: (TURN @ s[:, :, None])[..., 0] + a,
    "dot": lambda s, a: np.dot(s, TURN) + a.dot(PUSH),
    "vector": lambda s, a: (s @ np.array([1.0, -2.0]))[:, None] * s + a,
    "einsum": lambda s, a: np.einsum("bi,ij,bk->bj", s, TURN, a),
    "in place": _in_place,
    "filled": _filled,
    "fancy index": lambda s, a: s[:, [1, 0]] * a[:, [0, 0]],
    "constants of each row": lambda s, a: s * np.arange(1.0, 5.0)[:, None] + a,
    "nothing of the state": lambda s, a: np.ones((len(s), 2)) * a,
    "nothing at all": lambda s, _: np.ones(s.shape),
    "shapes": lambda s, a: s * np.ndim(a) * np.shape(s)[0] + np.size(s, 1) * a,
    "astype": lambda s, a: s.astype(float) * a + s.astype(int),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_derivatives_equal_differences(name: str) -> None:
    step = FOLLOWED[name]
    before, action = RNG.uniform(-2, 2, (4, 2)), RNG.uniform(-2, 2, (4, 1))
    plant = plant_of(step, before)
    plant.reset()
    plant(action)
    np.testing.assert_allclose(plant.d_state, differences(lambda x: step(x, action), before), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(plant.d_input, differences(lambda x: step(before, x), action), rtol=1e-6, atol=1e-7)


def test_kinks_are_taken_as_in_activations() -> None:
    plant = plant_of(lambda s, a: np.maximum(s, 0) + np.clip(s, -1, 1) + np.abs(s) + 0 * a, [[0.0, 1.0]])
    np.testing.assert_array_equal(plant.d_state[0], [[1, 0], [0, 3]])


def test_derivatives_are_finite_where_a_branch_not_taken_has_none() -> None:
    plant = plant_of(lambda s, a: np.where(s > 0, np.sqrt(np.maximum(s, 1e-9)), 0.0) + 0 * a, [[0.0, 4.0]])
    np.testing.assert_array_equal(plant.d_state[0], [[0, 0], [0, 0.25]])


UNFOLLOWED: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "rows": (lambda s, a: s[::-1] + a, "picks rows out of the batch"),
    "a mask": (lambda s, a: s * 1.0 + a + s[s[:, 0] > 9].sum(), "picks rows out of the batch"),
    "a row by ellipsis": (lambda s, a: s + a * s[:, 0][..., 0], "picks rows out of the batch"),
    "mean of the batch": (lambda s, a: s - s.mean(axis=0) + a, "mean along the first axis, that of the batch"),
    "sum of all": (lambda s, a: s + a * np.sum(s), "sum along the first axis, that of the batch"),
    "stack along the batch": (lambda s, a: np.stack([s, s])[0] + a, "stack along the first axis, that of the batch"),
    "stack of rows": (lambda s, a: np.stack(s) + a, "loops over the batch"),
    "transpose": (lambda s, a: s.T.T + a, "uses the array's 'T'"),
    "a product that mixes rows": (lambda s, a: np.eye(4) @ s + a, "could mix the rows of the batch"),
    "einsum that mixes rows": (lambda s, a: np.einsum("bi,ci->bi", s, s) + a, "could mix the rows of the batch"),
    "an array of NumPy's": (lambda s, a: np.array([s[:, 0], a[:, 0]]).T, "as an array of NumPy's"),
    "an array of its own": (lambda s, a: np.add(s, a, out=np.zeros((4, 2))), "writes into an array of its own"),
    "a loop": (lambda s, a: s + a * len([row for row in s]) / 4, "loops over the batch"),  # noqa: C416
    "another function": (lambda s, a: np.cumsum(s, axis=1) + a, "calls cumsum, which can't be followed"),
    "an accumulation": (lambda s, a: np.add.accumulate(s, axis=1) + a, "calls add.accumulate"),
    "an array by name": (lambda s, a: np.clip(s, a_min=0, a_max=[1.0, 2.0]) + a, "calls clip with an array by name"),
    "an option": (lambda s, a: np.exp(s, dtype=np.float64) + a, "option 'dtype'"),
}


@pytest.mark.parametrize("name", UNFOLLOWED)
def test_what_can_not_be_followed_is_said_with_a_way_out(name: str) -> None:
    step, reason = UNFOLLOWED[name]
    with np.errstate(all="ignore"):
        plant = plant_of(step)
    with pytest.raises(DerivativeError, match=r"Given\.step can't be differentiated, as it ") as info:
        plant.d_state  # noqa: B018
    assert reason in str(info.value)
    assert "give the class a method derivatives(self, state, action, after)" in str(info.value)


def test_a_formula_with_noise_is_not_differentiated() -> None:
    noise = np.random.default_rng(0)
    plant = plant_of(lambda s, a: s * noise.normal(size=s.shape) + a)
    with pytest.raises(DerivativeError, match="returns something else when it is called again"):
        plant.d_state  # noqa: B018


def test_derivatives_of_the_subclass_win() -> None:
    class Own(Linear):
        def step(self, state: Any, action: Any) -> Any:
            return np.cumsum(state, axis=1) + action

        def derivatives(self, state: Any, _action: Any, after: Any) -> Any:
            ones = np.ones((*state.shape, 1))
            return ones, ones * np.tri(2), after[..., None] * np.ones(2)

    plant = Own(RNG.normal(size=(3, 2)), steps=1)
    plant(RNG.normal(size=(3, 1)))
    np.testing.assert_array_equal(plant.d_input, np.ones((3, 2, 1)))
    np.testing.assert_array_equal(plant.d_state, [np.tri(2)] * 3)
    np.testing.assert_array_equal(plant.d_output, plant.state[..., None] * np.ones(2))


def test_derivatives_of_another_shape_are_named() -> None:
    class Own(Linear):
        def derivatives(self, *_: Any) -> Any:
            return np.ones((3, 2, 1)), np.ones((3, 2)), np.ones((3, 2, 2))

    plant = Own(RNG.normal(size=(3, 2)), steps=1)
    plant(RNG.normal(size=(3, 1)))
    with pytest.raises(ValueError, match=r"d_state of Own must have the shape \(3, 2, 2\), not \(3, 2\)"):
        plant.d_input  # noqa: B018


def test_the_gradient_through_a_run_equals_differences() -> None:
    plant = Pendulum(RNG.normal(size=(3, 2)), steps=6)
    actions = RNG.normal(size=(6, 3, 1))

    def loss(given: Any) -> float:
        plant.reset()
        for action in given:
            plant(action)
        return float((plant.get_vecs()[0] ** 2).sum())

    plant.reset()
    slopes = []
    for action in actions:
        x = plant(action)
        slopes.append((2 * x, plant.d_input, plant.d_state, plant.d_output))
    found, by_state = np.empty_like(actions), np.zeros((3, 2))
    for step, (by_inputs, d_input, d_state, d_output) in reversed([*enumerate(slopes)]):
        by_state = by_state + np.einsum("bis,bi->bs", d_output, by_inputs)
        found[step] = np.einsum("bsa,bs->ba", d_input, by_state)
        by_state = np.einsum("bst,bs->bt", d_state, by_state)
    for place in np.ndindex(actions.shape):
        ahead, behind = actions.copy(), actions.copy()
        ahead[place] += 1e-6
        behind[place] -= 1e-6
        assert found[place] == pytest.approx((loss(ahead) - loss(behind)) / 2e-6, rel=1e-6, abs=1e-7)
