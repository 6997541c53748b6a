"""Copies, repeated seeds and runs that differ are found and forbid claims; clean draws of any entropy do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgewise.boundary import Counts, Outcomes, audit
from edgewise.boundary.dependence.draws import draw_concerns
from edgewise.boundary.dependence.order import agreement, halves
from edgewise.boundary.dependence.repeats import common_multiple
from tests.boundary.dependence.simulation import copied, draws, outcomes, partly_copied, without_texts

# None: every draw has a text of its own. 3: multiple choice.
ENTROPIES = (None, 3, 12, 60)


def said(samples: Outcomes | Counts) -> str:
    """What is said of the samples, all of which forbids claims; "" where nothing is."""
    counts = samples if isinstance(samples, Counts) else samples.counts()
    concerns = list(draw_concerns({"model": samples}, {"model": counts}))
    assert all(concern.forbids and concern.models == ("model",) for concern in concerns) and len(concerns) < 2
    return concerns[0].message if concerns else ""


def test_clean_draws_are_not_suspected() -> None:
    """240 models of every entropy, equal and unequal n: at 1 per thousand 0.24 alarms are expected, more than 2 have a
    probability below 0.003."""
    rng = np.random.default_rng(1)
    alarms = []
    for number in range(240):
        problems, n = ((30, 64), (30, 256), (100, 8), (100, 32), (500, 16), (1319, 8))[number % 6]
        n_P = np.full(problems, n) if number % 4 else rng.integers(n // 2, n + 1, problems)
        samples = draws(rng, problems, n_P, texts=ENTROPIES[number // 6 % 4])
        if number % 5 == 0:
            text_S = np.asarray(samples.text_S)
            samples = replace(samples, text_S=None, tokens_S=rng.integers(1, 300, text_S.max() + 1)[text_S])
        if number % 3 == 0:
            samples = replace(samples, seed_S=rng.integers(0, n, samples.problem_S.size))
        alarms += [message] if (message := said(samples)) else []
    assert len(alarms) <= 2, alarms


def test_p_values_of_the_tests_of_the_order_are_small_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    found = []
    for problems, n in [(30, 64), (100, 16), (300, 8), (60, 128)] * 100:
        samples, n_P = draws(rng, problems, n), np.full(problems, n)
        near, parts = agreement(samples.answer_S == 1, n_P), halves(samples.answer_S == 1, n_P)
        assert near is not None and parts is not None
        found.append((near.p, parts.p, parts.drift_p))
    for level in (0.01, 0.05):
        share = (np.array(found) <= level).mean(axis=0)
        assert (share < level + 4 * np.sqrt(level / len(found)) + 0.03 * (level > 0.01)).all(), share


def test_few_problems_with_many_samples_of_rare_kinds_are_not_suspected() -> None:
    """Pairs of rare samples at one of 512 distances: of 150 tests 1.5 are expected below 0.01 at most."""
    rng = np.random.default_rng(11)
    found = []
    for number in range(150):
        rates = rng.beta(0.4, 0.8, 5) * (0.05 if number % 2 else 1)
        near = agreement((rng.random((5, 1024)) < rates[:, None]).ravel(), np.full(5, 1024))
        found += [near.p] if near is not None else []
    assert len(found) > 120 and sum(p <= 0.01 for p in found) <= 6


@pytest.mark.parametrize("times", [2, 4, 8])
@pytest.mark.parametrize("order", ["adjacent", "blocks", "shuffled"])
@pytest.mark.parametrize("texts", [False, True])
def test_samples_that_are_there_several_times_are_found(times: int, order: str, texts: bool) -> None:
    rng = np.random.default_rng(times)
    for problems, n in ((100, 64), (500, 64), (100, 16)):
        samples = copied(draws(rng, problems, n // times), times, order, rng)
        message = said(samples if texts else without_texts(samples))
        assert "give each draw once" in message, (problems, n)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_copies_of_some_samples_are_found_wherever_they_are(share: float) -> None:
    rng = np.random.default_rng(3)
    message = said(partly_copied(draws(rng, 500, 64), share, rng))
    assert "texts are there exactly 2 times" in message and "these are copies" in message


def test_a_model_that_repeats_itself_explains_its_repeats() -> None:
    rng = np.random.default_rng(4)
    low = draws(rng, 300, 32, texts=12)
    texts, times = np.unique(np.stack([low.problem_S, np.asarray(low.text_S)]), axis=1, return_counts=True)
    assert (times > 1).sum() > 0.7 * texts.shape[1]
    assert not said(low)


@pytest.mark.parametrize(("problems", "runs"), [(500, 2), (500, 4), (500, 8)])
def test_runs_with_rates_of_their_own_are_found(problems: int, runs: int) -> None:
    """An intraclass correlation of .05 between runs."""
    rng = np.random.default_rng(5)
    found = [said(without_texts(draws(rng, problems, 64, runs=runs))) for _ in range(5)]
    assert sum("each run as a model of its own" in message for message in found) >= 4


def test_a_drift_over_the_draws_is_found() -> None:
    rng = np.random.default_rng(6)
    rate = np.where(np.arange(32) < 16, 0.4, 0.5)
    right = rng.random((300, 32)) < rate
    message = said(outcomes(np.repeat(np.arange(300), 32), np.tile(np.arange(32), 300), right.ravel()))
    assert "differ by" in message and "points of pass@1" in message


def test_one_seed_for_two_samples_that_are_one() -> None:
    rng = np.random.default_rng(7)
    once = draws(rng, 60, 8)
    seeds = np.tile(np.arange(8), 60)
    twice = replace(copied(once, 2, "blocks", rng), seed_S=np.tile(np.tile(np.arange(8), 2), 60))
    assert said(twice).startswith("Samples drawn with one seed are one sample: 480 of 480 such pairs are equal")
    # One seed may give several texts, as where a server draws n samples for one request.
    assert not said(replace(once, seed_S=seeds // 4))
    assert not said(replace(once, seed_S=seeds))


def sorted_by_verdict(samples: Outcomes) -> Outcomes:
    order = np.lexsort((-samples.answer_S, samples.problem_S))
    return outcomes(samples.problem_S[order].astype(np.int64), samples.sample_S, samples.answer_S[order] == 1)


def sorted_by_text(samples: Outcomes) -> Outcomes:
    text_S = np.asarray(samples.text_S)
    order = np.lexsort((text_S, samples.problem_S))
    return replace(
        outcomes(
            samples.problem_S[order].astype(np.int64), samples.sample_S, samples.answer_S[order] == 1, text_S[order]
        ),
        tokens_S=text_S[order],
    )


@pytest.mark.parametrize("sort", [sorted_by_verdict, sorted_by_text])
def test_rows_in_another_order_than_that_of_drawing_are_not_suspected(sort: Callable[[Outcomes], Outcomes]) -> None:
    assert not said(sort(draws(np.random.default_rng(8), 300, 32, texts=12)))


def test_counts_that_are_all_even_are_copies_and_a_few_of_them_are_not() -> None:
    rng = np.random.default_rng(9)
    c_P = rng.binomial(16, rng.beta(0.4, 0.8, 100))
    assert "multiples of 2" in said(Counts.of(32, 2 * c_P))
    assert not said(Counts.of(16, c_P))
    assert common_multiple(Counts.of(8, [2, 4, 6, 8, 0]))[1] > 0.05


def test_no_verdict_and_no_certificate_of_samples_that_are_copies() -> None:
    rng = np.random.default_rng(10)
    rates = np.repeat([0.0, 0.5], [40, 40])
    once = rng.binomial(2048, rates), rng.binomial(2048, np.where(rates == 0, 0.3, 0.5))
    for times, label, certified in ((1, "extended", 40), (2, "cannot tell", 0)):
        arms = {name: Counts.of(2048 * times, times * c_P) for name, c_P in zip(("base", "tuned"), once, strict=True)}
        found = audit(arms, resamples=100)
        certificates = found.sets[0].comparisons["tuned"]["certificates"]
        assert found.verdict.label == label
        assert len(certificates.expansions) == certified
        assert bool(certificates.concerns) == (certified == 0)
        assert (found.sets[0].comparisons["tuned"]["changes"].up >= 40) == bool(certified)
        assert bool(found.sets[0].comparisons["tuned"]["changes"].concerns) == (certified == 0)
