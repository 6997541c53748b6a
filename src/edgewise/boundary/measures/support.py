"""Support measures (SRR, NDR, SDS, NSCR), compared with their values when nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.inference.means import Estimate, units
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap, bootstrap_means, resampled_estimate
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.boundary.measures.solved import mcnemar, samples_each
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.outcomes.counts import Counts, FloatArray, require_same_problems


@dataclass(frozen=True)
class SupportMeasures:
    """Support retention rate, net discovery rate, support dynamic score, and net support change rate.

    With P problems solved by both arms, E by the tuned alone and S by the base alone: srr = P/(P+S),
    ndr = E/(P+E), sds = 2PE/(P^2+2PE+ES) (the harmonic mean of srr and ndr), nscr = (E-S)/(P+E+S). NaN where
    the denominator is 0.
    """

    srr: Estimate
    ndr: Estimate
    sds: Estimate
    nscr: Estimate


@dataclass(frozen=True)
class Support:
    """Support measures of a tuned model against its base at m samples each.

    `preserved`, `expanded`, `shrunk` and `out` are expected numbers of problems over all ways of drawing m of
    the recorded samples of each arm. `measured` is made from them. `unchanged` holds what the same measures
    are between two draws of m samples of the base: two draws solve different problems by chance, so that
    retention is below 1 and discovery above 0 without any change, and only nscr is 0 by symmetry. `excess` is
    measured minus unchanged, the part that tuning may account for. `unchanged` and `excess` are NaN when the
    base has fewer than 2m samples of a problem. Intervals are, over new problems of the same kind.
    """

    m: int
    preserved: float
    expanded: float
    shrunk: float
    out: float
    measured: SupportMeasures
    unchanged: SupportMeasures
    excess: SupportMeasures
    problems: int
    bootstrap: Bootstrap


@dataclass(frozen=True)
class SupportTable:
    """Support measures of a published table of whole numbers, with its exact two-sided McNemar p-value."""

    preserved: int
    expanded: int
    shrunk: int
    out: int
    srr: float
    ndr: float
    sds: float
    nscr: float
    mcnemar_p: float


def support_measures(
    base: Counts,
    tuned: Counts,
    m: int | None = None,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Support:
    """The measures of Wu et al. 2025 (The Invisible Leash, arXiv:2507.14843) with intervals and their floor.

    With f_m = C(n-c, m)/C(n, m) of each arm, P = sum (1-f_b)(1-f_t), E = sum f_b (1-f_t), S = sum (1-f_b) f_t;
    between two draws of the base P = sum 1 - 2 f_m + f_2m and E = S = sum f_m - f_2m. The numbers of problems
    are unbiased, and their ratios are taken of the totals of the same resampled problems.

    `m` defaults to the largest number that leaves the base 2m samples and the tuned arm m. Raises InputError when
    the arms do not hold the same problems, or some problem has fewer than m samples.
    """
    require_same_problems(base, tuned)
    m = samples_each(base, tuned, m)
    base_P, tuned_P = none_at_k(base.n_P, base.c_P, m), none_at_k(tuned.n_P, tuned.c_P, m)
    again_P = none_at_k(base.n_P, base.c_P, 2 * m)
    columns_PK = np.stack(
        [
            (1 - base_P) * (1 - tuned_P),
            base_P * (1 - tuned_P),
            (1 - base_P) * tuned_P,
            1 - 2 * base_P + again_P,
            base_P - again_P,
            base_P - again_P,
        ],
        axis=1,
    )
    means_RK = bootstrap_means(columns_PK, bootstrap, base.cluster_P)
    # The value stands in the first row, its resamples below it.
    totals_RK = base.problems * np.vstack([columns_PK.mean(axis=0), means_RK])
    measured_RM, unchanged_RM = _measures(totals_RK[:, :3]), _measures(totals_RK[:, 3:])
    preserved, expanded, shrunk = totals_RK[0, :3].tolist()
    most = units(base.problems, base.cluster_P)

    def estimates(values_RM: FloatArray, bounds: Sequence[tuple[float, float]]) -> SupportMeasures:
        solved = preserved + expanded + shrunk
        rests_on = (preserved + shrunk, preserved + expanded, solved, solved)
        columns = zip(values_RM.T, bounds, rests_on, strict=True)
        return SupportMeasures(
            *(
                resampled_estimate(ratio_R[0], ratio_R[1:], reach, bootstrap.confidence, min(most, count))
                for ratio_R, reach, count in columns
            )
        )

    share, change, none = (0.0, 1.0), (-1.0, 1.0), (0.0, 0.0)
    return Support(
        m=m,
        preserved=preserved,
        expanded=expanded,
        shrunk=shrunk,
        out=float((base_P * tuned_P).sum()),
        measured=estimates(measured_RM, [share, share, share, change]),
        unchanged=estimates(unchanged_RM, [share, share, share, none]),
        excess=estimates(measured_RM - unchanged_RM, [change] * 4),
        problems=base.problems,
        bootstrap=bootstrap,
    )


def support_from_table(preserved: int, expanded: int, shrunk: int, out: int) -> SupportTable:
    """The measures of a published table, and whether expanded and shrunk differ by more than fair coins do.

    One draw of each arm gives whole numbers and no floor: see `Support.unchanged` for what is missing. A measure
    whose denominator is 0 is NaN. Raises InputError for a negative number.
    """
    cells = {"preserved": preserved, "expanded": expanded, "shrunk": shrunk, "out": out}
    for name, cell in cells.items():
        if cell < 0:
            raise InputError(f"{name}: {cell} problems; a number of problems starts at 0")
    srr, ndr, sds, nscr = _measures(np.array([preserved, expanded, shrunk], dtype=np.float64)).tolist()
    return SupportTable(preserved, expanded, shrunk, out, srr, ndr, sds, nscr, mcnemar(shrunk, expanded))


def _measures(cells: FloatArray) -> FloatArray:
    """srr, ndr, sds, nscr in the last dimension from preserved, expanded, shrunk in the last dimension."""
    preserved, expanded, shrunk = np.moveaxis(cells, -1, 0)
    pairs = [
        (preserved, preserved + shrunk),
        (expanded, preserved + expanded),
        (2 * preserved * expanded, preserved**2 + 2 * preserved * expanded + expanded * shrunk),
        (expanded - shrunk, preserved + expanded + shrunk),
    ]
    with np.errstate(invalid="ignore"):
        return np.stack([np.where(bottom > 0, top / bottom, np.nan) for top, bottom in pairs], axis=-1)


def _support(base: Arm, tuned: Arm, terms: Terms) -> Support:
    return support_measures(base.counts, tuned.counts, terms.k, bootstrap=terms.bootstrap)


def _panel(result: Support) -> Panel:
    columns = (
        Column("srr", "SRR, retained", "ratio"),
        Column("ndr", "NDR, discovered", "ratio"),
        Column("sds", "SDS", "ratio"),
        Column("nscr", "NSCR", "ratio"),
    )
    parts = {"tuned against base": result.measured, "base against base": result.unchanged, "difference": result.excess}
    rows = tuple(
        PanelRow(tuple(Cell.of(getattr(part, column.name)) for column in columns), label)
        for label, part in parts.items()
    )
    note = f"Within {counted(result.m, 'sample')}. {basis(result)} Two draws of the base differ too: "
    return Panel(columns, rows, note + "only the difference may be due to tuning.")


SUPPORT = Measure(
    name="support",
    title="Support measures",
    explanation="Support retention, net discovery, support dynamic score and net support change rate.",
    source="Wu et al. 2025, arXiv:2507.14843, with what they are when nothing changed",
    unit="comparison",
    rank=20,
    compute=_support,
    panel=_panel,
)
MEASURES = (SUPPORT,)
