"""The claim on Pass@k Training: what its rule says of planted findings, and what its arms differ in."""

from __future__ import annotations

import pytest
import torch

from edgewise.claims.pass_at_k_training import ALL, ARMS, CLAIM, EXPLOIT, EXPLORE, GOLD, HARD, RANDOM, THEN
from edgewise.core.spec import override, plain
from edgewise.rl.advantages import grpo, pass_at_k_training
from edgewise.rl.recipe import Recipe

from .ledger.planted import planted_verdict

METRICS = [[{"entropy": 0.05}]] * 6
# Arm -> success rates on hard problems and on all; what is not named is as the base.
BASE, PAID = {HARD: 0.002, ALL: 0.1}, {HARD: 0.02, ALL: 0.5}
AS_PUBLISHED = dict.fromkeys(ARMS, PAID) | {
    EXPLORE: {HARD: 0.05, ALL: 0.5},
    THEN: {HARD: 0.05, ALL: 0.6},
    GOLD: {HARD: 0.3, ALL: 0.5},
}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({EXPLORE: {HARD: 0.01, ALL: 0.5}}, "does not hold"),
        ({EXPLORE: {HARD: 0.05, ALL: 0.4}}, "does not hold"),
        ({EXPLORE: PAID}, "cannot tell"),
        ({GOLD: BASE}, "cannot tell"),
        ({RANDOM: {HARD: 0.3, ALL: 0.3}}, "cannot tell"),
    ],
    ids=["as published", "explores less", "loses pass@1", "explores as much", "no positive control", "a coin does it"],
)
def test_planted_findings(changed: dict[str, dict[str, float]], answer: str) -> None:
    rates = AS_PUBLISHED | changed
    found = planted_verdict(
        CLAIM,
        lambda study, arm, region: rates.get(arm, BASE)[region],
        seeds=6,
        training=lambda study, arm: METRICS,
    )
    assert found.answer == answer


def test_arms_differ_in_the_advantage_alone() -> None:
    study = CLAIM.studies("nano", (0,))[HARD]
    specs = [plain(study.by_seed[arm][None].parent) for arm in ARMS]
    advantages = [spec["recipe"].pop("advantage") for spec in specs]
    assert all(spec == specs[0] for spec in specs)
    assert all(one not in advantages[:place] for place, one in enumerate(advantages))


def test_pass_at_1_training_is_pass_at_k_training_with_k_1() -> None:
    rewards = torch.tensor([[1.0, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
    advantage = override(Recipe(), ARMS[EXPLOIT]).advantage
    assert (advantage.kind, plain(advantage)["std"]) == ("grpo", "population")
    assert torch.allclose(grpo(rewards, "population"), pass_at_k_training(rewards, 1), atol=1e-5)
