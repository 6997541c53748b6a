"""The claim that a noisy verifier only slows: its errors, and what its rule says of planted findings."""

from __future__ import annotations

import pytest

from edgewise.claims.ledger.nano import RARE, nano_world
from edgewise.claims.noisy_verifier import (
    CLAIM,
    CLEAN,
    COIN,
    FAILS_ANSWER,
    GOLD,
    HEAVY,
    INVERTED,
    ONE_OF_FIVE,
    PASSES_ANSWER,
    PASSES_WAYS,
    RANDOM_ERRORS,
    SLIGHT,
)
from edgewise.rl.rewards.verifier_errors import youden

from .ledger.planted import planted_verdict, rl_of

# Arm -> success rate; the base has 35%.
AS_PUBLISHED = {
    CLEAN: 0.85,
    SLIGHT: 0.8,
    HEAVY: 0.6,
    COIN: 0.3,
    INVERTED: 0.1,
    PASSES_ANSWER: 0.6,
    PASSES_WAYS: 0.3,
    FAILS_ANSWER: 0.82,
    GOLD: 0.8,
}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({PASSES_WAYS: 0.8}, "does not hold"),
        ({SLIGHT: 0.4}, "does not hold"),
        ({HEAVY: 0.2}, "does not hold"),
        ({INVERTED: 0.6}, "does not hold"),
        ({FAILS_ANSWER: 0.5}, "does not hold"),
        ({HEAVY: 0.35}, "cannot tell"),
        ({GOLD: 0.35}, "cannot tell"),
        ({COIN: 0.6}, "cannot tell"),
    ],
    ids=[
        "as published",
        "bias is harmless",
        "noise is not",
        "J 0.2 loses",
        "J -0.2 gains",
        "false negatives break",
        "open",
        "no positive control",
        "a coin does it",
    ],
)
def test_planted_findings(changed: dict[str, float], answer: str) -> None:
    rates = AS_PUBLISHED | changed
    assert planted_verdict(CLAIM, lambda study, arm, region: rates.get(arm, 0.35)).answer == answer


def test_the_arms_differ_in_the_verifier_alone() -> None:
    (study,) = CLAIM.studies("nano", (0,)).values()
    clean = rl_of(study, CLEAN)
    for arm in (*RANDOM_ERRORS, COIN, PASSES_ANSWER, PASSES_WAYS, FAILS_ANSWER):
        model = rl_of(study, arm)
        assert model.recipe.reward != clean.recipe.reward
        assert model.model_copy(update={"recipe": clean.recipe}) == clean
        assert model.recipe.model_copy(update={"reward": clean.recipe.reward}) == clean.recipe


def test_the_errors_are_those_that_the_arms_are_named_by() -> None:
    for name, verifier in RANDOM_ERRORS.items():
        assert name == f"J {youden(verifier.false_positive, verifier.false_negative):.2g}"
    matched = [
        answer for answer in "01234" if ONE_OF_FIVE.matches(nano_world(*RARE).problem("train", 0, 0), answer, "", 1)
    ]
    assert matched == ["4"]
