"""Indicator weights of the supervised controls: 1 for the samples whose likelihood is raised, 0 for the others.

They are no advantages in the sense of a baseline: with the loss `reinforce` the update is the likelihood of the
samples with weight 1.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.description import Description


@ADVANTAGES.register
class IndicatorOfCorrect(AdvantageSpec):
    """1 where the outcome is right, else 0, whatever the reward: rejection fine-tuning."""

    needs_group: ClassVar[bool] = False
    kind: Literal["indicator_correct"] = "indicator_correct"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return inputs.outcome_PG.to(inputs.reward_PG.dtype)


@ADVANTAGES.register
class IndicatorOfAll(AdvantageSpec):
    """1 for every sample, whatever the reward: supervised fine-tuning, distillation by likelihood."""

    needs_group: ClassVar[bool] = False
    kind: Literal["indicator_all"] = "indicator_all"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return torch.ones_like(inputs.reward_PG)


@ADVANTAGES.register
class IndicatorOfNone(AdvantageSpec):
    """0 for every sample: only what the loss adds by itself, such as a KL, acts."""

    needs_group: ClassVar[bool] = False
    kind: Literal["indicator_none"] = "indicator_none"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return torch.zeros_like(inputs.reward_PG)


DESCRIPTIONS = (
    Description(
        title="Rejection fine-tuning weights",
        function="no function: the outcome",
        recipe="advantage=indicator_correct",
        source="STaR, RFT; `sampling.behavior=start` for matched draws, `sampling.behavior=policy` online",
        formula=r"A_i = [\text{outcome right}]",
        assumes="Uses the binary outcome, never the shaped reward.",
        update=(
            "On samples of the policy w(p) = 1: REINFORCE without a baseline. On samples of the start model, the"
            " policy converges to that model's right completions."
        ),
        use=(
            "As the control with equal draws for every RL claim. The arms at the end of this page use"
            " `advantage=indicator_all` (A = 1) and `advantage=indicator_none` (A = 0)."
        ),
        weight=lambda p, n: 1.0,
    ),
)
