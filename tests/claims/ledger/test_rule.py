"""The rule of the ledger on planted outcomes whose truth is known: each of its answers, and how often it errs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgewise.claims.ledger.claim import Claim, Control, ExpectedRange, PlannedEffect, Prediction
from edgewise.claims.ledger.quantities import ClaimOutcomes, MeasuredValues, PassDifference, TwoDraws
from edgewise.claims.ledger.results import ClaimVerdict
from edgewise.claims.ledger.rule import claim_verdict, ranges_tested

from .planted import claim_outcomes, outcomes
from .toy_claim import studies

PROBLEMS, N, SEEDS = 60, 32, 4
PLAN = PlannedEffect(effect=0.1, scatter=0.02, problems=PROBLEMS, problem_sd=0.1, residual_sd=0.1, source="planted")


def right(share: float, name: str) -> list[list[int]]:
    """Right samples at a success rate that problems differ in around `share`; draws are keyed by a name."""
    rng = np.random.default_rng(list(name.encode()))
    rate_P = np.clip(share + np.linspace(-0.05, 0.05, PROBLEMS), 0, 1)
    counts: list[list[int]] = rng.binomial(N, rate_P, (SEEDS, PROBLEMS)).tolist()
    return counts


def gain(name: str, arm: str, k: int = 1) -> PassDifference:
    return PassDifference(name=name, arm=arm, region="all", k=k)


CLAIM = Claim(
    name="planted",
    statement="The arm gains and its rival does not.",
    work="nobody",
    section="nowhere",
    published=(),
    studies=studies,
    seeds={"nano": SEEDS},
    quantities=(
        gain("first", "arm"),
        gain("second", "rival"),
        gain("gold", "gold"),
        TwoDraws(name="noise", region="all", k=1),
    ),
    predictions=(
        Prediction(quantity="first", above=0.05, why="gains", plan=PLAN),
        Prediction(quantity="second", below=0.05, why="does not", plan=PLAN),
    ),
    controls=(
        Control(kind="positive", quantity="gold", above=0.05, meaning="the instrument is blind"),
        Control(kind="negative", quantity="noise", above=-0.1, below=0.1, meaning="draws differ"),
    ),
    design="",
    scouted="",
)


def verdict(arm: float, rival: float, gold: float = 0.8, seeds: int = SEEDS) -> ClaimVerdict:
    shares = {"base": 0.4, "arm": arm, "rival": rival, "gold": gold}
    return claim_verdict(CLAIM, claim_outcomes(N, {name: right(share, name)[:seeds] for name, share in shares.items()}))


@pytest.mark.parametrize(
    ("arm", "rival", "answer", "outcomes_of"),
    [
        (0.6, 0.4, "holds", ["shown", "shown"]),
        (0.4, 0.4, "does not hold", ["contradicted", "shown"]),
        (0.6, 0.6, "does not hold", ["shown", "contradicted"]),
        (0.6, 0.45, "cannot tell", ["shown", "open"]),
        (0.45, 0.45, "cannot tell", ["open", "open"]),
        (0.45, 0.6, "does not hold", ["open", "contradicted"]),
    ],
)
def test_the_answer_follows_from_what_is_shown(arm: float, rival: float, answer: str, outcomes_of: list[str]) -> None:
    found = verdict(arm, rival)
    assert [one.outcome for one in found.predictions] == outcomes_of
    assert (found.answer, [one.outcome for one in found.controls]) == (answer, ["shown", "shown"])
    decisive = {"holds": "shown", "does not hold": "contradicted", "cannot tell": "open"}[answer]
    for one in found.predictions:
        assert (f"{one.quantity} {100 * (one.value or 0):+.1f} points" in found.reason) == (one.outcome == decisive)
    assert found.reason.startswith(f"Over 4 training seeds, {decisive}: ")


@pytest.mark.parametrize("arm", [0.6, 0.4])
def test_a_control_that_is_not_shown_leaves_nothing_to_tell(arm: float) -> None:
    found = verdict(arm, 0.4, gold=0.4)
    assert found.answer == found.answer_by_answers == "cannot tell"
    assert "the positive control is not shown, gold" in found.reason
    assert "the instrument is blind" in found.reason


def test_a_control_that_is_open_is_not_said_to_have_failed() -> None:
    found = verdict(0.6, 0.4, gold=0.45)
    assert (found.answer, found.controls[0].outcome) == ("cannot tell", "open")
    assert "the positive control is open, gold" in found.reason and "not shown" not in found.reason
    assert "; if it fails, the instrument is blind" in found.reason


def test_a_concern_leaves_nothing_to_tell() -> None:
    shares = {"base": 0.4, "arm": 0.6, "rival": 0.4, "gold": 0.8}
    planted = claim_outcomes(N, {name: right(share, name) for name, share in shares.items()})
    found = claim_verdict(CLAIM, planted, ["Equal compute was missed."])
    assert (found.answer, found.answer_by_answers) == ("cannot tell", "cannot tell")
    assert (found.reason, found.concerns) == ("Equal compute was missed.", ("Equal compute was missed.",))
    assert {one.outcome for one in found.predictions} == {"shown"}


def test_two_training_seeds_say_nothing_about_a_recipe() -> None:
    found = verdict(0.9, 0.4, seeds=2)
    assert found.answer == "cannot tell"
    assert found.reason == "A statement about a recipe needs 3 training seeds; these are 2."
    assert {one.outcome for one in (*found.predictions, *found.controls)} == {"open"}
    assert found.predictions[0].low is None and len(found.quantities[0].seeds) == 2


def test_answers_alone_would_have_said_otherwise() -> None:
    by_process, by_answer = right(0.4, "process"), right(0.7, "answer")
    arms = {name: [outcomes(N, one) for one in right(share, name)] for name, share in (("base", 0.4), ("gold", 0.8))}
    arms["rival"] = [outcomes(N, one) for one in right(0.4, "rival")]
    arms["arm"] = [
        outcomes(N, process, np.maximum(process, answer).tolist())
        for process, answer in zip(by_process, by_answer, strict=True)
    ]
    found = claim_verdict(CLAIM, ClaimOutcomes(tuple(range(SEEDS)), {"": arms}))
    assert (found.answer, found.answer_by_answers) == ("does not hold", "holds")


def test_intervals_and_outcomes_say_the_same() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        values = {
            name: MeasuredValues(rng.normal(rng.normal(0, 0.05), 0.2, (30, 4)).clip(-1, 1), (-1.0, 1.0))
            for name in "abc"
        }
        ranges = [ExpectedRange(quantity=name, above=0.0) for name in "abc"]
        for one in ranges_tested(ranges, values):
            assert one.low is not None and one.high is not None
            beyond = "shown" if one.low > 0 else "contradicted" if one.high < 0 else "open"
            assert one.outcome == beyond
            assert one.confidence in (pytest.approx(1 - 0.05 / 3, abs=1e-6), 0.975, 0.95)


def test_an_absence_does_not_rest_on_what_few_problems_cannot_show() -> None:
    """Twenty problems without any change may hide a share of 17% that changes."""
    nothing = {size: {"q": MeasuredValues(np.zeros((size, 4)), (-1.0, 1.0))} for size in (20, 200)}
    wanted = [ExpectedRange(quantity="q", above=-0.05, below=0.05)]
    assert [ranges_tested(wanted, nothing[size])[0].outcome for size in (20, 200)] == ["open", "shown"]


@pytest.mark.parametrize("scatter", [0.0, 0.05])
def test_nothing_is_shown_or_contradicted_falsely_in_more_than_a_twentieth(scatter: float) -> None:
    """Three predictions at their very ends, where each side is as false: any of them is decided in at most 5%."""
    runs = 400
    wrong = 0
    for run in range(runs):
        rng = np.random.default_rng([7, run, int(100 * scatter)])
        values = {
            name: MeasuredValues(
                (rng.normal(0, 0.2, (40, 1)) + rng.normal(0, 0.2, (40, 5)) + rng.normal(0, scatter, 5)).clip(-1, 1),
                (-1.0, 1.0),
            )
            for name in "abc"
        }
        ranges = [ExpectedRange(quantity=name, above=0.0) for name in "abc"]
        wrong += any(one.outcome != "open" for one in ranges_tested(ranges, values))
    assert wrong / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_power_is_that_of_the_planned_seeds() -> None:
    seen = PLAN.model_copy(update={"effect": 0.2})
    sure = replace(CLAIM, predictions=tuple(one.model_copy(update={"plan": seen}) for one in CLAIM.predictions))
    weak = replace(CLAIM, predictions=tuple(one.model_copy(update={"plan": PLAN}) for one in CLAIM.predictions))
    assert min(sure.power("nano").values()) > 0.95
    assert max(weak.power("nano").values()) < 0.7
