"""What each token is credited with: the tables that the updates read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise.rl import advantages
from edgewise.rl.crediting import Credited, credit
from edgewise.rl.gathering import Gathered
from edgewise.rl.models import Models
from edgewise.rl.recipe import Recipe
from edgewise.rl.staleness import Past
from edgewise.rl.writing import Writing
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import CPU

from .bandit import TOKENIZER, WORLD, changed, decoder, draw, unpacked


def setting(recipe: Recipe, rollouts: Rollouts) -> tuple[Credited, Models, Gathered]:
    """Credited as the trainer does it, with a policy that has moved away from the start."""
    policy = decoder(0)
    models = Models.of(policy, decoder(5) if recipe.has_teacher else None, recipe)
    with torch.no_grad():
        for own, other in zip(policy.parameters(), decoder(9).parameters(), strict=True):
            own.add_(0.1 * other)
    if models.critic is not None:
        torch.nn.init.normal_(models.critic.value.weight, generator=torch.Generator().manual_seed(1))
    writing = Writing(models, Past(policy, 0), TOKENIZER, WORLD, recipe)
    groups = Gathered(rollouts, *recipe.reward.grade(WORLD, rollouts, 3))
    return credit(groups, models, writing, WORLD, recipe, 2, 3, CPU), models, groups


@pytest.fixture(scope="module")
def rollouts() -> Rollouts:
    found = draw(decoder(), problems=5, samples=4)
    assert any(verdict.answer_correct for row in found.verdict_PG for verdict in row)
    return found


def test_a_sample_s_advantage_is_that_of_each_of_its_tokens(rollouts: Rollouts) -> None:
    credited, _, groups = setting(changed(advantage="rloo"), rollouts)
    expected_PG = advantages.rloo(groups.reward_PG)
    assert set(credited.tables) == {"advantage"}
    assert torch.equal(credited.tables["advantage"], expected_PG[..., None].expand_as(credited.tables["advantage"]))
    assert credited.effective_batch == int((expected_PG != 0).sum())


@pytest.mark.parametrize("to", ["reference", "teacher"])
@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_a_kl_in_the_reward_costs_each_token_its_log_ratio(rollouts: Rollouts, to: str, temperature: float) -> None:
    kl = {"coefficient": 0.3, "estimator": "k1", "place": "reward", "to": to}
    credited, models, groups = setting(changed(advantage="rloo", kl=kl, temperature=temperature), rollouts)
    other = models.start if to == "reference" else models.teacher
    assert other is not None
    with torch.no_grad():
        own = [logp for _, logp in unpacked(models.policy, rollouts, temperature)]
        theirs = [logp for _, logp in unpacked(other, rollouts, temperature)]
    cost_PG = torch.tensor([float((a - b).sum()) for a, b in zip(own, theirs, strict=True)]).view(5, 4)
    expected_PG = advantages.rloo(groups.reward_PG - 0.3 * cost_PG)
    torch.testing.assert_close(credited.tables["advantage"][..., 0], expected_PG, atol=1e-5, rtol=1e-4)


def test_reinforce_plus_plus_pays_the_cost_of_what_follows(rollouts: Rollouts) -> None:
    kl = {"coefficient": 0.3, "estimator": "k1", "place": "reward"}
    credited, models, groups = setting(changed(advantage="reinforce_plus_plus", kl=kl), rollouts)
    with torch.no_grad():
        pairs = zip(unpacked(models.policy, rollouts), unpacked(models.start, rollouts), strict=True)
        costs = [0.3 * (own - other) for (_, own), (_, other) in pairs]
    to_go = [float(groups.reward_PG.ravel()[row]) - cost.flip(0).cumsum(0).flip(0) for row, cost in enumerate(costs)]
    every = torch.cat(to_go)
    for row, expected in enumerate(to_go):
        found = credited.tables["advantage"].reshape(20, -1)[row, : len(expected)]
        torch.testing.assert_close(found, (expected - every.mean()) / every.std(), atol=1e-4, rtol=1e-4)


def test_a_critic_s_values_make_advantages_and_returns(rollouts: Rollouts) -> None:
    recipe = changed(advantage={"advantage": "gae", "gamma": 0.9, "lam": 0.8, "whiten": False})
    credited, models, groups = setting(recipe, rollouts)
    values, lengths = credited.tables["values"], torch.from_numpy(rollouts.completions.length_PG)
    assert values.any() and models.critic is not None
    expected = advantages.gae(groups.reward_PG, values, lengths, 0.9, 0.8)
    torch.testing.assert_close(credited.tables["advantage"], expected)
    inside = values != 0
    torch.testing.assert_close(credited.tables["returns"][inside], (expected + values)[inside])


def test_returns_are_of_the_advantage_before_whitening(rollouts: Rollouts) -> None:
    whitened, _, _ = setting(changed(advantage="gae"), rollouts)
    plain, _, _ = setting(changed(advantage={"advantage": "gae", "whiten": False}), rollouts)
    assert torch.equal(whitened.tables["returns"], plain.tables["returns"])
    assert not torch.equal(whitened.tables["advantage"], plain.tables["advantage"])


def test_remax_s_baseline_is_the_policy_s_own_greedy_reward(
    rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, float]] = []
    real = Writing.by_policy

    def by_policy(self: Writing, problems: Sequence[Any], samples: int, seed: int, temperature: float) -> Rollouts:
        asked.append((samples, temperature))
        found = real(self, problems, samples, seed, temperature)
        greedy.append(torch.tensor([float(row[0].answer_correct) for row in found.verdict_PG]))
        return found

    greedy: list[Tensor] = []
    monkeypatch.setattr(Writing, "by_policy", by_policy)
    credited, _, groups = setting(changed(advantage="remax"), rollouts)
    assert asked == [(1, 0.0)]
    torch.testing.assert_close(credited.tables["advantage"][..., 0], groups.reward_PG - greedy[0][:, None])


def test_who_else_wrote_is_remembered(rollouts: Rollouts) -> None:
    credited, _, _ = setting(changed(staleness=1), rollouts)
    assert torch.equal(credited.tables["drawn_logp"], torch.from_numpy(rollouts.completions.logp_PGT))


def test_length_shaping_reaches_the_advantage_and_not_the_outcome(rollouts: Rollouts) -> None:
    plain, _, groups = setting(changed(advantage="reinforce"), rollouts)
    shaped, _, again = setting(changed(advantage="reinforce", length={"length": "overlong", "soft": 1.0}), rollouts)
    assert torch.equal(groups.outcome_PG, again.outcome_PG)
    less = (plain.tables["advantage"] - shaped.tables["advantage"])[..., 0]
    length_PG = torch.from_numpy(rollouts.completions.length_PG)
    # Over the whole limit of 5 tokens, a token costs 0.2; at the limit the cost is 1.
    torch.testing.assert_close(less, 0.2 * length_PG.float())
