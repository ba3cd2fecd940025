"""The examples of the documentation: each runs in its short form and reaches its lower target; their sums are right."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "examples"
NEEDS = {
    "digits_adam": ["sklearn", "matplotlib"],
    "digits_hessian_free": ["sklearn", "matplotlib"],
    "delayed_recall": ["matplotlib"],
    "pendulum": ["matplotlib"],
}


def test_every_example_is_run() -> None:
    assert {each.stem for each in FOLDER.glob("*.py")} == {*NEEDS, "network"}


@pytest.mark.peers
@pytest.mark.parametrize("name", NEEDS)
def test_an_example_reaches_its_lower_target_in_short(name: str, tmp_path: Path) -> None:
    for package in NEEDS[name]:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    picture = tmp_path / "curves.png"
    command = [sys.executable, "-W", "error::RuntimeWarning", str(FOLDER / f"{name}.py")]
    result = subprocess.run(
        [*command, "--short", "--plot", str(picture)],
        cwd=tmp_path,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # small matrices: threads would wait for each other
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "target" in result.stdout.splitlines()[-1]
    assert picture.read_bytes().startswith(b"\x89PNG")


# the gradients that they train with


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports an example as a module."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names = [*NEEDS, "network"]

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def check_gradient(loss: Any, parameters: list[Any], gradients: list[Any]) -> None:
    """Gradients against differences of the loss at some numbers of each array of parameters."""
    rng = np.random.default_rng(0)
    for values, gradient in zip(parameters, gradients, strict=True):
        assert values.shape == gradient.shape
        for place in rng.choice(values.size, min(values.size, 3), replace=False):
            kept, around = values.flat[place], []
            for step in (1e-5, -1e-5):
                values.flat[place] = kept + step
                around.append(loss())
            values.flat[place] = kept
            assert gradient.flat[place] == pytest.approx((around[0] - around[1]) / 2e-5, rel=1e-5, abs=1e-8)


def test_the_networks_gradient_equals_differences(example: Any) -> None:
    network = example("network")
    net = network.Network([6, (8, "tanh+norm:z"), (5, "prelu"), (3, "softmax")], seed=0)
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(7, 6)), rng.integers(0, 3, 7)
    _, g = network.cross_entropy(net(x), labels)
    check_gradient(lambda: network.cross_entropy(net(x), labels)[0], net.parameters, net.vjp(g)[1])


def test_the_gradient_through_time_equals_differences(example: Any) -> None:
    recall, network = example("delayed_recall"), example("network")
    net = network.Network([4, (5, "continuous(tanh, tau=~5)", "scan"), (4, "softmax")], seed=0, scan=recall.Scan)
    x, labels = recall.sequences(6, np.random.default_rng(1))
    p = net(x)
    g = np.zeros_like(p)
    _, g[-1] = network.cross_entropy(p[-1], labels)
    check_gradient(lambda: network.cross_entropy(net(x)[-1], labels)[0], net.parameters, net.vjp(g)[1])


def test_the_gradient_through_the_plant_equals_differences(example: Any) -> None:
    pendulum, network = example("pendulum"), example("network")
    net = network.Network(pendulum.LAYERS, seed=0)
    plant = pendulum.Pendulum(pendulum.starts(4, np.random.default_rng(1)), steps=6)

    def loss() -> float:
        plant.reset()
        return float(pendulum.gradients(plant, net)[0])

    check_gradient(loss, net.parameters, pendulum.gradients(plant, net)[1])


@pytest.fixture
def objective(example: Any) -> Any:
    """The objective of the Hessian-free example, at some vector; and the vector."""
    module, network = example("digits_hessian_free"), example("network")
    rng = np.random.default_rng(1)
    net = network.Network([6, (8, "tanh+norm:z"), (5, "prelu"), (10, "softmax")], seed=0)
    made = module.Objective(net, rng.normal(size=(7, 6)), rng.integers(0, 10, 7))
    vector = np.concatenate([each.ravel() for each in net.parameters])
    made.at(vector)
    return made, vector


def test_the_objectives_gradient_equals_differences(objective: Any) -> None:
    made, vector = objective
    found = made.gradient(vector)
    check_gradient(lambda: made.at(vector), [vector], [found])


def test_gauss_newton_products_equal_those_of_its_matrix(example: Any, objective: Any) -> None:
    made, vector = objective
    decay = example("digits_hessian_free").DECAY
    columns = []
    for place in range(vector.size):
        one = np.zeros_like(vector)
        one[place] = 1e-5
        sums = []
        for each in (vector + one, vector - one):
            made.at(each)
            sums.append(made.network.layers[-1].z.copy())
        columns.append((sums[0] - sums[1]) / 2e-5)
    jacobian = np.stack(columns, axis=-1)
    made.at(vector)
    curvature = np.einsum("bi,ij->bij", made.p, np.eye(10)) - made.p[:, :, None] * made.p[:, None, :]
    matrix = np.einsum("bik,bij,bjl->kl", jacobian, curvature, jacobian) / len(made.x) + decay * np.eye(vector.size)
    v = np.random.default_rng(2).normal(size=vector.size)
    np.testing.assert_allclose(made.product(v), matrix @ v, rtol=1e-6, atol=1e-8)


def test_conjugate_gradients_solve_a_system(example: Any) -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(12, 12))
    matrix, b = root @ root.T + np.eye(12), rng.normal(size=12)
    found = example("digits_hessian_free").conjugate_gradients(lambda v: matrix @ v, b, np.zeros(12), most=60)
    np.testing.assert_allclose(found[-1], np.linalg.solve(matrix, b), rtol=1e-3, atol=1e-4)
