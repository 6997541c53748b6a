"""Pass@k Training: a sample is credited for the groups of k samples that it is in; a group is worth its best member.

Chen et al. 2025 (arXiv 2508.10751). Rewards are 0 or 1, and anything else is refused (the authors'
code passes -1 and fractions through as advantages). A group of k is worth the best of its members,
its advantage is (worth - mean) / std over the groups, with the population standard deviation, and
a sample inherits from the groups that it is in. A problem whose groups are all worth the same gets
exactly 0: none of its c successes, or c > n - k. At k = n that is every problem.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.model.fixed_order import average, square_root, total
from edgewise.rl.advantages._binomials import subset_shares
from edgewise.rl.advantages._checks import check_binary, check_group, check_k, check_matches
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.k_schedule import KSchedule
from edgewise.rl.description import Description


def pass_at_k_training(rewards: Tensor, k: int | Tensor) -> Tensor:
    """The analytic form: a sample's mean advantage over all C(n-1, k-1) groups that it is in.

    With f = C(n-c, k) / C(n, k), the share of groups without a success, a success gets
    sqrt(f / (1 - f)) and a failure -c / (n - c) times that, which is the paper's pair of formulas
    made free of cancellation. Equals n / k (S - mean S) / sigma with S of `pkpo` and sigma^2 =
    f (1 - f): within a problem an unbiased gradient of pass@k up to a factor, then divided by a
    standard deviation, as in GRPO. `k` may be an integer tensor [P], one k per problem.
    """
    k_P1 = _check(rewards, k)
    samples = rewards.shape[1]
    right_P1 = rewards.double().sum(1, keepdim=True)
    whole_P1 = torch.full_like(right_P1, samples)
    wrong: list[int] = (whole_P1 - right_P1).long().flatten().tolist()
    k_of_each: list[int] = k_P1.long().flatten().tolist()
    missed_P1 = subset_shares(wrong, k_of_each, samples, k_of_each).to(rewards.device).unsqueeze(1)
    # Without a success f is 1 and there is no signal; where f is 0 the root is 0 by itself.
    missed_P1 = missed_P1.masked_fill(right_P1 == 0, 0.0)
    success_P1 = square_root(missed_P1 / (1 - missed_P1))
    failure_P1 = -success_P1 * right_P1 / (whole_P1 - right_P1).clamp(min=1)
    return torch.where(rewards == 1, success_P1, failure_P1).to(rewards.dtype)


def pass_at_k_full(rewards: Tensor, k: int) -> Tensor:
    """Full sampling: the samples in their order are cut into floor(n / k) groups of k.

    Every member inherits its group's advantage; samples beyond the last whole group get 0.
    InputError unless there are at least two groups, k <= n / 2.
    """
    _check(rewards, k)
    problems, samples = rewards.shape
    check_k(k, samples // 2, ", half of the samples per problem, for two groups or more")
    groups = samples // k
    worth_PM = rewards[:, : groups * k].reshape(problems, groups, k).amax(2)
    advantage_PG = torch.zeros_like(rewards)
    advantage_PG[:, : groups * k] = _normalised(worth_PM).repeat_interleave(k, dim=1)
    return advantage_PG


def pass_at_k_bootstrap(rewards: Tensor, k: int, seed: int, groups: int | None = None) -> Tensor:
    """Bootstrap: `groups` random k-subsets (as many as samples, unless said), advantages summed.

    A sample's advantage is the sum over the groups that contain it, so on average about k times
    that of the analytic form (a little less, since the standard deviation is that of a few groups).
    Subsets of problem p are keyed by (seed, p).
    """
    _check(rewards, k)
    problems, samples = rewards.shape
    groups = samples if groups is None else groups
    if groups < 2:
        raise InputError(f"groups: must be at least 2, is {groups}")
    member_PMG = torch.zeros(problems, groups, samples, dtype=torch.bool)
    for p in range(problems):
        generator = torch.Generator().manual_seed(key("pass_at_k_bootstrap", seed, p))
        order_MG = torch.rand(groups, samples, dtype=torch.float64, generator=generator).argsort(1)
        member_PMG[p].scatter_(1, order_MG[:, :k], True)
    member_PMG = member_PMG.to(rewards.device)
    worth_PM = (member_PMG & (rewards == 1).unsqueeze(1)).any(2).to(rewards.dtype)
    credit_PMG = _normalised(worth_PM).unsqueeze(2) * member_PMG.to(rewards.dtype)
    return total(credit_PMG.transpose(1, 2))


def pass_at_k_exceeding(rewards: Tensor, k: int) -> Tensor:
    """The analytic form times 4 / (10 ln(c + 0.5)), which favours problems with few successes c.

    The paper writes log without a base; the natural one is taken, for which c = 1 is left almost
    unchanged (0.987).
    """
    advantage_PG = pass_at_k_training(rewards, k)
    # A problem without a success has advantage 0 whatever the factor.
    right_P1 = rewards.sum(1, keepdim=True).clamp(min=1)
    factors = [[0.4 / math.log(right + 0.5)] for right in right_P1.flatten().tolist()]
    return advantage_PG * torch.tensor(factors, dtype=rewards.dtype, device=rewards.device)


def pass_at_k_combination(rewards: Tensor, k: int) -> Tensor:
    """c/n times the advantage at k plus (1 - c/n) times that at 1: hard problems learn pass@1."""
    at_k_PG, at_1_PG = pass_at_k_training(rewards, k), pass_at_k_training(rewards, 1)
    rate_P1 = average(rewards).unsqueeze(1)
    return rate_P1 * at_k_PG + (1 - rate_P1) * at_1_PG


def pass_at_k_adaptive(rewards: Tensor, entropy_P: Tensor, k: int) -> Tensor:
    """Pass@1 for the half of the problems with the higher entropy, pass@k for the rest.

    `entropy_P` is a problem's mean entropy per token. Of an odd number the middle problem trains
    pass@k; equal entropies keep their order.
    """
    at_k_PG = pass_at_k_training(rewards, k)
    problems = rewards.shape[0]
    check_matches("entropy", entropy_P, (problems,), "problems")
    unsure_P = torch.zeros(problems, dtype=torch.bool, device=rewards.device)
    unsure_P[entropy_P.argsort(descending=True, stable=True)[: problems // 2]] = True
    return torch.where(unsure_P.unsqueeze(1), pass_at_k_training(rewards, 1), at_k_PG)


def k_by_pass_rate(rewards: Tensor, most: int) -> Tensor:
    """The k [P] at which a problem is solved about 63% of the time (1 - 1/e) at its pass rate.

    min(most, max(1, round(n / c))) for c successes of n samples, `most` without a success. Ours.
    """
    _check(rewards, most)
    samples = rewards.shape[1]
    right_P = rewards.double().sum(1)
    k_P = (samples / right_P.clamp(min=1)).round().clamp(1, most)
    return torch.where(right_P == 0, float(most), k_P).long()


class _PasskSpec(AdvantageSpec):
    """Rewards must be 0 or 1, so without shaping or penalties."""

    needs_binary_rewards: ClassVar[bool] = True
    k: KSchedule = KSchedule(first=4)

    def check_samples(self, samples: int) -> None:
        super().check_samples(samples)
        if samples < self._fewest_samples:
            raise ValueError(
                f"sampling.samples: {self.kind} with k {self.k.largest} needs at least {self._fewest_samples},"
                f" got {samples}"
            )

    @property
    def _fewest_samples(self) -> int:
        # At k = n there is one group, so nothing to compare it with.
        return self.k.largest + 1

    def _k(self, inputs: AdvantageInputs) -> int:
        return self.k.at_step(inputs.step, inputs.steps)


@ADVANTAGES.register
class PasskTraining(_PasskSpec):
    """`pass_at_k_training`, the analytic form."""

    kind: Literal["pass_at_k_training"] = "pass_at_k_training"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return pass_at_k_training(inputs.net_reward_PG, self._k(inputs))


@ADVANTAGES.register
class PasskFull(_PasskSpec):
    """`pass_at_k_full`: disjoint groups."""

    kind: Literal["pass_at_k_full"] = "pass_at_k_full"

    @property
    def _fewest_samples(self) -> int:
        return 2 * self.k.largest

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return pass_at_k_full(inputs.net_reward_PG, self._k(inputs))


@ADVANTAGES.register
class PasskBootstrap(_PasskSpec):
    """`pass_at_k_bootstrap`: as many random groups as samples, keyed by the step's seed."""

    kind: Literal["pass_at_k_bootstrap"] = "pass_at_k_bootstrap"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return pass_at_k_bootstrap(inputs.net_reward_PG, self._k(inputs), inputs.seed)


@ADVANTAGES.register
class PasskExceeding(_PasskSpec):
    """`pass_at_k_exceeding`: problems with few successes weigh more."""

    kind: Literal["pass_at_k_exceeding"] = "pass_at_k_exceeding"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return pass_at_k_exceeding(inputs.net_reward_PG, self._k(inputs))


@ADVANTAGES.register
class PasskCombination(_PasskSpec):
    """`pass_at_k_combination` of pass@k and pass@1."""

    kind: Literal["pass_at_k_combination"] = "pass_at_k_combination"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return pass_at_k_combination(inputs.net_reward_PG, self._k(inputs))


@ADVANTAGES.register
class PasskAdaptive(_PasskSpec):
    """`pass_at_k_adaptive`; a problem's entropy per token is read off its log-probabilities."""

    kind: Literal["pass_at_k_adaptive"] = "pass_at_k_adaptive"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return pass_at_k_adaptive(inputs.net_reward_PG, -average(inputs.logp_PG), self._k(inputs))


@ADVANTAGES.register
class PasskByPassRate(_PasskSpec):
    """`pass_at_k_training` at `k_by_pass_rate` of each problem; k is the largest."""

    kind: Literal["pass_at_k_by_pass_rate"] = "pass_at_k_by_pass_rate"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        rewards_PG = inputs.net_reward_PG
        return pass_at_k_training(rewards_PG, k_by_pass_rate(rewards_PG, self._k(inputs)))


DESCRIPTIONS = (
    Description(
        title="Pass@k Training",
        function=pass_at_k_training,
        recipe="advantage=pass_at_k_training",
        source="Chen et al. 2025, arXiv 2508.10751; analytic form",
        formula=(
            r"A_+ = \sqrt{\frac{f}{1-f}}, \quad A_- = -\frac{c}{n-c} A_+, \quad f = \binom{n-c}{k} \Big/ \binom{n}{k}"
        ),
        assumes="Rewards exactly 0 or 1; k < n. Signal only for 1 ≤ c ≤ n - k.",
        update=(
            r"Equals $`\frac{n}{k} (S - \bar S) / \sqrt{f(1-f)}`$ with S of PKPO (exact): the gradient of pass@k"
            " within a problem, divided by a standard deviation as in GRPO. At k = 1 it is GRPO with the population"
            " std."
        ),
        use=(
            "For hard problems. It pushes failures down, which PKPO sloo-1 never does. At n = 32 the signal is"
            " largest at c/n = 0.25 for k = 4 and at 0.125 for k = 8, for which the paper gives 0.25."
        ),
        zero_if_equal=True,
    ),
)


def _check(rewards: Tensor, k: int | Tensor) -> Tensor:
    """Refuses what cannot be trained on; k as [P, 1]."""
    check_group(rewards)
    check_binary(rewards, "Pass@k Training")
    problems, samples = rewards.shape
    k_P = k if isinstance(k, Tensor) else torch.full((problems,), k, device=rewards.device)
    if k_P.is_floating_point() or k_P.shape != (problems,):
        raise InputError(f"k: must be a whole number, or whole numbers [problems], is {tuple(k_P.shape)} {k_P.dtype}")
    for smallest_or_largest in k_P.aminmax() if problems else ():
        check_k(int(smallest_or_largest), samples, ", the samples per problem")
    return k_P.double().unsqueeze(1)


def _normalised(worth_PM: Tensor) -> Tensor:
    """(worth - mean) / population std over groups; exactly 0 where all are worth the same."""
    rate_P1 = average(worth_PM).unsqueeze(1)
    std_P1 = square_root(rate_P1 * (1 - rate_P1))
    advantage_PM = (worth_PM - rate_P1) / std_P1.masked_fill(std_P1 == 0, 1.0)
    return advantage_PM.masked_fill((worth_PM == worth_PM[:, :1]).all(1, keepdim=True), 0.0)
