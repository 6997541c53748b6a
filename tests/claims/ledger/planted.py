"""Outcomes with a known truth: every arm's number of right samples of each problem, at each training seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgewise.claims.ledger.quantities import ClaimOutcomes
from edgewise.outcomes.outcomes import Outcomes


def outcomes(n: int, process: Sequence[int], answer: Sequence[int] | None = None, region: str = "all") -> Outcomes:
    """Outcomes of problems with n samples each, the first of which are right, by process and by answer."""
    problems = len(process)
    sample_S = np.tile(np.arange(n), problems)

    def right_S(counts: Sequence[int]) -> np.ndarray:
        return (sample_S < np.repeat(np.asarray(counts), n)).astype(np.int8)

    return Outcomes(
        problem=np.array([f"{place:04d}" for place in range(problems)]),
        level=np.ones(problems, dtype=np.int64),
        problem_S=np.repeat(np.arange(problems), n).astype(np.int32),
        sample_S=sample_S,
        answer_S=right_S(process if answer is None else answer),
        process_S=right_S(process),
        set=np.full(problems, region),
    )


def claim_outcomes(n: int, arms: Mapping[str, Sequence[Sequence[int]]]) -> ClaimOutcomes:
    """Arm -> the right samples of each problem at each training seed, as one study."""
    seeds = range(len(next(iter(arms.values()))))
    by_arm = {arm: [outcomes(n, counts) for counts in of_seeds] for arm, of_seeds in arms.items()}
    return ClaimOutcomes(tuple(seeds), {"": by_arm})
