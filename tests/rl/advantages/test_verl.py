"""Beside verl 0.9.1 on one batch of two problems, four samples each, of unequal lengths.

The file holds what verl returned for each token. What verl leaves in the padding is not compared.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from edgewise.rl.advantages import (
    dr_grpo,
    gae,
    grpo,
    opo,
    reinforce_plus_plus,
    reinforce_plus_plus_baseline,
    remax,
    rloo,
    whiten,
)

VERL = {
    name: torch.tensor(value)
    for name, value in json.loads((Path(__file__).parent / "data/verl.json").read_text()).items()
    if name != "verl"
}
REWARDS, LENGTHS, GREEDY = VERL["reward"], VERL["length"], VERL["greedy"]
TOKENS = 5
REAL = torch.arange(TOKENS) < LENGTHS.unsqueeze(-1)


def assert_is_verl(found: Tensor, name: str) -> None:
    """Equal at every real token; verl's floats carry six digits or so."""
    found_PGT = found if found.dim() == 3 else found.unsqueeze(-1).expand(-1, -1, TOKENS)
    torch.testing.assert_close(found_PGT[REAL], VERL[name][REAL], atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("grpo", grpo(REWARDS)),
        ("grpo_vectorized", grpo(REWARDS)),
        ("rloo", rloo(REWARDS)),
        ("rloo_vectorized", rloo(REWARDS)),
        ("opo", opo(REWARDS, LENGTHS)),
        ("remax", remax(REWARDS, GREEDY)),
        ("reinforce_plus_plus", reinforce_plus_plus(REWARDS, LENGTHS)),
        ("reinforce_plus_plus_baseline", reinforce_plus_plus_baseline(REWARDS, LENGTHS)),
    ],
)
def test_the_same_definition_gives_the_same_numbers(name: str, found: Tensor) -> None:
    assert_is_verl(found, name)


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_whitened_gae_with_a_critic_that_says_the_same_everywhere(value: float) -> None:
    """verl's numbers were made with values of 0; undiscounted, whitening takes any constant off."""
    advantage_PGT = gae(REWARDS, torch.full((2, 4, TOKENS), value), LENGTHS)
    assert_is_verl(whiten(advantage_PGT, LENGTHS), "gae")


def test_verl_leaves_numbers_in_the_padding_of_gae_and_we_leave_zero() -> None:
    found = whiten(gae(REWARDS, torch.zeros(2, 4, TOKENS), LENGTHS), LENGTHS)
    assert VERL["gae"][~REAL].all()
    assert not found[~REAL].any()


def test_grpo_passk_is_another_estimator() -> None:
    """verl's grpo_passk credits the group's best sample alone, with what it is ahead of the second
    best over the standard deviation: nothing where two samples are right. It is no pass@k of a
    chosen k, so there is no counterpart here."""
    two = REWARDS.topk(2, dim=1).values
    lead_P1 = (two[:, :1] - two[:, 1:]) / (REWARDS.std(dim=1, keepdim=True) + 1e-6)
    best_PG = torch.zeros_like(REWARDS).scatter_(1, REWARDS.argmax(1, keepdim=True), lead_P1)
    assert_is_verl(best_PG, "grpo_passk")


def test_gpg_is_dr_grpo_times_the_samples_per_success() -> None:
    """verl's gpg multiplies by samples / non-zero rewards of the whole batch, which only rescales
    the learning rate from batch to batch."""
    assert_is_verl(dr_grpo(REWARDS) * REWARDS.numel() / REWARDS.count_nonzero(), "gpg")


def test_gdpo_of_one_reward_is_grpo_whitened_over_the_batch() -> None:
    """verl's gdpo normalises each of several rewards in its group, adds them up and whitens the sum
    over tokens. Of one reward it is neither grpo nor REINFORCE++ with the group's baseline."""
    assert_is_verl(reinforce_plus_plus(grpo(REWARDS), LENGTHS), "gdpo")
    other = reinforce_plus_plus_baseline(REWARDS, LENGTHS)
    assert (other - VERL["gdpo"][..., 0]).abs().max() > 0.05
