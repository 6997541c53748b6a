"""RL ends at the first reward, loss, gradient or value that is no number."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder
from edgewise.rl.losses.base import LOSSES, LossAndMetrics, LossInputs, PolicyLossSpec
from edgewise.rl.recipe import Recipe
from edgewise.rl.rewards.base import REWARDS, RewardFunction, by_verdict
from edgewise.rl.rewards.correctness import Outcome, outcome
from edgewise.rl.train import train
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Verdict, World
from edgewise.training.run_folder import RunFolder

from .bandit import SHAPE, TOKENIZER, WORLD, changed


def no_number(verdict: Verdict) -> float:
    return outcome(verdict) if verdict.answer_correct else math.nan


@REWARDS.register
class NoNumber(RewardFunction):
    """NaN where the answer is wrong."""

    kind: Literal["no_number"] = "no_number"

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return Outcome().score(world, rollouts, seed)[0], by_verdict(rollouts, no_number)


@LOSSES.register
class NoLoss(PolicyLossSpec):
    """NaN with a gradient that is a number."""

    kind: Literal["no_loss"] = "no_loss"

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return inputs.logp_N + math.nan, {"empty": torch.full_like(inputs.logp_N, math.nan).detach()}


DIVERGED = "logits are not numbers|(policy_loss|grad_norm|entropy) is (nan|inf)"
FAST = {"learning_rate": 1e37, "warmup": 0.0}
BROKEN: dict[str, tuple[Recipe, str, str]] = {
    "policy": (changed(optimizer=FAST), DIVERGED, ""),
    "kl": (
        changed(
            optimizer={"learning_rate": 3.0, "minibatches": 2}, loss={"kl": {"coefficient": 0.1, "estimator": "k3"}}
        ),
        "(policy_loss|grad_norm) is (nan|inf)",
        "or bound the log-ratio of the KL by loss.kl.clamp",
    ),
    "critic": (
        changed(advantage={"kind": "gae", "critic": {"optimizer": FAST}}),
        r"value_(loss|grad_norm) is \S+|values: must be finite",
        "",
    ),
    "reward": (
        changed(reward={"function": "no_number"}),
        "reward is nan",
        "reward.function no_number must give every sample a finite number",
    ),
    "loss": (changed(loss={"function": "no_loss"}), "policy_loss is nan", "lower optimizer.learning_rate"),
}


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("name", BROKEN)
def test_rl_ends_where_a_number_is_none(tmp_path: Path, name: str, backend: str) -> None:
    recipe, named, remedy = BROKEN[name]
    for _ in range(2):
        model = Decoder(SHAPE, len(TOKENIZER), seed=0, backend=backend)
        with pytest.raises(InputError, match=named) as caught:
            train(model, TOKENIZER, WORLD, recipe, 0, RunFolder(tmp_path, checkpoint_seconds=0.0))
        message = str(caught.value)
        assert message.startswith(f"{tmp_path}: step ") and remedy in message and "\n" not in message
        log = tmp_path / "metrics.jsonl"
        text = log.read_text() if log.exists() else ""
        assert text.count("\n") < recipe.steps and "NaN" not in text and "Infinity" not in text


def test_the_loss_and_the_critics_gradient_are_logged(tmp_path: Path) -> None:
    recipe = changed(advantage="gae", steps=2)
    train(Decoder(SHAPE, len(TOKENIZER), seed=0), TOKENIZER, WORLD, recipe, 0, RunFolder(tmp_path))
    first, *_ = (json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    assert math.isfinite(first["policy_loss"]) and first["value_grad_norm"] > 0
