"""Compare the steepness of arms, as ScaleRL does: only where ceilings agree, and refitted at their common mean."""

from __future__ import annotations

from collections.abc import Mapping

from edgewise.boundary.inference.means import Estimate
from edgewise.scaling.sigmoid import fit_sigmoid
from edgewise.scaling.training_curve import TrainingCurve

# The error of a fitted ceiling that the paper quotes (arXiv:2510.13786).
CEILING_MARGIN = 0.02


def steepness_at_common_ceiling(arms: Mapping[str, TrainingCurve]) -> tuple[float, dict[str, Estimate]] | str:
    """The mean ceiling of the arms, and the steepness of each refitted with it; a sentence where ceilings differ.

    Ceiling and steepness trade against each other in a fit, so that B of arms with different A says nothing.
    """
    unstated = [name for name, curve in arms.items() if curve.ceiling.value is None]
    if unstated:
        return f"Steepness is not compared, because no ceiling is stated for {', '.join(unstated)}."
    ceilings = [curve.sigmoid.estimates["ceiling"].value for curve in arms.values()]
    spread = max(ceilings) - min(ceilings)
    if spread > CEILING_MARGIN:
        return f"The ceilings differ by {spread:.3f}, more than {CEILING_MARGIN}, so steepness is not compared."
    common = sum(ceilings) / len(ceilings)
    refitted = {
        name: fit_sigmoid(curve.points, ceiling=common, confidence=curve.sigmoid.confidence)
        for name, curve in arms.items()
    }
    return common, {name: fit.estimates["steepness"] for name, fit in refitted.items()}
