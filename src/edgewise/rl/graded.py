"""What is known of a step's samples when credit is given."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Graded:
    """The graded samples of one step: P problems x G samples, and T tokens where it says so.

    `outcome_PG` (bool) is the binary outcome that the reward starts from and `reward_PG` (float) the
    reward after shaping. `length_PG` counts tokens; `logp_PG` is the mean log-probability of a
    sample's tokens under the policy that drew it, so that its negative estimates the entropy per
    token. `step` of `steps` drives schedules; `seed` is of this step alone.

    The rest is there where the recipe asks for it: `penalty_PGT` is what each token costs (a KL in
    the reward), `values_PGT` what a critic expects before each token, both 0 beyond a sample's
    length, and `greedy_P` the reward of the greedy completion.
    """

    reward_PG: Tensor
    outcome_PG: Tensor
    length_PG: Tensor
    logp_PG: Tensor
    step: int
    steps: int
    seed: int
    penalty_PGT: Tensor | None = None
    values_PGT: Tensor | None = None
    greedy_P: Tensor | None = None

    @property
    def net_PG(self) -> Tensor:
        """The reward less what the tokens cost."""
        return self.reward_PG if self.penalty_PGT is None else self.reward_PG - self.penalty_PGT.sum(-1)
