"""Everything that is fitted to the reward of an arm against its RL compute, at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.scaling.ceiling import Ceiling, stated_ceiling
from edgewise.scaling.entropy_law import EntropyFit, fit_entropy_law
from edgewise.scaling.fit import LawFit
from edgewise.scaling.held_out import HeldOut, held_out
from edgewise.scaling.points import Points
from edgewise.scaling.power_law import fit_power_law
from edgewise.scaling.published_grid import FitGrid, GridFit, fit_published_grid
from edgewise.scaling.sigmoid import fit_sigmoid

Fitted = TypeVar("Fitted")
StartSource = Literal["given", "fitted"]


@dataclass(frozen=True, eq=False)
class TrainingCurve:
    """The laws fitted to one arm, and the `points` that they were fitted to.

    `grid` is the fit as ScaleRL published it, with the R_0 that is given, else that of the sigmoid. `sigmoid_held_out`
    and `power_held_out` are fitted to the first half of the compute and scored on the rest. `entropy` is None where
    none was recorded. `power` and `entropy` are a sentence where that law cannot be fitted to the points.
    """

    points: Points
    sigmoid: LawFit
    ceiling: Ceiling
    sigmoid_held_out: HeldOut | str
    power: LawFit | str
    power_held_out: HeldOut | str
    grid: GridFit
    start_source: StartSource
    entropy: EntropyFit | str | None


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
    out the first epoch. Raises InputError for what the sigmoid cannot be fitted to.
    """
    if not 0 <= first < np.inf:
        raise InputError(f"first: {first:g}; a finite compute from 0 on is needed")
    kept_N = (points.x_N >= first) | (points.x_N == 0)
    used = points.where(kept_N)
    sigmoid = fit_sigmoid(used, start=start, confidence=confidence)
    by_entropy: EntropyFit | str | None = None
    if entropy is not None:
        entropy_N = np.asarray(entropy, np.float64)[kept_N]
        with_entropy_N = np.isfinite(entropy_N)
        measured = used.where(with_entropy_N)
        by_entropy = _or_why_not(
            lambda: fit_entropy_law(
                entropy_N[with_entropy_N], measured.y_N, measured.x_N, measured.seed_N, confidence=confidence
            )
        )
    return TrainingCurve(
        points=used,
        sigmoid=sigmoid,
        ceiling=stated_ceiling(sigmoid, used),
        sigmoid_held_out=held_out(used, lambda part: fit_sigmoid(part, start=start, intervals=False)),
        power=_or_why_not(lambda: fit_power_law(used, confidence=confidence)),
        power_held_out=held_out(used.where(used.x_N > 0), lambda part: fit_power_law(part, intervals=False)),
        grid=fit_published_grid(used, sigmoid.estimates["start"].value, FitGrid.like_published(float(used.x_N.max()))),
        start_source="fitted" if start is None else "given",
        entropy=by_entropy,
    )


def _or_why_not(fit: Callable[[], Fitted]) -> Fitted | str:
    """What a fit gives, or why these points allow none."""
    try:
        return fit()
    except InputError as error:
        return f"These points allow no fit ({error})."
