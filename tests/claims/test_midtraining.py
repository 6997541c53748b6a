"""The claim that mid-training and RL beat RL alone: its splits, and what its rule says of planted findings."""

from __future__ import annotations

import pytest

from edgewise.claims.ledger.nano import EDGE, RARE, NanoSetting, nano_mixture, nano_world
from edgewise.claims.midtraining import (
    CHARGED,
    CHARGED_UPDATES,
    CLAIM,
    EDGE_REGION,
    EXPECTED_UPDATES,
    FLOPS,
    HEAVY,
    LIGHT,
    MID_ALONE,
    RANDOM,
    RL_ALONE,
)
from edgewise.study.budget import charged_sizes, step_flops

from .ledger.planted import planted_verdict

BASE, TUNED, BETTER = (0.05, 0.002), (0.7, 0.03), (0.9, 0.15)
# Study and arm -> success rate at the edge and on hard problems; what is not named is as RL alone.
AS_PUBLISHED = {(FLOPS, HEAVY): BETTER, (FLOPS, LIGHT): BETTER, (CHARGED, HEAVY): BETTER}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({(FLOPS, RL_ALONE): (0.95, 0.4)}, "does not hold"),
        ({(FLOPS, HEAVY): TUNED}, "cannot tell"),
        ({(FLOPS, MID_ALONE): BASE}, "cannot tell"),
    ],
    ids=["as published", "RL alone is best", "hard is open", "no positive control"],
)
def test_planted_findings(changed: dict[tuple[str, str], tuple[float, float]], answer: str) -> None:
    rates = AS_PUBLISHED | changed

    def rate_of(study: str, arm: str, region: str) -> float:
        edge, hard = rates.get((study, arm), BASE if arm in ("base", RANDOM) else TUNED)
        return edge if region == EDGE_REGION else hard

    assert planted_verdict(CLAIM, rate_of).answer == answer


def test_a_step_of_rl_costs_what_the_laboratory_expects_of_it() -> None:
    nano, base = NanoSetting(), NanoSetting().base()
    world = nano_mixture((0.2, nano_world(1, RARE[1])), (0.8, nano_world(*EDGE)))
    update = nano.midtrained(base, world, updates=1)(0)
    step = nano.rl(base, nano_world(*EDGE), steps=1)(0)
    assert step_flops(step) / step_flops(update) == pytest.approx(EXPECTED_UPDATES, rel=0.01)
    charged = charged_sizes(update, step, rollout_tokens=256)
    assert charged.rl_tokens / charged.midtrain_tokens == pytest.approx(CHARGED_UPDATES, rel=0.01)
