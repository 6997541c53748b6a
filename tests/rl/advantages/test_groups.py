from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages import (
    dr_grpo,
    grpo,
    maxrl,
    opo,
    pkpo,
    remax,
    rloo,
)

Estimator = Callable[[Tensor], Tensor]

SCORES = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
CENTRED: dict[str, Estimator] = {
    "grpo": grpo,
    "grpo_population": lambda rewards_PG: grpo(rewards_PG, "population"),
    "dr_grpo": dr_grpo,
    "rloo": rloo,
    "maxrl": maxrl,
}
GROUPED: dict[str, Estimator] = CENTRED | {
    "opo": lambda rewards_PG: opo(rewards_PG, torch.full_like(rewards_PG, 3)),
    "pkpo": lambda rewards_PG: pkpo(rewards_PG, 2, "sloo_minus_one"),
    "pkpo_kn": lambda rewards_PG: pkpo(rewards_PG, 2, "sloo_kn"),
}
GROUPS = st.lists(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=4, max_size=4), min_size=2, max_size=5)


def test_grpo_by_hand() -> None:
    # Mean 2; the squares are 4, 0, 4: deviation 2 with n - 1, sqrt(8 / 3) with n.
    rewards_PG = torch.tensor([[0.0, 2.0, 4.0]])
    torch.testing.assert_close(grpo(rewards_PG), torch.tensor([[-1.0, 0.0, 1.0]]), atol=1e-5, rtol=0)
    expected = torch.tensor([[-2.0, 0.0, 2.0]]) / math.sqrt(8 / 3)
    torch.testing.assert_close(grpo(rewards_PG, "population"), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(grpo(rewards_PG, epsilon=2.0), torch.tensor([[-0.5, 0.0, 0.5]]))


def test_dr_grpo_centres_and_does_not_scale() -> None:
    expected = torch.tensor([[0.5, -0.5, -0.5, 0.5], [-0.25, -0.25, -0.25, 0.75]])
    assert torch.equal(dr_grpo(SCORES), expected)
    torch.testing.assert_close(dr_grpo(10 * SCORES), 10 * expected)


def test_rloo_leaves_the_sample_itself_out() -> None:
    rewards_PG = torch.tensor([[0.3, 1.0, -2.0, 0.0, 0.5]], dtype=torch.float64)
    rest = [rewards_PG[0, torch.arange(5) != i].mean() for i in range(5)]
    torch.testing.assert_close(rloo(rewards_PG), rewards_PG - torch.stack(rest))


def test_remax_takes_the_greedy_reward_off() -> None:
    found = remax(SCORES, torch.tensor([1.0, 0.25]))
    assert torch.equal(found, torch.tensor([[0.0, -1.0, -1.0, 0.0], [-0.25, -0.25, -0.25, 0.75]]))
    assert torch.equal(remax(SCORES[:, :1], torch.tensor([1, 0])), torch.tensor([[0.0], [0.0]]))


def test_opo_takes_the_mean_of_tokens_off() -> None:
    rewards_PG = torch.tensor([[1.0, 0.0, 0.5]])
    found = opo(rewards_PG, torch.tensor([[1, 6, 2]]))
    torch.testing.assert_close(found, rewards_PG - 2 / 9)
    # The mean weighted by length of these advantages is 0.
    assert float((found * torch.tensor([1.0, 6.0, 2.0])).sum()) == pytest.approx(0, abs=1e-6)


def test_maxrl_divides_by_the_pass_rate() -> None:
    torch.testing.assert_close(
        maxrl(torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.4, 0.0, 0.0, 0.0]])),
        torch.tensor([[3.0, -1.0, -1.0, -1.0], [1.0, 1.0, -1.0, -1.0], [0.0] * 4, [3.0, -1.0, -1.0, -1.0]]),
    )


def test_maxrl_refuses_negative_rewards() -> None:
    with pytest.raises(InputError, match=r"^rewards: must be at least 0 for maxrl"):
        maxrl(torch.tensor([[1.0, -1.0]]))


@pytest.mark.parametrize("name", sorted(GROUPED))
@given(value=st.floats(0, 1e3, width=32), samples=st.integers(3, 33))
@settings(max_examples=20, deadline=None)
def test_equal_rewards_give_exactly_nothing(name: str, value: float, samples: int) -> None:
    assert not GROUPED[name](torch.full((2, samples), value)).any()


@pytest.mark.parametrize("name", sorted(GROUPED))
def test_rewards_whose_mean_rounds_give_exactly_nothing(name: str) -> None:
    rewards_PG = torch.full((1, 3), 0.1, dtype=torch.float64)
    assert float(rewards_PG.sum() / 3) != 0.1, "this case is here because the mean rounds"
    assert not GROUPED[name](rewards_PG).any()
    assert not GROUPED[name](torch.full((1, 7), 0.1)).any()


@pytest.mark.parametrize("name", sorted(CENTRED))
@given(rewards=GROUPS)
@settings(max_examples=20, deadline=None)
def test_centred_advantages_sum_to_zero_and_keep_the_order(name: str, rewards: list[list[float]]) -> None:
    rewards_PG = torch.tensor(rewards)
    advantage_PG = CENTRED[name](rewards_PG)
    assert advantage_PG.sum(1).abs().max() < 1e-5
    order = torch.sign(rewards_PG.unsqueeze(2) - rewards_PG.unsqueeze(1))
    assert torch.equal(torch.sign(advantage_PG.unsqueeze(2) - advantage_PG.unsqueeze(1)), order)


@pytest.mark.parametrize("name", sorted(GROUPED))
@given(rewards=GROUPS, order=st.permutations(range(4)))
@settings(max_examples=20, deadline=None)
def test_groups_know_nothing_of_each_other_and_of_their_order(
    name: str, rewards: list[list[float]], order: list[int]
) -> None:
    rewards_PG = torch.tensor(rewards, dtype=torch.float64)
    advantage_PG = GROUPED[name](rewards_PG)
    torch.testing.assert_close(GROUPED[name](rewards_PG[1:]), advantage_PG[1:], atol=1e-12, rtol=0)
    torch.testing.assert_close(GROUPED[name](rewards_PG[:, order]), advantage_PG[:, order], atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", sorted(GROUPED.keys() - {"maxrl"}))
@given(rewards=GROUPS, shift=st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_a_constant_on_all_rewards_changes_nothing(name: str, rewards: list[list[float]], shift: float) -> None:
    rewards_PG = torch.tensor(rewards, dtype=torch.float64)
    torch.testing.assert_close(GROUPED[name](rewards_PG + shift), GROUPED[name](rewards_PG), atol=1e-8, rtol=0)


def test_maxrl_and_remax_do_depend_on_where_zero_is() -> None:
    assert not torch.allclose(maxrl(SCORES + 1), maxrl(SCORES))
    greedy_P = torch.zeros(2)
    torch.testing.assert_close(remax(SCORES + 1, greedy_P), remax(SCORES, greedy_P) + 1)


@pytest.mark.parametrize("name", sorted(GROUPED))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_type_of_the_rewards_is_kept(name: str, dtype: torch.dtype) -> None:
    found = GROUPED[name](SCORES.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), GROUPED[name](SCORES.double()), atol=2e-2, rtol=1e-2)
