from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import comb, log

import numpy as np
import pytest

from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.voting import diversity, majority_vote
from edgewise.core.errors import InputError
from edgewise.outcomes.outcomes import Outcomes

ANSWERS = ("a", "b", "c", "d", "e", "f", "g", "h")


def spoken(*problems: str, right: str = "A", clusters: list[str] | None = None) -> Outcomes:
    """A problem for each text, a sample for each letter: capitals are correct, a dot says nothing."""
    text = "".join(problems)
    return Outcomes(
        problem=np.array([f"{i:05d}" for i in range(len(problems))]),
        level=np.zeros(len(problems), dtype=np.int64),
        problem_S=np.repeat(np.arange(len(problems), dtype=np.int32), [len(one) for one in problems]),
        sample_S=np.concatenate([np.arange(len(one)) for one in problems]),
        answer_S=np.array([-1 if letter == "." else letter.isupper() for letter in text], dtype=np.int8),
        predicted_S=np.array(["abcdefgh".find(letter.lower()) for letter in text], dtype=np.int32),
        answers=ANSWERS,
        cluster=None if clusters is None else np.array(clusters),
    )


def exact_majority(problem: str, k: int) -> Fraction:
    """The mean vote over every k-subset; ties shared, dots abstain, a letter is right if a capital."""
    total = Fraction(0)
    for subset in combinations(problem, k):
        votes = Counter(letter for letter in subset if letter != ".")
        winners = [letter for letter, number in votes.items() if number == max(votes.values())]
        total += Fraction(sum(letter.isupper() for letter in winners), max(1, len(winners)))
    return total / comb(len(problem), k)


def exact_distinct(problem: str, m: int) -> Fraction:
    return Fraction(sum(len(set(one) - {"."}) for one in combinations(problem, m)), comb(len(problem), m))


@pytest.mark.parametrize(
    "problem", ["A", "b", "..", "A.", "AAbb", "AAbbb", "Ab..", "AAbbcc.d", "AABBcd", "AAAAbbbb", "A.......", "abcdefgh"]
)
def test_the_vote_is_the_mean_over_every_subset(problem: str) -> None:
    n = len(problem)
    found = majority_vote(spoken(problem), range(1, n + 1), subsets=1500, bootstrap=Bootstrap(1))
    exact = [float(exact_majority(problem, k)) for k in range(1, n + 1)]
    assert found.value_K[[0, -1]] == pytest.approx([exact[0], exact[-1]], abs=1e-12)
    assert found.monte_carlo_error_K[[0, -1]] == pytest.approx(0, abs=1e-12)
    assert (np.abs(found.value_K - exact) <= 4.5 * found.monte_carlo_error_K + 1e-12).all()
    assert (found.monte_carlo_error_K <= 0.5 / np.sqrt(1499) + 1e-12).all()


def test_answers_that_are_all_right_or_all_wrong_need_no_subsets() -> None:
    found = majority_vote(spoken("abcd", "AABC", "....", "AAAA"), [1, 2, 3, 4], bootstrap=Bootstrap(1))
    assert found.value_K.tolist() == [0.5] * 4
    assert found.monte_carlo_error_K.tolist() == [0.0] * 4
    assert found.no_answer == 0.25


def test_the_stated_monte_carlo_error_is_the_spread_over_seeds() -> None:
    # All problems alike and in one order: subsets shared by problems must not share their luck.
    outcomes = spoken(*["AAAbbcd."] * 100)
    found = [majority_vote(outcomes, [3], subsets=8, bootstrap=Bootstrap(1, seed)) for seed in range(60)]
    off = np.array([one.value_K[0] for one in found]) - float(exact_majority("AAAbbcd.", 3))
    error = np.mean([one.monte_carlo_error_K[0] for one in found])
    assert 0.75 < off.std() / error < 1.3
    assert abs(off.mean()) < 4 * error / np.sqrt(60)


def test_a_vote_does_not_depend_on_the_order_of_the_rows() -> None:
    outcomes = spoken("AAbbb.", "AcccA", "AAAAb")
    order = np.random.default_rng(0).permutation(outcomes.problem_S.size)
    moved = replace(
        outcomes,
        problem_S=outcomes.problem_S[order],
        sample_S=outcomes.sample_S[order],
        answer_S=outcomes.answer_S[order],
        predicted_S=None if outcomes.predicted_S is None else outcomes.predicted_S[order],
    )
    here, there = (
        majority_vote(outcomes, [1, 3, 5], bootstrap=Bootstrap(seed=4)),
        majority_vote(moved, [1, 3, 5], bootstrap=Bootstrap(seed=4)),
    )
    assert here.value_K.tolist() == there.value_K.tolist()
    assert here.low_K.tolist() == there.low_K.tolist()
    assert (
        majority_vote(outcomes, [3, 2], bootstrap=Bootstrap(seed=4)).value_K[0]
        != majority_vote(outcomes, [3], bootstrap=Bootstrap(seed=5)).value_K[0]
    )


def test_an_order_of_ks_does_not_matter_and_too_large_a_k_is_nan() -> None:
    outcomes = spoken("AAbbb.", "AcccA")
    up, down = majority_vote(outcomes, [2, 3, 5, 6]), majority_vote(outcomes, [6, 5, 3, 2])
    assert up.value_K[:3].tolist() == down.value_K[:0:-1].tolist()
    assert np.isnan(up.value_K[3]) and np.isnan(down.value_K[0]) and np.isnan(up.monte_carlo_error_K[3])
    assert (up.n, up.problems) == (5, 2)


def test_marks_that_disagree_about_one_answer_count_by_their_share() -> None:
    outcomes = spoken("AAab")
    assert outcomes.predicted_S is not None
    # Both capitals and the small letter say "a"; two of the three are marked correct.
    assert majority_vote(outcomes, [4]).value_K.tolist() == pytest.approx([2 / 3])
    assert majority_vote(outcomes, [1]).value_K.tolist() == pytest.approx([1 / 2])


def test_an_answer_that_could_not_be_verified_votes_and_is_not_correct() -> None:
    outcomes = replace(spoken("aaAA"), answer_S=np.array([-1, -1, 1, 1], dtype=np.int8))
    assert majority_vote(outcomes, [1, 4]).value_K.tolist() == [0.5, 0.5]
    assert diversity(outcomes, 1, 3, bootstrap=Bootstrap(1)).solved == 0


def test_the_interval_holds_the_value_and_clusters_widen_it() -> None:
    problems = ["AAAb", "AAAA", "abbb", "Abbb"] * 8
    apart = majority_vote(spoken(*problems), [1, 4])
    together = majority_vote(spoken(*problems, clusters=[f"{i % 4}" for i in range(32)]), [1, 4])
    assert ((apart.low_K < apart.value_K) & (apart.value_K < apart.high_K)).all()
    assert ((together.high_K - together.low_K) > 1.5 * (apart.high_K - apart.low_K)).all()


def test_distinct_answers_are_the_mean_over_every_subset() -> None:
    problems = ["AAbbcc.d", "AAAAAAAA", "........", "abcdefgh", "AABBCccc"]
    for m in (1, 2, 5, 8):
        found = diversity(spoken(*problems), m, bootstrap=Bootstrap(50))
        exact = np.mean([float(exact_distinct(one.lower(), m)) for one in problems])
        assert found.distinct.value == pytest.approx(exact, rel=1e-12)
        assert found.distinct.low <= found.distinct.value <= found.distinct.high
    for m in (1, 2, 3):
        found = diversity(spoken(*problems), 1, m, bootstrap=Bootstrap(50))
        right = ["".join(filter(str.isupper, one)) for one in problems]
        enough = [one for one in right if len(one) >= m]
        assert found.distinct_correct.value == pytest.approx(np.mean([float(exact_distinct(one, m)) for one in enough]))
        assert found.solved == len(enough)


def test_rarefied_answers_compare_models_with_different_numbers_of_samples() -> None:
    rng = np.random.default_rng(3)
    few = spoken(*["".join(rng.choice(list("abcdefgh"), 6)) for _ in range(600)])
    many = spoken(*["".join(rng.choice(list("abcdefgh"), 40)) for _ in range(600)])
    truth = 8 * (1 - (7 / 8) ** 6)
    for outcomes in (few, many):
        found = diversity(outcomes, 6, bootstrap=Bootstrap(300)).distinct
        assert found.low < truth < found.high
    assert diversity(many, 40, bootstrap=Bootstrap(50)).distinct.low > truth + 2


def test_entropy_is_chao_and_shens() -> None:
    found = diversity(spoken("aaabbc.."), 1, bootstrap=Bootstrap(1))
    coverage = 1 - 1 / 6
    shares = [coverage * count / 6 for count in (3, 2, 1)]
    expected = -sum(share * log(share) / (1 - (1 - share) ** 6) for share in shares)
    assert found.entropy.value == pytest.approx(expected, rel=1e-12)
    assert found.entropy_plug_in.value == pytest.approx(-sum(x * log(x) for x in (1 / 2, 1 / 3, 1 / 6)), rel=1e-12)


def test_entropy_is_nearer_the_truth_than_the_plug_in() -> None:
    rng, shares = np.random.default_rng(2), np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
    truth = -(shares * np.log(shares)).sum()
    problems = ["".join(rng.choice(list("abcdefgh"), 8, p=shares)) for _ in range(1500)]
    found = diversity(spoken(*problems), 8, bootstrap=Bootstrap(200))
    assert abs(found.entropy.value - truth) < 0.25 * abs(found.entropy_plug_in.value - truth)
    assert found.entropy_plug_in.value < truth - 0.25


def test_entropy_is_finite_where_all_answers_differ_or_agree_or_are_missing() -> None:
    found = diversity(spoken("abcd", "aaaa", "a...", "...."), 1, bootstrap=Bootstrap(20))
    assert np.isfinite(found.entropy.value) and found.answered == 3
    assert diversity(spoken("aaaa", "A..."), 1, bootstrap=Bootstrap(20)).entropy.value == pytest.approx(0, abs=1e-12)
    nobody = diversity(spoken("....", ".."), 1, bootstrap=Bootstrap(20))
    assert np.isnan(nobody.entropy.value) and nobody.answered == 0
    assert nobody.distinct.value == 0 and np.isnan(nobody.distinct_correct.value)


def test_an_interval_holds_an_entropy_that_is_the_same_everywhere() -> None:
    found = diversity(spoken("abcd", "efgh", "aceg"), 1, bootstrap=Bootstrap(20))
    for entropy in (found.entropy, found.entropy_plug_in):
        assert 0 <= entropy.low < entropy.value <= entropy.high + 1e-12
    assert found.entropy_plug_in.value == pytest.approx(log(4))


def test_unanimous_problems_are_those_all_of_whose_samples_say_one_answer() -> None:
    found = diversity(spoken("AAAA", "bbb", "bbb.", "Ab", "..", "a"), 1, bootstrap=Bootstrap(50))
    assert found.unanimous.value == pytest.approx(3 / 6)
    assert found.unanimous.low < 0.5 < found.unanimous.high


def test_bad_input() -> None:
    outcomes = spoken("AAb", "Ab")
    with pytest.raises(InputError, match="said"):
        majority_vote(replace(outcomes, predicted_S=None), [1])
    with pytest.raises(InputError, match="said"):
        diversity(replace(outcomes, predicted_S=None), 1)
    with pytest.raises(InputError, match="ks"):
        majority_vote(outcomes, [0, 1])
    with pytest.raises(InputError, match="subsets"):
        majority_vote(outcomes, [1], subsets=1)
    with pytest.raises(InputError, match="m: 3 samples; problem 00001 has only 2"):
        diversity(outcomes, 3)
    with pytest.raises(InputError, match="m: 0"):
        diversity(outcomes, 0)
    with pytest.raises(InputError, match="m_correct: 0"):
        diversity(outcomes, 1, 0)
    with pytest.raises(InputError, match="confidence"):
        majority_vote(outcomes, [1], bootstrap=Bootstrap(confidence=0.0))
