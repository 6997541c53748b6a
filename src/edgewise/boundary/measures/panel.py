"""Panels: the table that shows a measure, as titled columns and rows of formatted cells. No statistics, no markup.

Pages, tables and the terminal render panels without knowing the measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.core.words import counted
from edgewise.outcomes.counts import FloatArray, IntArray

# percent: a share from 0 to 1, shown times 100. points: a signed difference of shares, shown times 100. number: as it
# is, three digits. expected: an expected number of problems, one decimal; change: the same with its sign. count: a
# whole number. ratio: a measure between -1 and 1, two decimals. p: a p-value.
Format = Literal["percent", "points", "number", "expected", "change", "count", "ratio", "p", "text"]


@dataclass(frozen=True)
class Column:
    """A column of a panel: `name` is stable, for tables of data; `title` is what a reader sees."""

    name: str
    title: str
    format: Format


@dataclass(frozen=True)
class Cell:
    """A value with its interval, where it has one, and a few words beside it. None and NaN: not known.

    `value` is inf or -inf where a number has no bound.
    """

    value: float | int | str | None
    low: float | None = None
    high: float | None = None
    beside: str = ""

    @classmethod
    def of(cls, estimate: Estimate, beside: str = "") -> Cell:
        """A number with its interval."""
        return cls(estimate.value, estimate.low, estimate.high, beside)


@dataclass(frozen=True, eq=False)
class Series:
    """A value at every point of an axis, with pointwise intervals where there are any.

    On the axis "k" a page shows the value at the k that the reader chose, a terminal that at the k of the claim; tables
    hold all of them. Other axes ("tau", "fpr") are drawn.
    """

    axis: Literal["k", "tau", "fpr"]
    at_X: FloatArray | IntArray
    value_X: FloatArray
    low_X: FloatArray | None = None
    high_X: FloatArray | None = None


@dataclass(frozen=True)
class PanelRow:
    """Cells in the order of the columns. `label` names the row where a panel has several; `model` the model that a row
    of a panel for a whole set is about."""

    cells: tuple[Cell | Series, ...]
    label: str = ""
    model: str | None = None


@dataclass(frozen=True)
class Panel:
    """A table, and a note with what its numbers rest on (problems, n, confidence, caveats), in plain sentences.

    A panel is of one model, one comparison or one set; a page puts those of all models below each other, with the
    model's name first.
    """

    columns: tuple[Column, ...]
    rows: tuple[PanelRow, ...]
    note: str = ""


class Based(Protocol):
    """A result over problems, with bootstrap intervals."""

    @property
    def problems(self) -> int: ...
    @property
    def bootstrap(self) -> Bootstrap: ...


def basis(result: Based) -> str:
    """What a result rests on: "200 problems, n = 64; 95% intervals.", and the largest k of a claim if it has one."""
    n, k_limit = getattr(result, "n", None), getattr(result, "k_limit", None)
    samples = "" if n is None else f", n = {n}"
    claims = "" if k_limit is None else f" Claims up to k = {k_limit}."
    return (
        f"{counted(result.problems, 'problem')}{samples}; {100 * result.bootstrap.confidence:.4g}% intervals.{claims}"
    )
