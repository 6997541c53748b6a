"""Write the table of docs/scaling.md: what fits of a true sigmoid give on windows of several lengths.

python -m tools.pages scaling
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgewise.outcomes.counts import FloatArray
from edgewise.scaling import Points, fit_power_law, fit_published_grid, sigmoid
from tools.pages import DOCS
from tools.pages.boundary_tables import with_table

PAGE = DOCS / "scaling.md"

# The truth, in GPU hours: ScaleRL's run at batch 2,048, with the start known.
START, CEILING, STEEPNESS, MIDPOINT = 0.30, 0.645, 1.70, 10_900.0
# The paper leaves out what comes before, and evaluates every 100 of 7,400 steps of 100,000 GPU hours.
FIRST, SPACING = 1500.0, 1351.0
SCATTER = 0.004
WINDOWS = (0.5, 1.0, 2.3, 4.6)
DRAWS = 200


@dataclass(frozen=True, eq=False)
class Window:
    """Fits to `draws` simulated curves up to `ratio` times the midpoint; one value of each for every draw, D."""

    ratio: float
    points: int
    ceiling_D: FloatArray
    steepness_D: FloatArray
    power_ceiling_D: FloatArray


def simulate(ratio: float, draws: int, seed: int = 0) -> Window:
    """Fit the published grid, and the power law, to curves that are sigmoid with independent noise."""
    rng = np.random.default_rng((seed, round(10 * ratio)))
    compute_N = np.arange(FIRST, ratio * MIDPOINT + 1, SPACING)
    fits = []
    for _ in range(draws):
        reward_N = sigmoid(compute_N, START, CEILING, STEEPNESS, MIDPOINT) + rng.normal(0, SCATTER, compute_N.size)
        points = Points.of(compute_N, reward_N)
        grid = fit_published_grid(points, START)
        # Three points leave a law of three parameters nothing to be fitted with.
        power = fit_power_law(points, intervals=False).estimates["ceiling"].value if compute_N.size > 3 else np.nan
        fits.append((grid.ceiling, grid.steepness, power))
    ceiling_D, steepness_D, power_D = np.array(fits).T
    return Window(ratio, compute_N.size, ceiling_D, steepness_D, power_D)


def table(windows: list[Window]) -> Iterator[str]:
    """A row for each window."""
    yield "| window / C_mid | gain seen | points | A, mean +- sd | B, mean +- sd | A of the power law, median |"
    yield "|---|---|---|---|---|---|"
    for window in windows:
        seen = 1 / (1 + window.ratio**-STEEPNESS)
        power = np.median(window.power_ceiling_D)
        yield (
            f"| {window.ratio:g} | {100 * seen:.0f}% | {window.points} | {_spread(window.ceiling_D, 3)} | "
            f"{_spread(window.steepness_D, 2)} | {'too few points' if np.isnan(power) else f'{power:.2f}'} |"
        )
    yield f"\n{DRAWS} draws a row; sd is that of one fit. A is 0.45 to 0.80 in the grid, at most 1 in the power law."


def _spread(value_D: FloatArray, digits: int) -> str:
    return f"{value_D.mean():.{digits}f} +- {value_D.std(ddof=1):.{digits}f}"


def main() -> None:
    rows = table([simulate(ratio, DRAWS) for ratio in WINDOWS])
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), "windows", rows), "utf-8")


if __name__ == "__main__":
    main()
