"""Outcomes: the table of verdicts, problems x samples, which is the only input of the boundary measures. No torch.

outcomes (the table), counts (n and c of each problem), io (Parquet files), example (one completion to be shown).
"""

from edgewise.outcomes.counts import Counts, Metric, Rates
from edgewise.outcomes.example import Example
from edgewise.outcomes.io import read_outcomes, write_outcomes
from edgewise.outcomes.outcomes import Outcomes, align

__all__ = ["Counts", "Example", "Metric", "Outcomes", "Rates", "align", "read_outcomes", "write_outcomes"]
