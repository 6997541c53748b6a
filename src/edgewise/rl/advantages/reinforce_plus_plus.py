"""REINFORCE++: rewards whitened over the whole batch; no group is needed."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from edgewise.rl.advantages._checks import check_rewards
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.reward_to_go import reward_to_go
from edgewise.rl.advantages.whitening import token_counts, whiten, whitened


def reinforce_plus_plus(rewards: Tensor, lengths: Tensor | None = None) -> Tensor:
    """(r - mean) / std over all samples of the batch; exactly 0 where all are equal.

    Hu et al. 2025 (arXiv 2501.03262), as verl has it: with `lengths` each sample counts once per token, so mean and
    sample variance are those of the batch's tokens. The variance is at least 1e-8. There is no group: one sample per
    problem is enough.
    """
    check_rewards(rewards)
    return whitened(rewards, token_counts(rewards, lengths))


@ADVANTAGES.register
class ReinforcePlusPlus(AdvantageSpec):
    """`reinforce_plus_plus`; with penalties, the whitened reward to go of each token."""

    needs_group: ClassVar[bool] = False
    kind: Literal["reinforce_plus_plus"] = "reinforce_plus_plus"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        if inputs.penalty_PGT is None:
            return reinforce_plus_plus(inputs.reward_PG, inputs.length_PG)
        to_go_PGT = reward_to_go(inputs.reward_PG, inputs.penalty_PGT, inputs.length_PG)
        return whiten(to_go_PGT, inputs.length_PG)
