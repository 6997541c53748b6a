from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgewise.claims.brorl.mass_balance import (
    exact_gain,
    expected_surrogate,
    expected_unsampled,
    first_order_change,
    logit_step,
    mass_balance,
    shrinks_exactly,
)
from edgewise.claims.brorl.token_simulator import score_function_ascent
from edgewise.core.errors import InputError

Case = tuple[Tensor, Tensor, Tensor, float, float]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Probabilities, correct tokens, drawn tokens and the two rewards."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    tokens = draw(st.integers(2, 40))
    logits_V = draw(st.floats(0, 4)) * torch.randn(tokens, dtype=torch.float64, generator=generator)
    correct_V = torch.rand(tokens, generator=generator) < draw(st.floats(0, 1))
    sampled_V = torch.rand(tokens, generator=generator) < draw(st.floats(0, 1))
    return logits_V.softmax(0), correct_V, sampled_V, draw(st.floats(0, 2)), draw(st.floats(-2, 0))


def every_draw(p_V: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """All sequences of draws [V^N, N] and their probabilities."""
    draws_DN = torch.tensor(list(itertools.product(range(len(p_V)), repeat=samples)))
    return draws_DN, p_V[draws_DN].prod(1)


def drawn_tokens(draws_DN: Tensor, tokens: int) -> Tensor:
    return torch.zeros(len(draws_DN), tokens, dtype=torch.bool).scatter_(1, draws_DN, True)


def small(tokens: int = 5, correct: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(tokens)
    logits_V = torch.randn(tokens, dtype=torch.float64, generator=generator)
    return logits_V.softmax(0), torch.arange(tokens) < correct


@given(case=cases())
@settings(max_examples=300, deadline=None)
def test_the_three_parts_are_the_first_order_change_of_the_correct_mass(case: Case) -> None:
    p_V, correct_V, _, _, _ = case
    direct = first_order_change(p_V, logit_step(*case))[correct_V].sum()
    assert abs(float(mass_balance(*case).change - direct)) < 1e-15


@given(case=cases())
@settings(max_examples=100, deadline=None)
def test_drawn_tokens_never_take_from_the_correct_mass_and_the_unsampled_part_has_the_sign_of_its_balance(
    case: Case,
) -> None:
    p_V, correct_V, sampled_V, right, wrong = case
    balance = mass_balance(*case)
    assert float(balance.sampled_correct) > -1e-15
    assert float(balance.sampled_wrong) > -1e-15
    rewarded = right * float(p_V[sampled_V & correct_V].sum()) + wrong * float(p_V[sampled_V & ~correct_V].sum())
    undrawn_V = p_V.square() * ~sampled_V
    mass = float(p_V[correct_V].sum())
    lean = mass * float(undrawn_V[~correct_V].sum()) - (1 - mass) * float(undrawn_V[correct_V].sum())
    assert float(balance.unsampled) == pytest.approx(rewarded * lean, abs=1e-15)


def test_the_logit_step_is_the_gradient_of_the_surrogate() -> None:
    p_V, correct_V = small(7, 3)
    sampled_V = torch.tensor([True, False, False, True, True, False, False])
    logits_V = p_V.log().requires_grad_()
    rewards_V = torch.tensor([0.7, 0, 0, -1.3, -1.3, 0, 0], dtype=torch.float64)
    (rewards_V * logits_V.softmax(0)).sum().backward()
    assert logits_V.grad is not None
    torch.testing.assert_close(logit_step(p_V, correct_V, sampled_V, 0.7, -1.3), logits_V.grad, atol=1e-15, rtol=0)


def test_the_exact_change_of_a_softmax_differs_by_the_square_of_the_step() -> None:
    p_V, correct_V = small(30, 8)
    sampled_V = torch.arange(30) % 3 == 0
    dz_V = logit_step(p_V, correct_V, sampled_V, 1.0, -1.0)
    first = mass_balance(p_V, correct_V, sampled_V, 1.0, -1.0).change
    errors = []
    for eta in (0.1, 0.05, 0.025):
        exact = (p_V.log() + eta * dz_V).softmax(0)[correct_V].sum() - p_V[correct_V].sum()
        errors.append(float(exact - eta * first) / eta**2)
    assert abs(errors[0]) > 1e-5
    assert errors[1] == pytest.approx(errors[0], rel=1e-2)
    assert errors[2] == pytest.approx(errors[1], rel=1e-2)


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_the_surrogates_expectation_is_that_of_all_draws_and_not_the_expected_reward(samples: int) -> None:
    p_V, correct_V = small()
    draws_DN, chance_D = every_draw(p_V, samples)
    reward_V = torch.where(correct_V, 1.0, -0.5).double()
    value_D = (drawn_tokens(draws_DN, len(p_V)) * reward_V * p_V).sum(1) / samples
    found = float(expected_surrogate(p_V, correct_V, samples, 1.0, -0.5))
    assert found == pytest.approx(float((chance_D * value_D).sum()), abs=1e-14)
    assert found != pytest.approx(float((p_V * reward_V).sum()), rel=0.1)


def test_with_many_draws_the_surrogate_shrinks_like_one_over_n() -> None:
    p_V, correct_V = small()
    expected = float((p_V * correct_V).sum())
    assert float(expected_surrogate(p_V, correct_V, 10_000, 1.0, 0.0)) == pytest.approx(expected / 10_000, rel=1e-9)


@pytest.mark.parametrize("samples", [1, 3, 5])
def test_the_unsampled_second_moment_is_that_of_all_draws(samples: int) -> None:
    p_V, _ = small()
    draws_DN, chance_D = every_draw(p_V, samples)
    value_D = (~drawn_tokens(draws_DN, len(p_V)) * p_V.square()).sum(1)
    assert float(expected_unsampled(p_V, samples)) == pytest.approx(float((chance_D * value_D).sum()), abs=1e-14)


@pytest.mark.parametrize("samples", [2, 3, 5])
def test_leave_one_out_has_the_exact_gain_and_the_mean_of_the_group_less_by_one_part_in_n(samples: int) -> None:
    p_V, correct_V = small()
    reward_V = correct_V.double()
    draws_DN, chance_D = every_draw(p_V, samples)
    one_hot_DNV = torch.nn.functional.one_hot(draws_DN, len(p_V)).double()
    rewards_DN = reward_V[draws_DN]
    others_DN = (rewards_DN.sum(1, keepdim=True) - rewards_DN) / (samples - 1)
    dz_DV = ((rewards_DN - others_DN)[..., None] * (one_hot_DNV - p_V)).mean(1)
    gain_D = first_order_change(p_V, dz_DV)[:, correct_V].sum(1)
    exact = float(exact_gain(p_V, correct_V))
    assert float((chance_D * gain_D).sum()) == pytest.approx(exact, abs=1e-15)

    centred_DV = torch.stack([score_function_ascent(p_V, reward_V, count_V) for count_V in one_hot_DNV.sum(1)])
    gain_D = first_order_change(p_V, centred_DV)[:, correct_V].sum(1)
    assert float((chance_D * gain_D).sum()) == pytest.approx(exact * (samples - 1) / samples, abs=1e-15)


@given(case=cases())
@settings(max_examples=150, deadline=None)
def test_a_correct_token_shrinks_exactly_where_the_policy_gradient_takes_from_it(case: Case) -> None:
    p_V, correct_V, _, _, _ = case
    dz_V = p_V * (correct_V.double() - p_V[correct_V].sum())
    change_V = first_order_change(p_V, dz_V)
    clear_V = change_V.abs() > 1e-15
    assert torch.equal(shrinks_exactly(p_V, correct_V)[clear_V], ((change_V < 0) & correct_V)[clear_V])
    assert float(change_V[correct_V].sum()) == pytest.approx(float(exact_gain(p_V, correct_V)), abs=1e-15)


def spread_logits(spread: float, tokens: int, correct: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    logits_V = torch.zeros(tokens, dtype=torch.float64)
    logits_V[:correct] = 3 + spread * torch.randn(correct, dtype=torch.float64, generator=generator)
    return logits_V.softmax(0), torch.arange(tokens) < correct


@pytest.mark.parametrize(("spread", "share"), [(0.5, 0.438), (1.0, 0.882)])
def test_the_share_of_correct_tokens_that_shrink_is_that_of_log_normal_odds(spread: float, share: float) -> None:
    """The closed form for many tokens: z shrinks below ln(n (E[e^2z] - E[e^z]) / sum e^z)."""
    normal = torch.distributions.Normal(0.0, 1.0)
    mean, square = math.exp(3 + spread**2 / 2), math.exp(6 + 2 * spread**2)
    threshold = math.log(10_000 * (square - mean) / (10_000 * mean + 118_000))
    closed = float(normal.cdf(torch.tensor((threshold - 3) / spread)))
    assert closed == pytest.approx(share, abs=1e-3)
    p_V, correct_V = spread_logits(spread, 128_000, 10_000, torch.Generator().manual_seed(0))
    # Four standard errors of the share, and as much for the second moment, which is heavy-tailed.
    assert float(shrinks_exactly(p_V, correct_V)[correct_V].double().mean()) == pytest.approx(closed, abs=0.04)


@pytest.mark.parametrize(("spread", "share"), [(0.0, 0.0), (0.5, 0.54), (1.0, 0.88), (2.0, 0.99)])
def test_unequal_correct_tokens_shrink_however_many_draws_are_made(spread: float, share: float) -> None:
    """Shares measured once on 80 correct of 1,000 tokens lie where 95% of such logits fall."""
    generator = torch.Generator().manual_seed(1)
    shares = []
    for _ in range(400):
        p_V, correct_V = spread_logits(spread, 1000, 80, generator)
        shares.append(float(shrinks_exactly(p_V, correct_V)[correct_V].double().mean()))
    low, high = torch.tensor(shares).quantile(torch.tensor([0.025, 0.975])).tolist()
    assert low - 0.005 <= share <= high + 0.005  # the shares are rounded to two digits


def test_the_natural_gradient_lets_every_correct_token_grow() -> None:
    p_V, correct_V = spread_logits(2.0, 1000, 80, torch.Generator().manual_seed(0))
    mass = p_V[correct_V].sum()
    change_V = first_order_change(p_V, correct_V.double() - mass)
    torch.testing.assert_close(change_V[correct_V], p_V[correct_V] * (1 - mass), atol=1e-16, rtol=1e-12)
    assert shrinks_exactly(p_V, correct_V).any(), "where the plain gradient takes from some"


def test_where_everything_is_correct_nothing_changes() -> None:
    p_V, _ = small()
    everything_V = torch.ones(5, dtype=torch.bool)
    assert not shrinks_exactly(p_V, everything_V).any()
    assert float(mass_balance(p_V, everything_V, everything_V, 1.0, -1.0).change) == pytest.approx(0, abs=1e-16)


# Zipf: p proportional to 1 / rank; 80 of 1,000 correct with about 4.2% of the mass.
PUBLISHED = {1: 0.64, 4: 0.21, 16: 0.003, 64: 0.0}


def test_the_correct_mass_seldom_falls_at_sixteen_draws_and_never_at_sixty_four() -> None:
    """P(dQ+ < 0) of one Zipf task with 4.2% correct mass, each share within the range of such tasks."""
    generator = torch.Generator().manual_seed(0)
    p_V = (1 / torch.arange(1, 1001).double()) / (1 / torch.arange(1, 1001).double()).sum()
    shares: dict[int, list[float]] = {samples: [] for samples in PUBLISHED}
    while len(shares[1]) < 8:
        correct_V = torch.zeros(1000, dtype=torch.bool).scatter_(
            0, torch.randperm(1000, generator=generator)[:80], True
        )
        if abs(float(p_V[correct_V].sum()) - 0.042) > 0.006:
            continue
        for samples, found in shares.items():
            draws_DN = torch.multinomial(p_V.expand(300, 1000), samples, replacement=True, generator=generator)
            balance = mass_balance(p_V, correct_V, drawn_tokens(draws_DN, 1000), 1.0, -1.0)
            found.append(float((balance.change < 0).double().mean()))
    error = {samples: 2 * math.sqrt((share * (1 - share) + 1e-3) / 300) for samples, share in PUBLISHED.items()}
    for samples, share in PUBLISHED.items():
        assert min(shares[samples]) - error[samples] <= share <= max(shares[samples]) + error[samples]
    means = [sum(found) / len(found) for found in shares.values()]
    assert means == sorted(means, reverse=True)
    assert means[2] < 0.05
    assert means[3] < 0.001


def test_sets_of_drawn_tokens_may_be_given_many_at_once() -> None:
    p_V, correct_V = small()
    sampled_DV = drawn_tokens(every_draw(p_V, 2)[0], 5)
    together = mass_balance(p_V, correct_V, sampled_DV, 1.0, -1.0).change
    alone = [mass_balance(p_V, correct_V, sampled_V, 1.0, -1.0).change for sampled_V in sampled_DV]
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-16, rtol=0)


@pytest.mark.parametrize(("right", "wrong"), [(-0.1, -1.0), (1.0, 0.1)])
def test_rewards_of_the_wrong_sign_are_refused(right: float, wrong: float) -> None:
    p_V, correct_V = small()
    with pytest.raises(InputError, match=r"^right, wrong: .*right >= 0 >= wrong"):
        mass_balance(p_V, correct_V, correct_V, right, wrong)
