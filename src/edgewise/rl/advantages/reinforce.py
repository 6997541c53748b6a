"""REINFORCE without a baseline: the advantage is the reward itself."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.description import Description


@ADVANTAGES.register
class NoBaseline(AdvantageSpec):
    """A = r, the net reward itself (Williams 1992)."""

    needs_group: ClassVar[bool] = False
    kind: Literal["reinforce"] = "reinforce"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return inputs.net_reward_PG


DESCRIPTIONS = (
    Description(
        title="REINFORCE",
        function="no function: the reward itself",
        recipe="advantage=reinforce",
        source="Williams 1992",
        formula=r"A_i = r_i",
        assumes="One sample per problem is enough.",
        update=(
            "Unbiased: w(p) = 1 (exact). Only right samples give signal. There is no baseline, so the variance is"
            " large."
        ),
        use="As a control, and to measure the bias of others against it.",
        weight=lambda p, n: 1.0,
    ),
)
