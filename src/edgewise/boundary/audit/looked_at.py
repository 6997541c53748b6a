"""What looks at growing samples came to: the last look with its audit, and why no more samples were drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.verdict.looks import LookPlan, PlannedLook
from edgewise.boundary.verdict.verdict import CombinedVerdict

Why = Literal["decided", "all samples are drawn", "more samples would not decide it"]


@dataclass(frozen=True)
class LookedAt:
    """The last look, the `number`-th of `plan` from 1 on: its audit at `look.alpha`, and why no more were drawn."""

    look: PlannedLook
    number: int
    plan: LookPlan
    why: Why
    audit: Audit

    @property
    def verdict(self) -> CombinedVerdict:
        return self.audit.verdict
