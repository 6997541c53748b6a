from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.errors import InputError
from edgewise.rl.advantages import dr_grpo, grpo
from edgewise.rl.recipes import ADVANTAGES

SCORES = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]])


def test_grpo_is_what_verl_computes() -> None:
    """verl 0.9.1, compute_grpo_outcome_advantage on the same scores."""
    verl = [[0.866024, -0.866024, -0.866024, 0.866024], [-0.499999, -0.499999, -0.499999, 1.499997]]
    torch.testing.assert_close(grpo(SCORES), torch.tensor(verl), atol=1e-6, rtol=0)


def test_grpo_by_hand() -> None:
    # Mean 2, sample standard deviation sqrt((4 + 0 + 4) / 2) = 2.
    found = grpo(torch.tensor([[0.0, 2.0, 4.0]]))
    torch.testing.assert_close(found, torch.tensor([[-1.0, 0.0, 1.0]]), atol=1e-5, rtol=0)


def test_dr_grpo_centres_and_does_not_scale() -> None:
    expected = torch.tensor([[0.5, -0.5, -0.5, 0.5], [-0.25, -0.25, -0.25, 0.75]])
    assert torch.equal(dr_grpo(SCORES), expected)
    torch.testing.assert_close(dr_grpo(10 * SCORES), 10 * expected)


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
@given(value=st.floats(-1e3, 1e3, width=32), samples=st.integers(2, 33))
@settings(max_examples=100, deadline=None)
def test_equal_rewards_give_exactly_nothing(name: str, value: float, samples: int) -> None:
    assert not ADVANTAGES[name](torch.full((2, samples), value)).any()


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
def test_rewards_whose_mean_rounds_give_exactly_nothing(name: str) -> None:
    rewards_PG = torch.full((1, 3), 0.1, dtype=torch.float64)
    assert float(rewards_PG.sum() / 3) != 0.1, "this case is here because the mean rounds"
    assert not ADVANTAGES[name](rewards_PG).any()
    assert not ADVANTAGES[name](torch.full((1, 7), 0.1)).any()


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
@given(rewards=st.lists(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=4, max_size=4), min_size=2, max_size=5))
@settings(max_examples=100, deadline=None)
def test_groups_sum_to_zero_keep_the_order_and_know_nothing_of_each_other(
    name: str, rewards: list[list[float]]
) -> None:
    rewards_PG = torch.tensor(rewards)
    advantage_PG = ADVANTAGES[name](rewards_PG)
    assert advantage_PG.sum(1).abs().max() < 1e-5
    for p in range(len(rewards)):
        assert torch.equal(ADVANTAGES[name](rewards_PG[p : p + 1]), advantage_PG[p : p + 1])
        order = torch.sign(rewards_PG[p][:, None] - rewards_PG[p])
        assert torch.equal(torch.sign(advantage_PG[p][:, None] - advantage_PG[p]), order)


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rewards_that_are_no_numbers_are_refused(name: str, bad: float) -> None:
    with pytest.raises(InputError, match=r"^rewards: must be finite"):
        ADVANTAGES[name](torch.tensor([[1.0, bad, 0.0]]))


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
@pytest.mark.parametrize("shape", [(3, 1), (3, 0), (4,)])
def test_groups_of_less_than_two_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"^samples: .*at least 2"):
        ADVANTAGES[name](torch.ones(shape))
