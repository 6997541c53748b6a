"""OPO: the group's length-weighted mean reward as the baseline."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.model.fixed_order import total
from edgewise.rl.advantages._checks import check_group, check_lengths, zero_where_equal
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.description import Description


def opo(rewards: Tensor, lengths: Tensor) -> Tensor:
    """r minus the group's mean reward weighted by length, in tokens.

    Hao et al. 2025 (arXiv 2505.23585): the baseline of least variance is the mean weighted by the squared norm of each
    sample's score, which is taken to grow with its length.
    """
    check_group(rewards)
    check_lengths(lengths, rewards)
    weight_PG = lengths.to(rewards.dtype)
    baseline_P1 = (total(rewards * weight_PG) / total(weight_PG)).unsqueeze(1)
    return zero_where_equal(rewards - baseline_P1, rewards)


@ADVANTAGES.register
class Opo(AdvantageSpec):
    """`opo` of the net rewards."""

    kind: Literal["opo"] = "opo"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return opo(inputs.net_reward_PG, inputs.length_PG)


DESCRIPTIONS = (
    Description(
        title="OPO",
        function=opo,
        recipe="advantage=opo",
        source="Hao et al. 2025, arXiv 2505.23585",
        formula=r"A_i = r_i - \frac{\sum_j l_j r_j}{\sum_j l_j}, \quad l = \text{length in tokens}",
        assumes="The squared norm of a score grows with length. Then this baseline has the least variance.",
        update=(
            "With equal lengths it is Dr. GRPO (exact). Otherwise each sample enters its own baseline with its share"
            " of the tokens."
        ),
        use="When lengths differ much.",
        weight=lambda p, n: (n - 1) / n,
        zero_if_equal=True,
    ),
)
