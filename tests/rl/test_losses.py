from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from edgewise.core.errors import InputError
from edgewise.rl.importance import masked_importance, truncated_importance
from edgewise.rl.kl import entropy, exact_kl, k1, k2, k3
from edgewise.rl.losses import cispo, dual_clip, gspo, natural_gradient, ppo_clip, reinforce
from edgewise.rl.losses.base import LossAndMetrics
from edgewise.rl.normalization import Normalization, token_weights

LOW, HIGH, BOUND = 0.2, 0.3, 3.0
LEAST, MOST = 0.6, 1.5
# Ratios inside, below and above the clips, each with advantages of either sign.
RATIO_N = torch.tensor([1.0, 1.1, 0.9, 0.5, 0.5, 1.6, 1.6, 0.85, 1.25, 1.0, 4.0, 4.0], dtype=torch.float64)
ADVANTAGE_N = torch.tensor([1.0, -2.0, 0.5, 2.0, -2.0, 2.0, -2.0, -1.0, 1.0, 0.0, -2.0, 1.0], dtype=torch.float64)
OLD_N = torch.linspace(-3, -0.5, len(RATIO_N), dtype=torch.float64)
LOGP_N = OLD_N + RATIO_N.log()
SAMPLE_INDEX_N = torch.tensor([7, 2, 7, 7, 2, 9, 9, 9, 9, 2, 40, 9])
WORDS_N = torch.arange(len(RATIO_N))

# Every loss as a function of logp, old and advantage, each token a sample of its own.
RATIO_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "reinforce": lambda logp_N, old_N, advantage_N: reinforce(logp_N, advantage_N)[0],
    "ppo_clip": lambda logp_N, old_N, advantage_N: ppo_clip(logp_N, old_N, advantage_N, LOW, HIGH)[0],
    "dual_clip": lambda logp_N, old_N, advantage_N: dual_clip(logp_N, old_N, advantage_N, LOW, HIGH, BOUND)[0],
    "cispo": lambda logp_N, old_N, advantage_N: cispo(logp_N, old_N, advantage_N, LEAST, MOST)[0],
    "gspo": lambda logp_N, old_N, advantage_N: gspo(logp_N, old_N, advantage_N, torch.arange(len(logp_N)), LOW, HIGH)[
        0
    ],
}


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gradient(loss_N: Tensor, at: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(loss_N.sum(), at)
    return found


def cut(loss: LossAndMetrics) -> Tensor:
    """Where the clip acts, as the loss says; bool [N]."""
    return loss[1]["clip_fraction"]


def random_tokens(count: int, spread: float = 0.5) -> tuple[Tensor, Tensor, Tensor]:
    """logp (with gradient), old logp, advantage."""
    generator = torch.Generator().manual_seed(0)
    old_N = -3 * torch.rand(count, generator=generator, dtype=torch.float64)
    logp_N = old_N + spread * torch.randn(count, generator=generator, dtype=torch.float64)
    return logp_N.requires_grad_(), old_N, torch.randn(count, generator=generator, dtype=torch.float64)


def test_reinforce_by_hand() -> None:
    assert reinforce(torch.tensor([-2.0, -0.5]), torch.tensor([3.0, -1.0]))[0].tolist() == [6.0, -0.5]


def test_ppo_clip_by_hand() -> None:
    expected = [-1.0, 2.2, -0.45, -1.0, 1.6, -2.6, 3.2, 0.85, -1.25, 0.0, 8.0, -1.3]
    assert ppo_clip(LOGP_N, OLD_N, ADVANTAGE_N, LOW, HIGH)[0].tolist() == pytest.approx(expected)


def test_ppo_clip_is_the_published_minimum() -> None:
    logp_N, old_N, advantage_N = random_tokens(500)
    ratio_N = (logp_N - old_N).exp()
    published_N = -torch.minimum(ratio_N * advantage_N, ratio_N.clamp(1 - LOW, 1 + HIGH) * advantage_N)
    torch.testing.assert_close(ppo_clip(logp_N, old_N, advantage_N, LOW, HIGH)[0], published_N)


def test_dual_clip_costs_at_most_the_bound_where_the_advantage_is_negative() -> None:
    expected = [-1.0, 2.2, -0.45, -1.0, 1.6, -2.6, 3.2, 0.85, -1.25, 0.0, 6.0, -1.3]
    assert dual_clip(LOGP_N, OLD_N, ADVANTAGE_N, LOW, HIGH, BOUND)[0].tolist() == pytest.approx(expected)
    logp_N, old_N, advantage_N = random_tokens(500, spread=2.0)
    published_N = -torch.maximum(-ppo_clip(logp_N, old_N, advantage_N, LOW, HIGH)[0], BOUND * advantage_N)
    expected_N = torch.where(advantage_N < 0, published_N, ppo_clip(logp_N, old_N, advantage_N, LOW, HIGH)[0])
    found_N = dual_clip(logp_N, old_N, advantage_N, LOW, HIGH, BOUND)[0]
    torch.testing.assert_close(found_N, expected_N)
    assert not torch.allclose(found_N, ppo_clip(logp_N, old_N, advantage_N, LOW, HIGH)[0]), "the bound must show"


def test_cispo_by_hand() -> None:
    logp_N, old_N = double(-1.0, -1.0, -1.0, -1.0), double(-1.0, -1.0 - math.log(4), -1.0 + math.log(4), -1.5)
    weight_N = double(1.0, MOST, LEAST, MOST)
    advantage_N = double(2.0, 2.0, -3.0, -1.0)
    assert cispo(logp_N, old_N, advantage_N, LEAST, MOST)[0].tolist() == pytest.approx(
        (weight_N * advantage_N).tolist()
    )
    assert cut(cispo(logp_N, old_N, torch.zeros_like(old_N), LEAST, MOST)).tolist() == [False, True, True, True]


@pytest.mark.parametrize("loss", ["reinforce", "ppo_clip", "dual_clip", "gspo"])
def test_gradients_agree_with_finite_differences(loss: str) -> None:
    logp_N = LOGP_N.clone().requires_grad_()
    assert gradcheck(lambda x: RATIO_LOSSES[loss](x, OLD_N, ADVANTAGE_N), logp_N)


def test_gradients_by_hand() -> None:
    """-A ratio where the clip is silent, 0 where it is active; -A for reinforce; cispo clips the factor alone."""
    logp_N = LOGP_N.clone().requires_grad_()
    silent_N = double(1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0)
    expected_N = -ADVANTAGE_N * RATIO_N * silent_N
    torch.testing.assert_close(gradient(ppo_clip(logp_N, OLD_N, ADVANTAGE_N, LOW, HIGH)[0], logp_N), expected_N)
    expected_N[10] = 0
    torch.testing.assert_close(gradient(dual_clip(logp_N, OLD_N, ADVANTAGE_N, LOW, HIGH)[0], logp_N), expected_N)
    assert torch.equal(gradient(reinforce(logp_N, ADVANTAGE_N)[0], logp_N), -ADVANTAGE_N)
    factor_N = double(1.0, 1.1, 0.9, 0.6, 0.6, 1.5, 1.5, 0.85, 1.25, 1.0, 1.5, 1.5)
    found_N = gradient(cispo(logp_N, OLD_N, ADVANTAGE_N, LEAST, MOST)[0], logp_N)
    torch.testing.assert_close(found_N, -ADVANTAGE_N * factor_N)


@pytest.mark.parametrize("bound", [math.inf, BOUND])
def test_the_gradient_is_cut_exactly_where_clip_fraction_says(bound: float) -> None:
    logp_N, old_N, advantage_N = random_tokens(2000, spread=0.8)
    says_N = cut(dual_clip(logp_N, old_N, advantage_N, LOW, HIGH, bound))
    loss_N = dual_clip(logp_N, old_N, advantage_N, LOW, HIGH, bound)[0]
    assert torch.equal(gradient(loss_N, logp_N) == 0, says_N)
    ratio_N, up_N = (logp_N.detach() - old_N).exp(), advantage_N > 0
    expected_N = (ratio_N > 1 + HIGH) & up_N | ((ratio_N < 1 - LOW) | (ratio_N > bound)) & ~up_N
    assert torch.equal(says_N, expected_N)
    assert 0.1 < float(says_N.double().mean()) < 0.9
    assert bool(((ratio_N > bound) & ~up_N).any()) == math.isfinite(bound)


def test_no_token_loses_its_gradient_under_cispo() -> None:
    logp_N, old_N, advantage_N = random_tokens(2000, spread=2.0)
    found_N = gradient(cispo(logp_N, old_N, advantage_N, 0.0, 5.0)[0], logp_N)
    above_N = cut(cispo(logp_N, old_N, torch.zeros_like(old_N), 0.0, 5.0))
    assert 0.1 < float(above_N.double().mean()) < 0.9
    torch.testing.assert_close(found_N[above_N], -5 * advantage_N[above_N])
    assert bool((found_N != 0).all())
    assert bool((gradient(ppo_clip(logp_N, old_N, advantage_N, 0.2, 4.0)[0], logp_N) == 0).any())


@pytest.mark.parametrize("loss", RATIO_LOSSES)
def test_at_ratio_one_every_loss_has_the_gradient_of_reinforce(loss: str) -> None:
    """Even where one tensor is given as both policies."""
    logp_N = OLD_N.clone().requires_grad_()
    found_N = gradient(RATIO_LOSSES[loss](logp_N, logp_N, ADVANTAGE_N), logp_N)
    torch.testing.assert_close(found_N, -ADVANTAGE_N)
    assert not cut(dual_clip(OLD_N, OLD_N, ADVANTAGE_N, LOW, HIGH, BOUND)).any()
    assert not cut(cispo(OLD_N, OLD_N, torch.zeros_like(OLD_N), LEAST, MOST)).any()
    assert not cut(gspo(OLD_N, OLD_N, ADVANTAGE_N, SAMPLE_INDEX_N, LOW, HIGH)).any()


def test_at_ratio_one_gspo_with_sample_weights_is_reinforce_with_sample_weights() -> None:
    advantage_N = SAMPLE_INDEX_N.double() - 5
    weight_N = 1 / (4 * (SAMPLE_INDEX_N[:, None] == SAMPLE_INDEX_N).sum(1).double())
    logp_N = OLD_N.clone().requires_grad_()
    found_N = gradient(weight_N * gspo(logp_N, OLD_N, advantage_N, SAMPLE_INDEX_N, LOW, HIGH)[0], logp_N)
    torch.testing.assert_close(found_N, gradient(weight_N * reinforce(logp_N, advantage_N)[0], logp_N))


def test_gspo_is_the_clipped_surrogate_of_each_sample() -> None:
    """Tokens of a sample need not be neighbours, and the numbers of samples may have gaps."""
    advantage_D = {7: 1.0, 2: -2.0, 9: 0.5, 40: -1.0}
    advantage_N = double(*(advantage_D[d] for d in SAMPLE_INDEX_N.tolist()))
    logp_N = LOGP_N.clone().requires_grad_()
    total, cut_D = torch.zeros((), dtype=torch.float64), {}
    for document, advantage in advantage_D.items():
        rows = [n for n in range(len(LOGP_N)) if int(SAMPLE_INDEX_N[n]) == document]
        likelihood, old_likelihood = sum(logp_N[n] for n in rows), sum(OLD_N[n] for n in rows)
        ratio = torch.as_tensor((likelihood - old_likelihood) / len(rows)).exp()
        clip = ratio.clamp(1 - LOW, 1 + HIGH)
        total = total - torch.minimum(ratio * advantage, clip * advantage) / len(advantage_D)
        cut_D[document] = bool(clip * advantage < ratio * advantage)
    length_N = (SAMPLE_INDEX_N[:, None] == SAMPLE_INDEX_N).sum(1).double()
    loss_N = gspo(logp_N, OLD_N, advantage_N, SAMPLE_INDEX_N, LOW, HIGH)[0]
    mean = (loss_N / (length_N * len(advantage_D))).sum()
    torch.testing.assert_close(mean, total)
    torch.testing.assert_close(gradient(mean, logp_N), gradient(total, logp_N))
    says_N = cut(gspo(logp_N, OLD_N, advantage_N, SAMPLE_INDEX_N, LOW, HIGH))
    assert says_N.tolist() == [cut_D[d] for d in SAMPLE_INDEX_N.tolist()]
    assert len(set(cut_D.values())) == 2
    # A token whose own ratio is far outside the clip is kept by a sample that is inside, and the reverse.
    assert not torch.equal(says_N, cut(ppo_clip(logp_N, OLD_N, advantage_N, LOW, HIGH)))


def test_only_the_policy_being_trained_gets_a_gradient() -> None:
    given = [tensor.clone().requires_grad_() for tensor in (LOGP_N, OLD_N, ADVANTAGE_N)]
    for loss in RATIO_LOSSES.values():
        grads = torch.autograd.grad(loss(*given).sum(), given, allow_unused=True)
        assert [found is None for found in grads] == [False, True, True]
    logits_NV = torch.randn(12, 5, dtype=torch.float64).requires_grad_()
    loss_N = natural_gradient(logits_NV, WORDS_N % 5, given[2], 10.0)[0]
    assert torch.autograd.grad(loss_N.sum(), given[2], allow_unused=True)[0] is None
    for estimator in (k1, k2, k3):
        grads = torch.autograd.grad(estimator(given[0], given[1]).sum(), given[:2], allow_unused=True)
        assert [found is None for found in grads] == [False, True]
    for weight_N in (truncated_importance(given[0], given[1], 2.0), masked_importance(given[0], given[1], 0.5, 5.0)):
        assert not weight_N.requires_grad


def test_a_tensor_of_another_shape_is_refused() -> None:
    """[N] against [N, 1] would broadcast to [N, N] without a word."""
    wrong_N1 = OLD_N.unsqueeze(1)
    calls: list[Callable[[], Tensor]] = [
        lambda: reinforce(LOGP_N, wrong_N1)[0],
        lambda: ppo_clip(LOGP_N, wrong_N1, ADVANTAGE_N, LOW, HIGH)[0],
        lambda: cispo(LOGP_N, OLD_N, ADVANTAGE_N[:1], LEAST, MOST)[0],
        lambda: gspo(LOGP_N, OLD_N, ADVANTAGE_N, SAMPLE_INDEX_N[:1], LOW, HIGH)[0],
        lambda: natural_gradient(torch.zeros(12, 4), WORDS_N[:3], ADVANTAGE_N, 10.0)[0],
        lambda: k2(LOGP_N, wrong_N1),
        lambda: exact_kl(torch.zeros(3, 4), torch.zeros(1, 4)),
        lambda: truncated_importance(LOGP_N, wrong_N1, 2.0),
    ]
    for call in calls:
        with pytest.raises(InputError, match="shape"):
            call()


# Corrections between the policy that drew and the one that trains.


def test_importance_is_truncated_or_masked_by_hand() -> None:
    drawn_N = double(-1, -1, -1, -1, -1)
    old_N = drawn_N + double(1.0, 0.4, 0.6, 4.0, 6.0).log()
    assert truncated_importance(old_N, drawn_N, 2.0).tolist() == pytest.approx([1.0, 0.4, 0.6, 2.0, 2.0])
    assert masked_importance(old_N, drawn_N, 0.5, 5.0).tolist() == pytest.approx([1.0, 0.0, 0.6, 4.0, 0.0])


@given(st.lists(st.floats(-200, 200), min_size=1, max_size=8), st.floats(1, 10), st.floats(0, 1))
def test_importance_stays_inside_its_bounds_and_is_one_for_the_same_policy(
    log_ratios: list[float], most: float, least: float
) -> None:
    drawn_N = torch.full((len(log_ratios),), -1.0, dtype=torch.float64)
    old_N = drawn_N + double(*log_ratios)
    ratio_N = (old_N - drawn_N).exp()
    assert torch.equal(truncated_importance(old_N, drawn_N, most), ratio_N.clamp(max=most))
    masked_N = masked_importance(old_N, drawn_N, least, most)
    assert bool(((masked_N == 0) | (masked_N >= least) & (masked_N <= most)).all())
    kept_N = (ratio_N >= least) & (ratio_N <= most)
    assert torch.equal(masked_N[kept_N], ratio_N[kept_N])
    assert bool((truncated_importance(drawn_N, drawn_N, most) == 1).all())
    assert bool((masked_importance(drawn_N, drawn_N, least, most) == 1).all())


# Entropy and KL.


def test_entropy_by_hand_and_by_finite_differences() -> None:
    uniform, sure = entropy(torch.stack([torch.zeros(8), 50 * torch.eye(8)[3]]).double()).tolist()
    assert uniform == pytest.approx(math.log(8))
    assert sure == pytest.approx(0, abs=1e-12)
    assert entropy(double(0.7, 0.2, 0.1).log()[None]).tolist() == pytest.approx([0.8018185525])
    logits_NV = torch.randn(4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
    assert gradcheck(entropy, logits_NV)


def test_exact_kl_is_the_sum_over_the_vocabulary() -> None:
    p, q = [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]
    expected = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    # Logits of any level give the same distributions.
    assert exact_kl(double(*p).log()[None] + 4, double(*q).log()[None] - 2).tolist() == pytest.approx([expected])
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


def test_kl_estimators_by_hand() -> None:
    logp_N, reference_N = double(-1.0, -1.0), double(-3.0, -0.5)
    assert k1(logp_N, reference_N).tolist() == [2.0, -0.5]
    assert k2(logp_N, reference_N).tolist() == [2.0, 0.125]
    assert k3(logp_N, reference_N).tolist() == pytest.approx([math.exp(-2) + 1, math.exp(0.5) - 1.5])
    assert k2(logp_N, reference_N, clamp=1.0).tolist() == [0.5, 0.125]
    assert k3(logp_N, reference_N, clamp=1.0).tolist() == pytest.approx([math.exp(-1), math.exp(0.5) - 1.5])


# Weights.


def test_token_weights_by_hand() -> None:
    length_PG = torch.tensor([[1, 3], [4, 2]])
    assert token_weights(length_PG, "token-mean", 10).flatten().tolist() == pytest.approx([1 / 10] * 4)
    expected = [1 / 4, 1 / 12, 1 / 16, 1 / 8]
    assert token_weights(length_PG, "seq-mean-token-mean", 10).flatten().tolist() == pytest.approx(expected)
    expected = [1 / 8, 1 / 8, 1 / 12, 1 / 12]
    assert token_weights(length_PG, "prompt-mean-token-mean", 10).flatten().tolist() == pytest.approx(expected)
    assert token_weights(length_PG, "seq-mean-token-sum-norm", 10).flatten().tolist() == pytest.approx([1 / 40] * 4)
    assert token_weights(length_PG, "token-mean", 10).dtype == torch.float32


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10**6))
def test_token_weights_sum_to_one_over_tokens(problems: int, samples: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    length_PG = torch.randint(1, 50, (problems, samples), generator=generator)

    def shares(normalization: Normalization, length_PG: Tensor) -> Tensor:
        return token_weights(length_PG, normalization, 50) * length_PG

    assert float(shares("token-mean", length_PG).sum()) == pytest.approx(1)
    assert shares("seq-mean-token-mean", length_PG).flatten().tolist() == pytest.approx(
        [1 / length_PG.numel()] * length_PG.numel()
    )
    assert shares("prompt-mean-token-mean", length_PG).sum(1).tolist() == pytest.approx([1 / problems] * problems)
    assert float(shares("seq-mean-token-sum-norm", length_PG).sum()) < 1
    assert float(shares("seq-mean-token-sum-norm", torch.full_like(length_PG, 50)).sum()) == pytest.approx(1)


def test_the_weight_of_many_tokens_is_exact_in_float32() -> None:
    """2^24 + 1 tokens are one too many for a float32 sum."""
    length_PG = torch.tensor([[2**24, 1]])
    assert float(token_weights(length_PG, "token-mean", 1)[0, 0]) == float(torch.tensor(1 / (2**24 + 1)))
    assert (
        token_weights(length_PG, "prompt-mean-token-mean", 1).tolist()
        == token_weights(length_PG, "token-mean", 1).tolist()
    )


# Extremes.


def test_extreme_log_ratios_give_finite_losses_and_gradients_where_the_loss_is_bounded() -> None:
    logp_N = torch.tensor([-1.0, -1e4, -1.0, -1e4]).requires_grad_()
    old_N = torch.tensor([-1e4, -1.0, -1e4, -1.0])
    advantage_N = torch.tensor([1.0, 1.0, -1.0, -1.0])
    for name, loss in RATIO_LOSSES.items():
        bounded = torch.tensor([True, True, name not in ("ppo_clip", "gspo"), True])
        loss_N = loss(logp_N, old_N, advantage_N)
        assert loss_N[bounded].isfinite().all(), name
        found_N = gradient(loss_N, logp_N)
        assert found_N[bounded].isfinite().all(), name
        assert not found_N.isnan().any(), name
    weight_N = truncated_importance(logp_N.detach(), old_N, 2.0)
    assert weight_N.tolist() == [2.0, 0.0, 2.0, 0.0]
    assert masked_importance(logp_N.detach(), old_N, 0.5, 5.0).tolist() == [0.0] * 4
    for estimate_N in (k1(logp_N, old_N), k2(logp_N, old_N), k3(logp_N, old_N, clamp=20.0)):
        assert estimate_N.isfinite().all()
        assert gradient(estimate_N, logp_N).isfinite().all()
    assert k3(logp_N, old_N)[1].isinf()


def test_extreme_logits_give_finite_values_and_gradients() -> None:
    logits_NV = torch.tensor([[1e4, -1e4, 0.0], [0.0, 1e4, 1e4]]).requires_grad_()
    other_NV = torch.tensor([[-1e4, 1e4, 0.0], [1e4, 0.0, -1e4]])
    token_N, advantage_N = torch.tensor([1, 0]), torch.tensor([1.0, -1.0])
    for value_N in (
        entropy(logits_NV),
        exact_kl(logits_NV, other_NV),
        natural_gradient(logits_NV, token_N, advantage_N, 100.0)[0],
    ):
        assert value_N.isfinite().all()
        assert gradient(value_N, logits_NV).isfinite().all()
    assert entropy(logits_NV).tolist() == pytest.approx([0.0, math.log(2)])
    assert exact_kl(logits_NV, other_NV)[0].item() == pytest.approx(2e4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype: torch.dtype) -> None:
    logp_N, old_N, advantage_N = LOGP_N.to(dtype), OLD_N.to(dtype), ADVANTAGE_N.to(dtype)
    logits_NV = torch.zeros(12, 12, dtype=dtype)
    found = [loss(logp_N, old_N, advantage_N) for loss in RATIO_LOSSES.values()]
    found += [k1(logp_N, old_N), k2(logp_N, old_N), k3(logp_N, old_N), entropy(logits_NV)]
    found += [natural_gradient(logits_NV, WORDS_N, advantage_N, 10.0)[0], exact_kl(logits_NV, logits_NV)]
    found += [truncated_importance(logp_N, old_N, 2.0), masked_importance(logp_N, old_N, 0.5, 5.0)]
    assert {tensor.dtype for tensor in found} == {dtype}
