"""REINFORCE++ with the group's mean as baseline: centred within each group, then whitened over the batch."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.dr_grpo import dr_grpo
from edgewise.rl.advantages.whitening import token_counts, whitened
from edgewise.rl.description import Description


def reinforce_plus_plus_baseline(rewards: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Subtract the group's mean from each reward, then whiten over the batch as `reinforce_plus_plus` does.

    Hu et al. 2025 (arXiv 2501.03262); used by ProRL v2 and BroRL. With lengths the second mean is over tokens and need
    not be 0, so a group of equal rewards can get a small advantage; that is the published form.
    """
    return whitened(dr_grpo(rewards), token_counts(rewards, lengths))


@ADVANTAGES.register
class ReinforcePlusPlusBaseline(AdvantageSpec):
    """`reinforce_plus_plus_baseline` of the net rewards, every token counted."""

    kind: Literal["reinforce_plus_plus_baseline"] = "reinforce_plus_plus_baseline"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return reinforce_plus_plus_baseline(inputs.net_reward_PG, inputs.length_PG)


DESCRIPTIONS = (
    Description(
        title="REINFORCE++, group baseline",
        function=reinforce_plus_plus_baseline,
        recipe="advantage=reinforce_plus_plus_baseline",
        source="Hu et al. 2025, arXiv 2501.03262; ProRL v2, BroRL (arXiv 2510.01180)",
        formula=r"A_i = \frac{a_i - \mathrm{mean}_{batch}(a)}{\mathrm{std}_{batch}(a)}, \quad a_i = r_i - \bar r",
        assumes="Groups of at least 2; mean and std over the batch's tokens.",
        update=(
            "As Dr. GRPO up to one factor for each batch, so the relative weights of problems stay. The mean of a"
            " over tokens need not be 0. Groups of equal rewards then get a small advantage, as published."
        ),
        use="For a step size that does not depend on the difficulty of the batch.",
    ),
)
