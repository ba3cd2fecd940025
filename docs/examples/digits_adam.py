"""Train a network on handwritten digits with mini-batch Adam; gradients by the cells' vjp, learnt slopes included."""

from __future__ import annotations

import sys

import numpy as np
from network import Adam, Network, accuracy, batches, cross_entropy, digits, draw, noisy, options

LAYERS = [64, (64, "tanh+norm:z"), (32, "prelu"), (10, "softmax")]
RATE = 5e-3  # at first; it falls to nothing


def main() -> int:
    """Train and report; 0 where the target is met."""
    asked = options(__doc__)
    epochs, target = (8, 0.93) if asked.short else (60, 0.97)
    x, labels, test_x, test_labels = digits()
    network, rng = Network(LAYERS, seed=1), np.random.default_rng(2)
    adam = Adam(network.parameters, rate=RATE)
    curves: dict[str, list[float]] = {"training": [], "test": []}
    for epoch in range(1, epochs + 1):
        adam.rate = RATE * (1 - (epoch - 1) / epochs)
        for batch in batches(len(x), 64, rng):
            _, g = cross_entropy(network(noisy(x[batch], rng)), labels[batch])
            adam.step(network.vjp(g)[1])
        curves["training"].append(accuracy(network(x), labels))
        curves["test"].append(accuracy(network(test_x), test_labels))
        if epoch % 10 == 0 or epoch == epochs:
            print(f"epoch {epoch:3}: accuracy {curves['training'][-1]:.2%} training, {curves['test'][-1]:.2%} test")
    slopes = network.layers[1].cell.parameters["0.slope"]
    print(f"slopes of prelu, which began at 0.25: {slopes.min():.2f} to {slopes.max():.2f}")
    if asked.plot:
        draw(asked.plot, curves, "epoch", "accuracy")
    print(f"test accuracy {curves['test'][-1]:.2%}, target {target:.0%}")
    return 0 if curves["test"][-1] >= target else 1


if __name__ == "__main__":
    sys.exit(main())
