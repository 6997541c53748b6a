"""Sharpening by own likelihood: what is paid, its optimum, and the start model as the only judge."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import override
from edgewise.rl.advantages import rloo
from edgewise.rl.models import Models
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import named_recipe
from edgewise.rl.rewards import own_likelihood
from edgewise.rl.rollout_worker import RolloutWorker
from edgewise.rl.train import train
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.run_folder import RunFolder
from tests.rl.advantages.oracles import Policy

from .bandit import TOKENIZER, WORLD, changed, decoder, draw, unpacked
from .rewarded import NOTHING, RIGHT, WRONG, reward_of, verified_rollouts

LOGP_PG = np.array([[-1.0, -4.0, -3.0, -4.0], [-2.0, -2.0, -2.0, -2.0]], np.float32)


def rollouts() -> Rollouts:
    verdicts = [[RIGHT, WRONG, NOTHING, RIGHT]] * 2
    problems = [WORLD.problem("train", 0, p) for p in range(2)]
    found = verified_rollouts(problems, [[""] * 4] * 2, verdicts, lengths=[[1, 2, 3, 4]] * 2)
    return replace(found, start_logp_PG=LOGP_PG)


def test_a_completion_earns_its_log_likelihood_and_no_verdict_matters() -> None:
    outcome_PG, paid_PG = reward_of("own_likelihood").score(WORLD, rollouts(), 0)
    assert torch.equal(paid_PG, torch.from_numpy(LOGP_PG))
    assert outcome_PG.tolist() == [[True, False, False, False], [False] * 4], "likelier than the mean of the group"
    mean = reward_of({"kind": "own_likelihood", "weight": 3.0, "per": "token"})
    assert mean.score(WORLD, rollouts(), 0)[1].tolist() == [[-3, -6, -3, -3], [-6, -3, -2, -1.5]]
    swapped = replace(rollouts(), verdict_PG=[[WRONG, RIGHT, RIGHT, WRONG]] * 2)
    assert torch.equal(reward_of("own_likelihood").score(WORLD, swapped, 9)[1], paid_PG)


def test_equal_likelihoods_have_no_outcome_whatever_they_are() -> None:
    same_PG = torch.rand(50, 1, generator=torch.Generator().manual_seed(0)).expand(50, 7).contiguous() * -9
    found = verified_rollouts([WORLD.problem("train", 0, 0)] * 50, [[""] * 7] * 50, [[RIGHT] * 7] * 50)
    outcome_PG, _ = reward_of("own_likelihood").score(WORLD, replace(found, start_logp_PG=same_PG.numpy()), 0)
    assert not outcome_PG.any()


def test_rollouts_without_it_and_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match=r"^start_logp_PG: this reward needs it, the rollouts brought none$"):
        reward_of("own_likelihood").score(WORLD, replace(rollouts(), start_logp_PG=None), 0)
    with pytest.raises(InputError, match="weight"):
        reward_of({"kind": "own_likelihood", "weight": 0.0})
    with pytest.raises(InputError, match="must be a reward of 0 or 1"):
        reward_of({"kind": "noisy", "of": "own_likelihood"})


def test_the_start_model_alone_gives_the_likelihood() -> None:
    models = Models.of(decoder(0), None, Recipe().loss.kl, None)
    with torch.no_grad():
        for parameter, other in zip(models.policy.parameters(), decoder(9).parameters(), strict=True):
            parameter.add_(0.1 * other)
    drawn = draw(models.policy, problems=5, samples=4)
    worker = RolloutWorker(models, Recipe().sampling.behavior, TOKENIZER, WORLD, 5, 1.3)
    found = worker.with_start_logp(drawn)
    assert found.start_logp_PG is not None and worker.flops > 0
    expected = [float(logp.detach().sum()) for _, logp in unpacked(models.start, drawn, 1.3)]
    assert found.start_logp_PG.ravel().tolist() == pytest.approx(expected, rel=1e-5)
    by_policy = [float(logp.detach().sum()) for _, logp in unpacked(models.policy, drawn, 1.3)]
    assert found.start_logp_PG.ravel().tolist() != pytest.approx(by_policy, rel=1e-3)
    again = Rollouts.concatenate([found.select([3]), found.select([0, 1])])
    assert again.start_logp_PG is not None
    assert np.array_equal(again.start_logp_PG, found.start_logp_PG[[3, 0, 1]])
    assert Rollouts.concatenate([found, drawn]).start_logp_PG is None


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
def test_with_a_kl_in_the_reward_the_optimum_is_the_start_model_to_a_power(power: float) -> None:
    """The expected update over every batch is 0 at q^alpha and nowhere near it, for whole samples as answers."""
    start_M = torch.tensor([0.3, -0.8, 0.1, 1.0], dtype=torch.float64).log_softmax(0)
    weight = power - 1

    def update_at(policy: Policy) -> Tensor:
        logp_M = policy.logits_M.log_softmax(0)
        if weight:
            paid_M = own_likelihood(start_M.float(), torch.ones(4), weight, "completion").double()
        else:
            paid_M = torch.zeros(4, dtype=torch.float64)
        policy.rewards_M = paid_M - (logp_M - start_M)
        return policy.expected_update(rloo, 3) / 3

    assert update_at(Policy((power * start_M).tolist(), [0.0] * 4)).abs().max() < 1e-6
    assert update_at(Policy((power * start_M + torch.tensor([0.3, 0, 0, 0])).tolist(), [0.0] * 4)).abs().max() > 1e-2


def test_a_run_is_paid_what_the_start_model_says_and_sharpens(tmp_path: Path) -> None:
    recipe = changed(
        reward={"function": "own_likelihood"}, advantage="rloo", loss={"function": "reinforce"}, optimizer={"warmup": 0}
    ).model_copy(update={"steps": 12})
    train(decoder(), TOKENIZER, WORLD, recipe, 0, RunFolder(tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert all(line["reward"] < 0 for line in lines)
    assert sum(line["reward"] for line in lines[-4:]) > sum(line["reward"] for line in lines[:4])
    assert lines[-1]["entropy"] < lines[0]["entropy"]
    assert all("answer_correct" in line for line in lines), "the truth is logged beside"


def test_the_named_recipes_are_the_two_regimes_of_the_work() -> None:
    sharpening, tempered = named_recipe("sharpening"), named_recipe("tempered-sampling")
    assert sharpening.loss.kl.coefficient == 0 and sharpening.reward.function == reward_of("own_likelihood")
    assert tempered.loss.kl.in_reward and tempered.loss.kl.coefficient == 1
    assert tempered.reward.function == reward_of({"kind": "own_likelihood", "weight": 3.0})
    said = ["reward.function=own_likelihood", "reward.function.per=token"]
    assert override(Recipe(), said).reward.function == reward_of({"kind": "own_likelihood", "per": "token"})
