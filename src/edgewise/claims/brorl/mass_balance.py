"""BroRL's mass balance: where the probability of right answers goes in one update. Pure functions of tensors.

The setting of Hu et al. 2025 (arXiv 2510.01180): one categorical choice over V tokens, p = softmax(z), some of them
correct; N draws; a drawn token is rewarded with `right` or `wrong`, each distinct token once, and a token that was
not drawn with 0. The surrogate that is maximised is (1/N) sum_i R_i p_i. All changes here are to first order and per
unit of eta / N, the step size over the number of draws.

`sampled_V` may carry leading dimensions, one set of drawn tokens for each entry; so may what is returned.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from edgewise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Balance:
    """The three parts of the change of Q+, the probability of a correct choice.

    `sampled_correct` and `sampled_wrong` are never negative where right >= 0 >= wrong; `unsampled` has either sign.
    """

    sampled_correct: Tensor
    sampled_wrong: Tensor
    unsampled: Tensor

    @property
    def change(self) -> Tensor:
        """dQ+ in all."""
        return self.sampled_correct + self.sampled_wrong + self.unsampled


def mass_balance(p_V: Tensor, correct_V: Tensor, sampled_V: Tensor, right: float, wrong: float) -> Balance:
    """dQ+ = (right - S) Q- A2 + (S - wrong) Q+ B2 + S (Q+ U2- - Q- U2+), in these three parts.

    S is the sum of R_i p_i over drawn tokens; A2, B2, U2+ and U2- are the sums of p_i^2 over the drawn correct, the
    drawn incorrect, the undrawn correct and the undrawn incorrect tokens. The paper's mass-balance equation; it is
    an identity with `first_order_change(p_V, logit_step(...))` summed over correct tokens. InputError where right < 0
    or wrong > 0, for which the signs of the parts do not hold.
    """
    correct_mass = (p_V * correct_V).sum(-1)
    wrong_mass = (p_V * ~correct_V).sum(-1)
    rewarded = (p_V * _reward(correct_V, sampled_V, right, wrong, p_V)).sum(-1)
    square_V = p_V.square()
    drawn_correct = (square_V * (sampled_V & correct_V)).sum(-1)
    drawn_wrong = (square_V * (sampled_V & ~correct_V)).sum(-1)
    undrawn_correct = (square_V * (~sampled_V & correct_V)).sum(-1)
    undrawn_wrong = (square_V * (~sampled_V & ~correct_V)).sum(-1)
    return Balance(
        sampled_correct=(right - rewarded) * wrong_mass * drawn_correct,
        sampled_wrong=(rewarded - wrong) * correct_mass * drawn_wrong,
        unsampled=rewarded * (correct_mass * undrawn_wrong - wrong_mass * undrawn_correct),
    )


def logit_step(p_V: Tensor, correct_V: Tensor, sampled_V: Tensor, right: float, wrong: float) -> Tensor:
    """dz_j = p_j (R_j - S): the ascent direction of sum_i R_i p_i over drawn tokens. The paper's logit update."""
    reward_V = _reward(correct_V, sampled_V, right, wrong, p_V)
    return p_V * (reward_V - (p_V * reward_V).sum(-1, keepdim=True))


def first_order_change(p_V: Tensor, dz_V: Tensor) -> Tensor:
    """dp_i = p_i (dz_i - sum_j p_j dz_j): what a small change of logits does to a softmax."""
    return p_V * (dz_V - (p_V * dz_V).sum(-1, keepdim=True))


def expected_surrogate(p_V: Tensor, correct_V: Tensor, samples: int, right: float, wrong: float) -> Tensor:
    """The surrogate's mean over N draws: (1/N) sum_i R_i p_i (1 - (1 - p_i)^N).

    The paper calls the surrogate unbiased, but distinct tokens are weighed by p_i once drawn, so that this is not
    the expected reward sum_i R_i p_i: where N p_i << 1 it tends to sum_i R_i p_i^2, which favours tokens that are
    already likely, and where N p_i >> 1 to 1/N of the expected reward.
    """
    reward_V = _reward(correct_V, correct_V | True, right, wrong, p_V)
    return (reward_V * p_V * (1 - (1 - p_V) ** samples)).sum(-1) / samples


def expected_unsampled(p_V: Tensor, samples: int) -> Tensor:
    """The mean of U2+ + U2- over N draws: sum_i p_i^2 (1 - p_i)^N, which falls with N term by term."""
    return (p_V.square() * (1 - p_V) ** samples).sum(-1)


def exact_gain(p_V: Tensor, correct_V: Tensor) -> Tensor:
    """dQ+ per unit of eta under the exact policy gradient of reward 1 for correct, 0 for incorrect.

    It is sum_i p_i^2 (1[i correct] - Q+)^2, never negative. Unbiased score-function estimates (no baseline, or the
    mean of the other samples) have it for their mean at every N; the mean of the whole group as baseline
    leaves (N - 1) / N of it.
    """
    correct = correct_V.to(p_V.dtype)
    return (p_V * (correct - (p_V * correct).sum(-1, keepdim=True))).square().sum(-1)


def shrinks_exactly(p_V: Tensor, correct_V: Tensor) -> Tensor:
    """Which correct tokens lose probability under the exact policy gradient, the limit of many draws.

    With dz_i = p_i (1[i correct] - Q+) a correct token gains exactly where p_i > sum of p_j^2 over correct tokens -
    (Q+/Q-) sum of p_j^2 over incorrect ones. Where correct tokens are unequal, rarer correct tokens lose probability,
    however many draws are made. (Under the natural gradient, dz_i = 1[i correct] - Q+, none does: dp_i = p_i Q-.)
    """
    square_V = p_V.square()
    correct_mass = (p_V * correct_V).sum(-1, keepdim=True)
    wrong_mass = (p_V * ~correct_V).sum(-1, keepdim=True)
    lost = wrong_mass * (square_V * correct_V).sum(-1, keepdim=True)
    won = correct_mass * (square_V * ~correct_V).sum(-1, keepdim=True)
    # Multiplied through by Q-, so that a vocabulary without incorrect tokens is no division by 0.
    return correct_V & (wrong_mass * p_V < lost - won)


def _reward(correct_V: Tensor, sampled_V: Tensor, right: float, wrong: float, like: Tensor) -> Tensor:
    """R_i: `right` or `wrong` where drawn, 0 elsewhere."""
    if right < 0 or wrong > 0:
        raise InputError(f"right, wrong: rewards must be right >= 0 >= wrong, are {right} and {wrong}")
    return (right * correct_V.to(like.dtype) + wrong * (~correct_V).to(like.dtype)) * sampled_V
