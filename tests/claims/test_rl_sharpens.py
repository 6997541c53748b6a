"""RL sharpens, on planted findings: what the base and long RL solve decides it, and what the controls do forbids it."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.claims.ledger.quantities import ClaimOutcomes
from edgewise.claims.ledger.results import ClaimVerdict
from edgewise.claims.ledger.rule import claim_verdict
from edgewise.claims.rl_sharpens import CLAIM, DECODINGS, EASY, GOLD, LONG, RANDOM, REGION, SHORT

from .ledger.planted import outcomes

SAMPLES, PROBLEMS, SEEDS = 128, 128, 5
# Success rates of an easy and of a hard half of the problems.
BASE, SHARPENED, EXTENDED = (0.4, 0.05), (0.95, 0.0), (0.95, 0.5)


def right(rates: tuple[float, float], seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    counts: list[int] = rng.binomial(SAMPLES, np.repeat(rates, PROBLEMS // 2)).tolist()
    return counts


def verdict(
    long: tuple[float, float], gold: tuple[float, float] = EXTENDED, random: tuple[float, float] = (0.3, 0.04)
) -> ClaimVerdict:
    rates = {"base": BASE, SHORT: long, LONG: long, EASY: BASE, GOLD: gold, RANDOM: random}
    by_study = {
        study: {
            arm: [outcomes(SAMPLES, right(of_arm, 100 * place + seed), region=REGION) for seed in range(SEEDS)]
            for place, (arm, of_arm) in enumerate(rates.items())
        }
        for study in DECODINGS
    }
    return claim_verdict(CLAIM, ClaimOutcomes(tuple(range(SEEDS)), by_study))


@pytest.mark.parametrize(
    ("planted", "answer"),
    [
        ({"long": SHARPENED}, "holds"),
        ({"long": EXTENDED}, "does not hold"),
        ({"long": (0.02, 0.0)}, "does not hold"),
        ({"long": BASE}, "cannot tell"),
        ({"long": SHARPENED, "gold": BASE}, "cannot tell"),
        ({"long": SHARPENED, "random": SHARPENED}, "cannot tell"),
    ],
    ids=["sharpened", "extended", "collapsed", "nothing", "an extension is not seen", "a coin sharpens"],
)
def test_planted_findings(planted: dict[str, tuple[float, float]], answer: str) -> None:
    found = verdict(**planted)
    assert found.answer == answer, found.reason
