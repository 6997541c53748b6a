"""Held-out extrapolation: fit a law to the first part of the points, predict the rest, say the error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgewise.core.errors import InputError
from edgewise.scaling.fit import LawFit
from edgewise.scaling.points import Points

# Published extrapolations of ScaleRL are of a factor of two in compute.
HALF = 0.5
# The level that "nothing changes any more" predicts is the mean of this last share of the fitted points.
_LAST = 0.25


@dataclass(frozen=True)
class HeldOut:
    """How a law fitted up to `cut` predicts what comes after it.

    `error` is the root mean square of observed less predicted, `bias` their mean (above 0: more was reached than
    predicted), `scatter` that of the fitted points around the curve, and `flat_error` the error of the prediction that
    nothing changes after the cut, from the last quarter of the fitted points.
    """

    cut: float
    fitted: int
    predicted: int
    error: float
    bias: float
    scatter: float
    flat_error: float


def held_out(points: Points, fit: Callable[[Points], LawFit], share: float = HALF) -> HeldOut | str:
    """Fit to the points up to `share` of the window and predict the others; a sentence where that cannot be done."""
    cut = share * points.window
    return predict_rest(points.where(points.x_N <= cut), points.where(points.x_N > cut), fit, cut)


def predict_rest(early: Points, late: Points, fit: Callable[[Points], LawFit], cut: float) -> HeldOut | str:
    """Fit to the early points, which are in order of compute, and predict the late ones."""
    if not len(late.x_N):
        return f"No point lies beyond {cut:.4g}."
    try:
        fitted = fit(early)
    except InputError as error:
        return f"The points up to {cut:.4g} allow no fit ({error})."
    off_N = late.y_N - fitted.predict(late.x_N)
    level = float(early.y_N[-max(1, round(_LAST * len(early.y_N))) :].mean())
    return HeldOut(
        cut=cut,
        fitted=len(early.x_N),
        predicted=len(late.x_N),
        error=float(np.sqrt(np.square(off_N).mean())),
        bias=float(off_N.mean()),
        scatter=fitted.scatter,
        flat_error=float(np.sqrt(np.square(late.y_N - level).mean())),
    )
