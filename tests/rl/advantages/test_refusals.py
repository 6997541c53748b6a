"""What the functions of rewards refuse before any work; `test_specs` asks the same of every registered spec."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl import advantages
from edgewise.rl.advantages.base import ADVANTAGES

GROUPED: dict[str, Callable[[Tensor], Tensor]] = {
    "grpo": advantages.grpo,
    "dr_grpo": advantages.dr_grpo,
    "rloo": advantages.rloo,
    "opo": lambda rewards_PG: advantages.opo(rewards_PG, torch.ones(rewards_PG.shape)),
    "maxrl": advantages.maxrl,
    "batch_std": advantages.batch_std,
    "reinforce_plus_plus_baseline": advantages.reinforce_plus_plus_baseline,
    "pkpo": lambda rewards_PG: advantages.pkpo(rewards_PG, 1),
    "pass_at_k_training": lambda rewards_PG: advantages.pass_at_k_training(rewards_PG, 1),
    "pass_at_k_full": lambda rewards_PG: advantages.pass_at_k_full(rewards_PG, 1),
    "pass_at_k_bootstrap": lambda rewards_PG: advantages.pass_at_k_bootstrap(rewards_PG, 1, 0),
    "pass_at_k_exceeding": lambda rewards_PG: advantages.pass_at_k_exceeding(rewards_PG, 1),
    "pass_at_k_combination": lambda rewards_PG: advantages.pass_at_k_combination(rewards_PG, 1),
    "pass_at_k_adaptive": lambda rewards_PG: advantages.pass_at_k_adaptive(rewards_PG, torch.zeros(2), 1),
    "k_by_pass_rate": lambda rewards_PG: advantages.k_by_pass_rate(rewards_PG, 1),
    "unlikeliness": lambda rewards_PG: advantages.unlikeliness(rewards_PG, torch.zeros(rewards_PG.shape)),
}
SINGLE: dict[str, Callable[[Tensor], Tensor]] = {
    "reinforce_plus_plus": advantages.reinforce_plus_plus,
    "remax": lambda rewards_PG: advantages.remax(rewards_PG, torch.zeros(len(rewards_PG))),
    "pkpo_objective": lambda rewards_PG: advantages.pkpo_objective(rewards_PG, 1),
    "gae": lambda rewards_PG: advantages.gae(
        rewards_PG, torch.zeros(*rewards_PG.shape, 2), torch.ones(rewards_PG.shape)
    ),
    "reward_to_go": lambda rewards_PG: advantages.reward_to_go(
        rewards_PG, torch.zeros(*rewards_PG.shape, 2), torch.ones(rewards_PG.shape)
    ),
}
NOT_OF_REWARDS = {"whiten", "positive_only", "zero_success_gate"}
EVERY = GROUPED | SINGLE


def test_every_function_is_here_or_behind_a_spec() -> None:
    modules = {spec.__module__ for spec in ADVANTAGES.specs().values()}
    others = set(advantages.__all__) - EVERY.keys() - NOT_OF_REWARDS
    assert EVERY.keys() | NOT_OF_REWARDS <= set(advantages.__all__)
    assert [name for name in others if getattr(advantages, name).__module__ not in modules] == []


@pytest.mark.parametrize("name", sorted(EVERY))
def test_what_is_refused_below_is_accepted_when_it_is_right(name: str) -> None:
    assert EVERY[name](torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])).isfinite().all()


@pytest.mark.parametrize("name", sorted(EVERY))
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_rewards_that_are_no_numbers(name: str, bad: float) -> None:
    with pytest.raises(InputError, match=r"^rewards: must be finite; filter unscorable samples"):
        EVERY[name](torch.tensor([[1.0, bad, 0.0], [1.0, 0.0, 0.0]]))


@pytest.mark.parametrize("name", sorted(EVERY))
def test_rewards_that_are_no_floats(name: str) -> None:
    with pytest.raises(InputError, match=r"^rewards: must be floats, are torch.bool"):
        EVERY[name](torch.tensor([[True, False], [True, True]]))


@pytest.mark.parametrize("name", sorted(GROUPED))
@pytest.mark.parametrize("shape", [(3, 1), (3, 0), (4,), (2, 3, 4), ()])
def test_groups_of_less_than_two_and_other_shapes(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"^samples: a group needs at least 2 samples"):
        GROUPED[name](torch.ones(shape))


@pytest.mark.parametrize("name", sorted(SINGLE))
@pytest.mark.parametrize("shape", [(4,), (2, 3, 4)])
def test_other_shapes_where_there_is_no_group(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"^rewards: must be \[problems, samples\], are"):
        SINGLE[name](torch.ones(shape))


def test_a_greedy_reward_is_needed_for_every_problem() -> None:
    with pytest.raises(InputError, match=r"^greedy: must be \(2,\) \[problems\]"):
        advantages.remax(torch.ones(2, 3), torch.ones(3))
    with pytest.raises(InputError, match=r"^greedy: must be finite$"):
        advantages.remax(torch.ones(2, 3), torch.tensor([0.0, torch.nan]))
    with pytest.raises(InputError, match=r"^lengths: must be \(2, 3\)"):
        advantages.opo(torch.ones(2, 3), torch.ones(3, 2))


def test_a_form_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match=r"^baseline: must be one of none, sloo, sloo_minus_one, sloo_kn, is 'mean'"):
        advantages.pkpo(torch.ones(1, 4), k=2, baseline="mean")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^std: must be one of sample, population, is 'batch'"):
        advantages.grpo(torch.ones(1, 4), std="batch")  # type: ignore[arg-type]
