"""Problems of one template that change together are found; those that do not are not, whatever they share."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.boundary import Counts
from edgewise.boundary.dependence.templates import MOVING_TOGETHER, moving_together


def pair(rng: np.random.Generator, shift: float, alike: bool, size: int = 10) -> tuple[Counts, Counts]:
    """500 problems in templates; tuning moves each template's log-odds by a normal number with this deviation."""
    templates = 500 // size
    rate_P = np.repeat(rng.beta(0.5, 0.5, templates), size) if alike else rng.beta(0.5, 0.5, 500)
    odds_P = rate_P / np.maximum(1 - rate_P, 1e-9) * np.repeat(np.exp(rng.normal(0, shift, templates)), size)
    return Counts.of(64, rng.binomial(64, rate_P)), Counts.of(64, rng.binomial(64, odds_P / (1 + odds_P)))


@pytest.mark.parametrize("alike", [True, False])
def test_templates_that_move_are_found_and_others_are_not(alike: bool) -> None:
    """Of 100 clean pairs one alarm is expected; more than 5 have a probability below 0.001."""
    rng = np.random.default_rng(1)
    group_P = np.repeat(np.arange(50), 10)
    p = {shift: np.array([moving_together(*pair(rng, shift, alike), group_P).p for _ in range(runs)])
         for shift, runs in ((0.0, 100), (0.3, 10), (0.7, 10))}  # fmt: skip
    assert (p[0.0] <= MOVING_TOGETHER).sum() <= 5
    assert (p[0.3] <= MOVING_TOGETHER).sum() >= 9
    assert (p[0.7] <= MOVING_TOGETHER).all()


def test_levels_that_move_are_no_templates() -> None:
    base, tuned = pair(np.random.default_rng(2), 0.7, True)
    level = np.repeat(np.arange(50), 10)
    of_levels = [Counts.of(arm.n_P, arm.c_P, level=level) for arm in (base, tuned)]
    assert moving_together(of_levels[0], of_levels[1], level).p > 0.5
    assert moving_together(base, tuned, level).p <= MOVING_TOGETHER
