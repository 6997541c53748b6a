"""The expected update of each advantage, over every batch, beside the gradient it is meant to be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor

from edgewise.core.spec import override
from edgewise.rl.advantages import (
    dr_grpo,
    grpo,
    maxrl,
    opo,
    pass_at_k_training,
    pkpo,
    positive_only,
    remax,
    rloo,
)
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs
from edgewise.rl.advantages.pkpo import PkpoBaseline
from edgewise.rl.description import Description, descriptions_of
from edgewise.rl.recipe import Recipe
from tests.rl.advantages.oracles import Policy

BINARY = Policy([0.3, -0.8, 0.1], [0.0, 1.0, 0.0])
GRADED = Policy([0.3, -0.8, 0.1], [0.2, 1.0, 0.7])
SHIFTED = Policy([0.3, -0.8, 0.1], [-1.0, 1.0, 0.5])
POLICIES = pytest.mark.parametrize("policy", [BINARY, GRADED, SHIFTED], ids=["binary", "graded", "shifted"])


def assert_exact(found: Tensor, expected: Tensor) -> None:
    assert expected.abs().max() > 1e-4, "a gradient of zero would prove nothing"
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


WEIGHED = [description for description in descriptions_of(ADVANTAGES.modules()) if description.weight]


@pytest.mark.parametrize("samples", [4, 6])
@pytest.mark.parametrize("description", WEIGHED, ids=lambda description: description.title)
def test_the_weight_that_an_advantage_states_is_its_expected_update(description: Description, samples: int) -> None:
    """Of every advantage whose description has a `weight`."""
    spec = override(Recipe(), description.recipe.split()).advantage
    spec.check_samples(samples)

    def advantage(rewards_PG: Tensor) -> Tensor:
        zeros_PG = torch.zeros_like(rewards_PG)
        greedy_P = torch.zeros(len(rewards_PG), dtype=rewards_PG.dtype)
        inputs = AdvantageInputs(
            *(rewards_PG, rewards_PG == 1, torch.ones_like(rewards_PG), zeros_PG, 0, 10, 7), greedy_P=greedy_P
        )
        return spec.compute(inputs)

    assert description.weight is not None
    expected = description.weight(BINARY.rate, samples) * BINARY.gradient_of_rate(lambda rate: rate)
    assert_exact(BINARY.expected_update(advantage, samples) / samples, expected)


def test_most_unbiased_advantages_state_their_weight() -> None:
    stated = {override(Recipe(), description.recipe.split()).advantage.kind for description in WEIGHED}
    assert {"reinforce", "dr_grpo", "rloo", "remax", "opo", "pkpo", "maxrl", "indicator_correct"} <= stated


@POLICIES
@pytest.mark.parametrize("samples", [2, 5])
def test_rloo_is_unbiased_for_the_mean_reward(policy: Policy, samples: int) -> None:
    assert_exact(policy.expected_update(rloo, samples) / samples, policy.gradient(policy.best_of(1)))


@POLICIES
@pytest.mark.parametrize("samples", [2, 5])
def test_dr_grpo_is_short_by_a_factor_of_one_sample(policy: Policy, samples: int) -> None:
    found = policy.expected_update(dr_grpo, samples) / samples
    assert_exact(found, policy.gradient(policy.best_of(1)) * (samples - 1) / samples)


@POLICIES
@pytest.mark.parametrize("greedy", [0.0, 1.0, -3.0])
@pytest.mark.parametrize("samples", [1, 4])
def test_remax_is_unbiased_for_the_mean_reward(policy: Policy, greedy: float, samples: int) -> None:
    def advantage(rewards_PG: Tensor) -> Tensor:
        return remax(rewards_PG, torch.full((len(rewards_PG),), greedy, dtype=torch.float64))

    assert_exact(policy.expected_update(advantage, samples) / samples, policy.gradient(policy.best_of(1)))


def test_opo_of_equal_lengths_is_dr_grpo() -> None:
    found = GRADED.expected_update(lambda rewards_PG: opo(rewards_PG, torch.full_like(rewards_PG, 7)), 4)
    assert_exact(found, GRADED.expected_update(dr_grpo, 4))


def grpo_factor(rate: float, samples: int, std: Literal["sample", "population"]) -> float:
    """What grpo's expected update is, in gradients of the pass rate: E[sd of the draws] / (p (1-p))."""
    total = 0.0
    for right in range(samples + 1):
        share = right / samples
        probability = math.comb(samples, right) * rate**right * (1 - rate) ** (samples - right)
        total += probability * math.sqrt(share * (1 - share))
    return total / (rate * (1 - rate)) * (math.sqrt((samples - 1) / samples) if std == "sample" else 1.0)


@pytest.mark.parametrize("std", ["sample", "population"])
@pytest.mark.parametrize("logit", [0.0, -1.0, -2.0])
def test_grpo_weighs_a_problem_by_its_pass_rate(std: Literal["sample", "population"], logit: float) -> None:
    policy = Policy([logit, 0.0], [1.0, 0.0])
    gradient_of_rate = policy.gradient_of_rate(lambda rate: rate)
    found = policy.expected_update(lambda r: grpo(r, std, epsilon=0.0).nan_to_num(0.0), 8) / 8
    assert_exact(found, gradient_of_rate * grpo_factor(policy.rate, 8, std))


def test_grpo_weighs_by_one_over_the_deviation_in_the_limit_and_falls_short_on_hard_problems() -> None:
    def weight_times_deviation(rate: float, samples: int) -> float:
        return grpo_factor(rate, samples, "population") * math.sqrt(rate * (1 - rate))

    assert weight_times_deviation(0.5, 1024) == pytest.approx(1, abs=1e-3)
    assert weight_times_deviation(0.05, 1024) == pytest.approx(1, abs=5e-3)
    # Eight samples of a problem solved once in twenty mostly carry no signal at all.
    assert weight_times_deviation(0.5, 8) == pytest.approx(0.929, abs=2e-3)
    assert weight_times_deviation(0.05, 8) == pytest.approx(0.539, abs=2e-3)


def test_grpo_of_graded_rewards_does_not_even_point_along_the_gradient() -> None:
    policy = Policy([0.0, 0.0, 0.0], [0.0, 0.1, 1.0])
    gradient = policy.gradient(policy.best_of(1))
    for advantage, cosine in ((rloo, 1.0), (grpo, 0.979)):
        found = policy.expected_update(advantage, 4)
        assert float(torch.cosine_similarity(found, gradient, dim=0)) == pytest.approx(cosine, abs=2e-3)


PKPO_CASES = [
    (baseline, samples, k)
    for baseline in ("none", "sloo", "sloo_minus_one", "sloo_kn")
    for samples, k in ((2, 1), (2, 2), (5, 1), (5, 2), (5, 3), (5, 4), (5, 5), (6, 4))
    if k < samples or baseline in ("none", "sloo_minus_one")
]


@POLICIES
@pytest.mark.parametrize(("baseline", "samples", "k"), PKPO_CASES)
def test_pkpo_is_unbiased_for_the_best_of_k(policy: Policy, baseline: PkpoBaseline, samples: int, k: int) -> None:
    found = policy.expected_update(lambda rewards_PG: pkpo(rewards_PG, k, baseline), samples)
    assert_exact(found, policy.gradient(policy.best_of(k)))


def test_the_best_of_k_of_binary_rewards_is_pass_at_k() -> None:
    gradient = BINARY.gradient_of_rate(lambda rate: 1 - (1 - rate) ** 3)
    assert_exact(BINARY.gradient(BINARY.best_of(3)), gradient)
    # ... and is the gradient of the pass rate, weighed by k (1 - p)^(k - 1).
    weighed = BINARY.gradient_of_rate(lambda rate: rate) * 3 * (1 - BINARY.rate) ** 2
    assert_exact(gradient, weighed)


@pytest.mark.parametrize(("samples", "k", "share"), [(8, 2, 0.75), (8, 4, 0.5), (10, 5, 0.5), (8, 8, 0.0)])
def test_centring_pkpo_by_the_group_scales_its_gradient(samples: int, k: int, share: float) -> None:
    policy = Policy([-0.4, 0.3], [1.0, 0.0])

    def centred(rewards_PG: Tensor) -> Tensor:
        credit_PG = pkpo(rewards_PG, k)
        return credit_PG - credit_PG.mean(1, keepdim=True)

    found = policy.expected_update(centred, samples)
    torch.testing.assert_close(found, share * policy.gradient(policy.best_of(k)), atol=1e-12, rtol=0)


@pytest.mark.parametrize("samples", [4, 6])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_pass_at_k_training_times_its_deviation_is_the_gradient_of_pass_at_k_up_to_a_factor(
    samples: int, k: int
) -> None:
    def undone(rewards_PG: Tensor) -> Tensor:
        worth_PG = pkpo(rewards_PG, k).sum(1, keepdim=True) / k
        return pass_at_k_training(rewards_PG, k) * (worth_PG * (1 - worth_PG)).clamp(min=0).sqrt()

    factor = (1 - k / samples) * samples / k
    gradient = BINARY.gradient(BINARY.best_of(k))
    torch.testing.assert_close(BINARY.expected_update(undone, samples), factor * gradient, atol=1e-9, rtol=0)


def truncated_log(terms: int) -> Callable[[Tensor], Tensor]:
    return lambda rate: -sum(((1 - rate) ** j / j for j in range(1, terms + 1)), start=torch.zeros(()))


@pytest.mark.parametrize("samples", [2, 3, 6])
def test_maxrl_is_the_gradient_of_log_p_cut_one_term_early(samples: int) -> None:
    found = BINARY.expected_update(maxrl, samples) / samples
    assert_exact(found, BINARY.gradient_of_rate(truncated_log(samples - 1)))
    uncut = BINARY.gradient_of_rate(truncated_log(samples))
    assert (found - uncut).abs().max() > 1e-2


@pytest.mark.parametrize("samples", [1, 2, 6])
def test_the_mean_score_of_the_successes_has_the_term_that_maxrl_lacks(samples: int) -> None:
    def uncentred(rewards_PG: Tensor) -> Tensor:
        mean_P1 = rewards_PG.mean(1, keepdim=True)
        return rewards_PG / mean_P1.masked_fill(mean_P1 == 0, 1)

    found = BINARY.expected_update(uncentred, samples) / samples
    assert_exact(found, BINARY.gradient_of_rate(truncated_log(samples)))


def test_masking_negative_advantages_is_not_the_gradient_but_still_favours_success() -> None:
    found = BINARY.expected_update(lambda rewards_PG: positive_only(rloo(rewards_PG)), 4) / 4
    gradient = BINARY.gradient(BINARY.best_of(1))
    assert (found - gradient).abs().max() > 1e-2
    assert float(found @ gradient) > 0
