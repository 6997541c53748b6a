from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages import gae, reward_to_go

LENGTHS = torch.tensor([[4, 2, 1], [3, 4, 2]])
TOKENS = 5


def drawn(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rewards, values and penalties; what stands in the padding is not 0."""
    generator = torch.Generator().manual_seed(seed)
    rewards_PG = torch.randn(2, 3, dtype=torch.float64, generator=generator)
    values_PGT, penalty_PGT = torch.randn(2, 2, 3, TOKENS, dtype=torch.float64, generator=generator)
    return rewards_PG, values_PGT, penalty_PGT


def by_definition(
    reward: float, values: list[float], penalties: list[float], length: int, gamma: float, lam: float
) -> list[float]:
    """The sum over future differences, written out; values after the last token are 0."""
    values = [*values[:length], 0.0]
    earned = [-penalty for penalty in penalties[:length]]
    earned[-1] += reward
    differences = [earned[t] + gamma * values[t + 1] - values[t] for t in range(length)]
    return [
        sum((gamma * lam) ** (later - t) * differences[later] for later in range(t, length)) if t < length else 0.0
        for t in range(TOKENS)
    ]


@given(seed=st.integers(0, 1000), gamma=st.sampled_from([0.0, 0.9, 1.0]), lam=st.sampled_from([0.0, 0.95, 1.0]))
@settings(max_examples=25, deadline=None)
def test_gae_is_the_discounted_sum_of_differences(seed: int, gamma: float, lam: float) -> None:
    rewards_PG, values_PGT, penalty_PGT = drawn(seed)
    found = gae(rewards_PG, values_PGT, LENGTHS, gamma, lam, penalty_PGT)
    for p in range(2):
        for g in range(3):
            expected = by_definition(
                float(rewards_PG[p, g]),
                values_PGT[p, g].tolist(),
                penalty_PGT[p, g].tolist(),
                int(LENGTHS[p, g]),
                gamma,
                lam,
            )
            torch.testing.assert_close(found[p, g].tolist(), expected, atol=1e-12, rtol=0)


def test_undiscounted_gae_is_the_reward_to_go_less_the_value() -> None:
    rewards_PG, values_PGT, penalty_PGT = drawn(0)
    real_PGT = torch.arange(TOKENS) < LENGTHS.unsqueeze(-1)
    expected = (reward_to_go(rewards_PG, penalty_PGT, LENGTHS) - values_PGT).masked_fill(~real_PGT, 0.0)
    torch.testing.assert_close(gae(rewards_PG, values_PGT, LENGTHS, penalty_PGT=penalty_PGT), expected)


def test_without_lambda_it_is_one_step_ahead() -> None:
    values_PGT = torch.tensor([[[0.5, 0.2, 0.9, 7.0]]])
    found = gae(torch.tensor([[1.0]]), values_PGT, torch.tensor([[3]]), lam=0.0)
    torch.testing.assert_close(found, torch.tensor([[[-0.3, 0.7, 0.1, 0.0]]]))


def test_a_critic_that_knows_the_return_leaves_nothing() -> None:
    rewards_PG, _, penalty_PGT = drawn(1)
    values_PGT = reward_to_go(rewards_PG, penalty_PGT, LENGTHS)
    found = gae(rewards_PG, values_PGT, LENGTHS, lam=0.7, penalty_PGT=penalty_PGT)
    torch.testing.assert_close(found, torch.zeros_like(found), atol=1e-12, rtol=0)


def test_reward_to_go_by_hand() -> None:
    penalty_PGT = torch.tensor([[[0.1, 0.2, 0.3, 9.0], [0.5, 9.0, 9.0, 9.0]]])
    found = reward_to_go(torch.tensor([[1.0, 0.0]]), penalty_PGT, torch.tensor([[3, 1]]))
    torch.testing.assert_close(found, torch.tensor([[[0.4, 0.5, 0.7, 0.0], [-0.5, 0.0, 0.0, 0.0]]]))


def test_what_stands_in_the_padding_is_never_read() -> None:
    rewards_PG, values_PGT, penalty_PGT = drawn(2)
    padding_PGT = torch.arange(TOKENS) >= LENGTHS.unsqueeze(-1)
    hidden = [tensor.masked_fill(padding_PGT, torch.nan) for tensor in (values_PGT, penalty_PGT)]
    expected = gae(rewards_PG, values_PGT, LENGTHS, 0.9, 0.9, penalty_PGT)
    assert torch.equal(gae(rewards_PG, hidden[0], LENGTHS, 0.9, 0.9, hidden[1]), expected)
    assert torch.equal(reward_to_go(rewards_PG, hidden[1], LENGTHS), reward_to_go(rewards_PG, penalty_PGT, LENGTHS))
    assert not expected[padding_PGT].any()


def test_inputs_are_not_written_to_and_their_type_is_kept() -> None:
    rewards_PG, values_PGT, penalty_PGT = (tensor.float() for tensor in drawn(3))
    before = [tensor.clone() for tensor in (rewards_PG, values_PGT, penalty_PGT)]
    assert gae(rewards_PG, values_PGT, LENGTHS, penalty_PGT=penalty_PGT).dtype == torch.float32
    assert reward_to_go(rewards_PG, penalty_PGT, LENGTHS).dtype == torch.float32
    for tensor, copy in zip((rewards_PG, values_PGT, penalty_PGT), before, strict=True):
        assert torch.equal(tensor, copy)


def test_what_does_not_fit_is_refused() -> None:
    rewards_PG, values_PGT, penalty_PGT = drawn(4)
    with pytest.raises(InputError, match=r"^gamma: must be between 0 and 1, is 1.5$"):
        gae(rewards_PG, values_PGT, LENGTHS, gamma=1.5)
    with pytest.raises(InputError, match=r"^lam: must be between 0 and 1, is -0.1$"):
        gae(rewards_PG, values_PGT, LENGTHS, lam=-0.1)
    with pytest.raises(InputError, match=r"^values: has 3 tokens, the longest sample has 4$"):
        gae(rewards_PG, values_PGT[..., :3], LENGTHS)
    with pytest.raises(InputError, match=r"^values: must be \(2, 3\) \+ \(tokens,\)"):
        gae(rewards_PG, values_PGT[:1], LENGTHS)
    with pytest.raises(InputError, match=r"^penalties: must be \(2, 3, 5\), are \(2, 3, 4\)$"):
        gae(rewards_PG, values_PGT, LENGTHS, penalty_PGT=penalty_PGT[..., :4])
    with pytest.raises(InputError, match=r"^values: must be finite$"):
        gae(rewards_PG, values_PGT.masked_fill(values_PGT == values_PGT[0, 0, 1], torch.nan), LENGTHS)
    with pytest.raises(InputError, match=r"^penalties: must be finite$"):
        reward_to_go(rewards_PG, penalty_PGT / 0, LENGTHS)
    with pytest.raises(InputError, match=r"^lengths: every sample needs at least 1 token"):
        reward_to_go(rewards_PG, penalty_PGT, LENGTHS - 1)
