"""PKPO: the unbiased gradient of pass@k, or of the expected best reward among k draws.

Both are sums over all k-subsets of a group's n samples. With the rewards sorted, g_1 <= .. <= g_n,
the best of a subset is g_1 plus every gap g_m - g_{m-1} that the subset reaches, so each sum over
subsets is a sum over gaps, weighted with shares of subsets. This is the sorted closed form of the
paper summed by parts: equal rewards have a gap of exactly 0, so ties and groups without signal
give exact results, and nothing cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from edgewise.model.fixed_order import total
from edgewise.rl.advantages._binomials import subset_shares
from edgewise.rl.advantages._checks import check_choice, check_group, check_k, check_rewards
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.k_schedule import KSchedule
from edgewise.rl.advantages.rloo import rloo
from edgewise.rl.description import Description

PkpoBaseline = Literal["none", "sloo", "sloo_minus_one", "sloo_kn"]


def pkpo_objective(rewards: Tensor, k: int) -> Tensor:
    """The unbiased estimate [P] of the expected best reward among k draws; pass@k for 0/1 rewards.

    The mean over all k-subsets of their best reward: sum over i >= k of g_i C(i-1, k-1) / C(n, k).
    Walder and Karkhanis 2025 (arXiv 2505.15201). InputError unless 1 <= k <= n.
    """
    check_rewards(rewards)
    samples = rewards.shape[1]
    check_k(k, samples, ", the samples per problem")
    sorted_PG = rewards.double().sort(dim=1).values
    missed_G = _share(range(samples), k, samples, k).to(rewards.device)
    return (sorted_PG[:, -1] - total(_gaps(sorted_PG) * missed_G)).to(rewards.dtype)


def pkpo(rewards: Tensor, k: int, baseline: PkpoBaseline = "none") -> Tensor:
    """The paper's S_i: sum_i S_i grad log pi(x_i), a SUM over the samples of a problem, is unbiased
    for the gradient of the expected best of k (pass@k for 0/1 rewards).

    S_i is the sum over the k-subsets that contain i of their best reward, over C(n, k). Walder and
    Karkhanis 2025 (arXiv 2505.15201). Baselines, all unbiased since none of them sees x_i:

        "none"            S_i; its variance is large where k is near n
        "sloo"            S_i - k / (n - 1) M_k: M_k is `pkpo_objective` of the other samples. As
                          published; it changes when all rewards are shifted
        "sloo_kn"         S_i - k / n M_k, the same made invariant to shifts (ours)
        "sloo_minus_one"  S_i - k / n M_{k-1}, recommended by the authors: for 0/1 rewards failures
                          get exactly 0 and successes C(n - c, k - 1) / C(n, k)

    At k = 1 "sloo_minus_one" has nothing to subtract and is r / n, as in the paper. Subtracting the
    group's mean of S instead would scale the gradient by 1 - k / n. InputError unless k <= n, and
    k < n for "sloo" and "sloo_kn".
    """
    check_group(rewards)
    check_choice("baseline", baseline, get_args(PkpoBaseline))
    samples = rewards.shape[1]
    if baseline in ("sloo", "sloo_kn"):
        check_k(k, samples - 1, f", one less than the samples per problem, for {baseline}")
    else:
        check_k(k, samples, ", the samples per problem")
    ordered = rewards.double().sort(dim=1)
    best_P1, gap_PG = ordered.values[:, -1:], _gaps(ordered.values)
    if baseline == "sloo_minus_one" and k > 1:
        sorted_S_PG = _up_to(gap_PG * _share(range(samples), k - 1, samples, k).to(gap_PG.device))
    else:
        # Of the subsets with i, those that stay below rank m: i is one of the ranks below it.
        unreached_G = _share(range(-1, samples - 1), k - 1, samples, k).to(gap_PG.device)
        sorted_S_PG = k / samples * best_P1 - _above(gap_PG * unreached_G)
    if baseline in ("sloo", "sloo_kn"):
        factor = k / (samples - 1) if baseline == "sloo" else k / samples
        sorted_S_PG = sorted_S_PG - factor * _best_of_others(best_P1, gap_PG, k)
    S_PG = torch.empty_like(sorted_S_PG).scatter_(1, ordered.indices, sorted_S_PG)
    return S_PG.to(rewards.dtype)


@ADVANTAGES.register
class Pkpo(AdvantageSpec):
    """n times `pkpo`, whose S_i are for a sum over samples, so that the mean over samples is the gradient.

    With a baseline, k = 1 is leave-one-out (`rloo`), as in the paper's runs.
    """

    kind: Literal["pkpo"] = "pkpo"
    k: KSchedule = KSchedule(first=4)
    baseline: PkpoBaseline = "sloo_minus_one"

    def check_samples(self, samples: int) -> None:
        super().check_samples(samples)
        most = samples - 1 if self.baseline in ("sloo", "sloo_kn") else samples
        if self.k.largest > most:
            raise ValueError(
                f"sampling.samples: pkpo with baseline {self.baseline} and k {self.k.largest} needs at least"
                f" {self.k.largest + samples - most}, got {samples}"
            )

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        rewards_PG, k = inputs.net_reward_PG, self.k.at_step(inputs.step, inputs.steps)
        if k == 1 and self.baseline != "none":
            return rloo(rewards_PG)
        return pkpo(rewards_PG, k, self.baseline) * rewards_PG.shape[1]


DESCRIPTIONS = (
    Description(
        title="PKPO",
        function=pkpo,
        recipe="advantage=pkpo",
        source="Walder and Karkhanis 2025, arXiv 2505.15201",
        formula=(
            r"S_i = \binom{n}{k}^{-1} \sum_{I \ni i,\, \lvert I \rvert = k} \max_{j \in I} r_j - b_i, \qquad A_i = n"
            " S_i"
        ),
        assumes=(
            "k ≤ n (k < n for sloo and sloo_kn); rewards binary or graded. `pkpo_objective` estimates the objective."
            " k can be a schedule: `advantage=pkpo advantage.k.first=8 advantage.k.then=1`."
        ),
        update=(
            "Unbiased with every baseline for the expected best of k, which is pass@k for 0/1 rewards: $`w(p) ="
            " k(1-p)^{k-1}`$ (exact). With the group's mean of S as baseline, only 1 - k/n of the gradient would"
            " remain: 0.75 at n = 8, k = 2; nothing at k = n (exact)."
        ),
        use="To train for pass@k. With sloo-1 a group of more than n - k + 1 successes gives no signal.",
        weight=lambda p, n: 4 * (1 - p) ** 3,  # with its default, k = 4
        zero_if_equal=True,
    ),
)


def _best_of_others(best_P1: Tensor, gap_PG: Tensor, k: int) -> Tensor:
    """`pkpo_objective` of the sorted group without its i-th sample, for each i."""
    samples = gap_PG.shape[1]
    # A gap above i has one rank less below it when i is gone; a gap up to i has them all.
    one_less_G = _share(range(-1, samples - 1), k, samples - 1, k).to(gap_PG.device)
    all_G = _share(range(samples), k, samples - 1, k).to(gap_PG.device)
    above_PG, up_to_PG = _above(gap_PG * one_less_G), _up_to(gap_PG * all_G)
    return best_P1 - above_PG - up_to_PG


def _gaps(sorted_PG: Tensor) -> Tensor:
    """What each sorted reward adds to the one before it; 0 for the first."""
    return torch.diff(sorted_PG, dim=1, prepend=sorted_PG[:, :1])


def _share(below: Sequence[int], choose: int, whole: int, k: int) -> Tensor:
    """C(n, choose) / C(whole, k) for each number n of samples below a rank; 0 where n is -1."""
    return subset_shares(below, [choose] * len(below), whole, [k] * len(below))


def _up_to(terms_PG: Tensor) -> Tensor:
    """Sum of the terms at ranks m <= i."""
    return terms_PG.cumsum(1)


def _above(terms_PG: Tensor) -> Tensor:
    """Sum of the terms at ranks m > i."""
    return torch.nn.functional.pad(terms_PG[:, 1:].flip(1).cumsum(1).flip(1), (0, 1))
