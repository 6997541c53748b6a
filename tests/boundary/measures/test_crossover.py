from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgewise.boundary import Counts, paired_difference
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.crossover import Crossover, crossover
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray


def draw(p_P: FloatArray, n: int, seed: int, **more: Any) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P), **more)


def sharpened_with_losses(problems: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Half of the problems below p = 0.1 are lost, all others gain."""
    rng = np.random.default_rng((seed, 7))
    p_P: FloatArray = rng.beta(0.3, 1.0, problems)
    lost_P = (p_P < 0.1) & (rng.random(problems) < 0.5)
    return p_P, np.where(lost_P, 0, 1 - (1 - p_P) ** 3)


def found_on(problems: int, n: int, seed: int, resamples: int = 500) -> Crossover:
    p_P, q_P = sharpened_with_losses(problems, seed)
    return crossover(draw(p_P, n, seed + 1000), draw(q_P, n, seed + 2000), bootstrap=Bootstrap(resamples, seed))


def two_points(base: int, tuned: int) -> tuple[Counts, Counts]:
    """100 problems of 64 samples: pass@1 and pass@64 are the shares solved by few and by any."""
    c_base = [1] * base + [0] * (100 - base)
    c_tuned = [64] * tuned + [0] * (100 - tuned)
    return Counts.of(64, c_base), Counts.of(64, c_tuned)


def test_the_crossing_is_interpolated_in_log_k() -> None:
    """80 problems with one success of 64 against 40 always solved: 0.8 k/64 reaches 0.4 at k = 32."""
    base, tuned = two_points(80, 40)
    assert crossover(base, tuned).crossing.value == pytest.approx(32)
    between = crossover(base, tuned, [4, 64], bootstrap=Bootstrap(100)).crossing.value
    rise = 0.4 - 0.8 * 4 / 64, 0.8 - 0.4
    assert between == pytest.approx(4 * 16 ** (rise[0] / sum(rise)))


def test_k_star_is_where_the_band_first_lies_below_0() -> None:
    found = found_on(2000, 256, 0)
    p_P, q_P = sharpened_with_losses(2000, 0)
    base, tuned = draw(p_P, 256, 1000), draw(q_P, 256, 2000)
    band = paired_difference(base, tuned, found.k_K.tolist(), bootstrap=Bootstrap(500))
    below = band.k_K[band.band_high_K < 0]
    assert found.k_star == below[0]
    assert found.crossing.low < found.crossing.value < found.crossing.high < found.k_star
    assert found.claimable and found.k_star <= found.k_limit == 128
    assert found.crossing_share == 1.0
    assert (found.n, found.problems, found.bootstrap) == (256, 2000, Bootstrap(500, 0, 0.95))


def test_a_crossing_beyond_half_of_n_is_not_claimable() -> None:
    found = crossover(*two_points(80, 50))
    assert found.k_star == 50 and found.k_limit == 32
    assert not found.claimable


def test_a_tuned_model_that_stays_ahead_is_never_overtaken() -> None:
    found = crossover(*two_points(20, 90))
    assert np.isnan(found.k_star) and not found.claimable
    assert (found.crossing.value, found.crossing.low, found.crossing.high) == (np.inf, np.inf, np.inf)
    assert found.crossing_share == 0.0


def test_a_base_ahead_from_the_start_is_censored_at_the_first_k() -> None:
    tuned, base = two_points(20, 90)
    found = crossover(base, tuned)
    assert (found.k_star, found.crossing.value, found.crossing.high) == (1, 1, 1)
    assert found.crossing_share == 0.0


def test_a_base_overtaken_for_good_does_not_cross() -> None:
    tuned, base = two_points(80, 40)
    found = crossover(base, tuned)
    assert found.k_star < found.k_limit
    assert found.crossing.value == np.inf


def test_curves_that_meet_and_stay_together_do_not_cross() -> None:
    """Both solve everything within 64 samples; tuned is only quicker."""
    base, tuned = Counts.of(64, [1] * 50), Counts.of(64, [64] * 50)
    assert crossover(base, tuned).crossing.value == np.inf
    assert crossover(base, base).crossing.value == np.inf
    assert crossover(base, base).crossing_share == 0.0


def test_resamples_that_never_cross_open_the_interval_upwards() -> None:
    found = found_on(25, 64, 3)
    assert 0.3 < found.crossing_share < 0.95
    assert found.crossing.high == np.inf
    assert found.crossing.low < np.inf


def test_clusters_widen_the_interval() -> None:
    p_P, q_P = sharpened_with_losses(80, 1)
    p_P, q_P, cluster = np.repeat(p_P, 5), np.repeat(q_P, 5), np.repeat(np.arange(80), 5)
    alone = crossover(draw(p_P, 256, 1), draw(q_P, 256, 2), bootstrap=Bootstrap(500))
    base, tuned = (draw(one, 256, seed, cluster=cluster) for seed, one in ((1, p_P), (2, q_P)))
    together = crossover(base, tuned, bootstrap=Bootstrap(500))
    assert together.crossing.value == alone.crossing.value
    assert together.crossing.low < alone.crossing.low and together.crossing.high > alone.crossing.high
    octaves = [np.log2(one.crossing.high / one.crossing.low) for one in (alone, together)]
    assert octaves[1] > 1.5 * octaves[0]


def test_the_interval_covers_and_the_claim_is_not_made_too_early() -> None:
    """True crossing from two million problems: 15.05. 150 runs at 95% have a standard error of 1.8%."""
    truth, covered, early = 15.05, 0, 0
    for seed in range(150):
        found = found_on(80, 64, seed, resamples=400)
        covered += found.crossing.low <= truth <= found.crossing.high
        early += found.k_star < truth
    assert 0.89 <= covered / 150 <= 0.99
    assert early / 150 <= 0.05


def test_one_sample_has_no_crossing() -> None:
    ahead, behind = Counts.of(1, [1] * 9 + [0]), Counts.of(1, [0] * 10)
    assert crossover(behind, ahead).crossing.value == np.inf
    assert crossover(ahead, behind).crossing.value == 1
    assert not crossover(ahead, behind).claimable


def test_same_seed_same_result() -> None:
    assert found_on(30, 64, 0).crossing == found_on(30, 64, 0).crossing


def test_bad_input() -> None:
    counts = Counts.of(8, [1, 2])
    with pytest.raises(InputError, match=r"ks: 16 is beyond the n = 8"):
        crossover(counts, counts, [1, 16])
    with pytest.raises(InputError, match="problem: 1 only in tuned"):
        crossover(counts, Counts.of(8, [1, 2, 3]))
    with pytest.raises(InputError, match="confidence: 2"):
        crossover(counts, counts, bootstrap=Bootstrap(confidence=2))
