"""The claim of spurious rewards: its two formats, their share, and what its rule says of planted findings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgewise.claims.ledger.nano import nano_world
from edgewise.claims.ledger.quantities import ClaimOutcomes
from edgewise.claims.ledger.rule import claim_verdict
from edgewise.claims.spurious_rewards import (
    CLAIM,
    CLIPPED,
    COMMON,
    ENTROPY,
    ON_POLICY,
    SCARCE,
    TRUE,
    UNCLIPPED,
    FormatShare,
    nano_without_numbers,
)
from edgewise.core.errors import InputError
from edgewise.outcomes.outcomes import Outcomes

from .ledger.planted import claim_outcomes, planted_outcomes, rl_of

# Study and arm -> success rate and share of the better format; what is not named is as the base.
BASE = {COMMON: (0.5, 0.65), SCARCE: (0.4, 0.35)}
AS_PUBLISHED = {(COMMON, CLIPPED): (0.7, 0.9), (COMMON, TRUE): (0.8, 0.95)}


def written(outcomes: Outcomes, share: float) -> Outcomes:
    """With lengths: this share of each problem's completions, which are of one operation, is written with numbers."""
    samples = outcomes.sample_S.max() + 1
    return replace(outcomes, tokens_S=np.where(outcomes.sample_S < round(share * samples), 19, 15))


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({(COMMON, CLIPPED): (0.4, 0.9)}, "does not hold"),
        ({(COMMON, CLIPPED): (0.7, 0.6)}, "does not hold"),
        ({(COMMON, ON_POLICY): (0.7, 0.9)}, "does not hold"),
        ({(COMMON, CLIPPED): (0.5, 0.9)}, "cannot tell"),
        ({(COMMON, TRUE): (0.8, 0.65)}, "cannot tell"),
    ],
    ids=["as published", "no help", "no shift", "where no clip acts, too", "open", "no positive control"],
)
def test_planted_findings(changed: dict[tuple[str, str], tuple[float, float]], answer: str) -> None:
    rates = AS_PUBLISHED | changed
    planted = planted_outcomes(CLAIM, lambda study, arm, region: rates.get((study, arm), BASE[study])[0])
    by_study = {
        study: {
            arm: [written(outcomes, rates.get((study, arm), BASE[study])[1]) for outcomes in of_seeds]
            for arm, of_seeds in arms.items()
        }
        for study, arms in planted.by_study.items()
    }
    assert claim_verdict(CLAIM, ClaimOutcomes(planted.seeds, by_study)).answer == answer


def test_one_verifier_takes_both_formats_of_the_same_problems() -> None:
    """And their lengths, the end of a completion included, tell them apart."""
    both, other = nano_world(1, 5), nano_without_numbers(1, 5)
    assert both.words() == other.words()
    for index in range(100):
        problem = both.problem("train", 0, index)
        longer, shorter = both.solution(problem), other.solution(problem)
        for solution in (longer, shorter):
            assert both.verify(problem, solution).process_correct
        assert len(shorter.split()) + 1 == 8 * problem.level + 7
        assert len(longer.split()) + 1 == 12 * problem.level + 7


def test_arms_differ_in_reward_clip_entropy_or_updates_alone() -> None:
    study = CLAIM.studies("nano", (0,))[COMMON]
    models = {arm: rl_of(study, arm) for arm in (CLIPPED, UNCLIPPED, ON_POLICY, ENTROPY, TRUE)}
    clipped = models[CLIPPED]
    for model in models.values():
        assert model.model_copy(update={"recipe": clipped.recipe}) == clipped
    recipes = {arm: model.recipe for arm, model in models.items()}
    assert recipes[TRUE] == clipped.recipe.model_copy(update={"reward": recipes[TRUE].reward})
    assert recipes[UNCLIPPED] == clipped.recipe.model_copy(update={"loss": recipes[UNCLIPPED].loss})
    assert recipes[ON_POLICY] == clipped.recipe.model_copy(update={"optimizer": recipes[ON_POLICY].optimizer})
    assert (recipes[ON_POLICY].optimizer.minibatches, clipped.recipe.optimizer.minibatches) == (1, 8)
    assert recipes[ENTROPY].loss.entropy_bonus < 0 == clipped.recipe.loss.entropy_bonus


def test_the_share_of_a_format_by_hand() -> None:
    outcomes = claim_outcomes(4, {"arm": [[0, 0], [4, 4]]})
    with pytest.raises(InputError, match="tokens_S"):
        FormatShare(name="share", arm="arm", region="all").measure(outcomes)
    lengths = (np.array([19, 15, 15, 15, 19, 19, 18, 17]), np.array([15] * 4 + [19] * 4))
    of_seeds = [
        replace(one, tokens_S=tokens) for one, tokens in zip(outcomes.by_study[""]["arm"], lengths, strict=True)
    ]
    measured = FormatShare(name="share", arm="arm", region="all").measure(
        ClaimOutcomes((0, 1), {"": {"arm": of_seeds}})
    )
    np.testing.assert_allclose(measured.values, [[0.25, 0.0], [0.5, 1.0]])
