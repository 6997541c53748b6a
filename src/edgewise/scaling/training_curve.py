"""Everything that is fitted to the reward of an arm against its RL compute, at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgewise.scaling.ceiling import Ceiling, stated_ceiling
from edgewise.scaling.entropy_law import EntropyFit, fit_entropy_law
from edgewise.scaling.fit import LawFit
from edgewise.scaling.held_out import HeldOut, held_out
from edgewise.scaling.points import Points
from edgewise.scaling.power_law import fit_power_law
from edgewise.scaling.published_grid import FitGrid, GridFit, fit_published_grid
from edgewise.scaling.sigmoid import fit_sigmoid

StartSource = Literal["given", "measured at compute 0", "fitted"]


@dataclass(frozen=True, eq=False)
class TrainingCurve:
    """The laws fitted to one arm, and the `points` that they were fitted to.

    `grid` is the fit as ScaleRL published it, with R_0 as `start_source` says. `sigmoid_held_out` and `power_held_out`
    are fitted to the first half of the compute and scored on the rest. `entropy` is None where none was recorded.
    """

    points: Points
    sigmoid: LawFit
    ceiling: Ceiling
    sigmoid_held_out: HeldOut | str
    power: LawFit
    power_held_out: HeldOut | str
    grid: GridFit
    start_source: StartSource
    entropy: EntropyFit | None


def fit_training_curve(
    points: Points,
    *,
    entropy: npt.ArrayLike | None = None,
    start: float | None = None,
    first: float = 0.0,
    confidence: float = 0.95,
) -> TrainingCurve:
    """Fit all laws of a training curve.

    `entropy` (nats a token) goes with the points, NaN where it was not measured. `start` is R_0 where it is known.
    Points with a compute below `first` are left out, but for those at compute 0, which show the start: ScaleRL leaves
    out the first epoch. Raises InputError for what no law can be fitted to.
    """
    kept_N = (points.x_N >= first) | (points.x_N == 0)
    used = points.where(kept_N)
    sigmoid = fit_sigmoid(used, start=start, confidence=confidence)
    at_zero_N = used.x_N == 0
    source: StartSource = "given" if start is not None else "measured at compute 0" if at_zero_N.any() else "fitted"
    known = start
    if known is None:
        known = float(used.y_N[at_zero_N].mean()) if at_zero_N.any() else sigmoid.estimates["start"].value
    by_entropy = None
    if entropy is not None:
        entropy_N = np.asarray(entropy, np.float64)[kept_N]
        with_entropy_N = np.isfinite(entropy_N)
        measured = used.where(with_entropy_N)
        by_entropy = fit_entropy_law(
            entropy_N[with_entropy_N], measured.y_N, measured.x_N, measured.seed_N, confidence=confidence
        )
    return TrainingCurve(
        points=used,
        sigmoid=sigmoid,
        ceiling=stated_ceiling(sigmoid, used),
        sigmoid_held_out=held_out(used, lambda part: fit_sigmoid(part, start=start, intervals=False)),
        power=fit_power_law(used, confidence=confidence),
        power_held_out=held_out(used.where(used.x_N > 0), lambda part: fit_power_law(part, intervals=False)),
        grid=fit_published_grid(used, known, FitGrid.like_published(float(used.x_N.max()))),
        start_source=source,
        entropy=by_entropy,
    )
