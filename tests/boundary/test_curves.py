from __future__ import annotations

import numpy as np
import pytest
from scipy.special import beta as beta_function

from edgewise.boundary import Counts, curve, k_grid, paired_difference, pass_at_k
from edgewise.boundary.counts import FloatArray
from edgewise.boundary.resampling import sign_flip_p
from edgewise.errors import InputError

A, B = 0.2, 1.5
KS = [1, 4, 16]


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def mean_pass_at_k(k: int) -> float:
    """E[1 - (1-p)^k] for p ~ Beta(A, B)."""
    return float(1 - beta_function(A, B + k) / beta_function(A, B))


def test_k_grid() -> None:
    assert k_grid(1) == [1]
    assert k_grid(7) == [1, 2, 4]
    assert k_grid(8) == [1, 2, 4, 8]
    with pytest.raises(InputError):
        k_grid(0)


def test_curve_is_the_mean_of_pass_at_k() -> None:
    counts = Counts.of([8, 16, 8], [1, 5, 0])
    found = curve(counts, [1, 8, 16])
    expected = (pass_at_k(8, 1, 8) + pass_at_k(16, 5, 8)) / 3
    assert found.value_K[1] == pytest.approx(expected)
    assert found.low_K[1] < expected < found.high_K[1]
    assert np.isnan([found.value_K[2], found.low_K[2], found.high_K[2]]).all()
    assert (found.n, found.problems) == (8, 3)


def test_same_seed_same_interval_and_other_seed_another() -> None:
    counts = draw(np.linspace(0, 1, 30), 16, 0)
    one, two, three = (curve(counts, [4], seed=seed) for seed in (1, 1, 2))
    assert one.low_K == two.low_K
    assert one.low_K != three.low_K


@pytest.mark.parametrize(("c", "side"), [(0, "low"), (16, "high")])
def test_all_failed_or_all_solved_is_not_a_certainty(c: int, side: str) -> None:
    found = curve(Counts.of(16, [c] * 40), [4])
    bound = 1 - 0.025 ** (1 / 40)
    if side == "low":
        assert (found.low_K[0], found.high_K[0]) == (0.0, pytest.approx(bound))
    else:
        assert (found.low_K[0], found.high_K[0]) == (pytest.approx(1 - bound), 1.0)


def test_constant_values_between_the_bounds_keep_a_width() -> None:
    found = curve(Counts.of(16, [4] * 40), [1])
    assert found.low_K[0] < 0.25 < found.high_K[0]
    same = Counts.of(16, list(range(17)))
    null = paired_difference(same, same, [1, 4])
    for low_K, high_K in ((null.low_K, null.high_K), (null.band_low_K, null.band_high_K)):
        assert (low_K < -0.1).all() and (high_K > 0.1).all()
    assert (null.band_high_K > null.high_K).all()


def test_pairing_removes_what_both_arms_share() -> None:
    p_P = np.linspace(0.05, 0.85, 60)
    base = Counts.of(100, np.round(100 * p_P).astype(int))
    tuned = Counts.of(100, np.round(100 * p_P).astype(int) + 5 + np.arange(60) % 3)
    found = paired_difference(base, tuned, [1])
    assert found.value_K[0] == pytest.approx(0.06)
    assert found.high_K[0] - found.low_K[0] < 0.01
    assert curve(base, [1]).high_K[0] - curve(base, [1]).low_K[0] > 0.1


def test_intervals_and_band_cover_the_truth() -> None:
    """Tuned is twice the draws of base, so the true difference is known for new problems.

    Nominal 95%; 300 repetitions have a standard error of 0.0126. An unpaired interval covers
    nearly always, one half as wide about 68%, a pointwise band below 90% over three k.
    """
    truth_K = np.array([mean_pass_at_k(2 * k) - mean_pass_at_k(k) for k in KS])
    base_truth_K = np.array([mean_pass_at_k(k) for k in KS])
    pointwise_K, joint, alone_K = np.zeros(3), 0, np.zeros(3)
    repetitions = 300
    for seed in range(repetitions):
        p_P: FloatArray = np.random.default_rng(seed).beta(A, B, 80)
        base, tuned = draw(p_P, 64, seed + 10_000), draw(1 - (1 - p_P) ** 2, 64, seed + 20_000)
        found = paired_difference(base, tuned, KS, resamples=500, seed=seed)
        pointwise_K += (found.low_K <= truth_K) & (truth_K <= found.high_K)
        joint += bool(((found.band_low_K <= truth_K) & (truth_K <= found.band_high_K)).all())
        alone = curve(base, KS, resamples=500, seed=seed)
        alone_K += (alone.low_K <= base_truth_K) & (base_truth_K <= alone.high_K)
    assert ((pointwise_K / repetitions > 0.915) & (pointwise_K / repetitions < 0.985)).all()
    assert ((alone_K / repetitions > 0.905) & (alone_K / repetitions < 0.985)).all()
    assert 0.91 < joint / repetitions < 0.985


def test_band_is_wider_than_a_single_interval() -> None:
    p_P: FloatArray = np.random.default_rng(0).beta(A, B, 300)
    found = paired_difference(draw(p_P, 64, 1), draw(p_P, 64, 2), [1, 2, 4, 8, 16])
    ratio_K = (found.band_high_K - found.band_low_K) / (found.high_K - found.low_K)
    assert (ratio_K > 1.1).all() and (ratio_K < 1.6).all()


@pytest.mark.parametrize(("up", "expected"), [(4, 0.125), (6, 0.03125)])
def test_sign_flip_p_is_exact_for_few_changed_problems(up: int, expected: float) -> None:
    values_PK = np.zeros((50, 1))
    values_PK[:up] = 1.0
    assert sign_flip_p(values_PK, 20_000, 0)[0] == pytest.approx(expected, rel=0.1)


def test_bad_input() -> None:
    counts = Counts.of(8, [1, 2])
    with pytest.raises(InputError, match=r"ks: .* ascend"):
        curve(counts, [4, 2])
    with pytest.raises(InputError, match="level: 95"):
        curve(counts, [1], level=95)
    with pytest.raises(InputError, match="resamples: 0"):
        curve(counts, [1], resamples=0)
    with pytest.raises(InputError, match="problem: 1 only in tuned"):
        paired_difference(counts, Counts.of(8, [1, 2, 3]), [1])
    with pytest.raises(InputError, match="c_P: 9 for problem 000001"):
        Counts.of(8, [1, 9])
    with pytest.raises(InputError, match="sorted and distinct"):
        Counts.of(8, [1, 2], problem=["b", "a"])
