from __future__ import annotations

import math

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.rl.advantages import grpo, positive_only, unlikeliness, zero_success_gate


def test_unlikeliness_ranks_from_the_least_likely() -> None:
    rewards_PG = torch.tensor([[1.0, 1.0, 0.0, 1.0]])
    logp_PG = torch.tensor([[-0.1, -3.0, -0.2, -1.0]])
    # Ranks 3, 0, 2, 1 of 4 with beta 0.25.
    shaped = torch.tensor([[1 - 0.25 * 3 / 4, 1.0, 0.0, 1 - 0.25 / 4]])
    torch.testing.assert_close(unlikeliness(rewards_PG, logp_PG), grpo(shaped))
    torch.testing.assert_close(unlikeliness(rewards_PG, logp_PG, std="population"), grpo(shaped, "population"))


def test_a_rarer_success_earns_more_and_a_failure_is_a_failure() -> None:
    found = unlikeliness(torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.tensor([[-0.1, -3.0, -0.2, -9.0]]))[0]
    assert found[1] > found[0] > found[2] == found[3]


def test_without_a_penalty_it_is_grpo_and_nothing_right_is_nothing() -> None:
    rewards_PG = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    logp_PG = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, -2.0, -3.0]])
    assert torch.equal(unlikeliness(rewards_PG, logp_PG, beta=0.0), grpo(rewards_PG))
    assert not unlikeliness(rewards_PG, logp_PG)[1].any()


def test_equal_log_probabilities_share_their_rank() -> None:
    found = unlikeliness(torch.ones(1, 4), torch.tensor([[-1.0, -2.0, -1.0, -0.5]]))
    # Ranks 1.5, 0, 1.5, 3: the same text gets the same credit wherever it stands.
    torch.testing.assert_close(found, grpo(1 - 0.25 * torch.tensor([[1.5, 0.0, 1.5, 3.0]]) / 4))
    assert not unlikeliness(torch.ones(1, 4), torch.full((1, 4), -1.0)).any()


def test_unlikeliness_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match=r"^beta: must be between 0 and 1, is 1.5$"):
        unlikeliness(torch.ones(1, 2), torch.zeros(1, 2), beta=1.5)
    with pytest.raises(InputError, match=r"^logp: must be \(1, 2\) \[problems, samples\]"):
        unlikeliness(torch.ones(1, 2), torch.zeros(2, 1))
    with pytest.raises(InputError, match=r"^logp: must be finite$"):
        unlikeliness(torch.ones(1, 2), torch.tensor([[0.0, -math.inf]]))


@pytest.mark.parametrize("shape", [(2, 2), (2, 1, 2)])
def test_positive_only_masks_what_is_below_the_baseline(shape: tuple[int, ...]) -> None:
    found = positive_only(torch.tensor([0.5, -1.0, 0.0, 2.0]).reshape(shape))
    assert torch.equal(found, torch.tensor([0.5, 0.0, 0.0, 2.0]).reshape(shape))


@pytest.mark.parametrize("earlier_P", [torch.tensor([0, 3, 0]), torch.tensor([False, True, False])])
def test_a_problem_that_was_solved_before_is_not_trained_on(earlier_P: torch.Tensor) -> None:
    advantage_PG = torch.arange(1.0, 7.0).reshape(3, 2)
    expected = torch.tensor([[1.0, 2.0], [0.0, 0.0], [5.0, 6.0]])
    assert torch.equal(zero_success_gate(advantage_PG, earlier_P), expected)
    tokens = zero_success_gate(advantage_PG.unsqueeze(-1).expand(-1, -1, 4), earlier_P)
    assert torch.equal(tokens, expected.unsqueeze(-1).expand(-1, -1, 4))


def test_the_gate_needs_a_count_per_problem() -> None:
    with pytest.raises(InputError, match=r"^earlier successes: must be \(3,\) \[problems\]"):
        zero_success_gate(torch.ones(3, 2), torch.zeros(2))
