from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages import batch_std, dr_grpo, reinforce_plus_plus, reinforce_plus_plus_baseline, whiten

Estimator = Callable[[Tensor], Tensor]

WHITENED: dict[str, Callable[[Tensor, Tensor | None], Tensor]] = {
    "reinforce_plus_plus": reinforce_plus_plus,
    "reinforce_plus_plus_baseline": reinforce_plus_plus_baseline,
}
REWARDS = torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.0, 1.0]], dtype=torch.float64)
LENGTHS = torch.tensor([[2, 5, 1], [3, 3, 4]])


def test_reinforce_plus_plus_by_hand() -> None:
    # Mean 5/12; squared differences sum to 2.25 - 6 (5/12)^2.
    expected = (REWARDS - 5 / 12) / math.sqrt((2.25 - 25 / 24) / 5)
    torch.testing.assert_close(reinforce_plus_plus(REWARDS), expected)


@pytest.mark.parametrize("name", sorted(WHITENED))
def test_with_lengths_every_token_counts(name: str) -> None:
    """Whitening by length is whitening a list in which each sample stands once per token."""
    found = WHITENED[name](REWARDS, LENGTHS)
    tokens_N = (
        (REWARDS if name == "reinforce_plus_plus" else dr_grpo(REWARDS)).flatten().repeat_interleave(LENGTHS.flatten())
    )
    expected_N = (tokens_N - tokens_N.mean()) / tokens_N.std()
    torch.testing.assert_close(found.flatten().repeat_interleave(LENGTHS.flatten()), expected_N)
    assert not torch.allclose(found, WHITENED[name](REWARDS, None))


@pytest.mark.parametrize("name", sorted(WHITENED))
@example(value=0.1, problems=1, samples=3, lengths=False)  # the mean of three 0.1 is another number
@given(value=st.floats(-1e3, 1e3), problems=st.integers(1, 5), samples=st.integers(2, 9), lengths=st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_batch_of_equal_rewards_is_exactly_nothing(
    name: str, value: float, problems: int, samples: int, lengths: bool
) -> None:
    length_PG = torch.arange(1, problems * samples + 1).reshape(problems, samples) if lengths else None
    rewards_PG = torch.full((problems, samples), value, dtype=torch.float64)
    assert not WHITENED[name](rewards_PG, length_PG).any()


def test_rewards_that_differ_between_groups_only_are_nothing_to_the_group_baseline() -> None:
    rewards_PG = torch.tensor([[0.1] * 7, [0.7] * 7])
    assert not reinforce_plus_plus_baseline(rewards_PG).any()
    assert not batch_std(rewards_PG).any()
    assert reinforce_plus_plus(rewards_PG).abs().min() > 0.9


@pytest.mark.parametrize("name", sorted(WHITENED))
def test_a_variance_under_the_floor_is_not_blown_up(name: str) -> None:
    rewards_PG = torch.tensor([[0.0, 1e-9], [1e-9, 0.0]], dtype=torch.float64)
    assert WHITENED[name](rewards_PG, None).abs().max() < 1e-4
    assert batch_std(rewards_PG).abs().max() < 1e-4
    assert WHITENED[name](rewards_PG * 1e9, None).abs().max() > 0.5


def test_batch_std_divides_all_groups_by_one_number() -> None:
    centred_PG = dr_grpo(REWARDS)
    torch.testing.assert_close(batch_std(REWARDS), centred_PG / centred_PG.flatten().std())
    torch.testing.assert_close(batch_std(REWARDS).flatten().std(), torch.tensor(1.0, dtype=torch.float64))
    # A silent group stays silent, and changes the others only through that number.
    silent = torch.cat([REWARDS, torch.full((1, 3), 0.3, dtype=torch.float64)])
    assert not batch_std(silent)[2].any()
    ratio = batch_std(silent)[:2] / batch_std(REWARDS)
    torch.testing.assert_close(ratio[ratio.isfinite()], ratio[0, 0].expand(int(ratio.isfinite().sum())))


@pytest.mark.parametrize("name", [*sorted(WHITENED), "batch_std"])
@given(order=st.permutations(range(3)), shift=st.floats(-3, 3))
@settings(max_examples=20, deadline=None)
def test_the_order_of_samples_and_a_constant_change_nothing(name: str, order: list[int], shift: float) -> None:
    def estimate(rewards_PG: Tensor, length_PG: Tensor) -> Tensor:
        return batch_std(rewards_PG) if name == "batch_std" else WHITENED[name](rewards_PG, length_PG)

    expected = estimate(REWARDS, LENGTHS)[:, order]
    found = estimate(REWARDS[:, order] + shift, LENGTHS[:, order])
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


def test_whitening_tokens_ignores_the_padding_and_leaves_it_at_zero() -> None:
    value_PGT = torch.randn(2, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = whiten(value_PGT, LENGTHS)
    real_PGT = torch.arange(6) < LENGTHS.unsqueeze(-1)
    expected_N = value_PGT[real_PGT]
    torch.testing.assert_close(found[real_PGT], (expected_N - expected_N.mean()) / expected_N.std())
    assert not found[~real_PGT].any()
    for noise in (1e9, math.nan):
        assert torch.equal(whiten(value_PGT.masked_fill(~real_PGT, noise), LENGTHS), found)


def test_whitening_equal_tokens_is_exactly_nothing() -> None:
    value_PGT = torch.full((2, 3, 6), 0.1)
    assert not whiten(value_PGT.masked_fill(torch.arange(6) >= LENGTHS.unsqueeze(-1), 5.0), LENGTHS).any()


def test_whitening_what_is_the_same_for_all_tokens_is_reinforce_plus_plus() -> None:
    found = whiten(REWARDS.unsqueeze(-1).expand(-1, -1, 5), LENGTHS)
    torch.testing.assert_close(found[..., 0], reinforce_plus_plus(REWARDS, LENGTHS))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_type_of_the_rewards_is_kept(dtype: torch.dtype) -> None:
    for found in (
        reinforce_plus_plus(REWARDS.to(dtype), LENGTHS),
        reinforce_plus_plus_baseline(REWARDS.to(dtype)),
        batch_std(REWARDS.to(dtype)),
        whiten(REWARDS.to(dtype).unsqueeze(-1), torch.ones_like(LENGTHS)),
    ):
        assert found.dtype == dtype


def test_one_sample_per_problem_will_do_without_a_group_and_one_in_all_will_not() -> None:
    found = reinforce_plus_plus(torch.tensor([[1.0], [0.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.0], [-1.0]]) / math.sqrt(2))
    with pytest.raises(InputError, match=r"^samples: whitening needs at least 2 in the batch, got 1$"):
        reinforce_plus_plus(torch.tensor([[1.0]]))


def test_lengths_and_tokens_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"^lengths: must be \(2, 3\) \[problems, samples\]"):
        reinforce_plus_plus(REWARDS, LENGTHS[:1])
    with pytest.raises(InputError, match=r"^lengths: every sample needs at least 1 token"):
        reinforce_plus_plus_baseline(REWARDS, LENGTHS - 1)
    with pytest.raises(InputError, match=r"^advantages: has 4 tokens, the longest sample has 5$"):
        whiten(torch.zeros(2, 3, 4), LENGTHS)
    with pytest.raises(InputError, match=r"^advantages: must be \(2, 3\) \+ \(tokens,\)"):
        whiten(torch.zeros(2, 3), LENGTHS)
    with pytest.raises(InputError, match=r"^advantages: must be finite$"):
        whiten(torch.full((2, 3, 5), math.nan), LENGTHS)
