"""Losses and aggregation weights. Pure functions of tensors over the tokens of a batch.

Every `_N` tensor is flat over the tokens with loss. `logp_N` is the log-probability of each sampled
token under the policy being trained, `old_logp_N` the one under the policy that the ratio

    r = pi / pi_old = exp(logp - old_logp)

is taken against, `advantage_N` the token's advantage. A policy loss returns the loss of each token;
its gradient flows through `logp_N` (or `logits_NV`) alone, everything else is a constant, so that
one tensor may serve as both policies. At r = 1 every loss but `natural_gradient` has the gradient
of `reinforce`. Log-probabilities and logits must be finite. A tensor of another shape than the
rest raises an InputError.

`token_weights` says how tokens are averaged: weights are computed once for the whole batch, so a
gradient does not depend on how the batch is cut.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from edgewise.core.errors import InputError

Aggregation = Literal["token", "sample", "prompt", "constant"]


def reinforce(logp_N: Tensor, advantage_N: Tensor) -> Tensor:
    """-A log pi: its gradient is the plain score-function estimate (Williams 1992)."""
    (advantage_N,) = _constants(logp_N, advantage_N=advantage_N)
    return -advantage_N * logp_N


def ppo_clip(logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, low: float, high: float) -> Tensor:
    """-min(r A, clip(r, 1 - low, 1 + high) A).

    Schulman et al. 2017 (arXiv 1707.06347), eq. 7, has low = high; low < high is the decoupled clip
    ("clip-higher") of DAPO (Yu et al. 2025, arXiv 2503.14476, eq. 10). Where A < 0 nothing bounds
    the loss from above: it grows as r, and is infinite once log r exceeds 88 in float32 (see
    `dual_clip`).
    """
    return dual_clip(logp_N, old_logp_N, advantage_N, low, high, math.inf)


def dual_clip(
    logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, low: float, high: float, bound: float = 3.0
) -> Tensor:
    """-max(min(r A, clip(r, 1 - low, 1 + high) A), bound A) where A < 0, `ppo_clip` elsewhere.

    Ye et al. 2020 (arXiv 1912.09729), dual-clip PPO, their c = `bound` = 3: a token that the policy
    should avoid and has made much likelier costs at most -bound A and has no gradient there.
    """
    old_logp_N, advantage_N = _constants(logp_N, old_logp_N=old_logp_N, advantage_N=advantage_N)
    return -advantage_N * _bounded(logp_N - old_logp_N, advantage_N, low, high, bound).exp()


def clipped(
    logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, low: float, high: float, bound: float = math.inf
) -> Tensor:
    """Where `ppo_clip`, or `dual_clip` with its `bound`, cuts a token's gradient to 0; bool [N].

    r > 1 + high with A >= 0, r < 1 - low with A < 0, and r > bound with A < 0. (Where A = 0 there
    is no gradient to cut, and the token counts as one of A > 0.)
    """
    log_ratio_N = logp_N.detach() - old_logp_N
    return _bounded(log_ratio_N, advantage_N, low, high, bound) != log_ratio_N


def cispo(logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, least: float, most: float) -> Tensor:
    """-sg(clip(r, least, most)) A log pi, sg a stop-gradient: no token ever loses its gradient.

    MiniMax-M1 (MiniMax 2025, arXiv 2506.13585), eq. 4 and 5. The bounds are on the ratio itself:
    MiniMax's are least = max(0, 1 - eps_low) and most = 1 + eps_high, with eps_low so large that
    there is no lower bound. ScaleRL (Khatri et al. 2025, arXiv 2510.13786) writes min(r, eps_max):
    least = 0 and most = eps_max, 4 to 8. Between the bounds the gradient is that of r A.
    """
    old_logp_N, advantage_N = _constants(logp_N, old_logp_N=old_logp_N, advantage_N=advantage_N)
    ratio_N = (logp_N.detach() - old_logp_N).exp()
    return -ratio_N.clamp(least, most) * advantage_N * logp_N


def clamped(logp_N: Tensor, old_logp_N: Tensor, least: float, most: float) -> Tensor:
    """Where `cispo` replaces the ratio by a bound; the token keeps a gradient; bool [N]."""
    ratio_N = (logp_N.detach() - old_logp_N).exp()
    return (ratio_N < least) | (ratio_N > most)


def gspo(
    logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, document_N: Tensor, low: float, high: float
) -> Tensor:
    """-min(s A, clip(s, 1 - low, 1 + high) A) with s = exp(mean over the sample's tokens of log r).

    Zheng et al. 2025 (arXiv 2507.18071), eq. 5 and 7. Each token of a sample carries the loss of
    the whole sample, so "sample" weights give the published objective; other weights multiply a
    sample's loss by what they give all its tokens. `document_N` tells samples apart by any integers;
    a sample must be whole within the call, and its tokens share one advantage.
    """
    old_logp_N, advantage_N, document_N = _constants(
        logp_N, old_logp_N=old_logp_N, advantage_N=advantage_N, document_N=document_N
    )
    mean_N = _sample_mean(logp_N - old_logp_N, document_N)
    return ppo_clip(mean_N, torch.zeros_like(mean_N), advantage_N, low, high)


def gspo_clipped(
    logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, document_N: Tensor, low: float, high: float
) -> Tensor:
    """Where `gspo` cuts the gradient to 0: all the tokens of a sample or none; bool [N]."""
    mean_N = _sample_mean(logp_N.detach() - old_logp_N, document_N)
    return clipped(mean_N, torch.zeros_like(mean_N), advantage_N, low, high)


def natural_gradient(logits_NV: Tensor, token_N: Tensor, advantage_N: Tensor, cap: float) -> Tensor:
    """-A sg(min(1 / p, cap)) (z_token - mean_v z_v), with p the probability of the sampled token.

    A control in logit space, for tokens drawn by the policy itself: their expected step without the
    cap is dz_v = A_v - mean_u A_u, that is A_v but for the level of the logits, which no softmax
    feels: the natural policy gradient of a softmax (Kakade 2001) up to a constant. Where A is a
    reward of 0 or 1, every correct token then gains, dp_v = p_v (1 - Q) with Q the mass that is
    correct; under the plain gradient, dz_v = p_v (A_v - sum_u p_u A_u), rarer correct tokens can
    lose. With the cap, A_v reads min(1, cap p_v) A_v: a token rarer than 1 / cap is pushed in
    proportion to its probability, as by the plain gradient.
    """
    token_N, advantage_N = _constants(logits_NV[:, 0], token_N=token_N, advantage_N=advantage_N)
    inverse_N = (-_logp(logits_NV.detach(), token_N)).exp()
    logit_N = logits_NV.gather(1, token_N.unsqueeze(1)).squeeze(1)
    return -advantage_N * inverse_N.clamp(max=cap) * (logit_N - logits_NV.mean(-1))


def capped(logits_NV: Tensor, token_N: Tensor, cap: float) -> Tensor:
    """Where `natural_gradient` weighs a token by `cap` rather than by 1 / p; bool [N]."""
    return (-_logp(logits_NV.detach(), token_N)).exp() > cap


def truncated_importance(old_logp_N: Tensor, drawn_logp_N: Tensor, cap: float) -> Tensor:
    """min(pi_old / pi_drawn, cap): multiplies the loss of tokens drawn by another policy; detached.

    Truncated importance sampling between trainer and sampler ("TIS", Yao et al. 2025, "Your
    efficient RL framework secretly brings you off-policy RL training"; the truncation is Ionides
    2008 and the rho-bar of IMPALA, Espeholt et al. 2018, arXiv 1802.01561). At cap = infinity the
    expected gradient is that of draws from pi_old; with a cap it lacks, for every token v,
    max(0, pi_old(v) - cap pi_drawn(v)) times the gradient of v.
    """
    (drawn_logp_N,) = _constants(old_logp_N, drawn_logp_N=drawn_logp_N)
    return (old_logp_N.detach() - drawn_logp_N).exp().clamp(max=cap)


def masked_importance(old_logp_N: Tensor, drawn_logp_N: Tensor, low: float, high: float) -> Tensor:
    """pi_old / pi_drawn where it lies in [low, high], 0 elsewhere; detached.

    IcePop (Ling Team 2025, arXiv 2510.18855; [0.5, 5] in ProRL v2): tokens on which trainer and
    sampler disagree by more are left out rather than truncated.
    """
    (drawn_logp_N,) = _constants(old_logp_N, drawn_logp_N=drawn_logp_N)
    ratio_N = (old_logp_N.detach() - drawn_logp_N).exp()
    return torch.where((ratio_N >= low) & (ratio_N <= high), ratio_N, torch.zeros_like(ratio_N))


def entropy(logits_NV: Tensor) -> Tensor:
    """H = -sum_v p_v log p_v of each token's next-token distribution, in nats, with its gradient."""
    logp_NV = torch.log_softmax(logits_NV, dim=-1)
    return -(logp_NV.exp() * logp_NV).sum(-1)


def exact_kl(logits_NV: Tensor, reference_NV: Tensor) -> Tensor:
    """KL(policy || reference) = sum_v p_v (log p_v - log q_v) of each next-token distribution.

    The reverse KL over the full vocabulary with its true gradient; no estimator is involved.
    """
    (reference_NV,) = _constants(logits_NV, reference_NV=reference_NV)
    logp_NV = torch.log_softmax(logits_NV, dim=-1)
    return (logp_NV.exp() * (logp_NV - torch.log_softmax(reference_NV, dim=-1))).sum(-1)


def k1(logp_N: Tensor, reference_logp_N: Tensor) -> Tensor:
    """log p - log q of the drawn token: an unbiased, signed estimate of KL(policy || reference).

    Schulman 2020 ("Approximating KL divergence"). As a loss term on tokens drawn by the policy its
    gradient is the bare score, whose expectation is 0: it only adds noise. Subtracted from the
    reward (detached, times log p) it gives (log p - log q) grad log p, the gradient of
    KL(policy || reference). (Gradients of all three: Shah et al. 2025, arXiv 2512.21852.)

    k1, k2 and k3 as loss terms see one token at a time: what a token does to the KL of the tokens
    after it is left out, by `exact_kl` as well. Only in the reward, summed over what follows, is
    the gradient that of the KL between the two laws of whole samples.
    """
    (reference_logp_N,) = _constants(logp_N, reference_logp_N=reference_logp_N)
    return logp_N - reference_logp_N


def k2(logp_N: Tensor, reference_logp_N: Tensor, clamp: float | None = None) -> Tensor:
    """(log p - log q)^2 / 2 of the drawn token: a biased estimate of KL(policy || reference).

    Schulman 2020. As a loss term on tokens drawn by the policy its gradient is
    (log p - log q) grad log p, whose expectation is the gradient of KL(policy || reference).
    `clamp` bounds the log-ratio to [-clamp, clamp]; beyond it there is no gradient.
    """
    return _clamped_log_ratio(logp_N, reference_logp_N, clamp) ** 2 / 2


def k3(logp_N: Tensor, reference_logp_N: Tensor, clamp: float | None = None) -> Tensor:
    """q / p - 1 - log(q / p) of the drawn token: an unbiased estimate of KL(policy || reference), >= 0.

    Schulman 2020; the KL of GRPO (Shao et al. 2024, arXiv 2402.03300, eq. 4). As a loss term on
    tokens drawn by the policy its gradient is (1 - q / p) grad log p, whose expectation is
    -sum_v q_v grad log p_v, the gradient of the forward KL(reference || policy). `clamp` bounds the
    log-ratio to [-clamp, clamp]; beyond it there is no gradient. Without it the term is infinite
    once log(q / p) exceeds 88 in float32. (verl bounds the log-ratio to 20 and then the term to 10.)
    """
    log_ratio_N = _clamped_log_ratio(logp_N, reference_logp_N, clamp)
    return torch.expm1(-log_ratio_N) + log_ratio_N


def token_weights(length_PG: Tensor, aggregation: Aggregation, max_tokens: int) -> Tensor:
    """The weight of every token of each sample, [problems, samples], float32.

    "token": 1 / all tokens; every token of the batch counts the same (DAPO, arXiv 2503.14476, eq. 8).
    "sample": 1 / (samples x the sample's tokens); every sample counts the same, whatever its length
    (GRPO as published, arXiv 2402.03300, eq. 3).
    "prompt": 1 / (problems x the group's tokens); every problem counts the same, and within it every
    token (the prompt mean of ScaleRL, arXiv 2510.13786).
    "constant": 1 / (samples x max_tokens); no length is favoured (Dr. GRPO, Liu et al. 2025,
    arXiv 2503.20783). Summed over tokens these weights come to less than 1, the others to 1.

    `samples` counts those of all problems. Lengths are at least 1.
    """
    length_PG = length_PG.double()
    match aggregation:
        case "token":
            weight_PG = torch.ones_like(length_PG) / length_PG.sum()
        case "sample":
            weight_PG = 1 / (length_PG.numel() * length_PG)
        case "prompt":
            weight_PG = torch.ones_like(length_PG) / (len(length_PG) * length_PG.sum(1, keepdim=True))
        case "constant":
            weight_PG = torch.full_like(length_PG, 1 / (length_PG.numel() * max_tokens))
    return weight_PG.float()


def _constants(like: Tensor, **named: Tensor) -> list[Tensor]:
    """The named tensors, detached. Other shapes are refused: they would broadcast into nonsense."""
    for name, tensor in named.items():
        if tensor.shape != like.shape:
            raise InputError(f"{name}: shape {list(tensor.shape)}; must be {list(like.shape)}, one value per token")
    return [tensor.detach() for tensor in named.values()]


def _bounded(log_ratio_N: Tensor, advantage_N: Tensor, low: float, high: float, bound: float) -> Tensor:
    """The log-ratio up to where the clip makes the loss flat.

    min(r A, clip(r) A) is A r with r bounded above where A > 0 and below where A < 0. Bounding the
    logarithm keeps a ratio that overflows, and that the clip discards, out of the gradient.
    """
    risen_N = log_ratio_N.clamp(max=math.log1p(high))
    fallen_N = log_ratio_N.clamp(min=math.log1p(-low) if low < 1 else -math.inf, max=math.log(bound))
    return torch.where(advantage_N < 0, fallen_N, risen_N)


def _sample_mean(values_N: Tensor, document_N: Tensor) -> Tensor:
    """The mean over the tokens of each token's sample, at every token."""
    documents, index_N = document_N.unique(return_inverse=True)
    count_D = torch.bincount(index_N, minlength=len(documents)).to(values_N.dtype)
    sum_D = values_N.new_zeros(len(documents)).index_add(0, index_N, values_N)
    return (sum_D / count_D)[index_N]


def _logp(logits_NV: Tensor, token_N: Tensor) -> Tensor:
    return torch.log_softmax(logits_NV, dim=-1).gather(1, token_N.unsqueeze(1)).squeeze(1)


def _clamped_log_ratio(logp_N: Tensor, reference_logp_N: Tensor, clamp: float | None) -> Tensor:
    log_ratio_N = k1(logp_N, reference_logp_N)
    return log_ratio_N if clamp is None else log_ratio_N.clamp(-clamp, clamp)
