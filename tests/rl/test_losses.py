from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from edgewise.rl.advantages import dr_grpo
from edgewise.rl.losses import clipped, exact_kl, ppo_clip, reinforce, token_weights

LOW, HIGH = 0.2, 0.3
# Ratios inside, below and above the clip, each with advantages of either sign.
RATIO_N = torch.tensor([1.0, 1.1, 0.9, 0.5, 0.5, 1.6, 1.6, 0.85, 1.25, 1.0], dtype=torch.float64)
ADVANTAGE_N = torch.tensor([1.0, -2.0, 0.5, 2.0, -2.0, 2.0, -2.0, -1.0, 1.0, 0.0], dtype=torch.float64)
OLD_N = torch.linspace(-3, -0.5, len(RATIO_N), dtype=torch.float64)
LOGP_N = OLD_N + RATIO_N.log()


def gradient(loss_N: Tensor, at: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(loss_N.sum(), at)
    return found


def test_reinforce_by_hand() -> None:
    assert reinforce(torch.tensor([-2.0, -0.5]), torch.tensor([3.0, -1.0])).tolist() == [6.0, -0.5]


def test_ppo_clip_by_hand() -> None:
    expected = [-1.0, 2.2, -0.45, -1.0, 1.6, -2.6, 3.2, 0.85, -1.25, 0.0]
    assert ppo_clip(LOGP_N, OLD_N, ADVANTAGE_N, LOW, HIGH).tolist() == pytest.approx(expected)


def test_gradients_agree_with_finite_differences() -> None:
    logp_N = LOGP_N.clone().requires_grad_()
    assert gradcheck(lambda x: ppo_clip(x, OLD_N, ADVANTAGE_N, LOW, HIGH), logp_N)
    assert gradcheck(lambda x: reinforce(x, ADVANTAGE_N), logp_N)


def test_gradients_by_hand() -> None:
    """-A ratio where the clip is silent, 0 where it is active; -A for reinforce."""
    logp_N = LOGP_N.clone().requires_grad_()
    silent_N = torch.tensor([1, 1, 1, 1, 0, 0, 1, 1, 1, 1], dtype=torch.float64)
    expected_N = -ADVANTAGE_N * RATIO_N * silent_N
    torch.testing.assert_close(gradient(ppo_clip(logp_N, OLD_N, ADVANTAGE_N, LOW, HIGH), logp_N), expected_N)
    assert torch.equal(gradient(reinforce(logp_N, ADVANTAGE_N), logp_N), -ADVANTAGE_N)


def test_at_ratio_one_ppo_clip_is_reinforce() -> None:
    logp_N = OLD_N.clone().requires_grad_()
    clip = gradient(ppo_clip(logp_N, OLD_N, ADVANTAGE_N, LOW, HIGH), logp_N)
    assert torch.equal(clip, gradient(reinforce(logp_N, ADVANTAGE_N), logp_N))
    assert not clipped(OLD_N, OLD_N, ADVANTAGE_N, LOW, HIGH).any()


def test_the_gradient_is_cut_exactly_where_clipped_says() -> None:
    generator = torch.Generator().manual_seed(0)
    old_N = -3 * torch.rand(2000, generator=generator, dtype=torch.float64)
    logp_N = (old_N + 0.5 * torch.randn(2000, generator=generator, dtype=torch.float64)).requires_grad_()
    advantage_N = torch.randn(2000, generator=generator, dtype=torch.float64)
    cut_N = gradient(ppo_clip(logp_N, old_N, advantage_N, LOW, HIGH), logp_N) == 0
    says_N = clipped(logp_N.detach(), old_N, advantage_N, LOW, HIGH)
    assert torch.equal(cut_N, says_N)
    assert 0.1 < float(says_N.double().mean()) < 0.9
    ratio_N = (logp_N.detach() - old_N).exp()
    assert bool((ratio_N[says_N & (advantage_N > 0)] > 1 + HIGH).all())
    assert bool((ratio_N[says_N & (advantage_N < 0)] < 1 - LOW).all())


def test_exact_kl_is_the_sum_over_the_vocabulary() -> None:
    p, q = [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]
    expected = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    # Logits of any level give the same distributions.
    policy_NV = torch.tensor([p], dtype=torch.float64).log() + 4
    reference_NV = torch.tensor([q], dtype=torch.float64).log() - 2
    assert exact_kl(policy_NV, reference_NV).tolist() == pytest.approx([expected])
    reverse = sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert expected != pytest.approx(reverse), "the direction must show"


def test_exact_kl_gradient_is_true_and_vanishes_at_equality() -> None:
    generator = torch.Generator().manual_seed(1)
    reference_NV = torch.randn(4, 5, generator=generator, dtype=torch.float64)
    logits_NV = torch.randn(4, 5, generator=generator, dtype=torch.float64).requires_grad_()
    assert gradcheck(lambda x: exact_kl(x, reference_NV), logits_NV)
    same_NV = reference_NV.clone().requires_grad_()
    kl_N = exact_kl(same_NV, reference_NV)
    assert kl_N.tolist() == [0.0] * 4
    assert gradient(kl_N, same_NV).abs().max() < 1e-15
    assert bool((exact_kl(logits_NV, reference_NV) > 0).all())


def test_token_weights_by_hand() -> None:
    length_S = torch.tensor([1, 3, 4])
    assert token_weights(length_S, "token", 10).tolist() == pytest.approx([1 / 8] * 3)
    assert token_weights(length_S, "sample", 10).tolist() == pytest.approx([1 / 3, 1 / 9, 1 / 12])
    assert token_weights(length_S, "constant", 10).tolist() == pytest.approx([1 / 30] * 3)


def test_token_weights_sum_to_one_over_tokens() -> None:
    length_S = torch.randint(1, 50, (200,), generator=torch.Generator().manual_seed(0))
    for aggregation in ("token", "sample"):
        assert float((token_weights(length_S, aggregation, 50) * length_S).sum()) == pytest.approx(1)
    full_S = torch.full((7,), 50)
    assert float((token_weights(full_S, "constant", 50) * full_S).sum()) == pytest.approx(1)
    assert float((token_weights(length_S, "constant", 50) * length_S).sum()) < 1


@pytest.mark.parametrize("loss", ["reinforce", "ppo_clip"])
def test_the_expected_gradient_is_the_policy_gradient(loss: str) -> None:
    """All groups of three samples of a policy over three words, each weighed by its probability.

    The mean of a group contains the sample itself, which costs the factor (G - 1)/G and no more.
    """
    group = 3
    logits_V = torch.tensor([0.3, -0.5, 1.1], dtype=torch.float64)
    reward_V = torch.tensor([1.0, 0.2, 0.0], dtype=torch.float64)
    probability_V = logits_V.softmax(0)
    expected_V = torch.zeros(3, dtype=torch.float64)
    for words in itertools.product(range(3), repeat=group):
        drawn = torch.tensor(words)
        parameter_V = logits_V.clone().requires_grad_()
        logp_N = parameter_V.log_softmax(0)[drawn]
        advantage_N = dr_grpo(reward_V[drawn].unsqueeze(0)).squeeze(0)
        loss_N = (
            reinforce(logp_N, advantage_N)
            if loss == "reinforce"
            else ppo_clip(logp_N, logp_N.detach(), advantage_N, LOW, HIGH)
        )
        weight_N = token_weights(torch.ones(group), "token", 1).double()
        expected_V += probability_V[drawn].prod() * gradient(loss_N * weight_N, parameter_V)
    parameter_V = logits_V.clone().requires_grad_()
    value = (parameter_V.softmax(0) * reward_V).sum()
    true_V = torch.autograd.grad(value, parameter_V)[0]
    torch.testing.assert_close(-expected_V, (group - 1) / group * true_V, atol=1e-8, rtol=1e-6)
