from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.extrapolation import good_toulmin
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts


@pytest.mark.parametrize(("unreached", "truth"), [(0.0, 0.864), (0.2, 0.692)])
def test_twice_the_samples_are_predicted_without_bias(unreached: float, truth: float) -> None:
    rows = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p_P = rng.beta(0.4, 2, 500) * (rng.random(500) >= unreached)
        found = good_toulmin(Counts.of(128, rng.binomial(128, p_P)), bootstrap=Bootstrap(200, seed))
        true = float((1 - (1 - p_P) ** 256).mean())
        rows.append([found.pass_at_k.value, true, found.pass_at_k.low <= true <= found.pass_at_k.high])
    predicted, true, covered = np.mean(rows, axis=0)
    assert true == pytest.approx(truth, abs=0.01)
    assert predicted == pytest.approx(true, abs=0.008)
    assert covered > 0.9


@pytest.mark.parametrize(("problems", "n"), [(500, 64), (100, 16)])
def test_intervals_cover_where_every_problem_is_solved_rarely(problems: int, n: int) -> None:
    """Rates near .02: a problem's part is up to 2, so a mean near 1 is not at the end of what problems can be."""
    truth = float(np.mean(1 - (1 - np.random.default_rng(9).beta(20, 980, 400_000)) ** (2 * n)))
    covered = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = good_toulmin(Counts.of(n, rng.binomial(n, rng.beta(20, 980, problems)))).pass_at_k
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) > 0.91


@pytest.mark.parametrize("n", [8, 16, 64])
@pytest.mark.parametrize("factor", [1.25, 2.0])
def test_bias_is_bounded_whatever_the_success_rate(n: int, factor: float) -> None:
    """The expectation over all counts, at every rate: the plain series fails near p = 1."""
    # Problems solved once keep the mean off its clipping.
    mean_C = [
        good_toulmin(Counts.of(n, [c, 0, 0, 0, 0, 1, 1]), factor, bootstrap=Bootstrap(1)).pass_at_k.value
        for c in range(n + 1)
    ]
    part_C = 7 * (np.array(mean_C) - mean_C[0])
    for p in np.linspace(0, 1, 101):
        expected = stats.binom.pmf(np.arange(n + 1), n, p) @ part_C
        assert expected == pytest.approx(1 - (1 - p) ** (factor * n), abs=0.15 / n + 0.0003)


def test_first_terms_are_those_of_the_series() -> None:
    n, t = 100, 0.5
    solved_once, twice, never = 30, 10, 60
    found = good_toulmin(Counts.of(n, [0] * never + [1] * solved_once + [2] * twice), 1 + t, bootstrap=Bootstrap(10))
    assert found.k == 150
    assert found.newly_solved.value == pytest.approx(t * solved_once - t**2 * twice, rel=0.02)
    assert found.pass_at_k.value == pytest.approx(found.pass_at_n.value + found.newly_solved.value / 100)


def test_problems_solved_often_add_nothing() -> None:
    found = good_toulmin(Counts.of(32, [0] * 5 + [32] * 50 + [31] * 45), bootstrap=Bootstrap(10))
    assert found.newly_solved.value == 0
    assert found.pass_at_k.value == pytest.approx(0.95)


def test_a_problem_with_enough_samples_enters_unbiased_and_others_by_their_own_step() -> None:
    n_P, c_P = np.array([16, 40, 24]), np.array([1, 3, 1])
    found = good_toulmin(Counts.of(n_P, c_P), bootstrap=Bootstrap(10))
    weight = float(stats.binom.sf(0, 8, 0.5))
    expected = np.mean([1 + weight, pass_at_k(40, 3, 32), 1 + weight * (32 / 24 - 1)])
    now = np.mean(pass_at_k(n_P, c_P, 16))
    assert found.k == 32
    assert found.pass_at_n.value == pytest.approx(now)
    assert found.pass_at_k.value == pytest.approx(min(1.0, expected))


def test_never_below_what_is_solved_nor_above_all() -> None:
    for c in ([2] * 10 + [0] * 5, [1] * 14 + [0]):
        found = good_toulmin(Counts.of(16, c), bootstrap=Bootstrap(50))
        assert found.pass_at_n.value <= found.pass_at_k.value <= 1
        assert 0 <= found.newly_solved.low <= found.newly_solved.value <= found.newly_solved.high
        assert found.newly_solved.value <= c.count(0) + 1e-9


def test_no_success_predicts_none_with_an_interval_that_is_not_empty() -> None:
    found = good_toulmin(Counts.of(16, [0] * 40), bootstrap=Bootstrap(50))
    assert found.pass_at_k.value == 0
    assert found.pass_at_k.high > 0.05


def test_nothing_is_predicted_from_fewer_than_eight_samples() -> None:
    assert np.isnan(good_toulmin(Counts.of(7, [1, 0, 2]), bootstrap=Bootstrap(5)).pass_at_k.value)


@pytest.mark.parametrize("factor", [1.0, 0.5, 2.01, 10.0, float("nan")])
def test_a_factor_where_the_series_fails_is_refused(factor: float) -> None:
    with pytest.raises(InputError, match="factor"):
        good_toulmin(Counts.of(16, [1, 0]), factor)
