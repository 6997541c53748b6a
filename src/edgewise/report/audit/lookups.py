"""Where things stand in an audit, and in what order a report goes through them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edgewise.boundary.audit.result import Audit, ProblemSet, Scope
from edgewise.boundary.inference.resampling import Estimate
from edgewise.outcomes.counts import Counts, IntArray


def scopes(audit: Audit) -> Iterator[tuple[ProblemSet, Scope]]:
    """Every set as a whole, then each of its levels."""
    for one in audit.sets:
        yield from ((one, scope) for scope in (one.whole, *one.levels))


def at(k_K: IntArray, k: int, *columns_K: npt.NDArray[np.float64]) -> Estimate:
    """The columns' value, low and high at k; NaN where the grid does not hold k."""
    (found,) = np.nonzero(k_K == k)
    value, low, high = (float(column[found[0]]) if found.size else math.nan for column in columns_K)
    return Estimate(value, low, high)


def counts_of(audit: Audit, one: ProblemSet, model: str) -> Counts:
    """A model's counts of the problems of one set."""
    found = audit.counts[model]
    return found if found.set is None else found.select(found.set == one.name)
