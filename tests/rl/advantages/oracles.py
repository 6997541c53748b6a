"""Slow truths: every subset of a group, and every batch that a small policy can draw."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import torch
from torch import Tensor


def best_of_subsets(rewards: list[float], k: int) -> float:
    """The mean over all k-subsets of their best reward."""
    best = [max(subset) for subset in combinations(rewards, k)]
    return sum(best) / len(best)


def credit_of_subsets(rewards: list[float], k: int) -> list[float]:
    """PKPO's S_i: the best rewards of all k-subsets with i, over the number of all k-subsets."""
    subsets = list(combinations(range(len(rewards)), k))
    return [
        sum(max(rewards[j] for j in subset) for subset in subsets if i in subset) / len(subsets)
        for i in range(len(rewards))
    ]


def normalised_subsets(rewards: list[float], k: int) -> list[float]:
    """Pass@k Training by all groups: (worth - mean) / population std, averaged over those with i."""
    subsets = list(combinations(range(len(rewards)), k))
    worth = torch.tensor([max(rewards[j] for j in subset) for subset in subsets], dtype=torch.float64)
    std = float(worth.std(correction=0))
    if std == 0:
        return [0.0] * len(rewards)
    credit = ((worth - worth.mean()) / std).tolist()
    found = []
    for i in range(len(rewards)):
        inherited = [a for a, subset in zip(credit, subsets, strict=True) if i in subset]
        found.append(sum(inherited) / len(inherited))
    return found


class Policy:
    """A softmax over a few answers, each with a reward, all in double."""

    def __init__(self, logits: list[float], rewards: list[float]) -> None:
        self.logits_M = torch.tensor(logits, dtype=torch.float64)
        self.rewards_M = torch.tensor(rewards, dtype=torch.float64)

    @property
    def rate(self) -> float:
        """The probability of an answer of reward 1."""
        return float(self._rate(torch.softmax(self.logits_M, 0)))

    def expected_update(self, advantage: Callable[[Tensor], Tensor], samples: int) -> Tensor:
        """E[sum over samples of advantage times grad log pi], over every batch that can be drawn."""
        probability_M = torch.softmax(self.logits_M, 0)
        answers = torch.tensor(list(product(range(len(self.logits_M)), repeat=samples)))
        advantage_BG = advantage(self.rewards_M[answers])
        score_MM = torch.eye(len(self.logits_M), dtype=torch.float64) - probability_M
        return torch.einsum("b,bg,bgm->m", probability_M[answers].prod(1), advantage_BG, score_MM[answers])

    def gradient(self, objective: Callable[[Tensor], Tensor]) -> Tensor:
        """The exact gradient of `objective`, a function of the answers' probabilities."""
        logits_M = self.logits_M.clone().requires_grad_()
        (gradient_M,) = torch.autograd.grad(objective(torch.softmax(logits_M, 0)), logits_M)
        return gradient_M

    def gradient_of_rate(self, objective: Callable[[Tensor], Tensor]) -> Tensor:
        """The same for a function of the probability of an answer of reward 1."""
        return self.gradient(lambda probability_M: objective(self._rate(probability_M)))

    def best_of(self, k: int) -> Callable[[Tensor], Tensor]:
        """The expected best of k draws: every value weighted by F(v)^k - F(below v)^k."""

        def objective(probability_M: Tensor) -> Tensor:
            total = probability_M.new_zeros(())
            for value in self.rewards_M.unique():
                up_to = probability_M[self.rewards_M <= value].sum()
                below = probability_M[self.rewards_M < value].sum()
                total = total + value * (up_to**k - below**k)
            return total

        return objective

    def _rate(self, probability_M: Tensor) -> Tensor:
        return probability_M[self.rewards_M == 1].sum()
