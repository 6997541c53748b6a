"""The claim on penalties and rewards alone: what its rule says of planted findings, and what its arms differ in."""

from __future__ import annotations

import pytest

from edgewise.claims.negative_samples import ALGORITHMS, ALIKE, BOTH, CLAIM, EASIER, GOLD, NEGATIVE, POSITIVE, RANDOM
from edgewise.claims.rl_sharpens import CLAIM as SHARPENS
from edgewise.claims.rl_sharpens import EASY, SHORT
from edgewise.core.spec import plain

from .ledger.planted import planted_verdict

METRICS = [[{"grad_norm": 0.1, "entropy": 0.05}]] * 5
# Study and arm -> success rate; what is not named is as the base.
BASE, LESS, MORE = 0.03, 0.01, 0.3
AS_PUBLISHED = {(ALIKE, POSITIVE): LESS, (ALIKE, GOLD): MORE, (ALIKE, RANDOM): LESS}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({(ALIKE, NEGATIVE): LESS}, "does not hold"),
        ({(ALIKE, POSITIVE): MORE}, "does not hold"),
        ({(ALIKE, POSITIVE): BASE}, "cannot tell"),
        ({(ALIKE, GOLD): LESS}, "cannot tell"),
    ],
    ids=["as published", "penalties lose", "rewards gain", "rewards change nothing", "no positive control"],
)
def test_planted_findings(changed: dict[tuple[str, str], float], answer: str) -> None:
    rates = AS_PUBLISHED | changed
    found = planted_verdict(
        CLAIM, lambda study, arm, region: rates.get((study, arm), BASE), training=lambda study, arm: METRICS
    )
    assert found.answer == answer


@pytest.mark.parametrize("name", [ALIKE, EASIER])
def test_arms_differ_in_the_advantage_alone(name: str) -> None:
    study = CLAIM.studies("nano", (0,))[name]
    specs = [plain(study.by_seed[arm][None].parent) for arm in ALGORITHMS]
    advantages = [spec["recipe"].pop("advantage")["kind"] for spec in specs]
    assert advantages == list(ALGORITHMS.values())
    assert all(spec == specs[0] for spec in specs)


def test_arms_are_shared_with_rl_sharpens() -> None:
    """The same specs, so that they are trained and measured once."""
    ours, theirs = CLAIM.studies("nano", (0,)), next(iter(SHARPENS.studies("nano", (0,)).values()))
    assert ours[ALIKE].by_seed[BOTH] == theirs.by_seed[SHORT]
    assert ours[EASIER].by_seed[BOTH] == theirs.by_seed[EASY]
    assert ours[ALIKE].by_seed[GOLD] == theirs.by_seed[GOLD]
