"""What looks at growing samples came to: the last look with its audit, and why no more samples were drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.verdict.looks import PlannedLook
from edgewise.boundary.verdict.verdict import CombinedVerdict

Why = Literal["decided", "all samples are drawn", "more samples would not decide it"]


@dataclass(frozen=True)
class LookedAt:
    """The last look: its verdict at `look.alpha`, of `looks` that were planned, and why no more samples were drawn."""

    look: PlannedLook
    number: int
    looks: tuple[PlannedLook, ...]
    k: int
    why: Why
    audit: Audit

    @property
    def verdict(self) -> CombinedVerdict:
        return self.audit.verdict
