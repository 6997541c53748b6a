"""What may have other bits on another machine is said with its reason, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from edgewise.core.distributed import Distributed
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import SamplingParams
from edgewise.study.other_bits import other_bits
from edgewise.study.stages import RL, Evaluate, Pretrain, Stage
from edgewise.tasks import ModularArithmetic
from edgewise.training.execution import Execution
from edgewise.training.next_token import NextTokenSpec
from tests.model.native.present import needs_kernels

WORLD = ModularArithmetic()
BASE = Pretrain(world=WORLD)
NOISY = Recipe.model_validate({"sampling": {"behavior": {"kind": "policy", "logit_noise": 0.1}}})


@needs_kernels
@pytest.mark.parametrize(
    ("stage", "reasons"),
    [
        (BASE, ()),
        (Pretrain(world=WORLD, training=NextTokenSpec(precision="bf16")), ("training.precision bf16",)),
        (RL(parent=BASE, world=WORLD), ()),
        (RL(parent=BASE, world=WORLD, recipe=Recipe(precision="bf16")), ("recipe.precision bf16",)),
        (Evaluate(parent=BASE, world=WORLD, sampling=SamplingParams(top_p=0.9)), ("sampling.top_p 0.9",)),
        (RL(parent=BASE, world=WORLD, recipe=NOISY), ("recipe.sampling.behavior.logit_noise 0.1",)),
        # A child of what torch computed reads what that recorded, whatever it is.
        (Evaluate(parent=RL(parent=BASE, world=WORLD, recipe=NOISY), world=WORLD), ()),
    ],
)
def test_what_a_spec_asks_of_torch_is_named(stage: Stage, reasons: tuple[str, ...]) -> None:
    assert other_bits(stage, Execution()) == reasons


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"backend": "torch"}, ("backend torch",)),
        ({"backend": "inductor"}, ("backend inductor",)),
        ({"device": torch.device("cuda")}, ("device cuda", "backend torch")),
        ({"backend": "torch", "distributed": Distributed(0, 4)}, ("4 ranks", "backend torch")),
    ],
)
def test_an_execution_is_named(fields: dict[str, Any], reasons: tuple[str, ...]) -> None:
    assert other_bits(BASE, Execution(**fields)) == reasons
    assert other_bits(BASE, Execution(**fields), "qk_norm") == reasons, "torch computes it in any case"


@needs_kernels
def test_a_model_that_is_beyond_the_kernels_is_named() -> None:
    assert other_bits(BASE, Execution(), "qk_norm") == ("backend torch for qk_norm",)
