from __future__ import annotations

import numpy as np
import pytest

from edgewise.boundary import Counts, curve
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.efficiency import efficiency
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def share_solved(share: float, problems: int = 1000) -> Counts:
    """A set on which pass@k is `share` at every k."""
    return Counts.of(256, [256] * round(share * problems) + [0] * round((1 - share) * problems))


@pytest.mark.parametrize(
    ("tuned", "expected"),
    [
        ("RLOO", 41.0),
        ("Reinforce++", 41.1),
        ("PPO", 42.3),
        ("DAPO", 42.6),
        ("GRPO", 44.0),
        ("ReMax", 45.3),
    ],
)
def test_sampling_efficiency_gap_of_the_published_table(tuned: str, expected: float) -> None:
    """Omni-Test of arXiv:2504.13837: pass@256 of the base is 69.1%, pass@1 of the arms as below."""
    pass_1 = {"RLOO": 28.1, "Reinforce++": 28.0, "PPO": 26.8, "DAPO": 26.5, "GRPO": 25.1, "ReMax": 23.8}[tuned]
    found = efficiency(share_solved(0.691), share_solved(pass_1 / 100), 256, bootstrap=Bootstrap(200))
    assert 100 * found.delta_se.value == pytest.approx(expected)
    assert found.delta_se.low < expected / 100 < found.delta_se.high


def test_the_base_needs_as_many_samples_as_tuning_saved() -> None:
    """Tuned has the success rate of four draws of the base: pass@1 of tuned is pass@4 of the base."""
    p_P = np.random.default_rng(0).beta(0.5, 2, 2000)
    found = efficiency(draw(p_P, 64, 1), draw(1 - (1 - p_P) ** 4, 64, 2), 16)
    assert found.k_eq.value == pytest.approx(4, rel=0.05)
    assert found.k_eq.low < 4 < found.k_eq.high
    assert (found.k_limit, found.n, found.problems, found.k) == (32, 64, 2000, 16)


def test_budget_equivalence_is_interpolated_in_log_k() -> None:
    """The base's pass@k is k/64; pass@1 of tuned is 3/64, half of the way from 2 to 4."""
    base = Counts.of(64, [1] * 50)
    assert efficiency(base, Counts.of(64, [3] * 50), 4).k_eq.value == pytest.approx(2 * 2**0.5)
    assert efficiency(base, Counts.of(64, [4] * 50), 4).k_eq.value == pytest.approx(4)


def test_n_that_is_no_power_of_two_is_used_to_its_end() -> None:
    """Pass@48 is 1, so the base reaches 40/48 between 32 and 48."""
    value = efficiency(Counts.of(48, [1] * 50), Counts.of(48, [40] * 50), 4).k_eq.value
    assert value == pytest.approx(32 * 1.5 ** (8 / 16))


def test_one_sample_is_enough_where_tuning_did_not_help() -> None:
    found = efficiency(Counts.of(64, [30] * 50), Counts.of(64, [20] * 50), 4)
    assert (found.k_eq.value, found.k_eq.low, found.k_eq.high) == (1, 1, 1)


def test_what_the_base_never_reaches_is_infinite() -> None:
    found = efficiency(share_solved(0.3), share_solved(0.9), 4, bootstrap=Bootstrap(200))
    assert (found.k_eq.value, found.k_eq.low, found.k_eq.high) == (np.inf, np.inf, np.inf)
    near = efficiency(share_solved(0.5, 40), share_solved(0.5, 40), 4)
    assert (near.k_eq.low, near.k_eq.high) == (1, 1)


def test_an_interval_may_be_open_upwards() -> None:
    """Tuned's 4 sure problems of 40 against 5 others that the base finds once in 64 samples."""
    base = Counts.of(64, [0] * 35 + [1] * 5)
    tuned = Counts.of(64, [64] * 4 + [0] * 36)
    found = efficiency(base, tuned, 4)
    assert 32 < found.k_eq.value < 64
    assert found.k_eq.high == np.inf
    assert found.k_eq.low < 64


def test_area_is_the_mean_height_over_log_k() -> None:
    base, tuned = Counts.of(64, [1] * 50), Counts.of(64, [64] * 50)
    found = efficiency(base, tuned, 4)
    assert found.auc_base.value == pytest.approx((1 / 2 + 2 + 4 / 2) / 2 / 64)
    assert found.auc_tuned.value == pytest.approx(1)
    assert found.auc_difference.value == pytest.approx(found.auc_tuned.value - found.auc_base.value)
    odd = efficiency(base, tuned, 3).auc_base.value
    steps = np.log2([2, 1.5])
    assert odd == pytest.approx((steps[0] * 1.5 + steps[1] * 2.5) / steps.sum() / 64)


def test_at_k_1_everything_is_pass_at_1() -> None:
    base, tuned = draw(np.linspace(0, 1, 50), 8, 0), draw(np.linspace(0, 1, 50), 8, 1)
    found = efficiency(base, tuned, 1)
    assert found.auc_base.value == pytest.approx(curve(base, [1]).value_K[0])
    assert found.delta_se.value == pytest.approx(-found.auc_difference.value)


def test_intervals_cover_planted_truth() -> None:
    """p ~ Beta(0.2, 1.5), tuned as four draws of the base; truths from two million problems.

    150 runs at 95% have a standard error of 1.8%.
    """
    heights = [0.5, 1, 1, 1, 0.5]
    many_P = np.random.default_rng(9).beta(0.2, 1.5, 2_000_000)
    pass_K = [np.mean(1 - (1 - many_P) ** k) for k in (1, 2, 4, 8, 16, 32, 64)]
    truth = {
        "k_eq": 4.0,
        "delta_se": pass_K[4] - pass_K[2],
        "auc_base": np.dot(heights, pass_K[:5]) / 4,
        "auc_tuned": np.dot(heights, pass_K[2:]) / 4,
        "auc_difference": np.dot(heights, np.subtract(pass_K[2:], pass_K[:5])) / 4,
    }
    covered = dict.fromkeys(truth, 0)
    for seed in range(150):
        p_P: FloatArray = np.random.default_rng((seed, 3)).beta(0.2, 1.5, 60)
        base, tuned = draw(p_P, 64, seed + 1000), draw(1 - (1 - p_P) ** 4, 64, seed + 2000)
        found = efficiency(base, tuned, 16, bootstrap=Bootstrap(400, seed))
        for name, value in truth.items():
            one = getattr(found, name)
            covered[name] += one.low <= value <= one.high
    for name, times in covered.items():
        assert 0.89 <= times / 150 <= 0.995, name


def test_bad_input() -> None:
    counts = Counts.of(8, [1, 2])
    with pytest.raises(InputError, match="k: 9; some problem has 8"):
        efficiency(counts, counts, 9)
    with pytest.raises(InputError, match="k: 0"):
        efficiency(counts, counts, 0)
    with pytest.raises(InputError, match="problem: 1 only in tuned"):
        efficiency(counts, Counts.of(8, [1, 2, 3]), 4)
    with pytest.raises(InputError, match="confidence: 95"):
        efficiency(counts, counts, 4, bootstrap=Bootstrap(confidence=95))
