from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import integrate, stats

from edgewise.boundary.betabinomial import Shape
from edgewise.boundary.counts import Counts, FloatArray
from edgewise.boundary.edge import LEAST_SIGNAL, Edge, EdgeProblem, find_edge
from edgewise.boundary.population import Population, fit_population
from edgewise.boundary.posterior import Posterior
from edgewise.boundary.resampling import Estimate
from edgewise.errors import InputError

World = Callable[[np.random.Generator, int], FloatArray]


def zero_inflated(rng: np.random.Generator, problems: int) -> FloatArray:
    return rng.beta(0.4, 3, problems) * (rng.random(problems) >= 0.25)


def bimodal(rng: np.random.Generator, problems: int) -> FloatArray:
    return np.where(rng.random(problems) < 0.5, rng.beta(1, 60, problems), rng.beta(20, 4, problems))


def clustered_at_the_edge(rng: np.random.Generator, problems: int) -> FloatArray:
    return rng.beta(6, 60, problems)


def just_out_of_reach(rng: np.random.Generator, problems: int) -> FloatArray:
    return np.where(rng.random(problems) < 0.5, 0.004, 0.3)


def population(unreached: float, a: float, b: float) -> Population:
    """A population of this shape, whatever any counts say."""
    found = fit_population(Counts.of(8, [0, 1, 2, 4]), resamples=1)
    parts = [Estimate(value, value, value) for value in (unreached, a, b)]
    return replace(found, unreached=parts[0], a=parts[1], b=parts[2])


def signal(p: FloatArray, rollouts: int) -> FloatArray:
    return np.asarray(1 - p**rollouts - (1 - p) ** rollouts)


@pytest.mark.parametrize(("n", "c"), [(12, 0), (12, 3), (12, 12)])
def test_posterior_is_prior_times_likelihood(n: int, c: int) -> None:
    prior = Shape(0.3, 1.4, 2.5)
    found = Posterior.of(prior, n, c)
    never = 0.3 if c == 0 else 0.0

    def moment(of: Callable[[float], float], top: float = 1.0) -> float:
        density = stats.beta(1.4, 2.5).pdf
        return 0.7 * float(integrate.quad(lambda p: of(p) * density(p) * p**c * (1 - p) ** (n - c), 0, top)[0])

    whole = never + moment(lambda p: 1.0)
    assert found.zero == pytest.approx(never / whole)
    assert found.mean() == pytest.approx(moment(lambda p: p) / whole)
    assert found.below(0.2) == pytest.approx((never + moment(lambda p: 1.0, 0.2)) / whole)
    assert found.signal(7) == pytest.approx(moment(lambda p: 1 - p**7 - (1 - p) ** 7) / whole)
    for share in (0.4, 0.99):
        rate = float(found.quantile(share))
        assert found.below(rate) >= share - 1e-9
        assert rate == 0 or found.below(rate) == pytest.approx(share)


def test_unbiased_signal_is_the_share_of_groups_among_the_recorded_samples() -> None:
    n, rollouts = 7, 4
    for c in range(n + 1):
        samples = [1] * c + [0] * (n - c)
        groups = [sum(group) for group in combinations(samples, rollouts)]
        expected = np.mean([0 < correct < rollouts for correct in groups])
        found = find_edge(Counts.of(n, [c]), rollouts=rollouts, resamples=1)
        by_size = {one.rollouts: one.unbiased.value for one in found.overall.signals}
        assert by_size[rollouts] == pytest.approx(expected)
        assert np.isnan(by_size[8])


def test_default_bounds_follow_from_the_rollouts() -> None:
    found = find_edge(Counts.of(32, [0, 3, 30, 9]), rollouts=8, resamples=1)
    assert 1 - (1 - found.low) ** 8 == pytest.approx(LEAST_SIGNAL)
    assert found.high == 0.5
    assert {one.rollouts for one in find_edge(Counts.of(8, [1]), rollouts=5, resamples=1).overall.signals} >= {5, 2, 64}


def test_rollouts_needed_are_three_over_the_rate() -> None:
    found = find_edge(Counts.of(1000, [10] * 60), resamples=2)
    for one in found.problems:
        assert one.rollouts_needed == math.ceil(math.log(0.05) / math.log(1 - one.rate.value))
        assert one.rollouts_needed == pytest.approx(3 / one.rate.value, rel=0.02)
    needed = found.overall.rollouts_needed
    assert needed is not None and needed == pytest.approx(300, rel=0.1)
    shape = found.levels[0].prior
    assert shape is not None
    posterior = Posterior.of(shape.shape, 1000, 10)
    assert posterior.signal(needed) >= 0.95 > posterior.signal(needed - 1)


@pytest.mark.parametrize("shape", [(0.0, 1.0, 1.0), (0.9, 0.3, 1.0), (0.0, 30.0, 300.0)])
@pytest.mark.parametrize("n", [5, 40, 260])
def test_a_wrong_region_is_rare_at_every_rate_under_any_population(n: int, shape: tuple[float, float, float]) -> None:
    """Exact over all counts: the binomial tests hold whatever prior the posterior takes."""
    found = find_edge(Counts.of(n, range(n + 1)), population=population(*shape), resamples=1)
    region_C = np.array([one.region for one in found.problems])
    for p in (0.0, 1e-3, found.low * 0.999, found.low * 1.001, 0.02, 0.1, 0.3, 0.499, 0.501, 0.7, 1.0):
        chance_C = stats.binom.pmf(np.arange(n + 1), n, p)
        truth = "out of reach" if p < found.low else "edge" if p < found.high else "in-distribution"
        assert chance_C[(region_C != truth) & (region_C != "undecided")].sum() <= 1 - found.threshold + 1e-9


def test_what_was_never_solved_is_not_edge_and_is_out_of_reach_only_after_enough_samples() -> None:
    never = population(0.9, 0.5, 5.0)
    low = find_edge(Counts.of(8, [0]), population=never, resamples=1).low
    enough = math.ceil(math.log(0.2) / math.log(1 - low))
    for n, region in ((16, "undecided"), (enough - 1, "undecided"), (enough, "out of reach")):
        found = find_edge(Counts.of(n, [0]), population=never, resamples=1).problems[0]
        assert found.chance_out_of_reach > 0.8
        assert found.region == region
    certain = find_edge(Counts.of(16, [0]), population=population(0.0, 8.0, 80.0), resamples=1).problems[0]
    assert certain.chance_edge > 0.9
    assert certain.region == "undecided"
    assert certain.selected


def test_without_any_success_nothing_is_promised() -> None:
    found = find_edge(Counts.of(16, [0] * 80), resamples=3)
    assert found.overall.regions["undecided"] == 80
    assert found.overall.selected == 0
    assert found.levels[0].prior is not None and found.levels[0].prior.source == "none"
    assert all(np.isnan(one.expected.value) for one in found.overall.signals)
    assert "no population" in found.problems[0].reason
    settled = find_edge(Counts.of(4 * 256, [0] * 80), resamples=3)
    assert settled.overall.regions["out of reach"] == 80
    assert "does not say impossible" in settled.problems[0].reason


def test_levels_have_their_own_population_or_borrow() -> None:
    rng = np.random.default_rng(0)
    p_P = np.concatenate([rng.beta(8, 2, 60), rng.beta(0.5, 5, 60), rng.beta(1, 9, 10), np.zeros(60)])
    level = np.repeat([2, 6, 9, 14], [60, 60, 10, 60])
    found = find_edge(Counts.of(32, rng.binomial(32, p_P), level=level), resamples=5)
    priors = [one.prior for one in found.levels]
    assert [one and one.source for one in priors] == ["level", "level", "all problems", "all problems"]
    assert [one.level for one in found.levels] == [2, 6, 9, 14]
    assert found.overall.prior is None
    for region, total in found.overall.regions.items():
        assert total == sum(one.regions[region] for one in found.levels)
    assert found.overall.samples_to_settle == sum(one.samples_to_settle for one in found.problems)
    assert [one.problem for one in found.problems] == [f"{i:06d}" for i in range(190)]
    assert [one.level for one in found.problems] == level.tolist()
    shares = [one.signals[3].expected.value * one.problems for one in found.levels]
    assert found.overall.signals[3].expected.value == pytest.approx(sum(shares) / 190)
    given = find_edge(Counts.of(32, [3, 4], level=[1, 2]), population=population(0.1, 1, 3), resamples=2)
    assert all(one.prior is not None and one.prior.shape == Shape(0.1, 1.0, 3.0) for one in given.levels)


def test_headroom_is_pass_at_k_less_pass_at_1() -> None:
    found = find_edge(Counts.of(16, [0, 0, 4, 16]), resamples=1).overall
    assert found.k == 4
    assert found.pass_at_1.value == pytest.approx(20 / 64)
    assert found.headroom.value == pytest.approx(found.pass_at_k.value - found.pass_at_1.value)
    assert found.unsolved.value == 0.5
    assert np.isnan(find_edge(Counts.of(7, [1, 0]), resamples=1).overall.headroom.value)


def test_samples_to_settle_settle_with_the_stated_chance() -> None:
    prior = population(0.2, 0.4, 3.0)
    for n, c in ((16, 0), (64, 30)):
        one = find_edge(Counts.of(n, [c]), population=prior, resamples=1).problems[0]
        assert one.region == "undecided"
        posterior, rng = Posterior.of(prior.shape, n, c), np.random.default_rng(1)
        rate = rng.beta(posterior.a, posterior.b, 400) * (rng.random(400) >= posterior.zero)

        def decided(more: int, n: int = n, c: int = c, rate: FloatArray = rate) -> float:
            counts = Counts.of(n + more, c + np.random.default_rng(2).binomial(more, rate))
            later = find_edge(counts, population=prior, resamples=1)
            return 1 - later.overall.regions["undecided"] / 400

        assert decided(one.samples_to_settle) > 0.75
        assert decided(one.samples_to_settle // 2) < 0.85


def test_selected_are_edge_problems_and_undecided_ones_with_enough_signal() -> None:
    rng = np.random.default_rng(1)
    found = find_edge(Counts.of(32, rng.binomial(32, zero_inflated(rng, 300))), resamples=2, least_signal=0.2)
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


def right(found: Edge, p_P: FloatArray, region: str) -> tuple[int, int]:
    mine_P = np.array([one.region == region for one in found.problems])
    low, high = {"out of reach": (-1, found.low), "edge": (found.low, found.high), "in-distribution": (found.high, 2)}[
        region
    ]
    return int(((p_P >= low) & (p_P < high) & mine_P).sum()), int(mine_P.sum())


def backtested(
    world: World, n: int, draws: int, problems: int = 300
) -> tuple[FloatArray, dict[str, float], FloatArray]:
    """Mean errors of the predicted shares at N = 8, 16, 64 against freshly drawn groups; the share of
    right regions; predicted and fresh signal of the selected."""
    errors, hits, selected = [], {}, []
    counted: dict[str, list[tuple[int, int]]] = {"out of reach": [], "edge": [], "in-distribution": []}
    for seed in range(draws):
        rng = np.random.default_rng((seed, 1))
        p_P = world(rng, problems)
        found = find_edge(Counts.of(n, rng.binomial(n, p_P)), resamples=2, seed=seed)
        by_size = {one.rollouts: one.expected.value for one in found.overall.signals}
        fresh = {size: rng.binomial(size, p_P) for size in (8, 16, 64)}
        errors.append([by_size[size] - np.mean((c > 0) & (c < size)) for size, c in fresh.items()])
        for region, rows in counted.items():
            rows.append(right(found, p_P, region))
        chosen = np.array([one.selected for one in found.problems])
        said = np.array([one.signal for one in found.problems])[chosen].mean()
        selected.append([said, np.mean(((fresh[16] > 0) & (fresh[16] < 16))[chosen])])
    for region, rows in counted.items():
        good, total = np.sum(rows, axis=0)
        if total >= 20:
            hits[region] = good / total
    return np.mean(errors, axis=0), hits, np.mean(selected, axis=0)


@pytest.mark.parametrize("n", [16, 64, 256])
@pytest.mark.parametrize("world", [zero_inflated, clustered_at_the_edge])
def test_predicted_signal_and_regions_hold_in_fresh_groups(world: World, n: int) -> None:
    errors, hits, (said, fresh) = backtested(world, n, draws=3)
    # Beyond n a share is extrapolated, and from 16 samples to 64 not to a point.
    assert errors[:2] == pytest.approx([0, 0], abs=0.05)
    assert errors[2] == pytest.approx(0, abs=0.1 if n < 64 else 0.05)
    assert said == pytest.approx(fresh, abs=0.05)
    assert min(hits.values()) >= 0.8


@pytest.mark.parametrize("world", [bimodal, just_out_of_reach])
def test_regions_hold_where_the_population_has_another_shape_and_the_misfit_is_seen(world: World) -> None:
    _, hits, _ = backtested(world, 64, draws=2)
    assert min(hits.values()) >= 0.8
    rng = np.random.default_rng(0)
    found = find_edge(Counts.of(64, rng.binomial(64, world(rng, 300))), resamples=40)
    prior = found.levels[0].prior
    assert prior is not None and prior.misfit_p < 0.05
    unbiased = {one.rollouts: one for one in found.overall.signals}[16].unbiased
    assert unbiased.low < signal(world(np.random.default_rng(9), 100_000), 16).mean() < unbiased.high


@pytest.mark.slow
@pytest.mark.parametrize("world", [zero_inflated, bimodal, clustered_at_the_edge, just_out_of_reach])
@pytest.mark.parametrize("n", [16, 64, 256])
def test_regions_are_right_as_often_as_stated_in_every_world(world: World, n: int) -> None:
    _, hits, _ = backtested(world, n, draws=20)
    assert min(hits.values()) >= 0.8


def test_the_interval_holds_the_doubt_about_the_population() -> None:
    counts = Counts.of(16, np.random.default_rng(3).binomial(16, zero_inflated(np.random.default_rng(3), 200)))
    fitted = find_edge(counts, resamples=40)
    prior = fitted.levels[0].prior
    assert prior is not None and prior.source == "level"
    given = find_edge(counts, population=population(*prior.shape), resamples=40)
    wide, narrow = (one.overall.signals[-1].expected for one in (fitted, given))
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


@pytest.mark.slow
def test_the_interval_of_the_expected_share_covers_the_population() -> None:
    truth = float(signal(zero_inflated(np.random.default_rng(99), 1_000_000), 16).mean())
    inside = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        counts = Counts.of(32, rng.binomial(32, zero_inflated(rng, 200)))
        expected = {one.rollouts: one.expected for one in find_edge(counts, resamples=60).overall.signals}[16]
        inside += expected.low <= truth <= expected.high
    assert inside >= 26


def test_same_arguments_same_edge() -> None:
    counts = Counts.of([16, 32] * 40, np.random.default_rng(0).binomial([16, 32] * 40, 0.1), cluster=[0, 1, 2, 3] * 20)
    first, again = find_edge(counts, resamples=5), find_edge(counts, resamples=5)
    assert first.problems == again.problems
    assert first.overall.signals[0].expected == again.overall.signals[0].expected
    assert first.n == 16
    assert isinstance(first.problems[0], EdgeProblem) and type(first.problems[0].c) is int


def test_bad_arguments_name_themselves() -> None:
    counts = Counts.of(8, [1, 2])
    for name, bad in (
        ("rollouts", {"rollouts": 1}),
        ("low, high", {"low": 0.6}),
        ("low, high", {"high": 1.0}),
        ("threshold", {"threshold": 0.5}),
        ("level", {"level": 0.0}),
        ("resamples", {"resamples": 0}),
    ):
        with pytest.raises(InputError, match=name):
            find_edge(counts, **bad)
