"""REINFORCE++: rewards whitened over the whole batch; no group is needed."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from edgewise.rl.advantages._checks import check_rewards
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.reward_to_go import reward_to_go
from edgewise.rl.advantages.whitening import token_counts, whiten, whitened
from edgewise.rl.description import Description


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


DESCRIPTIONS = (
    Description(
        title="REINFORCE++",
        function=reinforce_plus_plus,
        recipe="advantage=reinforce_plus_plus",
        source="Hu et al. 2025, arXiv 2501.03262; tokens counted as in verl",
        formula=r"A_i = \frac{r_i - \mathrm{mean}_{batch}(r)}{\mathrm{std}_{batch}(r)}",
        assumes=(
            "A batch with more than one outcome. With a KL in the reward, `reward_to_go` and `whiten` act token by"
            " token."
        ),
        update=(
            "All problems have the same weight: w is one number in a large batch. All share one baseline, so every"
            " group gives signal: solved groups are pushed up, unsolved ones down."
        ),
        use="With one sample per problem. With groups, a baseline for each problem has less variance.",
    ),
)
