"""Which of the groups that were drawn are trained on."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from edgewise.core.spec import Spec


class Groups(Spec):
    """Filters of groups. All of them look at the binary outcome, never at a shaped reward.

    `mixed_only` drops groups whose samples all have the same outcome (zero variance: DAPO, ScaleRL).
    `refill` is how many further draws of as many prompts a step may make to fill its batch up again
    (DAPO's dynamic sampling); then it goes on with what there is. `gate` > 0 trains only on problems
    that the start model does not solve in that many draws (zero-success gating, arXiv 2606.15455).
    """

    mixed_only: bool = False
    refill: int = Field(0, ge=0)
    gate: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _refill_follows_a_filter(self) -> Self:
        if self.refill and not (self.mixed_only or self.gate):
            raise ValueError("refill: nothing is dropped; set mixed_only or gate, or leave refill at 0")
        return self
