from __future__ import annotations

import math

import numpy as np
import pytest

from edgewise.boundary.edge.edge import LEAST_SIGNAL, Edge, find_edge
from edgewise.boundary.edge.placing import EdgeProblem
from edgewise.boundary.inference.posterior import Posterior
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray
from tests.boundary.worlds import World, bimodal, clustered_at_the_edge, just_out_of_reach, signal, zero_inflated


def test_default_bounds_follow_from_the_rollouts() -> None:
    found = find_edge(Counts.of(32, [0, 3, 30, 9]), rollouts=8, bootstrap=Bootstrap(1))
    assert 1 - (1 - found.low) ** 8 == pytest.approx(LEAST_SIGNAL)
    assert found.high == 0.5
    assert {
        one.rollouts for one in find_edge(Counts.of(8, [1]), rollouts=5, bootstrap=Bootstrap(1)).overall.signals
    } >= {5, 2, 64}


def test_rollouts_needed_are_three_over_the_rate() -> None:
    found = find_edge(Counts.of(1000, [10] * 60), bootstrap=Bootstrap(2))
    for one in found.problems:
        assert one.rollouts_needed == math.ceil(math.log(0.05) / math.log(1 - one.rate.value))
        assert one.rollouts_needed == pytest.approx(3 / one.rate.value, rel=0.02)
    needed = found.overall.rollouts_needed
    assert needed is not None and needed == pytest.approx(300, rel=0.1)
    shape = found.levels[0].prior
    assert shape is not None
    posterior = Posterior.of(shape.shape, 1000, 10)
    assert posterior.signal(needed) >= 0.95 > posterior.signal(needed - 1)


def test_without_any_success_nothing_is_promised() -> None:
    found = find_edge(Counts.of(16, [0] * 80), bootstrap=Bootstrap(3))
    assert found.overall.regions["undecided"] == 80
    assert found.overall.selected == 0
    assert found.levels[0].prior is not None and found.levels[0].prior.source == "none"
    assert all(np.isnan(one.expected.value) for one in found.overall.signals)
    assert "no population" in found.problems[0].reason
    settled = find_edge(Counts.of(4 * 256, [0] * 80), bootstrap=Bootstrap(3))
    assert settled.overall.regions["out of reach"] == 80
    assert "does not say impossible" in settled.problems[0].reason


def test_headroom_is_pass_at_k_less_pass_at_1() -> None:
    found = find_edge(Counts.of(16, [0, 0, 4, 16]), bootstrap=Bootstrap(1)).overall
    assert found.k == 4
    assert found.pass_at_1.value == pytest.approx(20 / 64)
    assert found.headroom.value == pytest.approx(found.pass_at_k.value - found.pass_at_1.value)
    assert found.unsolved.value == 0.5
    assert np.isnan(find_edge(Counts.of(7, [1, 0]), bootstrap=Bootstrap(1)).overall.headroom.value)


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
        found = find_edge(Counts.of(n, rng.binomial(n, p_P)), bootstrap=Bootstrap(2, seed))
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
    found = find_edge(Counts.of(64, rng.binomial(64, world(rng, 300))), bootstrap=Bootstrap(40))
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


def test_same_arguments_same_edge() -> None:
    counts = Counts.of([16, 32] * 40, np.random.default_rng(0).binomial([16, 32] * 40, 0.1), cluster=[0, 1, 2, 3] * 20)
    first, again = find_edge(counts, bootstrap=Bootstrap(5)), find_edge(counts, bootstrap=Bootstrap(5))
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
    ):
        with pytest.raises(InputError, match=name):
            find_edge(counts, **bad)
    for name, bad in (("confidence", {"confidence": 0.0}), ("resamples", {"resamples": 0})):
        with pytest.raises(InputError, match=name):
            find_edge(counts, bootstrap=Bootstrap(**bad))
