"""Dynamic sampling: which groups of rollouts a step trains on, and how often it samples again to fill its batch."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.spec import Spec


class Filters(Spec):
    """Filters of groups. All of them look at the binary outcome, never at a shaped reward.

    `drop_zero_variance` drops groups whose samples all have the same outcome (DAPO, ScaleRL). `resample_up_to` is how
    many further draws of as many prompts a step may make to fill its batch up again (DAPO's dynamic sampling); then the
    step goes on with the groups it has. `zero_success_gate` > 0 trains only on problems that the start model does not
    solve in that many draws (arXiv 2606.15455).
    """

    drop_zero_variance: bool = False
    resample_up_to: int = Field(0, ge=0)
    zero_success_gate: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _resampling_follows_a_filter(self) -> Self:
        if self.resample_up_to and not (self.drop_zero_variance or self.zero_success_gate):
            raise ValueError(
                "resample_up_to must be 0 where nothing is dropped; set drop_zero_variance or zero_success_gate first"
            )
        return self


def has_variance(outcome_PG: Tensor) -> Tensor:
    """Which problems [P] have samples of both outcomes: the only groups that group estimators learn from."""
    return outcome_PG.any(1) & ~outcome_PG.all(1)
