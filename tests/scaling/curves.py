"""Planted training curves: points of a known sigmoid, with noise of the evaluation and of the training seed."""

from __future__ import annotations

import numpy as np

from edgewise.scaling import Points, sigmoid

START, CEILING, STEEPNESS, MIDPOINT = 0.30, 0.645, 1.7, 1000.0


def planted(
    window: float = 4.6, *, points: int = 20, seeds: int = 1, noise: float = 0.004, between: float = 0.0, rng: int = 0
) -> Points:
    """Points up to `window` midpoints from compute 0 on; seeds differ in ceiling and midpoint by `between`."""
    random = np.random.default_rng(rng)
    compute = np.linspace(0, window * MIDPOINT, points)
    rewards = [
        sigmoid(
            compute,
            START,
            CEILING + random.normal(0, between),
            STEEPNESS,
            MIDPOINT * float(np.exp(random.normal(0, 10 * between))),
        )
        + random.normal(0, noise, points)
        for _ in range(seeds)
    ]
    return Points.of(np.tile(compute, seeds), np.concatenate(rewards), np.repeat(np.arange(seeds), points))
