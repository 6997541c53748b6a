from __future__ import annotations

import numpy as np
import pytest
from scipy.special import beta as beta_function

from edgewise.boundary import Counts, curve, k_grid, paired_difference, pass_at_k, pass_at_k_variance
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.curves import Curve, Difference, problem_pass_at_k
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray

A, B = 0.2, 1.5
KS = [1, 2, 4, 8, 16]


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def mean_pass_at_k(k: int) -> float:
    """E[1 - (1-p)^k] for p ~ Beta(A, B)."""
    return float(1 - beta_function(A, B + k) / beta_function(A, B))


# The share of problems with p = 0; the others are Beta(A, B).
ZEROS = {"beta": 0.0, "zero-inflated 30%": 0.3, "zero-inflated 50%": 0.5, "shared": 0.0, "correlated": 0.0}


def population(kind: str, problems: int, seed: int) -> tuple[FloatArray, IntArray | None]:
    """Success rates, and clusters of 3 to 8 problems that share their rate, or half of them do."""
    rng = np.random.default_rng((seed, problems))
    if kind in ("shared", "correlated"):
        size_C = rng.integers(3, 9, problems)
        cluster_P = np.repeat(np.arange(problems), size_C)[:problems]
        p_P: FloatArray = rng.beta(A, B, problems)[cluster_P]
        own_P = rng.random(problems) < (0.5 if kind == "correlated" else 0)
        return np.where(own_P, rng.beta(A, B, problems), p_P), cluster_P
    return np.where(rng.random(problems) < ZEROS[kind], 0, rng.beta(A, B, problems)), None


def covered(kind: str, times: int, problems: int, runs: int, resamples: int) -> tuple[FloatArray, float]:
    """How often the intervals hold the truth at each k, and the band at all of them.

    Tuned has the success rate of `times` draws of the base, so the truth is known: with 1, two
    draws of one model; with 0, the curve of the base alone.
    """
    share = 1 - ZEROS[kind]
    truth_K = np.array([mean_pass_at_k(max(times, 1) * k) - (times > 0) * mean_pass_at_k(k) for k in KS]) * share
    alone_K, jointly = np.zeros(len(KS)), 0
    for seed in range(runs):
        p_P, cluster_P = population(kind, problems, seed)
        rng = np.random.default_rng((seed, 1))
        base = Counts.of(64, rng.binomial(64, p_P), cluster=cluster_P)
        found: Curve | Difference
        if times:
            tuned = Counts.of(64, rng.binomial(64, 1 - (1 - p_P) ** times), cluster=cluster_P)
            found = paired_difference(base, tuned, KS, bootstrap=Bootstrap(resamples, seed))
        else:
            found = curve(base, KS, bootstrap=Bootstrap(resamples, seed))
        alone_K += (found.low_K <= truth_K) & (truth_K <= found.high_K)
        jointly += bool(((found.band_low_K <= truth_K) & (truth_K <= found.band_high_K)).all())
    return alone_K / runs, jointly / runs


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
    one, two, three = (curve(counts, [4], bootstrap=Bootstrap(seed=seed)) for seed in (1, 1, 2))
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


@pytest.mark.parametrize(("kind", "times"), [("beta", 2), ("zero-inflated 50%", 0), ("zero-inflated 50%", 2)])
def test_intervals_and_band_cover_the_truth_at_30_problems(kind: str, times: int) -> None:
    """Nominal 95%; 150 runs have a standard error of 1.8%. A band with fixed standard errors covers
    82% to 89% here, an expanded percentile interval 87% to 93% at k = 1."""
    alone_K, jointly = covered(kind, times, problems=30, runs=150, resamples=300)
    assert (alone_K > 0.9).all() and (alone_K <= 1).all()
    assert 0.925 < jointly < 0.99


def test_two_draws_of_one_model_lie_within_the_band() -> None:
    alone_K, jointly = covered("beta", 1, problems=60, runs=100, resamples=300)
    assert (alone_K > 0.91).all() and jointly > 0.92


@pytest.mark.slow
@pytest.mark.parametrize("problems", [30, 60, 200, 500])
@pytest.mark.parametrize("times", [0, 1, 2])
@pytest.mark.parametrize("kind", list(ZEROS))
def test_intervals_and_band_cover_the_truth(
    kind: str, times: int, problems: int, request: pytest.FixtureRequest
) -> None:
    """400 runs have a standard error of 1.1%. Intervals may cover more than 97% where hardly a
    dozen units differ: between two draws of one model, and with 5 to 12 clusters."""
    if (kind, times, problems) == ("shared", 2, 30):
        short = pytest.mark.xfail(strict=True, reason="with few clusters the band covers 90.75%, below the 92% asked")
        request.node.add_marker(short)
    alone_K, jointly = covered(kind, times, problems, runs=400, resamples=800)
    few = times == 1 or (kind in ("shared", "correlated") and problems <= 60) or (kind[:4] == "zero" and problems == 30)
    assert (alone_K > 0.91).all() and ((alone_K < 0.985).all() or few)
    assert jointly > 0.92 and (jointly < 0.985 or few)


def test_fixed_set_interval_covers_new_samples_of_the_same_problems() -> None:
    """150 runs at 95% have a standard error of 1.8%; over new problems the interval is 3 to 10
    times as wide."""
    p_P, _ = population("zero-inflated 30%", 40, 5)
    q_P = np.where(p_P > 0.3, 1 - (1 - p_P) ** 2, p_P / 2)
    base_K, tuned_K = ([np.mean(1 - (1 - one_P) ** k) for k in KS] for one_P in (p_P, q_P))
    base_held_K, change_held_K = np.zeros(len(KS)), np.zeros(len(KS))
    for seed in range(150):
        base, tuned = draw(p_P, 64, seed), draw(q_P, 64, seed + 1000)
        alone, change = (
            curve(base, KS, bootstrap=Bootstrap(1)),
            paired_difference(base, tuned, KS, bootstrap=Bootstrap(1)),
        )
        base_held_K += (alone.fixed_low_K <= base_K) & (base_K <= alone.fixed_high_K)
        truth_K = np.subtract(tuned_K, base_K)
        change_held_K += (change.fixed_low_K <= truth_K) & (truth_K <= change.fixed_high_K)
    for held_K in (base_held_K, change_held_K):
        assert ((held_K / 150 > 0.9) & (held_K / 150 < 0.99)).all()


def test_fixed_set_variance_is_the_sum_of_the_problems() -> None:
    base, tuned = draw(np.linspace(0, 1, 50), 64, 0), draw(np.linspace(0, 1, 50), 64, 1)
    found = paired_difference(base, tuned, [1, 8, 32, 64])
    variance_K = np.zeros(3)
    for arm in (base, tuned):
        variance_K += pass_at_k_variance(arm.n_P[:, None], arm.c_P[:, None], np.array([1, 8, 32])).sum(axis=0) / 50**2
    half_K = (found.fixed_high_K - found.fixed_low_K) / 2
    assert half_K[:3] == pytest.approx(1.959964 * np.sqrt(variance_K))
    assert np.isnan(half_K[3]) and not np.isnan(found.value_K[3])


def test_fixed_set_without_a_success_keeps_what_the_samples_leave_open() -> None:
    """No success in 40 x 16 samples: p averages below 1 - 0.025^(1/640)."""
    found = curve(Counts.of(16, [0] * 40), [1, 4])
    assert found.fixed_low_K.tolist() == [0, 0]
    assert found.fixed_high_K == pytest.approx([1 - 0.025 ** (1 / 640), 1 - 0.025 ** (4 / 640)])


def test_problem_pass_at_k_is_pass_at_k_of_every_problem() -> None:
    counts = Counts.of([8, 16, 8, 9], [1, 5, 1, 9])
    expected_PK = pass_at_k(counts.n_P[:, None], counts.c_P[:, None], np.array([1, 8, 9]))
    assert np.array_equal(problem_pass_at_k(counts, [1, 8, 9]), expected_PK, equal_nan=True)


def test_clusters_are_resampled_whole() -> None:
    p_P = np.repeat(np.random.default_rng(0).beta(A, B, 60), 5)
    c_P, d_P = (np.random.default_rng(seed).binomial(64, 1 - (1 - p_P) ** seed) for seed in (1, 2))
    cluster = np.repeat(np.arange(60), 5)
    alone = paired_difference(Counts.of(64, c_P), Counts.of(64, d_P), KS)
    together = paired_difference(Counts.of(64, c_P, cluster=cluster), Counts.of(64, d_P, cluster=cluster), KS)
    assert (together.high_K - together.low_K > 1.2 * (alone.high_K - alone.low_K)).all()
    assert together.fixed_high_K == pytest.approx(alone.fixed_high_K)
    assert (together.p_K >= alone.p_K).all()
    one, other = curve(Counts.of(64, c_P), KS), curve(Counts.of(64, c_P, cluster=cluster), KS)
    assert (other.band_high_K - other.band_low_K > 1.5 * (one.band_high_K - one.band_low_K)).all()


def test_band_is_wider_than_a_single_interval() -> None:
    p_P: FloatArray = np.random.default_rng(0).beta(A, B, 300)
    found = paired_difference(draw(p_P, 64, 1), draw(p_P, 64, 2), [1, 2, 4, 8, 16])
    ratio_K = (found.band_high_K - found.band_low_K) / (found.high_K - found.low_K)
    assert (ratio_K > 1.1).all() and (ratio_K < 1.6).all()


def test_bad_input() -> None:
    counts = Counts.of(8, [1, 2])
    with pytest.raises(InputError, match=r"ks: .* ascend"):
        curve(counts, [4, 2])
    with pytest.raises(InputError, match="confidence: 95"):
        curve(counts, [1], bootstrap=Bootstrap(confidence=95))
    with pytest.raises(InputError, match="resamples: 0"):
        curve(counts, [1], bootstrap=Bootstrap(0))
    with pytest.raises(InputError, match="problem: 1 only in tuned"):
        paired_difference(counts, Counts.of(8, [1, 2, 3]), [1])
    with pytest.raises(InputError, match="c_P: 9 for problem 000001"):
        Counts.of(8, [1, 9])
    with pytest.raises(InputError, match="sorted and distinct"):
        Counts.of(8, [1, 2], problem=["b", "a"])


def test_bounds_rise_with_k_as_pass_at_k_does() -> None:
    """Few problems and one that is hardly ever solved: at large k it carries all of the spread."""
    found = curve(Counts.of(2048, [1, *range(100, 1200, 100)]), k_grid(2048), bootstrap=Bootstrap(300))
    for ends in (found.band_low_K, found.band_high_K):
        assert (np.diff(ends) >= 0).all()
    assert (found.low_K >= found.band_low_K).all() and (found.high_K <= found.band_high_K).all()
    assert (found.low_K <= found.value_K).all() and (found.value_K <= found.high_K).all()
    assert found.low_K[-1] > 0.3
    short = curve(Counts.of([4, 8], [1, 2]), [1, 2, 4, 8], bootstrap=Bootstrap(50))
    assert np.isnan(short.band_low_K).tolist() == np.isnan(short.band_high_K).tolist() == [False, False, False, True]
