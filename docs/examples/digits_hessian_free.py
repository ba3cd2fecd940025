"""Train the same network on handwritten digits by Hessian-free optimisation: Gauss-Newton products, no matrix.

J. Martens (2010), Deep learning via Hessian-free optimization: each step minimises a quadratic model of the loss by
conjugate gradients, and damps it as much as the model has been wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from network import Arrays, Network, accuracy, cross_entropy, digits, draw, noisy, options

LAYERS = [64, (64, "tanh+norm:z"), (32, "prelu"), (10, "softmax")]
DECAY = 1e-3  # of the sum of squares of all parameters, against overfitting
Product = Callable[[np.ndarray], np.ndarray]


class Objective:
    """The loss of a network on some images, as a function of one vector of all its parameters."""

    def __init__(self, network: Network, x: np.ndarray, labels: np.ndarray) -> None:
        self.network, self.x, self.labels = network, x, labels
        self.wanted = np.eye(10)[labels]
        self.splits = np.cumsum([each.size for each in network.parameters])[:-1]

    def arrays(self, vector: np.ndarray) -> Arrays:
        """The vector's numbers in the shapes of the parameters."""
        parts = np.split(vector, self.splits)
        return [part.reshape(each.shape) for part, each in zip(parts, self.network.parameters, strict=True)]

    def at(self, vector: np.ndarray) -> float:
        """Set the parameters, run the network, return the loss."""
        for live, values in zip(self.network.parameters, self.arrays(vector), strict=True):
            live[...] = values
        self.p = self.network(self.x)
        return cross_entropy(self.p, self.labels)[0] + DECAY / 2 * float(vector @ vector)

    def back(self, by_sums: np.ndarray) -> np.ndarray:
        """The gradient by all parameters, where the input of the softmax gets ``by_sums``."""
        *hidden, last = self.network.layers
        g, gradients = last.vjp_of_sums(by_sums)
        for layer in reversed(hidden):
            g, found = layer.vjp(g)
            gradients = [*found, *gradients]
        return np.concatenate([each.ravel() for each in gradients])

    def gradient(self, vector: np.ndarray) -> np.ndarray:
        """The gradient at the latest parameters. Through a softmax, that of the cross-entropy is a difference."""
        return self.back((self.p - self.wanted) / len(self.x)) + DECAY * vector

    def product(self, v: np.ndarray) -> np.ndarray:
        """The Gauss-Newton matrix, at the latest parameters, times v.

        The curvature of the cross-entropy by the input of the softmax is the Jacobian of the softmax. So one ``jvp``
        through all layers, softmax included, has that curvature in it already; what follows goes back from there.
        """
        change = np.zeros_like(self.x)
        changes = self.arrays(v)
        for layer in self.network.layers:
            change = layer.jvp(change, [changes.pop(0) for _ in layer.parameters])
        return self.back(change / len(self.x)) + DECAY * v

    def damped(self, damping: float) -> Product:
        """The product with that matrix, to the diagonal of which ``damping`` is added."""
        return lambda v: self.product(v) + damping * v


def conjugate_gradients(product: Product, b: np.ndarray, start: np.ndarray, most: int) -> list[np.ndarray]:
    """Every fifth of ever better solutions s of ``product(s) = b``, and the last.

    They end where the quadratic ``s.product(s)/2 - b.s``, which they minimise, hardly falls.
    """
    s, kept, values = start, [], []
    residual = b - product(s)
    direction, square = residual, residual @ residual
    for number in range(1, most + 1):
        curved = product(direction)
        length = square / (direction @ curved)
        s = s + length * direction
        residual = residual - length * curved
        direction, square = residual + (residual @ residual / square) * direction, residual @ residual
        values.append(-0.5 * float(s @ (residual + b)))
        if number % 5 == 0:
            kept.append(s)
        past = max(10, number // 10)
        if number > past and values[-1] - values[-1 - past] > 5e-4 * past * values[-1]:
            break
    return kept if number % 5 == 0 else [*kept, s]


def main() -> int:
    """Train and report; 0 where the target is met."""
    asked = options(__doc__)
    iterations, target = (6, 0.85) if asked.short else (20, 0.95)
    x, labels, test_x, test_labels = digits()
    network, rng = Network(LAYERS, seed=1), np.random.default_rng(2)
    vector = np.concatenate([each.ravel() for each in network.parameters])
    step, damping = np.zeros_like(vector), 1.0
    curves: dict[str, list[float]] = {"training": [], "test": []}
    for iteration in range(1, iterations + 1):
        objective = Objective(network, noisy(x, rng), labels)  # new noise each time, against overfitting
        loss, gradient = objective.at(vector), objective.gradient(vector)
        steps = conjugate_gradients(objective.damped(damping), -gradient, 0.95 * step, most=100)
        step = steps[-1]
        promised = float(gradient @ step + step @ objective.product(step) / 2)

        # Go back through the solutions on the way as long as they are better ones.
        losses = [objective.at(vector + step)]
        for earlier in reversed(steps[:-1]):
            losses.append(objective.at(vector + earlier))
            if losses[-1] >= losses[-2]:
                break
        best = int(np.argmin(losses))
        if losses[best] < loss:
            vector = vector + steps[-1 - best]

        # Levenberg and Marquardt: damp more where the model promised too much, less where it was right.
        kept = (losses[0] - loss) / promised
        damping *= 1.5 if kept < 0.25 else 2 / 3 if kept > 0.75 else 1

        objective.at(vector)
        curves["training"].append(accuracy(network(x), labels))
        curves["test"].append(accuracy(network(test_x), test_labels))
        print(
            f"iteration {iteration:2}: loss {min(loss, *losses):.4f}, damping {damping:.4f}, "
            f"accuracy {curves['training'][-1]:.2%} training, {curves['test'][-1]:.2%} test"
        )
    if asked.plot:
        draw(asked.plot, curves, "iteration", "accuracy")
    print(f"test accuracy {curves['test'][-1]:.2%}, target {target:.0%}")
    return 0 if curves["test"][-1] >= target else 1


if __name__ == "__main__":
    sys.exit(main())
