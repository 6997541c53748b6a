"""Samples that are missing by their outcome are found; numbers of samples that vary at random are not suspected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgewise.boundary import Counts, Outcomes, audit
from edgewise.boundary.dependence.missing import FALSE_ALARM, association, missing_concerns
from edgewise.outcomes.counts import FloatArray

N = 16


def rates(rng: np.random.Generator, problems: int) -> FloatArray:
    return rng.beta(0.3, 1.0, problems)


def random_n(rng: np.random.Generator, problems: int) -> Counts:
    """n that varies at random: uniform, most samples there, or a few problems short."""
    n_P = [
        rng.integers(1, N + 1, problems),
        np.maximum(1, rng.binomial(N, 0.9, problems)),
        np.where(rng.random(problems) < 0.3, rng.integers(1, N, problems), N),
    ][int(rng.integers(3))]
    return Counts.of(n_P, rng.binomial(n_P, rates(rng, problems)))


def failures_dropped(rng: np.random.Generator, problems: int, kept: float = 0.5) -> Counts:
    c_P = rng.binomial(N, rates(rng, problems))
    n_P = c_P + rng.binomial(N - c_P, kept)
    return Counts.of(n_P[n_P > 0], c_P[n_P > 0])


def stopped_at_success(rng: np.random.Generator, problems: int) -> Counts:
    right_PS = rng.random((problems, N)) < rates(rng, problems)[:, None]
    c_P = np.array(right_PS.any(axis=1), dtype=np.int64)
    first_P = np.array(right_PS.argmax(axis=1), dtype=np.int64) + 1
    return Counts.of(np.where(c_P == 1, first_P, N).astype(np.int64), c_P)


def test_the_rate_of_false_alarms_is_the_stated_one() -> None:
    """Of 600 data sets 0.6 alarms are expected; more than 4 have a probability below 0.001. p-values are uniform."""
    rng = np.random.default_rng(1)
    found = [association(random_n(rng, problems), seed) for seed, problems in enumerate([10, 30, 120] * 200)]
    p = np.array([one.p for one in found if one is not None])
    assert p.size > 400
    assert (p <= FALSE_ALARM).sum() <= 4
    for level in (0.01, 0.05, 0.2):
        assert abs(np.mean(p <= level) - level) < 4 * np.sqrt(level * (1 - level) / p.size)


@pytest.mark.parametrize("problems", [60, 120])
def test_samples_missing_by_their_outcome_are_found(problems: int) -> None:
    rng = np.random.default_rng(2)
    for make, sign in ((failures_dropped, 1), (stopped_at_success, -1)):
        found = [association(make(rng, problems)) for _ in range(10)]
        assert sum(one is not None and one.p <= FALSE_ALARM and one.rho * sign > 0 for one in found) >= 9


def test_many_problems_are_tested_by_the_normal_distribution() -> None:
    rng = np.random.default_rng(3)
    found, clean = association(failures_dropped(rng, 20_000, 0.9)), association(random_n(rng, 20_000))
    assert found is not None and found.p < 1e-9
    assert clean is not None and clean.p > FALSE_ALARM


def test_levels_and_sets_may_have_been_sampled_more_often() -> None:
    rng = np.random.default_rng(4)
    hard_P = np.arange(200) % 2
    n_P = np.where(hard_P, 64, 16) - rng.integers(0, 3, 200)
    counts = Counts.of(n_P, rng.binomial(n_P, np.where(hard_P, 0.1, 0.8)))
    assert (pooled := association(counts)) is not None and pooled.p <= FALSE_ALARM
    for known in (replace(counts, level=hard_P), replace(counts, set=np.where(hard_P, "hard", "easy"))):
        assert (apart := association(known)) is not None and apart.p > FALSE_ALARM


def test_equal_numbers_of_samples_raise_no_suspicion() -> None:
    assert association(Counts.of(16, list(range(17)))) is None


def rows(numbers: list[list[int]]) -> Outcomes:
    """Problems with samples of these numbers; every third is right."""
    pairs = [(f"p{problem:03d}", number) for problem, of_problem in enumerate(numbers) for number in of_problem]
    right = [place % 3 == 0 for place in range(len(pairs))]
    return Outcomes.of(
        problem=[problem for problem, _ in pairs],
        sample=[number for _, number in pairs],
        answer=np.array(right, dtype=np.int64),
    )


@pytest.mark.parametrize(
    ("numbers", "said", "forbids"),
    [
        ([list(range(16))] * 20, None, False),
        ([list(range(1, 17))] * 20, None, False),
        # All problems together are numbered, in turn or one after the other: numbers of rows.
        ([list(range(p, 320, 20)) for p in range(20)], None, False),
        ([list(range(16 * p, 16 * p + 16)) for p in range(20)], None, False),
        # Fewer samples, none of them missing between others.
        ([list(range(16 - p % 2)) for p in range(20)], None, False),
        ([[number for number in range(16) if number != 3 or p] for p in range(20)], "0.3% of the samples", False),
        ([[number for number in range(16) if number % 4 != p % 4] for p in range(20)], "% of the samples", True),
    ],
)
def test_gaps_in_the_numbers_of_samples(numbers: list[list[int]], said: str | None, forbids: bool) -> None:
    outcomes = rows(numbers)
    concerns = list(missing_concerns({"m": outcomes}, {"m": outcomes.counts()}))
    assert [concern.forbids for concern in concerns] == ([forbids] if said else [])
    assert all(said and said in concern.message and concern.models == ("m",) for concern in concerns)


def test_an_audit_makes_no_claim_from_such_samples() -> None:
    rng = np.random.default_rng(5)
    c_P = rng.binomial(64, rates(rng, 300))
    whole, kept_P = Counts.of(64, c_P), c_P + rng.binomial(64 - c_P, 0.3)
    dropped = Counts.of(np.maximum(kept_P, 8), c_P)
    found = audit({"base": whole, "tuned": dropped}, measures=[], resamples=200)
    assert found.verdict.label == "cannot tell"
    (concern,) = (concern for concern in found.concerns if concern.forbids)
    assert concern.models == ("tuned",) and "as where failures are left out: give every sample" in concern.message
    assert found.verdict.parts["all problems"].concerns == (f"tuned: {concern.message}",)


def test_only_right_samples_are_no_rate() -> None:
    right = Counts.of([3, 5, 2, 8] * 5, [3, 5, 2, 8] * 5)
    (concern,) = missing_concerns({"m": right}, {"m": right})
    assert concern.forbids and concern.message.startswith("Every sample is right, and problems have different numbers")
