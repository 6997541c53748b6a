"""The claim that optimising pass@k solves harder problems: its rule on planted findings, what its arms differ in."""

from __future__ import annotations

import pytest

from edgewise.claims.pass_at_k_objective import (
    ALL,
    AT_EIGHT,
    AT_ONE,
    CLAIM,
    GOLD,
    HARD,
    LARGE_K,
    RANDOM,
    SCHEDULES,
)
from edgewise.core.spec import plain

from .ledger.planted import planted_verdict

METRICS = [[{"cumulative_solve_rate": 0.6}]] * 6
# Arm -> success rates on hard problems and on all; what is not named is as the base.
BASE, PAID = {HARD: 0.002, ALL: 0.1}, {HARD: 0.02, ALL: 0.5}
AS_PUBLISHED = dict.fromkeys(SCHEDULES, PAID) | {AT_EIGHT: {HARD: 0.05, ALL: 0.45}, GOLD: {HARD: 0.3, ALL: 0.5}}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({AT_EIGHT: {HARD: 0.01, ALL: 0.5}}, "does not hold"),
        ({AT_EIGHT: PAID}, "cannot tell"),
        ({GOLD: BASE}, "cannot tell"),
        ({RANDOM: {HARD: 0.3, ALL: 0.3}}, "cannot tell"),
    ],
    ids=["as published", "solves less", "alike", "no positive control", "a coin does it"],
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


def test_arms_differ_in_k_alone_and_are_asked_far_beyond_it() -> None:
    study = CLAIM.studies("nano", (0,))[HARD]
    specs = {arm: plain(study.by_seed[arm][None].parent) for arm in SCHEDULES}
    schedules = {arm: spec["recipe"]["advantage"].pop("k") for arm, spec in specs.items()}
    assert all(spec == specs[AT_ONE] for spec in specs.values())
    assert [(schedules[arm]["first"], schedules[arm]["then"]) for arm in SCHEDULES] == [
        (1, None),
        (2, None),
        (4, None),
        (8, None),
        (8, 1),
    ]
    assert 4 * max(schedule["first"] for schedule in schedules.values()) <= LARGE_K


def test_studies_measure_the_same_samples() -> None:
    first, second = CLAIM.studies("nano", (0,)).values()
    assert first.by_seed == second.by_seed
