"""The k of a pass@k objective as a function of the step: constant, or annealed once."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from edgewise.core.spec import Spec


class KSchedule(Spec):
    """k = `first`, and from the share `at` of the steps on k = `then`, where there is one. A bare int is that k.

    PKPO's annealing is first = 8, then = 1: exploration first, then pass@1.
    """

    first: int = Field(ge=1)
    then: int | None = Field(None, ge=1)
    at: float = Field(0.5, gt=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"first": value} if isinstance(value, int) and not isinstance(value, bool) else value

    def at_step(self, step: int, steps: int) -> int:
        """The k of update `step` (from 0) of `steps`."""
        return self.first if self.then is None or step < self.at * steps else self.then

    @property
    def largest(self) -> int:
        return self.first if self.then is None else max(self.first, self.then)
