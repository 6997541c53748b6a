"""Compute accounting: the paper's table of steps, its formula, and arms compared by what they took."""

from __future__ import annotations

import pytest

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.scaling.compute import ChargedSizes, SplitSteps, compute_of_arms, split_charged, split_flops

# arXiv 2512.07783, table 3: steps of mid-training alone -> of RL alone, then both at 20, 50 and 80% of RL.
TABLE = {
    2_000: (50, (1_600, 10), (1_000, 25), (400, 40)),
    4_000: (100, (3_200, 20), (2_000, 50), (800, 80)),
    8_000: (200, (6_400, 40), (4_000, 100), (1_600, 160)),
    16_000: (400, (12_800, 80), (8_000, 200), (3_200, 320)),
    24_000: (600, (19_200, 120), (12_000, 300), (4_800, 480)),
    32_000: (800, (25_600, 160), (16_000, 400), (6_400, 640)),
    38_147: (954, (30_517, 191), (19_073, 477), (7_629, 763)),
}


@pytest.mark.parametrize("steps", TABLE)
def test_the_papers_table(steps: int) -> None:
    alone, light, medium, heavy = TABLE[steps]
    expected = [(steps, 0), light, medium, heavy, (0, alone)]
    splits = [split_charged(steps * 524_288, share) for share in (0, 0.2, 0.5, 0.8, 1)]
    assert splits == [SplitSteps(*both) for both in expected]


def test_the_formula() -> None:
    assert ChargedSizes().rl_tokens == pytest.approx(5 / 3 * 1024 * 6 * 2048)
    assert ChargedSizes(reference=False).rl_tokens == pytest.approx(4 / 3 * 1024 * 6 * 2048)
    assert ChargedSizes(rollout_tokens=640).rl_tokens / ChargedSizes().rl_tokens == pytest.approx(640 / 2048)


def test_a_budget_of_flops() -> None:
    assert split_flops(1000, 0.5, midtrain_step=10, rl_step=30) == SplitSteps(50, 17)


@pytest.mark.parametrize(
    ("budget", "share", "step", "wrong"),
    [
        (0, 0.5, 1, "budget: must be positive, is 0"),
        (float("nan"), 0.5, 1, "budget: must be positive, is nan"),
        (1, 1.5, 1, "rl_share: must be within 0 and 1, is 1.5"),
        (1, 0.5, 0, "rl_step: must be positive, is 0"),
    ],
)
def test_a_wrong_budget_is_named(budget: float, share: float, step: float, wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        split_flops(budget, share, midtrain_step=1, rl_step=step)
    assert str(caught.value) == wrong


def test_arms_are_compared_by_the_flops_of_all_their_stages() -> None:
    both = [Totals(tokens=10, flops=400), Totals(tokens=5, flops=600)]
    arms = compute_of_arms({"mid + RL": both, "RL": [Totals(tokens=20, flops=1030)]})
    assert arms.equal and arms.excess == pytest.approx(0.03) and arms.tokens == {"mid + RL": 15, "RL": 20}
    assert arms.sentence() == (
        "Compute is equal: RL took 3.0% more FLOPs than mid + RL (1.03e+03 and 1e+03; allowed 5.0%)."
    )
    strict = compute_of_arms({"mid + RL": both, "RL": [Totals(flops=1030)]}, slack=0.02)
    assert not strict.equal and strict.sentence().startswith("Compute is not equal: RL took 3.0% more")


def test_arms_that_cannot_be_compared_are_named() -> None:
    for arms, slack, wrong in (
        ({}, 0.05, "arms: must be at least one"),
        ({"a": [Totals()]}, 0.05, "arms: a took no FLOPs"),
        ({"a": [Totals(flops=1)]}, -1.0, "slack: must be 0 or more, is -1"),
    ):
        with pytest.raises(InputError, match=wrong):
            compute_of_arms(arms, slack)
