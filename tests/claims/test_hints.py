"""The claim that hints extend large k: planted findings, and that arms differ in their hints alone."""

from __future__ import annotations

import pytest

from edgewise.claims.hints import (
    ANNEALED,
    BOTH,
    BY_LEVEL,
    CLAIM,
    EQUAL_DRAWS,
    FRACTION,
    GOLD,
    GUIDED,
    HINTS,
    REVEALED,
)
from edgewise.core.spec import override
from edgewise.study.stages import RL, SFT

from .ledger.planted import planted_verdict

NOTHING, MORE = 0.0002, 0.2
# Arm -> success rate without hints on problems that the base does not solve.
AS_PUBLISHED = {GUIDED: MORE, GOLD: MORE}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({GUIDED: NOTHING}, "does not hold"),
        ({EQUAL_DRAWS: MORE}, "does not hold"),
        ({REVEALED: MORE}, "does not hold"),
        ({GUIDED: 0.0035}, "cannot tell"),
        ({GOLD: NOTHING}, "cannot tell"),
    ],
    ids=["as published", "hints do nothing", "RL alone does it", "reading does it", "barely", "no positive control"],
)
def test_planted_findings(changed: dict[str, float], answer: str) -> None:
    rates = AS_PUBLISHED | changed
    assert planted_verdict(CLAIM, lambda study, arm, region: rates.get(arm, NOTHING)).answer == answer


def test_arms_differ_in_their_hints_alone_and_are_evaluated_without() -> None:
    evaluations = CLAIM.studies("nano", (0,))[BOTH].evaluations
    guided, plain = evaluations[GUIDED].parent, evaluations[EQUAL_DRAWS].parent
    assert isinstance(guided, RL) and isinstance(plain, RL)
    for arm, hints in HINTS.items():
        other = evaluations[arm].parent
        sampling = guided.recipe.sampling.model_copy(update={"hints": hints})
        assert isinstance(other, RL)
        assert other == guided.model_copy(update={"recipe": guided.recipe.model_copy(update={"sampling": sampling})})
    assert override(guided, ["recipe.sampling.hints=none", "recipe.steps=90"]) == plain
    assert [(arm == ANNEALED) for arm in HINTS] == [hints.fraction_at(59, 60) == 0 for hints in HINTS.values()]
    assert {evaluation.world for evaluation in evaluations.values()} == {evaluations["base"].world}


def test_what_is_fine_tuned_on_is_as_many_solutions_and_tokens_as_hints_can_reveal() -> None:
    studies = CLAIM.studies("nano", (0,))
    evaluations = studies[BOTH].evaluations
    sft, guided = evaluations[REVEALED].parent, evaluations[GUIDED].parent
    assert isinstance(sft, SFT) and isinstance(guided, RL) and sft.world == evaluations["base"].world
    assert sft.recipe.steps == guided.recipe.steps and sft.recipe.sampling.prompts == guided.recipe.sampling.prompts / 2
    assert sft.recipe.sampling.behavior.model_dump()["fraction"] == HINTS[GUIDED].fraction_at(0, 60) == FRACTION
    # Levels apart are the same models and samples.
    assert studies[BY_LEVEL].evaluations == evaluations
