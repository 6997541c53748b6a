"""One completion with its verdicts, to be shown beside the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["correct", "wrong", "unscorable"]

# How verdicts stand in the columns of `Outcomes`.
MARKS: dict[int, Mark] = {1: "correct", 0: "wrong", -1: "unscorable"}


@dataclass(frozen=True, slots=True)
class Example:
    """One completion of one problem. `text` and `reason` are untrusted.

    `model` is None where the rollouts state none. `process` is None where the process was not verified.
    `first_wrong_step` counts from 0; it is None where no step is known to be wrong.
    """

    model: str | None
    problem_id: str
    text: str
    answer: Mark
    process: Mark | None
    first_wrong_step: int | None = None
    reason: str = ""
