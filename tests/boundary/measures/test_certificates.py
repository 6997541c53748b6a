from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgewise.boundary.inference.power import draws_to_certify
from edgewise.boundary.measures.certificates import certify, implied_k
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def planted() -> tuple[FloatArray, FloatArray]:
    """Ten problems that only the tuned model solves, in one of twenty samples; twenty that none and thirty that both
    solve."""
    base_P: FloatArray = np.r_[np.zeros(30), np.linspace(0.1, 0.9, 30)]
    tuned_P = base_P.copy()
    tuned_P[:10] = 0.05
    return base_P, tuned_P


@pytest.mark.parametrize(
    ("rate", "candidates", "draws"), [(1e-3, 1, 2995), (1e-4, 1, 29956), (1e-3, 30, 6394), (1e-4, 30, 63967)]
)
def test_draws_needed_to_certify(rate: float, candidates: int, draws: int) -> None:
    assert draws_to_certify(rate, 0.05, candidates) == draws


@given(st.floats(1e-5, 0.9), st.floats(1e-4, 0.5), st.integers(1, 1000))
def test_no_fewer_draws_certify(rate: float, alpha: float, candidates: int) -> None:
    draws = draws_to_certify(rate, alpha, candidates)
    bounds = [1 - (alpha / candidates) ** (1 / n) for n in (draws - 1, draws) if n]
    assert bounds[-1] <= rate * (1 + 1e-9)
    assert draws == 1 or bounds[0] >= rate * (1 - 1e-9)


def test_a_planted_skill_is_certified_at_the_stated_number_of_samples() -> None:
    base_P, tuned_P = planted()
    n = 2 * draws_to_certify(0.01, 0.05, 2 * 10)
    assert n == 1194
    found = 0
    for seed in range(20):
        result = certify(draw(base_P, n, 2 * seed), draw(tuned_P, n, 2 * seed + 1), seed=seed)
        assert {int(one.problem) for one in result.expansions} <= set(range(10))
        assert result.shrinkages == ()
        assert result.held_out >= result.held_out_needed
        found += len(result.expansions)
    assert found >= 195


def test_too_few_samples_certify_nothing_and_say_how_many_would() -> None:
    base_P, tuned_P = planted()
    result = certify(draw(base_P, 600, 0), draw(tuned_P, 600, 1))
    assert (result.expansions, result.expansion_candidates) == ((), 10)
    assert result.expected_expansions == 0
    assert (result.held_out, result.held_out_needed) == (300, 597)


def test_a_lost_skill_is_a_shrinkage() -> None:
    base_P, tuned_P = planted()
    result = certify(draw(tuned_P, 1300, 0), draw(base_P, 1300, 1))
    assert {int(one.problem) for one in result.shrinkages} == set(range(10))
    assert result.expansions == ()
    one = result.shrinkages[0]
    assert (one.base_reach, one.tuned_reach) == ("reachable", "rare")
    assert one.effect < 0
    assert result.expected_shrinkages == pytest.approx(10, abs=0.3)


def test_numbers_of_a_certificate_are_those_of_the_held_out_samples() -> None:
    base = Counts.of([20000, 20000], [0, 0], problem=["a", "b"], level=[3, 4])
    tuned = Counts.of([4000, 4000], [1000, 2000], problem=["a", "b"], level=[3, 4])
    result = certify(base, tuned)
    assert result.bound_alpha == pytest.approx(0.05 / 4)
    assert [one.problem for one in result.expansions] == ["b", "a"]
    one = result.expansions[0]
    assert (one.level, one.base_n, one.base_c, one.tuned_n) == (4, 10000, 0, 2000)
    upper = stats.binomtest(0, 10000, alternative="less").proportion_ci(1 - 0.0125).high
    lower = stats.binomtest(one.tuned_c, 2000, alternative="greater").proportion_ci(1 - 0.0125).low
    assert (one.base_bound, one.tuned_bound) == pytest.approx((upper, lower))
    assert one.base_bound == pytest.approx(1 - 0.0125 ** (1 / 10000))
    assert (one.base_reach, one.tuned_reach) == ("unreached", "reachable")
    assert one.effect == pytest.approx(math.log10(lower / upper))


def test_some_successes_of_the_base_do_not_prevent_a_certificate_and_none_does_not_grant_it() -> None:
    rare = certify(Counts.of(8000, [8]), Counts.of(8000, [7200]))
    assert [one.base_reach for one in rare.expansions] == ["rare"]
    assert rare.expansions[0].base_c > 0
    assert certify(Counts.of(100, [0]), Counts.of(100, [90])).expansions == ()
    assert certify(Counts.of(8000, [800]), Counts.of(8000, [8000])).expansions == ()


def test_expected_number_is_the_chance_of_enough_held_out_successes() -> None:
    base, tuned = Counts.of(1000, [0]), Counts.of(1000, [25])
    chosen, held = tuned.deal(500, 1)
    result = certify(base, tuned)
    assert result.expansion_candidates == 1
    c = np.arange(1, 501)
    enough = c[stats.beta.ppf(0.025, c, 501 - c) >= 0.01]
    power = stats.binom.pmf(enough, 500, chosen.c_P[0] / 500).sum()
    assert 0.1 < power < 0.999
    assert int(held.n_P[0]) == 500
    assert result.expected_expansions == pytest.approx(power, rel=1e-9)


@pytest.mark.parametrize("base_rate", [0.0, 0.0099])
def test_family_wise_error_stays_below_alpha_where_it_is_largest(base_rate: float) -> None:
    """The tuned model is just out of reach on all fifty problems, so that every certificate is false."""
    false = 0
    for seed in range(200):
        rng = np.random.default_rng((7, seed))
        base = Counts.of(2000, rng.binomial(2000, base_rate, 50))
        tuned = Counts.of(2000, rng.binomial(2000, 0.0099, 50))
        result = certify(base, tuned, seed=seed)
        false += bool(result.expansions or result.shrinkages)
    assert false <= 0.05 * 200


def test_base_against_base_certifies_nothing() -> None:
    false = 0
    for seed in range(60):
        p_P: FloatArray = np.random.default_rng(seed).beta(0.2, 1.5, 300)
        result = certify(draw(p_P, 2048, 1000 + seed), draw(p_P, 2048, 2000 + seed), seed=seed)
        false += bool(result.expansions or result.shrinkages)
    assert false <= 2


def test_implied_k_adds_distinct_solutions() -> None:
    one = implied_k([math.log(1e-6)])
    assert (one.log10_p, one.k) == pytest.approx((-6, 1e6))
    both = implied_k([math.log(1e-6), math.log(3e-6)])
    assert both.k == pytest.approx(2.5e5)
    far = implied_k([-2000.0])
    assert far.log10_p == pytest.approx(-2000 / math.log(10))
    assert far.k == math.inf
    assert implied_k([0.0]).k == 1


@pytest.mark.parametrize("logprobs", [[], [0.1], [math.nan], [-0.1, -0.1]])
def test_implied_k_refuses_what_is_no_log_probability(logprobs: list[float]) -> None:
    with pytest.raises(InputError, match="logprobs: "):
        implied_k(logprobs)


def test_bad_input() -> None:
    base = Counts.of(8, [1, 2])
    with pytest.raises(InputError, match="alpha: 1"):
        certify(base, base, alpha=1)
    with pytest.raises(InputError, match="0 < rare < reachable < 1"):
        certify(base, base, rare=0.1)
    with pytest.raises(InputError, match="n: a problem has 1 sample"):
        certify(base, Counts.of(1, [0, 1]))
    with pytest.raises(InputError, match="only in base"):
        certify(base, Counts.of(8, [1]))
    with pytest.raises(InputError, match="rate: 0"):
        draws_to_certify(0)
    with pytest.raises(InputError, match="candidates: 0"):
        draws_to_certify(0.1, 0.05, 0)
