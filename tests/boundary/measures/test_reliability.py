from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import ceil, comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.cover import cover
from edgewise.boundary.measures.reliability import g_pass_at_k, mean_g_pass_at_k, pass_hat_k, reliability
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts

TAUS = (Fraction(0), Fraction(1, 5), Fraction(1, 4), Fraction(1, 2), Fraction(5, 6), Fraction(1))


def numbers_correct(n: int, c: int, k: int) -> list[int]:
    """The number correct in every k-subset of n samples of which c are."""
    return [sum(one) for one in combinations([1] * c + [0] * (n - c), k)]


def chance(n: int, c: int, k: int, j: int) -> Fraction:
    return Fraction(comb(c, j) * comb(n - c, k - j), comb(n, k)) if j <= c else Fraction(0)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_all_three_are_means_over_every_subset(n: int) -> None:
    for c in range(n + 1):
        for k in range(1, n + 1):
            correct = numbers_correct(n, c, k)

            def share(least: int, correct: Sequence[int] = correct) -> float:
                return float(Fraction(sum(x >= least for x in correct), len(correct)))

            assert pass_hat_k(n, c, k) == pytest.approx(share(k), rel=1e-13, abs=0)
            for tau in TAUS:
                least = max(1, ceil(tau * k))
                assert g_pass_at_k(n, c, k, float(tau)) == pytest.approx(share(least), rel=1e-12, abs=0)
            excess = sum(Fraction(max(x - ceil(Fraction(k, 2)), 0)) for x in correct) / len(correct)
            assert mean_g_pass_at_k(n, c, k) == pytest.approx(float(excess * 2 / k), rel=1e-12, abs=0)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_large_numbers_match_exact_rationals(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 3000))
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    tau = data.draw(st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(9, 10)]))
    least = max(1, ceil(tau * k))
    chances = [chance(n, c, k, j) for j in range(k + 1)]
    exact = sum(chances[least:])
    if exact > Fraction(1, 10**250):
        assert g_pass_at_k(n, c, k, float(tau)) == pytest.approx(float(exact), rel=1e-9, abs=0)
    assert pass_hat_k(n, c, k) == pytest.approx(float(chances[k]), rel=1e-10, abs=1e-300)
    half = ceil(Fraction(k, 2))
    mean = Fraction(2, k) * sum((j - half) * chances[j] for j in range(half + 1, k + 1))
    assert mean_g_pass_at_k(n, c, k) == pytest.approx(float(mean), rel=1e-9, abs=1e-250)


def test_the_thresholds_meet_pass_at_k_and_pass_hat_k_at_their_ends() -> None:
    n, k = 64, 12
    c = np.arange(n + 1)
    assert g_pass_at_k(n, c, k, 0.0) == pytest.approx(pass_at_k(n, c, k), rel=1e-10)
    assert g_pass_at_k(n, c, k, 1.0) == pytest.approx(pass_hat_k(n, c, k), rel=1e-10)
    values = g_pass_at_k(n, c[:, None], k, np.linspace(0, 1, 30))
    assert (np.diff(values, axis=1) <= 0).all() and (values <= 1).all()


@pytest.mark.parametrize(
    ("tau", "k", "least"), [(0.2, 5, 1), (5 / 6, 6, 5), (0.07, 100, 7), (0.55, 100, 55), (0.29, 100, 29), (0.21, 5, 2)]
)
def test_a_threshold_that_is_whole_but_for_rounding_is_whole(tau: float, k: int, least: int) -> None:
    n = 2 * k
    exact = float(sum(chance(n, k, k, j) for j in range(least, k + 1)))
    assert g_pass_at_k(n, k, k, tau) == pytest.approx(exact, rel=1e-12)


def test_mean_g_pass_reaches_one_only_for_even_k() -> None:
    assert [mean_g_pass_at_k(8, 8, k) for k in (1, 2, 3, 4)] == pytest.approx([0, 1, 2 / 3, 1])


def test_nan_below_k_samples_floats_for_numbers_and_broadcasting() -> None:
    assert isinstance(pass_hat_k(4, 2, 2), float)
    assert isinstance(g_pass_at_k(4, 2, 2, 0.5), float)
    assert isinstance(mean_g_pass_at_k(4, 2, 2), float)
    n_P, c_P, k_K = np.array([4, 8]), np.array([2, 7]), np.array([1, 2, 8])
    for values in (
        pass_hat_k(n_P[:, None], c_P[:, None], k_K),
        g_pass_at_k(n_P[:, None], c_P[:, None], k_K, 0.5),
        mean_g_pass_at_k(n_P[:, None], c_P[:, None], k_K),
    ):
        assert np.isnan(values).tolist() == [[False, False, True], [False, False, False]]
    assert g_pass_at_k(8, 7, [1, 2], [[0.5], [1.0]]).tolist() == pytest.approx(np.array([[7 / 8, 1.0], [7 / 8, 6 / 8]]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 5, 1, 0.5), "c: .* above n"),
        ((4, -1, 1, 0.5), "below 0"),
        ((4, 1, 0, 0.5), "k: 0"),
        ((4, 1, 1, 1.5), "tau"),
    ],
)
def test_bad_input(arguments: tuple[int, int, int, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        g_pass_at_k(*arguments)
    if message != "tau":
        with pytest.raises(InputError, match=message):
            pass_hat_k(*arguments[:3])
        with pytest.raises(InputError, match=message):
            mean_g_pass_at_k(*arguments[:3])


def test_reliability_is_the_mean_over_problems_and_its_interval_holds_it() -> None:
    n, c = np.array([16, 32, 16, 64]), np.array([3, 30, 16, 10])
    found = reliability(Counts.of(n, c), [1, 4, 32], taus=(0.5, 1.0), bootstrap=Bootstrap(500))
    for j, k in enumerate((1, 4)):
        assert found.pass_hat_K[j] == pytest.approx(pass_hat_k(n, c, k).mean())
        assert found.mean_g_pass_K[j] == pytest.approx(mean_g_pass_at_k(n, c, k).mean())
        assert found.g_pass_HK[0, j] == pytest.approx(g_pass_at_k(n, c, k, 0.5).mean())
        assert found.g_pass_HK[1, j] == pytest.approx(found.pass_hat_K[j])
    inside = (found.g_pass_low_HK <= found.g_pass_HK) & (found.g_pass_HK <= found.g_pass_high_HK)
    assert inside[:, :2].all()
    assert (found.pass_hat_low_K[:2] < found.pass_hat_high_K[:2]).all()
    assert (found.mean_g_pass_low_K[1:2] < found.mean_g_pass_high_K[1:2]).all()
    assert np.isnan(found.pass_hat_K[2]) and np.isnan(found.g_pass_HK[:, 2]).all()
    assert (found.n, found.problems) == (16, 4)


def test_the_interval_covers_the_truth_of_new_problems() -> None:
    rng, covered = np.random.default_rng(5), 0
    truth = special.beta(1.5 + 4, 1.0) / special.beta(1.5, 1.0)
    for seed in range(150):
        c = rng.binomial(32, rng.beta(1.5, 1.0, size=60))
        found = reliability(Counts.of(32, c), [4], taus=(1.0,), bootstrap=Bootstrap(400, seed))
        covered += found.pass_hat_low_K[0] <= truth <= found.pass_hat_high_K[0]
    assert 0.89 <= covered / 150 <= 0.99


def test_problems_of_one_cluster_are_resampled_together() -> None:
    counts = Counts.of(16, np.repeat([2, 8, 15, 10], 10))
    apart = reliability(counts, [2], bootstrap=Bootstrap(500))
    together = reliability(replace(counts, cluster_P=np.repeat(np.arange(4), 10)), [2], bootstrap=Bootstrap(500))
    assert np.ptp([together.pass_hat_low_K, together.pass_hat_high_K]) > 2 * np.ptp(
        [apart.pass_hat_low_K, apart.pass_hat_high_K]
    )
    wide = cover(replace(counts, cluster_P=np.repeat(np.arange(4), 10)), [0.5], bootstrap=Bootstrap(500))
    narrow = cover(counts, [0.5], bootstrap=Bootstrap(500))
    assert wide.high_H[0] - wide.low_H[0] > 2 * (narrow.high_H[0] - narrow.low_H[0])
