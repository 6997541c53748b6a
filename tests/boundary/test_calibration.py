"""The simulations of tools.pages.calibrate, in small: verdicts and intervals against planted truth."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial

import numpy as np
import pytest
from scipy import stats

from tools.pages import calibrate
from tools.pages.calibrate import (
    Forgetting,
    Null,
    Planned,
    Sharpening,
    Skill,
    certified,
    coverage,
    null_label,
    planned_label,
    sharpening_label,
)
from tools.pages.populations import CLUSTERED, GSM, HEAVY, INFLATED, POPULATIONS, Population


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "RESAMPLES", 500)


def at_most(rate: float, runs: int) -> int:
    """The number of events that `runs` runs exceed in 1 of 1000 cases when each has probability `rate`."""
    return int(stats.binom.isf(1e-3, runs, rate))


def false_verdicts(population: Population, problems: int, n: int, runs: int) -> int:
    labels = Counter(map(partial(null_label, Null(population, problems, n)), range(runs)))
    return sum(labels[one] for one in calibrate.FALSE)


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda one: one.name)
def test_two_draws_of_one_model_are_not_called_a_change(population: Population) -> None:
    assert false_verdicts(population, 100, 64, runs=60) <= at_most(0.05, 60)


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda one: one.name)
def test_the_truth_of_a_population_is_the_mean_of_its_problems(population: Population) -> None:
    p_P, cluster_P = population.draw(400_000, np.random.default_rng(3))
    k_K = np.array([1, 4, 16])
    simulated_K = np.mean(1 - (1 - p_P[:, None]) ** k_K, axis=0)
    np.testing.assert_allclose(population.pass_at(k_K), simulated_K, atol=0.007)
    assert (cluster_P is not None) == (population.cluster > 1)


# Of GSM-like problems few are hard: where none of these is among those at hand, no interval can know of them.
COVERED = [population for population in POPULATIONS if population != GSM]


@pytest.mark.parametrize("population", COVERED, ids=lambda one: one.name)
def test_intervals_and_bands_hold_the_planted_truth(population: Population) -> None:
    case = Forgetting(population, 100 * population.cluster)
    rate_M = np.mean([coverage(case, seed) for seed in range(60)], axis=0)
    assert (rate_M >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / 60)).all()


@pytest.mark.parametrize("effect", [-0.1, 0.1])
def test_a_planted_change_is_claimed_as_often_as_planned(effect: float) -> None:
    case, runs = Planned(100, 64, effect), 80
    share, design = case.plan()
    labels = Counter(planned_label(case, share, seed) for seed in range(runs))
    wanted = calibrate.GAINS if effect > 0 else calibrate.LOSSES
    observed = sum(labels[label] for label in wanted) / runs
    assert observed == pytest.approx(design.power, abs=0.04 + 3 * math.sqrt(design.power * (1 - design.power) / runs))


def test_a_planted_skill_is_certified_and_nothing_else() -> None:
    assert [certified(Skill(2048, True), seed) for seed in range(2)] == [(1.0, False, True)] * 2
    assert certified(Skill(2048, False), 0) == (0.0, False, False)


def test_sharpening_is_never_extension() -> None:
    labels = Counter(sharpening_label(Sharpening(2000, 0.05), seed) for seed in range(3))
    assert labels == {"sharpened": 3}


@pytest.mark.slow
@pytest.mark.parametrize("population", POPULATIONS, ids=lambda one: one.name)
@pytest.mark.parametrize(("problems", "n"), [(30, 64), (500, 64)])
def test_two_draws_of_one_model_are_not_called_a_change_in_many_runs(
    population: Population, problems: int, n: int
) -> None:
    assert false_verdicts(population, problems, n, runs=250) <= at_most(0.05, 250)


@pytest.mark.slow
@pytest.mark.parametrize(("problems", "effect"), [(500, -0.05), (500, -0.04), (200, 0.05), (30, 0.2)])
def test_a_planted_change_is_claimed_as_often_as_planned_in_many_runs(problems: int, effect: float) -> None:
    """The prediction is within 8 points."""
    case, runs = Planned(problems, 64, effect), 200
    share, design = case.plan()
    wanted = calibrate.GAINS if effect > 0 else calibrate.LOSSES
    observed = sum(planned_label(case, share, seed) in wanted for seed in range(runs)) / runs
    assert observed == pytest.approx(design.power, abs=0.08 + 2 * math.sqrt(0.25 / runs))


@pytest.mark.slow
@pytest.mark.parametrize("population", [HEAVY, INFLATED, CLUSTERED], ids=lambda one: one.name)
def test_intervals_and_bands_hold_the_planted_truth_in_many_runs(population: Population) -> None:
    case = Forgetting(population, 100 * population.cluster)
    rate_M = np.mean([coverage(case, seed) for seed in range(400)], axis=0)
    assert (rate_M >= 0.91).all()
