"""BroRL's token simulator: one softmax over a vocabulary of which some tokens are right, trained by RL.

After Hu et al. 2025 (arXiv 2510.01180): 128,000 tokens of which 10,000 are correct, logits 0 and 3 and one anchor at
5; each step draws N tokens, rewards them with +1 or -1 and takes one AdamW step. All gradients are closed forms of
how often each token was drawn. Logits are in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.keyed import key
from edgewise.core.spec import Spec

Gradient = Literal["surrogate", "score_function", "natural"]


class TokenSimulator(Spec):
    """One run of the simulator.

    `spread` is the standard deviation of the correct logits around `correct_logit`: 0 is the paper's setting, in which
    correct tokens are exchangeable. Token 0 has `anchor_logit` and is the first of the `correct` tokens (the paper
    does not say whether it is correct). `gradient` is the paper's surrogate, the score-function (REINFORCE)
    gradient or the natural gradient, all with the batch mean as baseline. The first two are followed by AdamW. The
    natural gradient is followed by plain steps of `learning_rate`, since AdamW would divide its scale out again; weight
    decay is decoupled in all three. Steps of one seed draw from the same uniform numbers whatever `samples` is.
    """

    vocabulary: int = Field(128_000, ge=2)
    correct: int = Field(10_000, ge=1)
    correct_logit: float = 3.0
    spread: float = Field(0.0, ge=0)
    anchor_logit: float = 5.0
    samples: int = Field(16, ge=2)
    steps: int = Field(1000, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    epsilon: float = Field(1e-8, gt=0, description="AdamW's; the surrogate's gradients are of this size")
    gradient: Gradient = "surrogate"
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _some_incorrect(self) -> Self:
        if self.correct >= self.vocabulary:
            raise ValueError(f"correct must be below vocabulary ({self.vocabulary}), is {self.correct}")
        return self


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run did. `correct_mass_S` is Q+ before the first step and after each, [steps + 1].

    Of the correct tokens: `improved` is the share whose probability at the end exceeds that at the start,
    `least_ratio` the smallest end / start, and `worst_drop` the largest start - end (negative if all grew).
    """

    correct_mass_S: Tensor
    improved: float
    least_ratio: float
    worst_drop: float


def simulate(spec: TokenSimulator) -> Trace:
    """Run the simulator; the same spec gives the same trace."""
    logits_V = first_logits(spec)
    reward_V = torch.full_like(logits_V, -1.0)
    reward_V[: spec.correct] = 1.0
    optimizer = _optimizer(logits_V, spec)
    ascent = ASCENTS[spec.gradient]
    first_V = p_V = torch.softmax(logits_V, 0)
    masses = [p_V[: spec.correct].sum()]
    for step in range(spec.steps):
        logits_V.grad = ascent(p_V, reward_V, _draw(p_V, spec, step))
        optimizer.step()
        p_V = torch.softmax(logits_V, 0)
        masses.append(p_V[: spec.correct].sum())
    first, last = first_V[: spec.correct], p_V[: spec.correct]
    return Trace(
        correct_mass_S=torch.stack(masses),
        improved=float((last > first).double().mean()),
        least_ratio=float((last / first).min()),
        worst_drop=float((first - last).max()),
    )


def first_logits(spec: TokenSimulator) -> Tensor:
    """The logits before the first step, [V]: the correct tokens first, the anchor at their head."""
    logits_V = torch.zeros(spec.vocabulary, dtype=torch.float64)
    normal = np.random.default_rng(key("token simulator", "logits", spec.seed)).standard_normal(spec.correct)
    logits_V[: spec.correct] = spec.correct_logit + spec.spread * torch.from_numpy(normal)
    logits_V[0] = spec.anchor_logit
    return logits_V


def surrogate_ascent(p_V: Tensor, reward_V: Tensor, count_V: Tensor) -> Tensor:
    """The gradient by logits of the paper's (1/N) sum_j (R_j - b) p(s_j), with b the mean reward of the N draws.

    Not a policy gradient: it lacks the score function, so a draw of token i counts p_i times.
    """
    return _through_softmax(p_V, p_V * _credit(reward_V, count_V))


def score_function_ascent(p_V: Tensor, reward_V: Tensor, count_V: Tensor) -> Tensor:
    """The gradient by logits of (1/N) sum_j (R_j - b) log p(s_j): REINFORCE with the mean of the batch as baseline."""
    return _through_softmax(p_V, _credit(reward_V, count_V))


def natural_ascent(p_V: Tensor, reward_V: Tensor, count_V: Tensor) -> Tensor:
    """The score-function gradient times the inverse of the Fisher matrix diag(p) - p p^T, up to a constant.

    dz_i = (c_i / N) (R_i - b) / p_i. Its mean is the advantage of token i, apart from the baseline's noise.
    """
    # A token that was not drawn has no credit, also where its probability has underflowed to 0.
    return torch.where(count_V > 0, _credit(reward_V, count_V) / p_V, 0.0)


ASCENTS: dict[Gradient, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "surrogate": surrogate_ascent,
    "score_function": score_function_ascent,
    "natural": natural_ascent,
}


def _credit(reward_V: Tensor, count_V: Tensor) -> Tensor:
    """(c_i / N) (R_i - b) for each token that was drawn c_i times."""
    share_V = count_V / count_V.sum()
    return share_V * (reward_V - share_V.dot(reward_V))


def _through_softmax(p_V: Tensor, weight_V: Tensor) -> Tensor:
    """The gradient by logits of sum_i w_i log p_i at fixed w."""
    return weight_V - p_V * weight_V.sum()


def _draw(p_V: Tensor, spec: TokenSimulator, step: int) -> Tensor:
    """How often each token is drawn in a step, [V], by inversion of the distribution function."""
    uniform = np.random.default_rng(key("token simulator", "draws", spec.seed, step)).random(spec.samples)
    reach_V = p_V.cumsum(0).numpy()
    # Sorted look-ups stay in the cache; the order of draws does not matter to a count.
    at_N = np.searchsorted(reach_V, np.sort(uniform) * reach_V[-1], side="right")
    # A product just below the total may be rounded up to it.
    return torch.from_numpy(np.bincount(at_N.clip(max=len(p_V) - 1), minlength=len(p_V))).to(p_V.dtype)


def _optimizer(logits_V: Tensor, spec: TokenSimulator) -> torch.optim.Optimizer:
    rate, decay = spec.learning_rate, spec.weight_decay
    if spec.gradient == "natural":
        return torch.optim.SGD([logits_V], rate, weight_decay=decay, maximize=True)
    return torch.optim.AdamW([logits_V], rate, weight_decay=decay, eps=spec.epsilon, maximize=True, fused=True)
