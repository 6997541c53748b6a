"""GRPO: rewards centred and divided by the standard deviation of each problem's group."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.model.fixed_order import square_root, total
from edgewise.rl.advantages._checks import check_choice
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.dr_grpo import dr_grpo
from edgewise.rl.description import Description


def grpo(rewards: Tensor, std: Literal["sample", "population"] = "sample", epsilon: float = 1e-6) -> Tensor:
    """(r - mean) / (std + epsilon) within each group; a group of equal rewards gets exactly 0.

    Shao et al. 2024 (arXiv 2402.03300), sec. 4.1.2. The paper does not say which standard deviation: "sample" divides
    by n - 1, as verl and TRL do, "population" by n. This is not the gradient of the mean reward: with 0/1 rewards a
    problem of pass rate p is weighed by about 1 / sqrt(p (1 - p)).
    """
    check_choice("std", std, ("sample", "population"))
    centred_PG = dr_grpo(rewards)
    count = rewards.shape[1] - (1 if std == "sample" else 0)
    std_P1 = square_root(total(centred_PG.square()) / count).unsqueeze(1)
    return centred_PG / (std_P1 + epsilon)


@ADVANTAGES.register
class Grpo(AdvantageSpec):
    """`grpo` of the net rewards."""

    kind: Literal["grpo"] = "grpo"
    std: Literal["sample", "population"] = "sample"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return grpo(inputs.net_reward_PG, self.std)


DESCRIPTIONS = (
    Description(
        title="GRPO",
        function=grpo,
        recipe="advantage=grpo",
        source="Shao et al. 2024, arXiv 2402.03300, sec. 4.1.2",
        formula=r"A_i = \frac{r_i - \bar r}{\mathrm{std}(r) + 10^{-6}}",
        assumes=(
            "Groups of at least 2. The paper does not say which std it uses. The default is the sample std (n - 1;"
            " verl, TRL); `advantage=grpo advantage.std=population` divides by n."
        ),
        update=(
            r"Biased across problems: w(p) tends to $`1/\sqrt{p(1-p)}`$. At n = 8 it reaches 0.93 of that at p = 0.5"
            " and 0.54 at p = 0.05 (population std, exact). With graded rewards the direction is biased too (cosine"
            " 0.979 in our test)."
        ),
        use="The baseline of most papers. Rare failures on nearly solved problems get large advantages.",
        zero_if_equal=True,
    ),
)
