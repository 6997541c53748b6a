"""The ceiling that a sigmoid states, and the refusal to state one before compute is 2.3 times the midpoint.

In simulations of a true sigmoid (docs/scaling.md) the fitted ceiling scatters by 0.17 on a window up to half the
midpoint, 0.08 up to the midpoint, and 0.01 up to 2.3 times it, where 80% of the gain is seen at a steepness of 1.7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgewise.boundary.inference.means import Estimate
from edgewise.scaling.fit import LawFit
from edgewise.scaling.points import Points

# The ratio of the window to the midpoint from which on a ceiling is stated.
LEAST_WINDOW = 2.3


@dataclass(frozen=True)
class Ceiling:
    """The ceiling of one arm, or why none is stated.

    `window_ratio` is the largest compute that all seeds reached over C_mid, with its interval. `value` is None where
    `refusal` says why. A ceiling is that of the skills which are rising now: a skill that appears later is not in it.
    """

    value: Estimate | None
    window: float
    window_ratio: Estimate
    refusal: str


def stated_ceiling(fit: LawFit, points: Points) -> Ceiling:
    """The ceiling of a fitted sigmoid, refused where the window is too short or may be, and where the reward falls."""
    midpoint, ceiling = fit.estimates["midpoint"], fit.estimates["ceiling"]
    window = points.window
    longest = window / midpoint.low if midpoint.low > 0 else math.inf
    ratio = Estimate(window / midpoint.value, window / midpoint.high, longest)
    refusal = _refusal(fit, ratio)
    return Ceiling(None if refusal else ceiling, window, ratio, refusal)


def _refusal(fit: LawFit, ratio: Estimate) -> str:
    if fit.estimates["ceiling"].value <= fit.estimates["start"].value:
        return "No ceiling is stated: the reward falls, and the law is of one that rises."
    if ratio.value < LEAST_WINDOW:
        return (
            f"No ceiling is stated: compute reached {ratio.value:.2g} times the midpoint, and below {LEAST_WINDOW} the "
            "curve does not yet say where it ends."
        )
    if ratio.low < 1:
        return (
            f"No ceiling is stated: the midpoint is uncertain, and compute may have reached only {ratio.low:.2g} times "
            "it."
        )
    return ""
