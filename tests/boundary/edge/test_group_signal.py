from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from edgewise.boundary.edge.edge import find_edge
from edgewise.boundary.inference.betabinomial import Shape
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.outcomes.counts import Counts
from edgewise.report.edge import print_edge
from tests.boundary.worlds import population, signal, zero_inflated


def test_unbiased_signal_is_the_share_of_groups_among_the_recorded_samples() -> None:
    n, rollouts = 7, 4
    for c in range(n + 1):
        samples = [1] * c + [0] * (n - c)
        groups = [sum(group) for group in combinations(samples, rollouts)]
        expected = np.mean([0 < correct < rollouts for correct in groups])
        found = find_edge(Counts.of(n, [c]), rollouts=rollouts, bootstrap=Bootstrap(1))
        by_size = {one.rollouts: one.unbiased.value for one in found.overall.signals}
        assert by_size[rollouts] == pytest.approx(expected)
        assert np.isnan(by_size[8])


def test_levels_have_their_own_population_or_borrow() -> None:
    rng = np.random.default_rng(0)
    p_P = np.concatenate([rng.beta(8, 2, 60), rng.beta(0.5, 5, 60), rng.beta(1, 9, 10), np.zeros(60)])
    level = np.repeat([2, 6, 9, 14], [60, 60, 10, 60])
    found = find_edge(Counts.of(32, rng.binomial(32, p_P), level=level), bootstrap=Bootstrap(5))
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
    given = find_edge(Counts.of(32, [3, 4], level=[1, 2]), population=population(0.1, 1, 3), bootstrap=Bootstrap(2))
    assert all(one.prior is not None and one.prior.shape == Shape(0.1, 1.0, 3.0) for one in given.levels)


def test_the_interval_holds_the_doubt_about_the_population() -> None:
    counts = Counts.of(16, np.random.default_rng(3).binomial(16, zero_inflated(np.random.default_rng(3), 200)))
    fitted = find_edge(counts, bootstrap=Bootstrap(40))
    prior = fitted.levels[0].prior
    assert prior is not None and prior.source == "level"
    given = find_edge(counts, population=population(*prior.shape), bootstrap=Bootstrap(40))
    wide, narrow = (one.overall.signals[-1].expected for one in (fitted, given))
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_a_population_that_the_counts_contradict_predicts_no_signal(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts.of(32, np.random.default_rng(0).binomial(32, np.repeat([0.1, 0.6], 150)))
    found = find_edge(counts, bootstrap=Bootstrap(120))
    assert found.levels[0].prior is not None and found.levels[0].prior.misfits
    assert all(np.isnan(signal.expected.value) for signal in found.overall.signals)
    assert found.overall.rollouts_needed is None
    print_edge(found, Path("set.jsonl"))
    shown = capsys.readouterr().out
    assert "predicts no signal" in shown
    # What the samples show without a population stands.
    assert f"{100 * found.overall.signals[3].unbiased.value:.0f} [" in shown


@pytest.mark.slow
def test_the_interval_of_the_expected_share_covers_the_population() -> None:
    truth = float(signal(zero_inflated(np.random.default_rng(99), 1_000_000), 16).mean())
    inside = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        counts = Counts.of(32, rng.binomial(32, zero_inflated(rng, 200)))
        expected = {one.rollouts: one.expected for one in find_edge(counts, bootstrap=Bootstrap(60)).overall.signals}[
            16
        ]
        inside += expected.low <= truth <= expected.high
    assert inside >= 26
