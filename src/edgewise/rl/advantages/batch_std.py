"""ScaleRL's batch normalisation: centred within each group, divided by the deviation over the batch."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.model.fixed_order import average, square_root, total
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.dr_grpo import dr_grpo
from edgewise.rl.advantages.whitening import VARIANCE_FLOOR
from edgewise.rl.description import Description


def batch_std(rewards: Tensor) -> Tensor:
    """(r - mean of the group) / standard deviation of these differences over the batch.

    Khatri et al. 2025 (ScaleRL, arXiv 2510.13786), sec. 3; the sample standard deviation (the paper does not say
    which), its square at least 1e-8. Groups of equal rewards get exactly 0 and still lower that deviation; ScaleRL
    drops them first.
    """
    centred_PG = dr_grpo(rewards)
    centred = centred_PG.flatten() - average(centred_PG.flatten())
    variance = total(centred.square()) / (centred.numel() - 1)
    return centred_PG / square_root(variance.clamp(min=VARIANCE_FLOOR))


@ADVANTAGES.register
class BatchStd(AdvantageSpec):
    """`batch_std` of the net rewards."""

    kind: Literal["batch_std"] = "batch_std"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return batch_std(inputs.net_reward_PG)


DESCRIPTIONS = (
    Description(
        title="ScaleRL, batch std",
        function=batch_std,
        recipe="advantage=batch_std",
        source="Khatri et al. 2025, arXiv 2510.13786, sec. 3",
        formula=r"A_i = \frac{r_i - \bar r}{\mathrm{std}_{batch}(r - \bar r)}",
        assumes="Groups of at least 2; sample std (the paper does not say), its square at least 1e-8.",
        update="As Dr. GRPO up to one factor for each batch; groups of equal rewards get exactly 0.",
        use=(
            "As above, without the mean over tokens. The paper finds the same final performance with the std of the"
            " group, of the batch, and without one."
        ),
        zero_if_equal=True,
    ),
)
