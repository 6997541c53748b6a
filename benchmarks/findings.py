"""What a benchmark finds: comparisons with a peer, measurements against a target, and costs along an axis."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from scipy import stats

from benchmarks.load import Load
from edgewise.core.errors import InputError

Better = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Alternated:
    """Values of repeats run in turn, and the cores that other processes used meanwhile."""

    ours_all: list[float]
    peer_all: list[float]
    load: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside the peer: medians over `repeats` runs of each, made in turn in one run.

    `ratio` is of the medians and more than 1 where ours is better; `met` says whether it reaches `target`.
    `achieved` is what ours does of the machine, by name (see `benchmarks.work.achieved`).
    """

    name: str
    what: str
    unit: str
    ours: float
    peer: float
    ratio: float
    target: float | None
    met: bool | None
    repeats: int
    ours_all: list[float]
    peer_all: list[float]
    peer_setting: str
    load: float
    achieved: Mapping[str, float]

    @classmethod
    def of(
        cls,
        name: str,
        what: str,
        unit: str,
        alternated: Alternated,
        peer_setting: str,
        *,
        better: Better,
        target: float | None = None,
        achieved: Mapping[str, float] | None = None,
    ) -> Self:
        """Medians and their ratio; `better` says whether more or less of the unit is better."""
        ours, peer = statistics.median(alternated.ours_all), statistics.median(alternated.peer_all)
        ratio = ours / peer if better == "more" else peer / ours
        return cls(
            name=name,
            what=what,
            unit=unit,
            ours=ours,
            peer=peer,
            ratio=ratio,
            target=target,
            met=None if target is None else ratio >= target,
            repeats=len(alternated.ours_all),
            ours_all=alternated.ours_all,
            peer_all=alternated.peer_all,
            peer_setting=peer_setting,
            load=alternated.load,
            achieved=achieved or {},
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """The median of `values`; `met` says whether it is on the `better` side of `target`, that included.

    `reference` is what a published tool that cannot be run beside ours was measured at.
    """

    name: str
    what: str
    unit: str
    value: float
    better: Better
    target: float | None
    met: bool | None
    reference: float | None
    repeats: int
    values: list[float]

    @classmethod
    def of(
        cls,
        name: str,
        what: str,
        unit: str,
        values: Sequence[float],
        *,
        better: Better,
        target: float | None = None,
        reference: float | None = None,
    ) -> Self:
        """The median and whether it meets the target."""
        value = statistics.median(values)
        met = None if target is None else value >= target if better == "more" else value <= target
        return cls(name, what, unit, value, better, target, met, reference, len(values), list(values))


@dataclass(frozen=True, slots=True)
class Series:
    """`y` against `x` at several points, each a row of named numbers; `exponent` is that of y ~ x^exponent."""

    name: str
    what: str
    x: str
    y: str
    unit: str
    points: list[dict[str, float]]
    exponent: float

    @classmethod
    def of(cls, name: str, what: str, x: str, y: str, unit: str, points: Sequence[Mapping[str, float]]) -> Self:
        """The points with the exponent fitted to them; InputError where they are fewer than two or not positive."""
        rows = [dict(point) for point in points]
        return cls(name, what, x, y, unit, rows, exponent([row[x] for row in rows], [row[y] for row in rows]))


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one benchmark found."""

    comparisons: list[Comparison] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)


def alternate(ours: Callable[[int], float], peer: Callable[[int], float], repeats: int) -> Alternated:
    """Run ours and the peer in turn `repeats` times, after one run of each (number 0) that does not count.

    Each is called with the number of the repeat and returns its value. InputError where `repeats` is not positive.
    """
    if repeats < 1:
        raise InputError(f"repeats: must be at least 1, is {repeats}")
    ours(0)
    peer(0)
    ours_all, peer_all = [], []
    with Load() as load:
        for repeat in range(1, repeats + 1):
            ours_all.append(ours(repeat))
            peer_all.append(peer(repeat))
    return Alternated(ours_all, peer_all, load.others)


def exponent(xs: Sequence[float], ys: Sequence[float]) -> float:
    """b of the least-squares line log y = a + b log x; InputError unless there are two different x, all positive."""
    if len(set(xs)) < 2 or len(xs) != len(ys) or min(*xs, *ys) <= 0:
        raise InputError("points: must be at least two of different x, and all numbers positive")
    return float(stats.linregress(np.log(xs), np.log(ys)).slope)
