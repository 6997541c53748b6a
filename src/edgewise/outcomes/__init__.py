"""The verdict table (problems x samples) and its counts per problem. All that the boundary part ever sees. No torch."""

from edgewise.outcomes.counts import Counts, Metric, Rates
from edgewise.outcomes.outcomes import Outcomes, align

__all__ = ["Counts", "Metric", "Outcomes", "Rates", "align"]
