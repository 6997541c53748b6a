"""REINFORCE++ with the group's mean as baseline: centred within each group, then whitened over the batch."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.dr_grpo import dr_grpo
from edgewise.rl.advantages.whitening import token_counts, whitened


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
