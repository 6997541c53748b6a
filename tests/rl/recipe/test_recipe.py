from __future__ import annotations

from typing import Any

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, digest, override, plain
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipe.penalty import Kl

GOLD = {"writer": "gold", "samples": 1, "advantage": "everything"}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"samples": 1}, "samples"),
        ({"samples": 4, "advantage": {"advantage": "pkpo", "k": 8}}, "samples"),
        ({"samples": 4, "advantage": {"advantage": "pass_at_k", "k": 4}}, "samples"),
        ({"kl": {"coefficient": -0.1}}, "kl.coefficient"),
        ({"kl": {"coefficient": 0.1, "place": "reward"}}, "estimator"),
        ({"kl": {"coefficient": 0.1, "clamp": 1.0}}, "clamp"),
        ({"advantage": "a2c"}, "advantage"),
        ({"loss": {"loss": "ppo_clip", "low": 0}}, "low"),
        ({"loss": "dpo"}, "loss"),
        ({"loss": "natural_gradient", "updates": 2}, "natural_gradient"),
        ({"loss": "natural_gradient", "staleness": 1}, "natural_gradient"),
        ({"aggregation": "mean"}, "aggregation"),
        ({"prompts": 2, "updates": 3}, "updates"),
        ({**GOLD, "samples": 2}, "samples"),
        ({**GOLD, "staleness": 1}, "staleness"),
        ({"writer": "start", "logit_noise": 0.1}, "logit_noise"),
        ({**GOLD, "groups": {"mixed_only": True}}, "samples"),
        ({"groups": {"refill": 3}}, "refill"),
        ({"reset": {"reset": "period", "every": 5}}, "reset"),
        ({"reset": {"reset": "period", "every": 5}, "kl": {"coefficient": 0.1, "to": "teacher"}}, "reset"),
        ({"advantage": "pass_at_k", "reward": {"reward": "mixture", "alpha": 0.5}}, "pass_at_k"),
        ({"advantage": "maxrl", "length": "overlong"}, "maxrl"),
        (
            {"advantage": "maxrl", "kl": {"coefficient": 0.1, "place": "reward", "estimator": "k1"}},
            "maxrl",
        ),
        ({"correction": {"correction": "truncated", "cap": 0.5}}, "cap"),
        ({"temperature": 0}, "temperature"),
    ],
)
def test_a_recipe_that_cannot_be_run_names_its_field(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe.parse(fields, "recipe")
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_choices_may_be_named_without_their_numbers() -> None:
    named = Recipe.parse({"advantage": "rloo", "loss": "cispo", "correction": "masked", "reward": "process"})
    assert plain(named)["loss"] == {"loss": "cispo", "least": 0.0, "most": 5.0}
    assert override(named, ["advantage=opo", "kl.coefficient=0.1"]).advantage.advantage == "opo"


def test_a_recipe_survives_the_file() -> None:
    recipe = Recipe.parse({"advantage": {"advantage": "pkpo", "k": {"k": 8, "then": 1}}, "loss": "gspo", "epochs": 2})
    assert Recipe.parse(plain(recipe)) == recipe
    assert canonical_json(recipe) != canonical_json(Recipe())


def test_a_label_decides_nothing() -> None:
    labelled = Recipe(label="mine 1")
    assert digest(labelled) == digest(Recipe()) and plain(labelled)["label"] == "mine 1"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, True), ({"updates": 4}, True), ({"staleness": 1}, False), ({"logit_noise": 0.1}, False), (GOLD, False)],
)
def test_on_policy_is_what_the_trained_policy_wrote_itself(fields: dict[str, Any], expected: bool) -> None:
    assert Recipe.parse(fields).on_policy is expected


def test_a_teacher_takes_part_by_writing_or_by_pulling() -> None:
    assert not Recipe().has_teacher
    assert Recipe.parse({"writer": "teacher"}).has_teacher
    assert Recipe.parse({"kl": {"coefficient": 1, "to": "teacher"}}).has_teacher
    assert not Recipe.parse({"kl": {"coefficient": 0, "to": "teacher"}}).has_teacher


def test_a_clamped_kl_has_no_gradient_beyond_its_clamp() -> None:
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    logp = torch.tensor([-1.0, -1.0, -6.0], requires_grad=True)
    other = torch.tensor([-1.5, -9.0, -1.0])
    for estimator in ("k2", "k3"):
        kl = Kl(coefficient=1.0, estimator=estimator, clamp=2.0)
        (gradient,) = torch.autograd.grad(kl.per_token(logits, logp, logits, other).sum(), logp)
        assert gradient[0] != 0 and gradient[1:].tolist() == [0, 0]
