"""Measured points of one arm: what was reached at which compute, by which training seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Points:
    """`y_N` measured at `x_N` by the training seeds `seed_N`; `x` and `y` say what these are, for messages.

    Raises InputError when lengths differ or a value is not finite.
    """

    x_N: FloatArray
    y_N: FloatArray
    seed_N: IntArray
    x: str = "compute"
    y: str = "reward"

    def __post_init__(self) -> None:
        if not self.x_N.shape == self.y_N.shape == self.seed_N.shape or self.x_N.ndim != 1:
            raise InputError(f"{self.x}, {self.y} and seed: {len(self.x_N)}, {len(self.y_N)} and {len(self.seed_N)}")
        for name, value_N in ((self.x, self.x_N), (self.y, self.y_N)):
            if not np.isfinite(value_N).all():
                raise InputError(
                    f"{name}: {value_N[~np.isfinite(value_N)][0]} is no finite number; leave the point out"
                )

    @classmethod
    def of(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        seed: npt.ArrayLike | None = None,
        names: tuple[str, str] = ("compute", "reward"),
    ) -> Points:
        """The points in order of x; without `seed`, of one training seed. Seeds are whole numbers."""
        x_N, y_N = np.asarray(x, np.float64), np.asarray(y, np.float64)
        seed_N = np.zeros(len(x_N), np.int64) if seed is None else np.asarray(seed, np.int64)
        points = cls(x_N, y_N, seed_N, *names)
        return points.where(np.argsort(x_N, kind="stable"))

    def where(self, chosen: npt.NDArray[np.bool_] | IntArray) -> Points:
        """Some of the points."""
        return Points(self.x_N[chosen], self.y_N[chosen], self.seed_N[chosen], self.x, self.y)

    def of_seed(self, seed: int) -> Points:
        """The points of one training seed."""
        return self.where(self.seed_N == seed)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The training seeds."""
        return tuple(np.unique(self.seed_N).tolist())

    @property
    def window(self) -> float:
        """The largest x that every seed reached: what is known of beyond, is known of the seeds that got there."""
        return min(float(self.of_seed(seed).x_N.max()) for seed in self.seeds)
