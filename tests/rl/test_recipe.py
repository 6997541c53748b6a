from __future__ import annotations

from typing import Any

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, digest, override, plain
from edgewise.rl.kl import KlSpec
from edgewise.rl.recipe import Recipe

GOLD = {"sampling": {"behavior": "gold", "samples": 1}, "advantage": "indicator_all"}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"sampling": {"samples": 1}}, "samples"),
        ({"sampling": {"samples": 4}, "advantage": {"kind": "pkpo", "k": 8}}, "samples"),
        ({"sampling": {"samples": 4}, "advantage": {"kind": "pass_at_k_training", "k": 4}}, "samples"),
        ({"loss": {"kl": {"coefficient": -0.1}}}, "kl.coefficient"),
        ({"loss": {"kl": {"coefficient": 0.1, "place": "reward"}}}, "loss.kl: estimator"),
        ({"loss": {"kl": {"coefficient": 0.1, "clamp": 1.0}}}, "clamp"),
        ({"advantage": "a2c"}, "advantage"),
        ({"loss": {"function": {"kind": "ppo_clip", "low": 0}}}, "low"),
        ({"loss": {"function": "dpo"}}, "loss"),
        ({"loss": {"function": "natural_gradient"}, "optimizer": {"minibatches": 2}}, "natural_gradient"),
        (
            {"sampling": {"behavior": {"kind": "policy", "staleness": 1}}, "loss": {"function": "natural_gradient"}},
            "natural_gradient",
        ),
        ({"loss": {"normalization": "mean"}}, "loss.normalization"),
        ({"sampling": {"prompts": 2}, "optimizer": {"minibatches": 3}}, "optimizer.minibatches"),
        ({"sampling": {"behavior": "gold", "samples": 2}, "advantage": "indicator_all"}, "sampling: samples"),
        ({"sampling": {"behavior": {"kind": "gold", "staleness": 1}}}, "sampling.behavior.gold.staleness"),
        ({"sampling": {"behavior": {"kind": "start", "logit_noise": 0.1}}}, "logit_noise"),
        (
            {"sampling": {"samples": 1, "filters": {"drop_zero_variance": True}}, "advantage": "indicator_all"},
            "sampling: samples",
        ),
        ({"sampling": {"filters": {"resample_up_to": 3}}}, "sampling.filters: resample_up_to must be 0"),
        ({"loss": {"kl": {"reset": {"kind": "period", "every": 5}}}}, "reset"),
        ({"loss": {"kl": {"coefficient": 0.1, "target": "teacher", "reset": {"kind": "period", "every": 5}}}}, "reset"),
        ({"advantage": "pass_at_k_training", "reward": {"function": {"kind": "mixture", "alpha": 0.5}}}, "pass_at_k"),
        ({"advantage": "maxrl", "reward": {"length": "overlong"}}, "maxrl"),
        (
            {"advantage": "maxrl", "loss": {"kl": {"coefficient": 0.1, "place": "reward", "estimator": "k1"}}},
            "maxrl",
        ),
        ({"loss": {"correction": {"kind": "truncated", "cap": 0.5}}}, "cap"),
        ({"sampling": {"temperature": 0}}, "sampling.temperature"),
        ({"reward": "process"}, "reward: is a group of fields; set one of them, such as reward.function=process"),
        ({"advantage": {"kind": "grpo", "critic": {}}}, "advantage.critic"),
    ],
)
def test_a_recipe_that_cannot_be_run_names_its_field(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe.parse(fields, "recipe")
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_choices_may_be_named_without_their_numbers() -> None:
    named = Recipe.parse(
        {"advantage": "rloo", "loss": {"function": "cispo", "correction": "masked"}, "reward": {"function": "process"}}
    )
    assert plain(named)["loss"]["function"] == {"kind": "cispo", "least": 0.0, "most": 5.0}
    assert override(named, ["advantage=opo", "loss.kl.coefficient=0.1"]).advantage.kind == "opo"


def test_a_recipe_survives_the_file() -> None:
    recipe = Recipe.parse(
        {
            "advantage": {"kind": "pkpo", "k": {"first": 8, "then": 1}},
            "loss": {"function": "gspo"},
            "optimizer": {"epochs": 2},
        }
    )
    assert Recipe.parse(plain(recipe)) == recipe
    assert canonical_json(recipe) != canonical_json(Recipe())


def test_a_label_decides_nothing() -> None:
    labelled = Recipe(label="mine 1")
    assert digest(labelled) == digest(Recipe()) and plain(labelled)["label"] == "mine 1"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"optimizer": {"minibatches": 4}}, True),
        ({"sampling": {"behavior": {"kind": "policy", "staleness": 1}}}, False),
        ({"sampling": {"behavior": {"kind": "policy", "logit_noise": 0.1}}}, False),
        (GOLD, False),
    ],
)
def test_on_policy_is_what_the_trained_policy_wrote_itself(fields: dict[str, Any], expected: bool) -> None:
    assert Recipe.parse(fields).sampling.on_policy is expected


def test_a_teacher_takes_part_by_writing_or_by_pulling() -> None:
    assert not Recipe().has_teacher
    assert Recipe.parse({"sampling": {"behavior": "teacher"}}).has_teacher
    assert Recipe.parse({"loss": {"kl": {"coefficient": 1, "target": "teacher"}}}).has_teacher
    assert not Recipe.parse({"loss": {"kl": {"coefficient": 0, "target": "teacher"}}}).has_teacher


def test_a_clamped_kl_has_no_gradient_beyond_its_clamp() -> None:
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    logp = torch.tensor([-1.0, -1.0, -6.0], requires_grad=True)
    other = torch.tensor([-1.5, -9.0, -1.0])
    for estimator in ("k2", "k3"):
        kl = KlSpec(coefficient=1.0, estimator=estimator, clamp=2.0)
        (gradient,) = torch.autograd.grad(kl.per_token(logits, logp, logits, other).sum(), logp)
        assert gradient[0] != 0 and gradient[1:].tolist() == [0, 0]
