"""A problem's samples against each other, or against the greedy completion."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages._checks import check_choice, check_group, check_lengths, check_matches, check_rewards


def grpo(rewards: Tensor, std: Literal["sample", "population"] = "sample", epsilon: float = 1e-6) -> Tensor:
    """(r - mean) / (std + epsilon) within each group; a group of equal rewards gets exactly 0.

    Shao et al. 2024 (arXiv 2402.03300), sec. 4.1.2. The paper does not say which standard
    deviation: "sample" divides by n - 1, as verl and TRL do, "population" by n. Not the gradient of
    the mean reward: with 0/1 rewards a problem of pass rate p is weighed by about
    1 / sqrt(p (1 - p)).
    """
    check_choice("std", std, ("sample", "population"))
    centred_PG = dr_grpo(rewards)
    correction = 1 if std == "sample" else 0
    return centred_PG / (rewards.std(dim=1, keepdim=True, correction=correction) + epsilon)


def dr_grpo(rewards: Tensor) -> Tensor:
    """r - mean within each group: GRPO without the division by the standard deviation.

    Liu et al. 2025 (arXiv 2503.20783), sec. 3.2. Its expected gradient is (n - 1) / n times that of
    the mean reward, because a sample's reward is part of its own baseline.
    """
    check_group(rewards)
    return _exact_zeros(rewards - rewards.mean(dim=1, keepdim=True), rewards)


def rloo(rewards: Tensor) -> Tensor:
    """r minus the mean of the group's other samples, that is n / (n - 1) times `dr_grpo`.

    Kool et al. 2019; Ahmadian et al. 2024 (arXiv 2402.14740). Unbiased for the gradient of the mean
    reward.
    """
    centred_PG = dr_grpo(rewards)
    samples = rewards.shape[1]
    return centred_PG * (samples / (samples - 1))


def opo(rewards: Tensor, lengths: Tensor) -> Tensor:
    """r minus the group's mean reward weighted by length, in tokens.

    Hao et al. 2025 (arXiv 2505.23585): the baseline of least variance is the mean weighted by the
    squared norm of each sample's score, which is taken to grow with its length.
    """
    check_group(rewards)
    check_lengths(lengths, rewards)
    weight_PG = lengths.to(rewards.dtype)
    baseline_P1 = (rewards * weight_PG).sum(1, keepdim=True) / weight_PG.sum(1, keepdim=True)
    return _exact_zeros(rewards - baseline_P1, rewards)


def maxrl(rewards: Tensor) -> Tensor:
    """(r - mean) / mean within each group; 0 in a group whose rewards are all 0.

    Tajwar et al. 2026 (arXiv 2602.02710): towards the gradient of log p by the average score of the
    successes. With 0/1 rewards it is unbiased for the gradient of

        sum over j = 1 .. n - 1 of -(1 - p)^j / j

    the Maclaurin series of log p cut after n - 1 terms. The paper counts n terms, and that holds
    for r / mean without the centring; the centring has mean zero only while groups without a
    success keep their share of it, and dropping those costs the last term. Rewards must not be
    negative (InputError).
    """
    check_group(rewards)
    if (rewards < 0).any():
        raise InputError("rewards: must be at least 0 for maxrl, which divides by their mean")
    mean_P1 = rewards.mean(dim=1, keepdim=True)
    return dr_grpo(rewards) / mean_P1.masked_fill(mean_P1 == 0, 1.0)


def remax(rewards: Tensor, greedy: Tensor) -> Tensor:
    """r minus the reward of the problem's greedy completion, `greedy`.

    Li et al. 2023 (arXiv 2310.10505), eq. 5. Unbiased, since the baseline does not depend on the
    samples; one sample per problem is enough.
    """
    check_rewards(rewards)
    check_matches("greedy", greedy, (rewards.shape[0],), "problems")
    return rewards - greedy.to(rewards.dtype).unsqueeze(1)


def _exact_zeros(centred_PG: Tensor, rewards: Tensor) -> Tensor:
    # The mean of equal floats can round; equal rewards must give no signal at all.
    equal_P1 = (rewards == rewards[:, :1]).all(dim=1, keepdim=True)
    return centred_PG.masked_fill(equal_P1, 0.0)
