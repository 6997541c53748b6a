"""REINFORCE without a baseline: the advantage is the reward itself."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec


@ADVANTAGES.register
class NoBaseline(AdvantageSpec):
    """A = r, the net reward itself (Williams 1992)."""

    needs_group: ClassVar[bool] = False
    kind: Literal["reinforce"] = "reinforce"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return inputs.net_reward_PG
