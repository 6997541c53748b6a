"""One call computes everything: on planted changes, with every column and with hardly any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from edgewise.boundary import Concern, Counts, Outcomes, audit, boundary_verdict, find_edge, plan_samples
from edgewise.boundary.measures.guessing import GUESSING
from edgewise.boundary.measures.registry import of_unit, quick
from edgewise.boundary.measures.verifier_errors import VerifierLabels
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray

N = 32
RESAMPLES = 300


def sampled(p_P: FloatArray, seed: int, n: int = N) -> Outcomes:
    """Every column: sets x (levels easy and hard) and y, a right answer for each problem, graded scores."""
    rng, problems = np.random.default_rng(seed), len(p_P)
    problem_S = np.repeat(np.arange(problems, dtype=np.int32), n)
    right_S = rng.random(problems * n) < p_P[problem_S]
    wrong_S = rng.integers(problems, problems + 20, problems * n)
    half = problems // 2
    return Outcomes(
        problem=np.array([f"p{i:03d}" for i in range(problems)]),
        level=np.array(["easy", "hard"])[np.arange(problems) % 2 * (np.arange(problems) < half)],
        problem_S=problem_S,
        sample_S=np.tile(np.arange(n), problems),
        answer_S=right_S.astype(np.int8),
        process_S=(right_S & (rng.random(problems * n) < 0.9)).astype(np.int8),
        truncated_S=np.zeros(problems * n, dtype=np.bool_),
        tokens_S=np.full(problems * n, 10),
        score_S=right_S.astype(np.float64),
        logprob_S=np.full(problems * n, -5.0),
        predicted_S=np.where(right_S, problem_S, wrong_S).astype(np.int32),
        answers=tuple(f"answer {i}" for i in range(problems + 20)),
        set=np.where(np.arange(problems) < half, "x", "y"),
        gold=np.array([f"answer {i}" for i in range(problems)]),
    )


@pytest.fixture(scope="module")
def arms() -> Mapping[str, Outcomes]:
    p_P = np.random.default_rng(0).beta(0.3, 1.5, 80)
    return {"base": sampled(p_P, 1), "same": sampled(p_P, 2), "surer": sampled(np.where(p_P > 0.05, 0.95, 0.0), 3)}


def test_everything_recorded_is_measured(arms: Mapping[str, Outcomes]) -> None:
    found = audit(arms, verifier=VerifierLabels(1, 50, 48, 50), resamples=RESAMPLES)
    assert found.metric == "process"
    assert found.models == ("base", "same", "surer")
    assert [one.name for one in found.sets] == ["x", "y"]
    assert [len(one.levels) for one in found.sets] == [2, 0]
    assert found.verdict is found.verdicts["surer"]
    for one in found.sets:
        assert (one.whole.n, one.whole.k, one.whole.problems) == (N, 8, 40)
        assert set(one.whole.curves["base"]) == {"process", "answer"}
        for measures in one.models.values():
            assert set(measures) == {measure.name for measure in of_unit("model")}
            assert [name for name, result in measures.items() if result is None] == []
            assert (measures["completions"].tokens, measures["completions"].entropy) == (10, 0.5)
        for comparison in one.comparisons.values():
            assert set(comparison) == {measure.name for measure in of_unit("comparison")}
            assert [name for name, result in comparison.items() if result is None] == []
        guessing = GUESSING.result(one.measures)
        assert guessing is not None and guessing.known == 40


def test_verdicts_are_those_of_boundary_verdict_over_the_family(arms: Mapping[str, Outcomes]) -> None:
    found = audit(arms, metric="answer", resamples=RESAMPLES)
    in_y = np.asarray(arms["base"].set) == "y"
    base, tuned = (arms[name].counts().select(in_y) for name in ("base", "surer"))
    alone = boundary_verdict(base, tuned, k=8, comparisons=4)
    there = found.sets[1].whole.verdicts["surer"]
    assert (there.label, there.delta_1, there.delta_k, there.solved.both) == (
        alone.label, alone.delta_1, alone.delta_k, alone.solved.both,
    )  # fmt: skip
    assert there.sentence == alone.sentence
    levels = [level.verdicts["surer"] for level in found.sets[0].levels]
    assert [verdict.comparisons for verdict in levels] == [4, 4]
    assert [verdict.problems for verdict in levels] == [20, 20]


def test_sets_are_chosen_and_ordered(arms: Mapping[str, Outcomes]) -> None:
    pair = {name: arms[name] for name in ("base", "surer")}
    assert [one.name for one in audit(pair, sets=["y", "x"], resamples=RESAMPLES).sets] == ["y", "x"]
    (only,) = audit(pair, sets=["y"], resamples=RESAMPLES).sets
    y = np.asarray(arms["base"].set) == "y"
    alone = audit({name: one.select(y) for name, one in pair.items()}, resamples=RESAMPLES).sets[0]
    assert only.whole.verdicts["surer"].delta_k == alone.whole.verdicts["surer"].delta_k
    assert only.whole.verdicts["surer"].comparisons == 1
    with pytest.raises(InputError, match=r"^sets: 'z' asked for; there are x, y$"):
        audit(pair, sets=["z"])


def test_counts_alone_leave_out_what_they_do_not_hold() -> None:
    p_P = np.random.default_rng(0).beta(0.2, 1.5, 60)
    base, tuned = (Counts.of(16, np.random.default_rng(seed).binomial(16, p_P)) for seed in (1, 2))
    found = audit({"base": base, "tuned": tuned}, resamples=RESAMPLES)
    (only,) = found.sets
    assert only.measures == {"guessing": None} and only.levels == ()
    measures = only.models["base"]
    assert (measures["completions"].tokens, measures["completions"].entropy) == (None, None)
    absent = {name for name, result in measures.items() if result is None}
    assert absent == {"backtest", "majority_vote", "diversity", "best_scores", "sound"}
    assert found.verdict.label in ("unchanged", "cannot tell")
    declared = GUESSING.result(audit({"base": base, "tuned": tuned}, guess=1000, resamples=RESAMPLES).sets[0].measures)
    assert declared is not None and declared.floor_K[0] == pytest.approx(0.001)


def test_only_the_chosen_measures_are_computed_and_verdicts_stay(arms: Mapping[str, Outcomes]) -> None:
    every, some = (audit(arms, measures=names, resamples=RESAMPLES) for names in (None, ["crossover", "cover"]))
    one, two = every.sets[0], some.sets[0]
    assert (set(two.models["base"]), set(two.comparisons["surer"])) == ({"cover"}, {"crossover", "changes"})
    assert two.models["base"]["cover"].value_H.tolist() == one.models["base"]["cover"].value_H.tolist()
    assert some.verdict.sentence == every.verdict.sentence and set(two.measures) == {"guessing"}
    assert not {"population", "backtest"} & quick() and "cover" in quick()
    with pytest.raises(InputError, match="measures: 'corner' is unknown; there are crossover"):
        audit(arms, measures=["corner"])


def test_sets_are_compared_in_the_order_asked_for(arms: Mapping[str, Outcomes]) -> None:
    found = audit(arms, sets=["y", "x"], measures=[], resamples=RESAMPLES)
    assert [one.name for one in found.sets] == list(found.verdict.parts) == ["y", "x"]
    only = audit(arms, sets=["y"], measures=[], resamples=RESAMPLES)
    assert only.counts["base"].problems == only.sets[0].whole.problems == 40
    with pytest.raises(InputError, match="sets: 'z' asked for; there are x, y"):
        audit(arms, sets=["z"])


def test_one_sample_a_problem_says_little_and_does_not_fail() -> None:
    base, tuned = Counts.of(1, [0, 1, 1, 0] * 5), Counts.of(1, [1, 1, 1, 0] * 5)
    found = audit({"base": base, "tuned": tuned}, resamples=RESAMPLES)
    assert found.verdict.label == "cannot tell"
    assert found.sets[0].comparisons["tuned"]["certificates"] is None


def test_a_forbidding_concern_is_about_its_models(arms: Mapping[str, Outcomes]) -> None:
    some = {name: arms[name] for name in ("base", "same", "surer")}
    concern = Concern("Graded by another verifier.", True, ("surer",))
    found = audit(some, metric="answer", concerns=[concern], resamples=RESAMPLES)
    assert found.verdicts["surer"].label == "cannot tell"
    assert found.sets[0].whole.verdicts["surer"].concerns == ("surer: Graded by another verifier.",)
    assert found.sets[0].whole.verdicts["same"].concerns == ()
    of_the_base = audit(some, metric="answer", concerns=[replace(concern, models=("base",))], resamples=RESAMPLES)
    assert {one.label for one in of_the_base.verdicts.values()} == {"cannot tell"}


def test_where_guessing_reaches_most_no_claim_is_made() -> None:
    base, tuned = Counts.of(64, [2] * 40), Counts.of(64, [30] * 40)
    found = audit({"base": base, "tuned": tuned}, guess=10, resamples=RESAMPLES)
    assert found.verdict.label == "cannot tell"
    assert any(concern.forbids and "guessing alone" in concern.message for concern in found.concerns)
    assert audit({"base": base, "tuned": tuned}, guess=10**6, resamples=RESAMPLES).verdict.label != "cannot tell"


@pytest.mark.parametrize(("choices", "k", "forbidden"), [(4, 2, True), (5, 2, True), (6, 2, False), (2, 1, False)])
def test_guessing_among_few_choices_reaches_many_within_two_samples(choices: int, k: int, forbidden: bool) -> None:
    """Four choices guess 44% of the problems within two samples, and 25% at once, which pass@1 starts from."""
    base, tuned = Counts.of(8, [2] * 40), Counts.of(8, [7] * 40)
    found = audit({"base": base, "tuned": tuned}, guess=choices, k=k, resamples=RESAMPLES)
    assert (found.verdict.label == "cannot tell") == forbidden
    assert any("guessing alone" in concern.message for concern in found.concerns) == forbidden


def test_a_problem_with_few_samples_is_left_out_and_named() -> None:
    """One problem of 100 has 7 samples: claims are made at k = 16 about the other 99, as without it."""
    base = Counts.of([7] + [64] * 99, [0] + [10] * 99)
    tuned = Counts.of(64, [0] + [40] * 99)
    found = audit({"base": base, "tuned": tuned}, measures=["changes"], resamples=RESAMPLES)
    (whole,) = (of_set.whole for of_set in found.sets)
    assert (whole.k, whole.n, whole.problems) == (16, 64, 99)
    assert found.counts["base"].problems == 99
    (concern,) = (concern for concern in found.concerns if "left out" in concern.message)
    assert not concern.forbids and "of 100 problems, 1 problem (000000)" in concern.message
    direct = boundary_verdict(base, tuned)
    assert (direct.k, direct.problems, direct.left_out) == (16, 99, ("000000",))
    assert "1 problem (000000) left out, with fewer than 32 samples" in direct.numbers
    assert direct.delta_k == whole.verdicts["tuned"].delta_k
    # With a k that all support none is left out.
    assert boundary_verdict(base, tuned, k=2).left_out == ()
    assert audit({"base": base, "tuned": tuned}, k=2, measures=[], resamples=RESAMPLES).sets[0].whole.problems == 100


def test_bad_input() -> None:
    some = Counts.of(8, [1, 2])
    with pytest.raises(InputError, match="models: 1 given"):
        audit({"base": some})
    with pytest.raises(InputError, match="counts are those of the answer"):
        audit({"base": some, "tuned": some}, metric="process")
    with pytest.raises(InputError, match="2 only in base"):
        audit({"base": some, "tuned": Counts.of(8, [1, 2], problem=["x", "y"])})
    with pytest.raises(InputError, match="k: 5; a claim from n = 8 samples needs k from 1 to n/2 = 4"):
        audit({"base": some, "tuned": some}, k=5)


def test_many_samples_cut_off_or_unscorable_are_a_concern() -> None:
    many, n_P = np.full(30, 45), 64
    base = Counts.of(n_P, np.arange(30))
    cut = replace(base, truncated_P=many)
    lost = replace(base, unscorable_P=np.full(30, 7), c_P=np.minimum(base.c_P, 40))
    concerns = audit({"base": cut, "lost": lost}, measures=[], resamples=RESAMPLES).concerns
    assert [(concern.models, concern.forbids, concern.harmless) for concern in concerns] == [
        (("base",), False, False),
        (("lost",), False, False),
    ]
    assert concerns[0].message.startswith("70% of the samples were cut off")
    assert concerns[1].message == "11% of the samples could not be scored."
    assert audit({"base": base, "same": base}, measures=[], resamples=RESAMPLES).concerns == ()


def test_there_is_no_claim_from_samples_none_of_which_was_graded() -> None:
    graded = Counts.of(16, [3, 5] * 60)
    ungraded = replace(graded, c_P=np.zeros(120, int), unscorable_P=graded.n_P)
    for base, tuned, which in (
        (ungraded, ungraded, "base and of the tuned model"),
        (graded, ungraded, "tuned model"),
        (ungraded, graded, "base"),
    ):
        found = audit({"base": base, "tuned": tuned}, measures=[], resamples=RESAMPLES)
        assert found.verdict.label == "cannot tell"
        assert found.verdict.rule == f"No sample of the {which} could be scored, so there is no rate to compare."
        assert [concern.models for concern in found.concerns if concern.forbids] == [
            (name,) for name, arm in (("base", base), ("tuned", tuned)) if arm is ungraded
        ]
    for refused in (
        lambda: find_edge(ungraded),
        lambda: plan_samples(ungraded, k=4, effect=0.1),
    ):
        with pytest.raises(InputError, match="none of its 1,920 samples could be scored by the answer"):
            refused()
