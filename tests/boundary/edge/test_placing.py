from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from edgewise.boundary.edge.edge import find_edge
from edgewise.boundary.inference.posterior import Posterior
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.outcomes.counts import Counts, FloatArray
from tests.boundary.worlds import population, zero_inflated


@pytest.mark.parametrize("shape", [(0.0, 1.0, 1.0), (0.9, 0.3, 1.0), (0.0, 30.0, 300.0)])
@pytest.mark.parametrize("n", [5, 40, 260])
def test_a_wrong_region_is_rare_at_every_rate_under_any_population(n: int, shape: tuple[float, float, float]) -> None:
    """Exact over all counts: the binomial tests hold whatever prior the posterior takes."""
    found = find_edge(Counts.of(n, range(n + 1)), population=population(*shape), bootstrap=Bootstrap(1))
    region_C = np.array([one.region for one in found.problems])
    for p in (0.0, 1e-3, found.low * 0.999, found.low * 1.001, 0.02, 0.1, 0.3, 0.499, 0.501, 0.7, 1.0):
        chance_C = stats.binom.pmf(np.arange(n + 1), n, p)
        truth = "out of reach" if p < found.low else "edge" if p < found.high else "in-distribution"
        assert chance_C[(region_C != truth) & (region_C != "undecided")].sum() <= 1 - found.threshold + 1e-9


def test_what_was_never_solved_is_not_edge_and_is_out_of_reach_only_after_enough_samples() -> None:
    never = population(0.9, 0.5, 5.0)
    low = find_edge(Counts.of(8, [0]), population=never, bootstrap=Bootstrap(1)).low
    enough = math.ceil(math.log(0.2) / math.log(1 - low))
    for n, region in ((16, "undecided"), (enough - 1, "undecided"), (enough, "out of reach")):
        found = find_edge(Counts.of(n, [0]), population=never, bootstrap=Bootstrap(1)).problems[0]
        assert found.chance_out_of_reach > 0.8
        assert found.region == region
    certain = find_edge(Counts.of(16, [0]), population=population(0.0, 8.0, 80.0), bootstrap=Bootstrap(1)).problems[0]
    assert certain.chance_edge > 0.9
    assert certain.region == "undecided"
    assert certain.selected


def test_samples_to_settle_settle_with_the_stated_chance() -> None:
    prior = population(0.2, 0.4, 3.0)
    for n, c in ((16, 0), (64, 30)):
        one = find_edge(Counts.of(n, [c]), population=prior, bootstrap=Bootstrap(1)).problems[0]
        assert one.region == "undecided"
        posterior, rng = Posterior.of(prior.shape, n, c), np.random.default_rng(1)
        rate = rng.beta(posterior.a, posterior.b, 400) * (rng.random(400) >= posterior.zero)

        def decided(more: int, n: int = n, c: int = c, rate: FloatArray = rate) -> float:
            counts = Counts.of(n + more, c + np.random.default_rng(2).binomial(more, rate))
            later = find_edge(counts, population=prior, bootstrap=Bootstrap(1))
            return 1 - later.overall.regions["undecided"] / 400

        assert decided(one.samples_to_settle) > 0.75
        assert decided(one.samples_to_settle // 2) < 0.85


def test_selected_are_edge_problems_and_undecided_ones_with_enough_signal() -> None:
    rng = np.random.default_rng(1)
    found = find_edge(
        Counts.of(32, rng.binomial(32, zero_inflated(rng, 300))), bootstrap=Bootstrap(2), least_signal=0.2
    )
    chosen = {one.problem for one in found.problems if one.selected}
    assert found.overall.selected == len(chosen) > 0
    for one in found.problems:
        hoped = one.region == "undecided" and one.signal >= 0.2 and one.chance_in_distribution < 0.8
        assert one.selected == (one.region == "edge" or hoped)
        assert f"{one.c} of {one.n} samples are correct" in one.reason
        assert one.reason.count(". ") == 0 and one.reason.endswith(".")
        assert (one.samples_to_settle > 0) == (one.region == "undecided")
        assert one.chance_out_of_reach + one.chance_edge + one.chance_in_distribution == pytest.approx(1)
        assert one.rate.low <= one.rate.value <= one.rate.high
