from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.guessing import (
    above_guessing,
    declared_floor,
    direct_floor,
    excess_coverage,
    guess_curve,
    shuffled_floor,
)
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray
from edgewise.outcomes.outcomes import Outcomes


def names(problems: int) -> list[str]:
    return [f"{i:04d}" for i in range(problems)]


def rollouts(
    said: list[list[str]], right: list[set[str]], gold: list[str] | None = None, answers: tuple[str, ...] = ()
) -> Outcomes:
    """Answers of every problem ("" for none); those in `right` are graded correct."""
    texts = answers or tuple(sorted({text for row in said for text in row if text}))
    rows = [(at, number, text) for at, row in enumerate(said) for number, text in enumerate(row)]
    return Outcomes(
        problem=np.array(names(len(said))),
        level=np.zeros(len(said), dtype=np.int64),
        problem_S=np.array([at for at, _, _ in rows], dtype=np.int32),
        sample_S=np.array([number for _, number, _ in rows]),
        answer_S=np.array([int(text in right[at]) if text else -1 for at, _, text in rows], dtype=np.int8),
        predicted_S=np.array([texts.index(text) if text else -1 for _, _, text in rows], dtype=np.int32),
        answers=texts,
        gold=None if gold is None else np.array(gold),
    )


def test_even_guesses_among_a_thousand_answers() -> None:
    floor = declared_floor(np.array(names(30)), 1000)
    assert guess_curve(floor, [128, 256, 1024, 8192]) == pytest.approx([0.120, 0.226, 0.641, 0.9997], abs=5e-4)


def test_declared_numbers_may_differ_by_problem() -> None:
    floor = declared_floor(np.array(names(3)), np.array([1, 2, 10]))
    assert guess_curve(floor, [1, 2]) == pytest.approx([(1 + 0.5 + 0.1) / 3, (1 + 0.75 + 0.19) / 3])


def test_shuffled_floor_counts_right_answers_given_to_other_problems() -> None:
    said = [["1", "2", "2", ""], ["2", "3", "3", "3"], ["1", "1", "2", "4"], ["", "", "", "9"]]
    floor = shuffled_floor(rollouts(said, [{"2"}, {"2", "3"}, {"5"}, {"1", "4"}]))
    assert floor.source == "answers to other problems"
    # "2" is said twice by others than the first; the third has no right answer on record, nor has the fourth.
    assert floor.right_P is not None and floor.right_P.tolist() == [2, 3, 0, 0]
    assert floor.guesses_P is not None and floor.guesses_P.tolist() == [9, 8, 0, 0]
    assert floor.rate_P == pytest.approx([2 / 9, 3 / 8, np.nan, np.nan], nan_ok=True)
    assert floor.known_P.tolist() == [True, True, False, False]


def test_gold_answers_and_other_arms_make_problems_known() -> None:
    said = [["1", "2"], ["2", "2"], ["3", "1"]]
    nobody: list[set[str]] = [set(), set(), set()]
    model = rollouts(said, nobody)
    assert not shuffled_floor(model).known_P.any()
    golden = shuffled_floor(rollouts(said, nobody, gold=["2", "", "77"]))
    assert golden.rate_P == pytest.approx([2 / 4, np.nan, 0], nan_ok=True)
    # The other arm numbers its answers differently; texts are what counts.
    other = rollouts([["8"], ["1"], ["2"]], [set(), {"1"}, {"2"}], answers=("8", "2", "1"))
    assert shuffled_floor(model, [other]).rate_P == pytest.approx([np.nan, 2 / 4, 3 / 4], nan_ok=True)
    assert shuffled_floor(other).rate_P == pytest.approx([np.nan, 0, 0], nan_ok=True)


def test_shuffled_floor_of_one_problem_or_no_answers_is_unknown() -> None:
    assert not shuffled_floor(rollouts([["1", "1"]], [{"1"}])).known_P.any()
    silent = rollouts([["", ""], [""]], [set(), set()], gold=["1", ""])
    assert not shuffled_floor(silent).known_P.any()
    assert np.isnan(guess_curve(shuffled_floor(silent), [1, 2])).all()


def test_shuffled_floor_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    said = [[str(one) for one in rng.integers(0, 12, rng.integers(1, 30))] for _ in range(40)]
    right = [{str(one) for one in rng.integers(0, 12, 2)} for _ in range(40)]
    floor = shuffled_floor(rollouts(said, right))
    for i in range(40):
        marked = right[i] & set(said[i])
        others = [text for j in range(40) if j != i for text in said[j]]
        expected = np.mean([text in marked for text in others]) if marked else np.nan
        assert floor.rate_P[i] == pytest.approx(expected, nan_ok=True)


def test_a_counted_floor_is_unbiased_at_large_k_where_the_plug_in_is_not() -> None:
    n, rate = 64, 0.01
    c = np.arange(n + 1)
    weights = stats.binom.pmf(c, n, rate)
    curves = [guess_curve(direct_floor(Counts.of(n, [int(one)])), [64])[0] for one in c]
    assert weights @ curves == pytest.approx(1 - (1 - rate) ** 64)
    assert weights @ (1 - (1 - c / n) ** 64) < 0.9 * (1 - (1 - rate) ** 64)
    assert np.isnan(guess_curve(direct_floor(Counts.of(n, [3])), [65])).all()


def test_excess_of_a_guesser_is_nothing_and_of_a_solver_is_not() -> None:
    ks, covered = [1, 32, 256], np.zeros(3)
    for seed in range(40):
        guesser = Counts.of(1024, np.random.default_rng(seed).binomial(1024, 0.001, 60))
        found = excess_coverage(guesser, declared_floor(guesser.problem, 1000), ks, bootstrap=Bootstrap(400))
        covered += (found.low_K <= 0) & (found.high_K >= 0)
    assert (covered >= 34).all()
    solver = Counts.of(1024, [100] * 40 + [0] * 20)
    found = excess_coverage(solver, declared_floor(solver.problem, 1000), ks)
    assert found.floor_K == pytest.approx([0.001, 1 - 0.999**32, 1 - 0.999**256])
    assert found.excess_K == pytest.approx(found.coverage_K - found.floor_K)
    assert found.low_K[1] > 0.4


def test_excess_is_of_the_problems_whose_floor_is_known() -> None:
    said = [["1", "2"], ["2", "2"], ["2", "1"]]
    model = rollouts(said, [{"1"}, {"2"}, set()])
    found = excess_coverage(model.counts(), shuffled_floor(model), [1, 2])
    assert found.problems == 2
    assert found.coverage_K == pytest.approx([(0.5 + 1) / 2, 1])
    assert found.floor_K[0] == pytest.approx((1 / 4 + 2 / 4) / 2)


def test_p_values_against_an_exact_rate_are_binomial_tails() -> None:
    counts = Counts.of([10, 20, 30], [0, 3, 30])
    found = above_guessing(counts, declared_floor(counts.problem, np.array([4, 4, 1])))
    expected = [stats.binomtest(c, n, g, alternative="greater").pvalue for c, n, g in ((0, 10, 0.25), (3, 20, 0.25))]
    assert found.p_P == pytest.approx([*expected, 1])


def test_p_values_against_counted_guesses_are_fishers() -> None:
    counts, direct = Counts.of([50, 50], [6, 1]), Counts.of([100, 40], [0, 0])
    found = above_guessing(counts, direct_floor(direct))
    expected = [
        stats.fisher_exact(np.array([[c, n - c], [d, m - d]]), alternative="greater")[1]
        for n, c, m, d in ((50, 6, 100, 0), (50, 1, 40, 0))
    ]
    assert found.p_P == pytest.approx(expected)
    assert found.p_P[1] > 0.5
    assert (found.above, found.tested) == (1, 2)


def test_a_guesser_is_rarely_above_guessing_and_a_solver_is() -> None:
    rng = np.random.default_rng(0)
    rate_P: FloatArray = np.r_[np.full(150, 0.01), np.full(50, 0.08)]
    counts = Counts.of(256, rng.binomial(256, rate_P))
    for floor in (declared_floor(counts.problem, 100), direct_floor(Counts.of(4096, rng.binomial(4096, 0.01, 200)))):
        found = above_guessing(counts, floor)
        assert (found.q_P[150:] <= 0.05).sum() >= 48
        assert (found.q_P[:150] <= 0.05).sum() <= 6


def test_unknown_floors_are_not_tested() -> None:
    model = rollouts([["1", "2"], ["2", "2"], ["2", "1"]], [{"1"}, {"2"}, set()])
    found = above_guessing(model.counts(), shuffled_floor(model))
    assert found.tested == 2
    assert np.isnan(found.p_P).tolist() == np.isnan(found.q_P).tolist() == [False, False, True]


def test_bad_input() -> None:
    counts = Counts.of(8, [1, 2])
    floor = declared_floor(counts.problem, 10)
    with pytest.raises(InputError, match="answers: 0"):
        declared_floor(counts.problem, 0)
    with pytest.raises(InputError, match="answers: 3 numbers"):
        declared_floor(counts.problem, np.array([1, 2, 3]))
    with pytest.raises(InputError, match="floor: of other problems"):
        excess_coverage(Counts.of(8, [1]), floor, [1])
    with pytest.raises(InputError, match="ks: "):
        guess_curve(floor, [0])
    with pytest.raises(InputError, match="q: 1"):
        above_guessing(counts, floor, q=1)
    unknown = shuffled_floor(rollouts([["1"], ["1"]], [set(), set()]))
    with pytest.raises(InputError, match="no problem has a known floor"):
        excess_coverage(Counts.of(1, [0, 0], problem=names(2)), unknown, [1])
    plain = Outcomes.of(problem=["a", "b"], sample=[0, 0], answer=[1, 0])
    with pytest.raises(InputError, match="predicted_S: "):
        shuffled_floor(plain)
    with pytest.raises(InputError, match="others: "):
        shuffled_floor(rollouts([["1"], ["2"]], [set(), set()]), [rollouts([["1"]], [set()])])
