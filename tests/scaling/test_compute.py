"""Compute accounting: the paper's table of steps, its formula, and arms compared by what they took."""

from __future__ import annotations

import pytest

from edgewise.core.errors import InputError
from edgewise.scaling.compute import ArmCompute, ChargedSizes, SplitSteps, compute_of_arms, split_charged, split_flops

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


def arm(flops: float, charged: float = 0.0) -> ArmCompute:
    return ArmCompute(0.0, 0.0, 0.0, charged, flops, 0.0)


def test_arms_are_compared_by_the_flops_they_took() -> None:
    arms = compute_of_arms({"mid + RL": arm(1000, 70), "RL": arm(1030, 50)}, slack=0.05)
    assert arms.equal and arms.declared and arms.excess == pytest.approx(0.03) and arms.compared == ("mid + RL", "RL")
    assert arms.sentence == (
        "Compute is equal: RL took 3.0% more FLOPs than mid + RL (1.03e+03 and 1e+03; allowed 5.0%)."
    )
    strict = compute_of_arms(arms.arms, slack=0.02)
    assert strict.equal is False and strict.sentence.startswith("Compute is not equal: RL took 3.0% more")
    charged = compute_of_arms(arms.arms, "charged", slack=0.05)
    assert charged.equal is False and charged.sentence == (
        "Compute is not equal: mid + RL took 40.0% more charged tokens than RL (70 and 50; allowed 5.0%)."
    )


def test_of_several_arms_the_outermost_are_named_and_others_may_be_left_out() -> None:
    arms = {"a": arm(100), "b": arm(104), "c": arm(102), "d": arm(0)}
    compared = compute_of_arms(arms, slack=0.05)
    assert compared.sentence.startswith("Compute is equal: b took 4.0% more FLOPs than a (104 and 100;")
    two = compute_of_arms(arms, compared=("a", "c"), slack=0.05)
    assert two.sentence.startswith("Compute is equal: c took 2.0% more")
    nothing = compute_of_arms(arms, compared=("a", "d"), slack=0.05)
    assert nothing.equal is False and nothing.sentence == "Compute is not equal: a took 100 FLOPs and d none."


def test_what_cannot_differ_is_said_without_a_difference() -> None:
    assert compute_of_arms({"a": arm(100), "d": arm(0)}).sentence == ("a alone was trained beyond its base: 100 FLOPs.")
    assert compute_of_arms({"d": arm(0)}).sentence == "No arm was trained beyond its base."
    same = compute_of_arms({"a": arm(100), "b": arm(100)}, slack=0.0)
    assert same.equal and same.sentence == "Compute is equal: 100 FLOPs in each of a, b."


@pytest.mark.parametrize(
    ("flops", "sentence"),
    [
        ((100, 130), "b took 30.0% more FLOPs than a (130 and 100)."),
        ((100, 101), "b took 1.0% more FLOPs than a (101 and 100)."),
        ((100, 100), "100 FLOPs in each of a, b."),
        ((100, 0), "a alone was trained beyond its base: 100 FLOPs."),
    ],
)
def test_nothing_is_said_of_equality_where_none_was_declared(flops: tuple[int, int], sentence: str) -> None:
    found = compute_of_arms({"a": arm(flops[0]), "b": arm(flops[1])})
    assert (found.declared, found.slack, found.equal, found.sentence) == (False, None, None, sentence)


def test_arms_that_cannot_be_compared_are_named() -> None:
    with pytest.raises(InputError, match="arms: must be at least one"):
        compute_of_arms({})
    with pytest.raises(InputError, match="slack: must be 0 or more, is -1"):
        compute_of_arms({"a": arm(1)}, slack=-1.0)
    with pytest.raises(InputError, match="arms: 'b' must be one of a"):
        compute_of_arms({"a": arm(1)}, compared=("b",))
