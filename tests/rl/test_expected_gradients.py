"""Expected gradients of the losses, exact, by enumerating what a small softmax policy can draw."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from edgewise.rl.importance import masked_importance, truncated_importance
from edgewise.rl.kl import entropy, exact_kl, k1, k2, k3
from edgewise.rl.losses import cispo, dual_clip, gspo, natural_gradient, ppo_clip, reinforce
from edgewise.rl.normalization import token_weights

# Every loss of logp, old logp and advantage, each token a sample of its own.
LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "reinforce": lambda logp_N, old_N, advantage_N: reinforce(logp_N, advantage_N)[0],
    "ppo_clip": lambda logp_N, old_N, advantage_N: ppo_clip(logp_N, old_N, advantage_N, 0.2, 0.3)[0],
    "dual_clip": lambda logp_N, old_N, advantage_N: dual_clip(logp_N, old_N, advantage_N, 0.2, 0.3)[0],
    "cispo": lambda logp_N, old_N, advantage_N: cispo(logp_N, old_N, advantage_N, 0.0, 5.0)[0],
    "gspo": lambda logp_N, old_N, advantage_N: gspo(logp_N, old_N, advantage_N, torch.arange(len(logp_N)), 0.2, 0.3)[0],
}


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gradient(loss_N: Tensor, at: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(loss_N.sum(), at)
    return found


LOGITS_V = double(0.3, -0.5, 1.1)
DRAWN_V = double(1.0, 0.4, -0.9)  # logits of another policy
REWARD_V = double(1.0, 0.2, 0.0)
PAY_V = double(1.0, -0.2, 0.5)


def score_VV(logits_V: Tensor) -> Tensor:
    """Row v: the gradient of log p_v with respect to the logits."""
    return torch.eye(len(logits_V), dtype=logits_V.dtype) - logits_V.softmax(0)


def value_gradient(logits_V: Tensor, reward_V: Tensor) -> Tensor:
    parameter_V = logits_V.clone().requires_grad_()
    return gradient(parameter_V.softmax(0) * reward_V, parameter_V)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_expected_gradient_is_the_policy_gradient(loss: str) -> None:
    """All groups of three samples of a policy over three words, each weighed by its probability.

    The mean of a group contains the sample itself, which costs the factor (G - 1)/G and no more.
    """
    group = 3
    probability_V = LOGITS_V.softmax(0)
    expected_V = torch.zeros(3, dtype=torch.float64)
    for words in itertools.product(range(3), repeat=group):
        drawn = torch.tensor(words)
        parameter_V = LOGITS_V.clone().requires_grad_()
        logp_N = parameter_V.log_softmax(0)[drawn]
        advantage_N = REWARD_V[drawn] - REWARD_V[drawn].mean()
        loss_N = LOSSES[loss](logp_N, logp_N.detach(), advantage_N)
        weight_N = token_weights(torch.ones(1, group), "token-mean", 1)[0].double()
        expected_V += probability_V[drawn].prod() * gradient(loss_N * weight_N, parameter_V)
    true_V = value_gradient(LOGITS_V, REWARD_V)
    torch.testing.assert_close(-expected_V, (group - 1) / group * true_V, atol=1e-7, rtol=1e-6)


def off_policy_gradient(loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The expected ascent direction with words drawn from DRAWN_V; `loss` of logp and drawn logp of every word."""
    parameter_V = LOGITS_V.clone().requires_grad_()
    loss_V = loss(parameter_V.log_softmax(0), DRAWN_V.log_softmax(0))
    return -gradient(DRAWN_V.softmax(0) * loss_V, parameter_V)


def test_off_policy_the_whole_ratio_is_unbiased_and_its_clip_is_not() -> None:
    true_V = value_gradient(LOGITS_V, PAY_V)
    wide: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "ppo_clip": lambda logp_V, rollout_V: ppo_clip(logp_V, rollout_V, PAY_V, 1.0, 1e9)[0],
        "cispo": lambda logp_V, rollout_V: cispo(logp_V, rollout_V, PAY_V, 0.0, math.inf)[0],
        "truncated": lambda logp_V, rollout_V: (
            truncated_importance(logp_V, rollout_V, math.inf) * reinforce(logp_V, PAY_V)[0]
        ),
        "masked": lambda logp_V, rollout_V: (
            masked_importance(logp_V, rollout_V, 0.0, math.inf) * reinforce(logp_V, PAY_V)[0]
        ),
    }
    for loss in wide.values():
        torch.testing.assert_close(off_policy_gradient(loss), true_V)
    # Two of the three ratios are cut by a clip of 0.2.
    clip_V = off_policy_gradient(lambda logp_V, rollout_V: ppo_clip(logp_V, rollout_V, PAY_V, 0.2, 0.2)[0])
    plain_V = off_policy_gradient(lambda logp_V, rollout_V: reinforce(logp_V, PAY_V)[0])
    assert not torch.allclose(clip_V, true_V, rtol=0.01)
    assert not torch.allclose(plain_V, true_V, rtol=0.01)


def test_truncation_costs_exactly_what_it_cuts_off() -> None:
    """The bias is -sum_v max(0, p_v - cap q_v) R_v grad log p_v, and it shrinks to 0 as the cap grows."""
    p_V, q_V = LOGITS_V.softmax(0), DRAWN_V.softmax(0)
    true_V = value_gradient(LOGITS_V, PAY_V)
    lost = []
    for cap in (2.0, 4.0, 8.0):
        found_V = off_policy_gradient(
            lambda logp_V, rollout_V, cap=cap: (  # type: ignore[misc]
                truncated_importance(logp_V, rollout_V, cap) * reinforce(logp_V, PAY_V)[0]
            )
        )
        cut_V = (p_V - cap * q_V).clamp(min=0) * PAY_V
        torch.testing.assert_close(found_V - true_V, -(cut_V @ score_VV(LOGITS_V)))
        lost.append(float((found_V - true_V).norm() / true_V.norm()))
    assert lost == pytest.approx([0.681, 0.402, 0.0], abs=1e-3)


def expected_second_update(step: float, low: float, high: float) -> tuple[Tensor, float]:
    """Ascent direction of a second update, and the share of tokens it clips, under a random reward.

    A policy draws two words; each is paid +1 or -1 by the toss of a coin. The first makes one
    update, the second another, its ratio taken against the policy that drew. All 4 x 2 x 4 x 2
    cases are weighed by their probabilities.
    """
    start_V = double(2.0, 0.5, 0.0, -1.0)
    old_V = start_V.log_softmax(0)
    total_V, share = torch.zeros(4, dtype=torch.float64), 0.0
    for first, pay in itertools.product(range(4), (1.0, -1.0)):
        parameter_V = (start_V + step * pay * score_VV(start_V)[first]).requires_grad_()
        for second, advantage in itertools.product(range(4), (1.0, -1.0)):
            weight = float((old_V[first] + old_V[second]).exp()) / 4
            given = parameter_V.log_softmax(0)[[second]], old_V[[second]], double(advantage), low, high
            total_V -= weight * gradient(ppo_clip(*given)[0], parameter_V)
            share += weight * float(ppo_clip(*given)[1]["clip_fraction"])
    return total_V, share


def test_under_a_random_reward_the_clip_pushes_towards_what_is_likely_and_no_clip_does_not() -> None:
    """Shao et al. 2025 (arXiv 2506.10947): E[A] = 0, so only the clip can move the policy on average."""
    unclipped_V, none = expected_second_update(1.0, 1.0, 1e9)
    assert none == 0
    assert unclipped_V.abs().max() < 1e-15
    small_V, none = expected_second_update(0.1, 0.2, 0.2)
    assert none == 0, "a step that leaves every ratio inside the clip"
    assert small_V.abs().max() < 1e-15
    clipped_V, share = expected_second_update(1.0, 0.2, 0.2)
    assert share == pytest.approx(0.209, abs=1e-3)
    assert clipped_V.tolist() == pytest.approx([0.0341, -0.0210, -0.0072, -0.0060], abs=1e-4)
    start_V = double(2.0, 0.5, 0.0, -1.0).requires_grad_()
    assert float(gradient(entropy(start_V[None]), start_V) @ clipped_V) == pytest.approx(-0.0177, abs=1e-4)


# The logit-space control.


def natural_step(logits_V: Tensor, advantage_V: Tensor, cap: float) -> Tensor:
    """The expected ascent direction over draws of the policy itself."""
    words = len(logits_V)
    logits_VV = logits_V.expand(words, words).clone().requires_grad_()
    loss_V = natural_gradient(logits_VV, torch.arange(words), advantage_V, cap)[0]
    return -gradient(logits_V.softmax(0) * loss_V, logits_VV).sum(0)


@pytest.mark.parametrize("cap", [1.0, 5.0, math.inf])
def test_the_natural_gradient_moves_logits_by_the_advantage(cap: float) -> None:
    advantage_V = double(1.0, -0.5, 0.3)
    weighed_V = (cap * LOGITS_V.softmax(0)).clamp(max=1) * advantage_V
    assert bool((weighed_V == advantage_V).all()) == math.isinf(cap)
    torch.testing.assert_close(natural_step(LOGITS_V, advantage_V, cap), weighed_V - weighed_V.mean())
    says_N = natural_gradient(LOGITS_V.expand(3, 3), torch.arange(3), advantage_V, cap)[1]["clip_fraction"]
    assert torch.equal(says_N, cap * LOGITS_V.softmax(0) < 1)


def test_every_correct_token_grows_under_the_natural_gradient_and_rare_ones_shrink_under_the_plain_one() -> None:
    """16 correct tokens of unlike logits among 200; exact expected steps, first-order change of p."""
    generator = torch.Generator().manual_seed(0)
    correct_V = torch.arange(200) < 16
    spread_V = torch.randn(200, generator=generator, dtype=torch.float64)
    shrinking = {}
    for deviation in (0.0, 0.5, 1.0, 2.0):
        logits_V = torch.where(correct_V, 3 + deviation * spread_V, 0.0)
        p_V = logits_V.softmax(0)
        right, reward_V = p_V[correct_V].sum(), correct_V.double()
        natural_V = natural_step(logits_V, reward_V, math.inf) @ (p_V[:, None] * score_VV(logits_V)).T
        torch.testing.assert_close(natural_V[correct_V], p_V[correct_V] * (1 - right))
        parameter_V = logits_V.clone().requires_grad_()
        plain_V = -gradient(p_V * reinforce(parameter_V.log_softmax(0), reward_V)[0], parameter_V)
        change_V = plain_V @ (p_V[:, None] * score_VV(logits_V)).T
        threshold = (p_V[correct_V] ** 2).sum() - right / (1 - right) * (p_V[~correct_V] ** 2).sum()
        assert torch.equal(change_V[correct_V] > 0, p_V[correct_V] > threshold)
        shrinking[deviation] = float((change_V[correct_V] < 0).double().mean())
    assert shrinking[0.0] == 0
    assert 0.25 < shrinking[0.5] < shrinking[1.0] < shrinking[2.0] < 1


@pytest.mark.parametrize("words", [2, 3])
def test_kl_estimators_have_the_stated_expectations_and_gradients(words: int) -> None:
    """Words drawn by the policy itself, all of them weighed by their probabilities."""
    logits_V, reference_V = double(0.3, -1.5, 1.1)[:words], double(0.5, 1.4, -0.9)[:words]
    p_V, other_V = logits_V.softmax(0), reference_V.log_softmax(0)
    parameter_V = logits_V.clone().requires_grad_()
    reverse = exact_kl(parameter_V[None], reference_V[None])
    forward = (other_V.exp() * (other_V - parameter_V.log_softmax(0))).sum()
    reverse_V, forward_V = gradient(reverse, parameter_V), gradient(forward, parameter_V)
    assert not torch.allclose(reverse_V, forward_V, rtol=0.05), "the two directions must differ"

    def expected(estimator: Callable[[Tensor, Tensor], Tensor]) -> tuple[float, Tensor]:
        estimate_V = p_V * estimator(parameter_V.log_softmax(0), other_V)
        return float(estimate_V.detach().sum()), gradient(estimate_V, parameter_V)

    for estimator, unbiased, gradient_V in (
        (k1, True, torch.zeros(words, dtype=torch.float64)),
        (k2, False, reverse_V),
        (k3, True, forward_V),
    ):
        mean, found_V = expected(estimator)
        assert (mean == pytest.approx(float(reverse.detach()))) == unbiased
        torch.testing.assert_close(found_V, gradient_V, atol=1e-12, rtol=1e-9)

    def k1_in_the_reward(logp_V: Tensor, reference_logp_V: Tensor) -> Tensor:
        return reinforce(logp_V, -k1(logp_V, reference_logp_V))[0]

    torch.testing.assert_close(expected(k1_in_the_reward)[1], reverse_V)


def test_over_several_tokens_only_the_reward_sees_what_a_token_does_to_the_next() -> None:
    """Samples of two words, the second drawn by a distribution of its own after each first word.

    k1 in the reward, summed over what follows, has the gradient of the KL between the two laws of
    samples. Loss terms have that of the per-token KL with the first word's distribution held fixed.
    """
    generator = torch.Generator().manual_seed(3)
    start_SV, reference_SV = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64)
    parameter_SV = start_SV.clone().requires_grad_()  # row 0 for the first word, row 1 + v after v
    logp_SV, other_SV = parameter_SV.log_softmax(1), reference_SV.log_softmax(1)
    pairs = list(itertools.product(range(3), repeat=2))
    kl = torch.zeros((), dtype=torch.float64)
    losses = {name: torch.zeros((), dtype=torch.float64) for name in ("reward", "k2", "exact")}
    for first, second in pairs:
        rows, words = torch.tensor([0, 1 + first]), torch.tensor([first, second])
        logp_N, other_N = logp_SV[rows, words], other_SV[rows, words]
        weight = logp_N.sum().exp()
        kl = kl + weight * (logp_N - other_N).sum()
        cost_N = k1(logp_N, other_N).detach()
        to_go_N = cost_N.flip(0).cumsum(0).flip(0)
        losses["reward"] = losses["reward"] + weight.detach() * reinforce(logp_N, -to_go_N)[0].sum()
        losses["k2"] = losses["k2"] + weight.detach() * k2(logp_N, other_N).sum()
        exact_N = exact_kl(parameter_SV[rows], reference_SV[rows])
        losses["exact"] = losses["exact"] + weight.detach() * exact_N.sum()
    (true_SV,) = torch.autograd.grad(kl, parameter_SV, retain_graph=True)
    found = {name: torch.autograd.grad(loss, parameter_SV, retain_graph=True)[0] for name, loss in losses.items()}
    torch.testing.assert_close(found["reward"], true_SV)
    torch.testing.assert_close(found["k2"], found["exact"])
    torch.testing.assert_close(found["exact"][1:], true_SV[1:])
    assert not torch.allclose(found["exact"][0], true_SV[0], rtol=0.05)
