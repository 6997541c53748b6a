from __future__ import annotations

import pytest
import torch

from edgewise.errors import InputError
from edgewise.rl import losses
from edgewise.rl.recipes import REWARDS, PpoClip, Recipe, Reinforce
from edgewise.spec import canonical_json, plain
from edgewise.tasks.base import Mark, Verdict

LOGP_N = torch.tensor([-1.0, -0.2, -3.0])
OLD_N = torch.tensor([-1.0, -1.0, -1.0])
ADVANTAGE_N = torch.tensor([1.0, 1.0, -1.0])


def test_a_recipe_hands_its_numbers_to_its_loss() -> None:
    loss_N, clipped_N = PpoClip(low=0.1, high=2.0).per_token(LOGP_N, OLD_N, ADVANTAGE_N)
    assert torch.equal(loss_N, losses.ppo_clip(LOGP_N, OLD_N, ADVANTAGE_N, 0.1, 2.0))
    assert clipped_N.tolist() == [0, 0, 1]
    loss_N, clipped_N = PpoClip(low=0.99, high=0.5).per_token(LOGP_N, OLD_N, ADVANTAGE_N)
    assert torch.equal(loss_N, losses.ppo_clip(LOGP_N, OLD_N, ADVANTAGE_N, 0.99, 0.5))
    assert clipped_N.tolist() == [0, 1, 0]
    loss_N, clipped_N = Reinforce().per_token(LOGP_N, OLD_N, ADVANTAGE_N)
    assert torch.equal(loss_N, losses.reinforce(LOGP_N, ADVANTAGE_N))
    assert clipped_N.tolist() == [0, 0, 0]


def test_rewards_of_verdicts() -> None:
    marks = (Mark.CORRECT, Mark.WRONG, Mark.UNSCORABLE)
    outcome = {(a, p): REWARDS["outcome"](Verdict(a, p)) for a in marks for p in marks}
    process = {(a, p): REWARDS["process"](Verdict(a, p)) for a in marks for p in marks}
    assert all(value == (a is Mark.CORRECT) for (a, _), value in outcome.items())
    assert all(value == (p is Mark.CORRECT) for (_, p), value in process.items())


def test_a_recipe_survives_the_file() -> None:
    recipe = Recipe(loss=Reinforce(), aggregation="constant", kl=0.1, reward="process")
    assert Recipe.parse(plain(recipe)) == recipe
    assert canonical_json(recipe) != canonical_json(Recipe(loss=PpoClip(), aggregation="constant", kl=0.1))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"samples": 1}, "samples"),
        ({"kl": -0.1}, "kl"),
        ({"advantage": "gae"}, "advantage"),
        ({"loss": {"loss": "ppo_clip", "low": 1.5}}, "low"),
        ({"loss": {"loss": "dpo"}}, "loss"),
        ({"aggregation": "mean"}, "aggregation"),
        ({"prompts": 2, "updates": 3}, "updates"),
    ],
)
def test_a_bad_recipe_names_its_field(fields: dict[str, object], name: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe.parse(fields, "recipe")
    assert name in str(caught.value) and "\n" not in str(caught.value)
