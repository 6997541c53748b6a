"""NSR, PSR and W-REINFORCE: their numbers, their mean update, and the noise that tells them apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import override
from edgewise.rl.advantages import nsr, psr, w_reinforce
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import named_recipe
from tests.rl.advantages.oracles import Policy

REWARDS = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.float64)
EASY = Policy([2.5, 0.0, -0.5, 0.3], [1.0, 0.0, 0.0, 0.0])
HARD = Policy([-2.5, 0.0, -0.5, 0.3], [1.0, 0.0, 0.0, 0.0])
POLICIES = pytest.mark.parametrize("policy", [EASY, HARD], ids=["easy", "hard"])


def test_by_hand() -> None:
    assert psr(REWARDS).tolist() == [[1, 0, 0, 1], [0] * 4, [1] * 4]
    assert nsr(REWARDS).tolist() == [[0, -1, -1, 0], [-1] * 4, [0] * 4]
    assert w_reinforce(REWARDS).tolist() == [[0.1, -1, -1, 0.1], [-1] * 4, [0.1] * 4]
    assert torch.equal(w_reinforce(REWARDS, 0.0), nsr(REWARDS))
    assert torch.equal(w_reinforce(REWARDS, 1.0), 2 * REWARDS - 1)
    assert torch.equal(psr(REWARDS), REWARDS) and psr(REWARDS) is not REWARDS


@pytest.mark.parametrize("advantage", [psr, nsr, w_reinforce])
def test_graded_rewards_and_a_negative_weight_are_refused(advantage: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(InputError, match=r"^rewards: must be 0 or 1 for (PSR|NSR)"):
        advantage(REWARDS / 2)
    with pytest.raises(InputError, match=r"^positive: must be at least 0, is -0.1"):
        w_reinforce(REWARDS, -0.1)
    with pytest.raises(InputError, match="positive"):
        override(Recipe(), ["advantage=w_reinforce", "advantage.positive=-1"])


@POLICIES
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize(
    ("advantage", "weight"),
    [(psr, 1.0), (nsr, 1.0), (w_reinforce, 1.1), (lambda rewards: w_reinforce(rewards, 0.4), 1.4)],
)
def test_the_mean_update_is_the_gradient_of_the_pass_rate_whichever_samples_carry_it(
    policy: Policy, samples: int, advantage: Callable[[Tensor], Tensor], weight: float
) -> None:
    """Over every batch that can be drawn: penalties alone and rewards alone move the policy alike on average."""
    gradient = policy.gradient_of_rate(lambda rate: rate)
    assert gradient.abs().max() > 1e-2
    found = policy.expected_update(advantage, samples) / samples
    torch.testing.assert_close(found, weight * gradient, atol=1e-12, rtol=0)


def variance(policy: Policy, advantage: Callable[[Tensor], Tensor]) -> float:
    """That of the update of one sample, summed over the logits; exact."""
    probability_M = torch.softmax(policy.logits_M, 0)
    score_MM = torch.eye(len(probability_M), dtype=torch.float64) - probability_M
    update_MM = advantage(policy.rewards_M[:, None]) * score_MM
    mean_M = probability_M @ update_MM
    return float(probability_M @ (update_MM - mean_M).square().sum(1))


@pytest.mark.parametrize(("policy", "rate", "times"), [(EASY, 0.805, 32.2), (HARD, 0.027, 18.2)], ids=["easy", "hard"])
def test_penalties_alone_are_the_noisier_where_there_are_several_wrong_answers(
    policy: Policy, rate: float, times: float
) -> None:
    assert policy.rate == pytest.approx(rate, abs=1e-3)
    assert variance(policy, nsr) / variance(policy, psr) == pytest.approx(times, rel=0.01)
    assert variance(policy, w_reinforce) == pytest.approx(variance(policy, nsr), rel=0.03)


def test_a_problem_that_is_never_solved_gives_penalties_alone_a_signal_with_mean_0() -> None:
    never = Policy([0.3, -0.8, 0.1], [0.0, 0.0, 0.0])
    assert never.expected_update(psr, 3).abs().max() == 0 and variance(never, psr) == 0
    assert never.expected_update(nsr, 3).abs().max() < 1e-12
    assert variance(never, nsr) > 0.1
    always = Policy([0.3, -0.8, 0.1], [1.0, 1.0, 1.0])
    assert variance(always, nsr) == 0 and variance(always, psr) > 0.1


@pytest.mark.parametrize(
    ("name", "right", "wrong"), [("psr", 1.0, 0.0), ("nsr", 0.0, -1.0), ("w-reinforce", 0.1, -1.0)]
)
def test_the_recipes_of_the_work_differ_in_the_advantage_alone(name: str, right: float, wrong: float) -> None:
    recipe = named_recipe(name)
    assert recipe.model_copy(update={"advantage": Recipe().advantage}) == named_recipe("nsr").model_copy(
        update={"advantage": Recipe().advantage, "label": recipe.label}
    )
    found = override(Recipe(), [f"advantage={recipe.advantage.kind}"]).advantage
    assert found == recipe.advantage
    assert (recipe.steps, recipe.loss.entropy_bonus, recipe.loss.kl.coefficient) == (140, 1e-3, 0.0)
    values = {"psr": psr, "nsr": nsr, "w-reinforce": w_reinforce}[name](REWARDS)
    assert values[0, :2].tolist() == [right, wrong]
