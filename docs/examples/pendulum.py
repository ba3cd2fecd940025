"""Steer a pendulum to upright with a small network that is trained through the plant: back through the closed loop."""

from __future__ import annotations

import sys

import numpy as np
from network import Adam, Arrays, Network, draw, options

import actspec

LAYERS = [3, (16, "tanh"), (1, "tanh")]


class Pendulum(actspec.Plant):
    """A rod of one metre with a motor: its state is the angle from upright and its speed, its input the motor's power.

    The derivatives that training needs come from these formulas.
    """

    def step(self, state, action):
        """The state 0.05 s later. The motor, from -1 to 1, is a bit stronger than gravity."""
        angle, speed = state[:, 0], state[:, 1]
        speed = speed + 0.05 * (9.81 * np.sin(angle) + 15 * action[:, 0] - 0.1 * speed)
        return np.stack([angle + 0.05 * speed, speed], axis=1)

    def observe(self, state):
        """What the network sees: where the tip is, and the speed in fifths."""
        return np.stack([np.sin(state[:, 0]), np.cos(state[:, 0]), state[:, 1] / 5], axis=1)

    def target(self, state):
        """What it should see: upright and at rest, at all times."""
        return np.ones((len(state), 1)) * [0.0, 1.0, 0.0]


def starts(count: int, rng: np.random.Generator) -> np.ndarray:
    """Any angle, and speeds in both directions."""
    return rng.uniform([-np.pi, -1], [np.pi, 1], (count, 2))


def run(plant: Pendulum, network: Network) -> None:
    """Let the network steer for all of the plant's steps."""
    x = plant(None)
    for _ in range(plant.steps - 1):
        x = plant(network(x))


def gradients(plant: Pendulum, network: Network) -> tuple[float, Arrays]:
    """The mean square of what the inputs lack to their targets, and its gradient by the network's parameters."""
    seen, slopes = [plant(None)], []
    for _ in range(plant.steps - 1):
        seen.append(plant(network(seen[-1])))
        slopes.append((plant.d_input, plant.d_state, plant.d_output))
    inputs, targets = plant.get_vecs()
    missed = inputs - targets
    by_inputs = 2 * missed / missed.size
    total = [np.zeros_like(each) for each in network.parameters]
    by_state = np.zeros_like(plant.state)
    g = np.zeros_like(seen[0])  # by what the network was given
    for number in reversed(range(len(slopes))):
        d_input, d_state, d_output = slopes[number]
        by_state = by_state + np.einsum("bis,bi->bs", d_output, by_inputs[:, number + 1] + g)
        network(seen[number])  # its layers remember their latest call alone
        g, found = network.vjp(np.einsum("bsa,bs->ba", d_input, by_state))
        for sums, each in zip(total, found, strict=True):
            sums += each
        by_state = np.einsum("bst,bs->bt", d_state, by_state)
    return float((missed**2).mean()), total


def main() -> int:
    """Train and report; 0 where the target is met."""
    asked = options(__doc__)
    rounds, target = (40, 0.8) if asked.short else (100, 0.98)
    network, rng = Network(LAYERS, seed=1), np.random.default_rng(2)
    plant, adam = Pendulum(starts(64, rng), steps=30), Adam(network.parameters, rate=0.05)
    for number in range(1, rounds + 1):
        adam.rate = 0.05 * (1 - (number - 1) / rounds)
        plant.reset(starts(64, rng))
        loss, found = gradients(plant, network)
        adam.step(found)
        if number % 20 == 0:
            print(f"round {number:3}: loss {loss:.4f}")

    test = Pendulum(starts(500, np.random.default_rng(3)), steps=200)
    run(test, network)
    up = test.get_vecs()[0][:, -20:, 1]  # cosines in the last second
    score = float((up.min(axis=1) > np.cos(np.radians(10))).mean())
    if asked.plot:
        angles = np.degrees(np.arccos(test.get_vecs()[0][:8, :, 1]))
        draw(
            asked.plot,
            {f"start {n}": each for n, each in enumerate(angles, 1)},
            "step of 0.05 s",
            "degrees off upright",
        )
    print(f"upright within 10 degrees, 9 to 10 s after 500 new starts: {score:.1%}, target {target:.0%}")
    return 0 if score >= target else 1


if __name__ == "__main__":
    sys.exit(main())
