"""Tell at the end of a noisy sequence which of four cues began it: continuous units can, stateless ones can't."""

from __future__ import annotations

import sys

import numpy as np
from network import Adam, Arrays, Dense, Network, accuracy, cross_entropy, draw, options

CUES, STEPS = 4, 20
REMEMBERING = [CUES, (16, "continuous(tanh, tau=~5)", "scan"), (CUES, "softmax")]  # ~: each unit learns its own tau
STATELESS = [CUES, (16, "tanh"), (CUES, "softmax")]


class Scan(Dense):
    """A dense layer with state, which starts each sequence afresh: its first axis is time."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The outputs at all steps of x."""
        self.x, self.z = x, x @ self.weights + self.bias
        self.cell.reset()
        return self.cell.scan(self.z)

    def vjp(self, g: np.ndarray) -> tuple[np.ndarray, Arrays]:
        """The gradients by the latest input and by the parameters, backwards through time."""
        dz, learnt = self.cell.scan_vjp(self.z, g)
        dx, gradients = self.vjp_of_sums(dz)
        return dx, [*gradients, *learnt.values()]


def sequences(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noise of the shape (steps, count, cues), with a cue in the first step; and which one it is."""
    labels = rng.integers(0, CUES, count)
    x = rng.normal(0, 0.05, (STEPS, count, CUES))
    x[0, np.arange(count), labels] += 1
    return x, labels


def train(network: Network, rounds: int) -> list[float]:
    """Train on new sequences in each round; the accuracies on others."""
    rng, adam = np.random.default_rng(2), Adam(network.parameters, rate=0.05)
    test_x, test_labels = sequences(1000, np.random.default_rng(3))
    scores = []
    for number in range(1, rounds + 1):
        x, labels = sequences(64, rng)
        p = network(x)
        g = np.zeros_like(p)
        _, g[-1] = cross_entropy(p[-1], labels)  # only the last step is asked for
        adam.step(network.vjp(g)[1])
        if number % 20 == 0:
            scores.append(accuracy(network(test_x)[-1], test_labels))
    return scores


def main() -> int:
    """Train both and report; 0 where the one has learnt the task and the other has not."""
    asked = options(__doc__)
    rounds, target = (200, 0.8) if asked.short else (600, 0.95)
    remembering, stateless = Network(REMEMBERING, seed=1, scan=Scan), Network(STATELESS, seed=1)
    scores = {"continuous units": train(remembering, rounds), "stateless units": train(stateless, rounds)}
    tau = remembering.layers[0].cell.parameters["0.tau"]
    print(f"time constants, which began at 5 steps: {tau.min():.1f} to {tau.max():.1f}")
    if asked.plot:
        draw(asked.plot, scores, "rounds / 20", "accuracy")
    able, unable = (values[-1] for values in scores.values())
    print(
        f"accuracy {able:.1%} with continuous units, target {target:.0%}; {unable:.1%} without, chance {1 / CUES:.0%}"
    )
    return 0 if able >= target and abs(unable - 1 / CUES) < 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
