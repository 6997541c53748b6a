"""Per-token tables of a batch: advantages, rollout log-probabilities and values, as the updates read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise.rl import advantages
from edgewise.rl.batch import TokenBatch
from edgewise.rl.collect import Collector, ScoredRollouts
from edgewise.rl.coverage import Coverage
from edgewise.rl.models import Models
from edgewise.rl.recipe import Recipe
from edgewise.rl.rollout_worker import RolloutWorker
from edgewise.rl.token_advantages import TokenAdvantages
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import CPU

from .bandit import TOKENIZER, WORLD, changed, decoder, draw, unpacked


def setting(recipe: Recipe, rollouts: Rollouts) -> tuple[TokenBatch, Models, ScoredRollouts]:
    """The batch as the trainer makes it, with a policy that has moved away from the start."""
    policy, sampling = decoder(0), recipe.sampling
    teacher = decoder(5) if recipe.has_teacher else None
    models = Models.of(policy, teacher, recipe.loss.kl, recipe.advantage.critic_spec)
    with torch.no_grad():
        for parameter, other in zip(policy.parameters(), decoder(9).parameters(), strict=True):
            parameter.add_(0.1 * other)
    if models.critic is not None:
        torch.nn.init.normal_(models.critic.value.weight, generator=torch.Generator().manual_seed(1))
    worker = RolloutWorker(models, sampling.behavior, TOKENIZER, WORLD, sampling.max_new_tokens, sampling.temperature)
    curriculum = sampling.curriculum.start(WORLD, "train", 0)
    collector = Collector(
        worker,
        WORLD,
        recipe.reward.function,
        sampling.filters,
        curriculum,
        Coverage(),
        sampling.prompts,
        sampling.samples,
    )
    groups = collector.score(rollouts, 3)
    token_advantages = TokenAdvantages(
        recipe.advantage,
        recipe.reward.length,
        recipe.loss.kl,
        recipe.sampling,
        recipe.steps,
        models,
        collector,
        CPU,
    )
    return token_advantages.compute(groups, 2, 3), models, groups


@pytest.fixture(scope="module")
def rollouts() -> Rollouts:
    found = draw(decoder(), problems=5, samples=4)
    assert any(verdict.answer_correct for row in found.verdict_PG for verdict in row)
    return found


def test_a_sample_s_advantage_is_that_of_each_of_its_tokens(rollouts: Rollouts) -> None:
    batch, _, groups = setting(changed(advantage="rloo"), rollouts)
    expected_PG = advantages.rloo(groups.reward_PG)
    assert batch.tables.rollout_logp is batch.tables.values is batch.tables.returns is None
    assert torch.equal(batch.tables.advantage, expected_PG[..., None].expand_as(batch.tables.advantage))
    assert batch.effective_samples == int((expected_PG != 0).sum())


@pytest.mark.parametrize("target", ["reference", "teacher"])
@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_a_kl_in_the_reward_costs_each_token_its_log_ratio(rollouts: Rollouts, target: str, temperature: float) -> None:
    kl = {"coefficient": 0.3, "estimator": "k1", "place": "reward", "target": target}
    batch, models, groups = setting(
        changed(advantage="rloo", loss={"kl": kl}, sampling={"temperature": temperature}), rollouts
    )
    other = models.start if target == "reference" else models.teacher
    assert other is not None
    with torch.no_grad():
        own = [logp for _, logp in unpacked(models.policy, rollouts, temperature)]
        theirs = [logp for _, logp in unpacked(other, rollouts, temperature)]
    cost_PG = torch.tensor([float((a - b).sum()) for a, b in zip(own, theirs, strict=True)]).view(5, 4)
    expected_PG = advantages.rloo(groups.reward_PG - 0.3 * cost_PG)
    torch.testing.assert_close(batch.tables.advantage[..., 0], expected_PG, atol=1e-5, rtol=1e-4)


def test_reinforce_plus_plus_pays_the_cost_of_what_follows(rollouts: Rollouts) -> None:
    kl = {"coefficient": 0.3, "estimator": "k1", "place": "reward"}
    batch, models, groups = setting(changed(advantage="reinforce_plus_plus", loss={"kl": kl}), rollouts)
    with torch.no_grad():
        pairs = zip(unpacked(models.policy, rollouts), unpacked(models.start, rollouts), strict=True)
        costs = [0.3 * (own - other) for (_, own), (_, other) in pairs]
    to_go = [float(groups.reward_PG.ravel()[row]) - cost.flip(0).cumsum(0).flip(0) for row, cost in enumerate(costs)]
    every = torch.cat(to_go)
    for row, expected in enumerate(to_go):
        found = batch.tables.advantage.reshape(20, -1)[row, : len(expected)]
        torch.testing.assert_close(found, (expected - every.mean()) / every.std(), atol=1e-4, rtol=1e-4)


def test_a_critic_s_values_make_advantages_and_returns(rollouts: Rollouts) -> None:
    recipe = changed(advantage={"kind": "gae", "gamma": 0.9, "lam": 0.8, "whiten": False})
    batch, models, groups = setting(recipe, rollouts)
    values, lengths = batch.tables.values, torch.from_numpy(rollouts.completions.length_PG)
    returns = batch.tables.returns
    assert values is not None and returns is not None and values.any() and models.critic is not None
    expected = advantages.gae(groups.reward_PG, values, lengths, 0.9, 0.8)
    torch.testing.assert_close(batch.tables.advantage, expected)
    inside = values != 0
    torch.testing.assert_close(returns[inside], (expected + values)[inside])


def test_returns_are_of_the_advantage_before_whitening(rollouts: Rollouts) -> None:
    whitened, _, _ = setting(changed(advantage="gae"), rollouts)
    plain, _, _ = setting(changed(advantage={"kind": "gae", "whiten": False}), rollouts)
    assert whitened.tables.returns is not None and plain.tables.returns is not None
    assert torch.equal(whitened.tables.returns, plain.tables.returns)
    assert not torch.equal(whitened.tables.advantage, plain.tables.advantage)


def test_remax_s_baseline_is_the_policy_s_own_greedy_reward(
    rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, float | None]] = []
    real = RolloutWorker.by_policy

    def by_policy(
        self: RolloutWorker, problems: Sequence[Any], samples: int, seed: int, temperature: float | None = None
    ) -> Rollouts:
        asked.append((samples, temperature))
        found = real(self, problems, samples, seed, temperature)
        greedy.append(torch.tensor([float(row[0].answer_correct) for row in found.verdict_PG]))
        return found

    greedy: list[Tensor] = []
    monkeypatch.setattr(RolloutWorker, "by_policy", by_policy)
    batch, _, groups = setting(changed(advantage="remax"), rollouts)
    assert asked == [(1, 0.0)]
    torch.testing.assert_close(batch.tables.advantage[..., 0], groups.reward_PG - greedy[0][:, None])


def test_who_else_wrote_is_remembered(rollouts: Rollouts) -> None:
    batch, _, _ = setting(changed(sampling={"behavior": {"kind": "policy", "staleness": 1}}), rollouts)
    assert batch.tables.rollout_logp is not None
    assert torch.equal(batch.tables.rollout_logp, torch.from_numpy(rollouts.completions.logp_PGT))


def test_length_shaping_reaches_the_advantage_and_not_the_outcome(rollouts: Rollouts) -> None:
    plain, _, groups = setting(changed(advantage="reinforce"), rollouts)
    shaped, _, again = setting(
        changed(advantage="reinforce", reward={"length": {"kind": "overlong", "soft": 1.0}}), rollouts
    )
    assert torch.equal(groups.outcome_PG, again.outcome_PG)
    less = (plain.tables.advantage - shaped.tables.advantage)[..., 0]
    length_PG = torch.from_numpy(rollouts.completions.length_PG)
    # Over the whole limit of 5 tokens, a token costs 0.2; at the limit the cost is 1.
    torch.testing.assert_close(less, 0.2 * length_PG.float())
