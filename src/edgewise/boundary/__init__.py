"""What a model can solve within k samples, and what tuning did to it. numpy and scipy only.

Outcomes in, claims out: `Outcomes.read` -> `align` -> `curve`, `paired_difference`,
`solved_sets`, `judge_boundary`.
"""

from edgewise.boundary.counts import Counts, Metric, Rates
from edgewise.boundary.curves import Curve, Difference, curve, k_grid, paired_difference
from edgewise.boundary.estimators import none_at_k, pass_at_k, pass_at_k_variance
from edgewise.boundary.outcomes import Outcomes, align
from edgewise.boundary.resampling import Estimate
from edgewise.boundary.solved import SolvedSets, SolvedTable, mcnemar, solved_sets
from edgewise.boundary.verdict import (
    BoundaryVerdict,
    CombinedVerdict,
    Label,
    combine,
    judge_boundary,
)

__all__ = [
    "BoundaryVerdict",
    "CombinedVerdict",
    "Counts",
    "Curve",
    "Difference",
    "Estimate",
    "Label",
    "Metric",
    "Outcomes",
    "Rates",
    "SolvedSets",
    "SolvedTable",
    "align",
    "combine",
    "curve",
    "judge_boundary",
    "k_grid",
    "mcnemar",
    "none_at_k",
    "paired_difference",
    "pass_at_k",
    "pass_at_k_variance",
    "solved_sets",
]
