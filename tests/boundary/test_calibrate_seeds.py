"""The simulations of tools.pages.calibrate_seeds, in small: recipes without an effect, whose training seeds scatter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import stats

from tools.pages.calibrate_seeds import CASES, SHAPES, Recipe, seed_table, trial, truth


@pytest.mark.parametrize("shape", SHAPES)
def test_scatter_has_mean_0_and_standard_deviation_1(shape: str) -> None:
    effects_R = SHAPES[shape]((np.arange(200_000) + 0.5) / 200_000)
    assert effects_R.mean() == pytest.approx(0, abs=1e-3) and effects_R.std() == pytest.approx(1, abs=2e-3)
    skewness = {"normal": 0, "skewed": -1, "collapsing": -2}[shape]
    assert stats.skew(effects_R) == pytest.approx(skewness, abs=0.02)


def test_without_scatter_nothing_happens_and_with_it_hardly_anything_on_average() -> None:
    assert truth("normal", 0.0) == pytest.approx((0, 0, 0, 0), abs=1e-12)
    at_1, at_k, new, lost = truth("skewed", 0.4)
    assert abs(at_1) < 0.001 and abs(at_k) < 0.003
    assert new - lost == pytest.approx(at_k)


@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_hold_the_truth_and_false_claims_are_rare(seeds: int) -> None:
    runs = 150
    trials = np.array([trial(Recipe("normal", 0.4, 100, seeds), run) for run in range(runs)])
    held, false = trials[:, :4].mean(axis=0), trials[:, 4].sum()
    # What 1 of 1000 such tests would miss, of 93% and of 5%.
    assert held.min() * runs >= stats.binom.ppf(1e-3, runs, 0.93)
    assert false <= stats.binom.isf(1e-3, runs, 0.05)


def test_the_table_has_a_row_for_each_case_and_number_of_seeds() -> None:
    with ThreadPoolExecutor(1) as pool:
        lines = list(seed_table(pool, 0.0))
    assert len([line for line in lines if line.startswith("| ")]) == 1 + 3 * len(CASES)
