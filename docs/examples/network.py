"""What the examples share: dense layers whose activations are actspec cells, Adam, the digits, the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

import actspec

Arrays = list[np.ndarray]


class Dense:
    """``cell(x @ weights + bias)``: a layer whose activation may have parameters of its own."""

    def __init__(self, inputs: int, layer: actspec.LayerSpec, rng: np.random.Generator) -> None:
        self.weights = rng.normal(0, inputs**-0.5, (inputs, layer.size))
        self.bias = np.zeros(layer.size)
        self.cell = layer.activation.bind(features=layer.size, rng=rng)

    @property
    def parameters(self) -> Arrays:
        """The live arrays: change them in place, and the layer changes."""
        return [self.weights, self.bias, *self.cell.parameters.values()]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The output for x; the last axis has the features, any others are the batch."""
        self.x, self.z = x, x @ self.weights + self.bias
        return self.cell(self.z)

    def vjp(self, g: np.ndarray) -> tuple[np.ndarray, Arrays]:
        """The gradients by the latest input and by the parameters, where g is that by the output."""
        dz, learnt = self.cell.vjp(self.z, g)
        dx, gradients = self.vjp_of_sums(dz)
        return dx, [*gradients, *learnt.values()]

    def vjp_of_sums(self, dz: np.ndarray) -> tuple[np.ndarray, Arrays]:
        """The same without the activation: dz is the gradient by what the activation was given."""
        rows, sums = self.x.reshape(-1, self.x.shape[-1]), dz.reshape(-1, dz.shape[-1])
        return dz @ self.weights.T, [rows.T @ sums, sums.sum(axis=0)]

    def jvp(self, dx: np.ndarray, changes: Arrays) -> np.ndarray:
        """How the output changes where the latest input changes by dx, and the parameters by ``changes``."""
        weights, bias, *learnt = changes
        dz = dx @ self.weights + self.x @ weights + bias
        return self.cell.jvp(self.z, dz, dict(zip(self.cell.parameters, learnt, strict=True)))


class Network:
    """Layers, one after the other, from a layer list; dense ones, but for those of a form that ``forms`` has."""

    def __init__(self, layers: Sequence[object], seed: int, **forms: type[Dense]) -> None:
        specs, rng = actspec.parse_layers(layers, forms=tuple(forms)), np.random.default_rng(seed)
        self.layers = [forms.get(layer.form or "", Dense)(before.size, layer, rng) for before, layer in pairwise(specs)]

    @property
    def parameters(self) -> Arrays:
        """The live arrays of all layers."""
        return [each for layer in self.layers for each in layer.parameters]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The output for x."""
        for layer in self.layers:
            x = layer(x)
        return x

    def vjp(self, g: np.ndarray) -> tuple[np.ndarray, Arrays]:
        """The gradients by the latest input and by all parameters, where g is that by the output."""
        gradients: Arrays = []
        for layer in reversed(self.layers):
            g, found = layer.vjp(g)
            gradients = [*found, *gradients]
        return g, gradients


class Adam:
    """Gradient steps in the size that D. P. Kingma and J. Ba (2015) give each number: "Adam", arXiv:1412.6980."""

    def __init__(self, parameters: Arrays, rate: float) -> None:
        self.parameters, self.rate, self.steps = parameters, rate, 0
        self.means = [np.zeros_like(each) for each in parameters]
        self.squares = [np.zeros_like(each) for each in parameters]

    def step(self, gradients: Arrays) -> None:
        """Change the parameters in place."""
        self.steps += 1
        rate = self.rate * (1 - 0.999**self.steps) ** 0.5 / (1 - 0.9**self.steps)
        for values, gradient, mean, square in zip(self.parameters, gradients, self.means, self.squares, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            values -= rate * mean / (square**0.5 + 1e-8)


def cross_entropy(p: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean of ``-log p[label]`` over all rows, and its gradient by p."""
    rows = np.arange(len(labels))
    chosen = np.maximum(p[rows, labels], 1e-30)
    g = np.zeros_like(p)
    g[rows, labels] = -1 / chosen / len(labels)
    return float(-np.log(chosen).mean()), g


def accuracy(p: np.ndarray, labels: np.ndarray) -> float:
    """The share of rows of which the label has the largest value."""
    return float((p.argmax(axis=-1) == labels).mean())


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The numbers below ``count`` in a random order, ``size`` at a time."""
    yield from np.array_split(rng.permutation(count), -(-count // size))


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scikit-learn's handwritten digits: (training x, its labels, test x, its labels); one in four is for the test."""
    from sklearn.datasets import load_digits

    x, labels = load_digits(return_X_y=True)
    x = x / 16 - 0.3  # from 0 to 16, to about the same on both sides of zero
    order = np.random.default_rng(0).permutation(len(x))
    test, train = np.split(order, [len(x) // 4])
    return x[train], labels[train], x[test], labels[test]


def noisy(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images with noise, which a network can't learn by heart: it does better on new ones."""
    return x + rng.normal(0, 0.2, x.shape)


def options(description: str | None) -> argparse.Namespace:
    """The command line: ``short`` and ``plot``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--short", action="store_true", help="train for a few seconds, with a lower target")
    parser.add_argument("--plot", metavar="FILE", help="draw how it went into a PNG (needs matplotlib)")
    return parser.parse_args()


def draw(file: str, curves: dict[str, Sequence[float]], across: str, up: str) -> None:
    """Curves by name into a picture."""
    from matplotlib.figure import Figure

    axes = (figure := Figure(figsize=(7, 4), layout="constrained")).subplots()
    for name, values in curves.items():
        axes.plot(range(1, len(values) + 1), values, label=name)
    axes.set(xlabel=across, ylabel=up)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=120)
