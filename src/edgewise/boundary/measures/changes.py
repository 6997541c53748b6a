"""Test each problem for a change of its success rate, at a controlled false discovery rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewise.boundary.inference.multiple_testing import benjamini_hochberg, fisher_exact_p, storey_pi0
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, StrArray, require_same_problems

# Upper ends of the bins of the base's success rate; the first holds exactly 0 and the last exactly 1.
BIN_ENDS = (0.0, 0.05, 0.2, 0.5, 0.8)


@dataclass(frozen=True)
class ChangeBin:
    """Problems whose base success rate lies in (`above`, `up_to`], and how many of them changed.

    The bins at 0 and at 1 have `above` equal to `up_to`, and the last but one does not include 1.
    """

    above: float
    up_to: float
    problems: int
    up: int
    down: int


@dataclass(frozen=True, eq=False)
class Changes:
    """A two-sided test of equal success rates for every problem, at a false discovery rate of q.

    `p_P` are Fisher's exact p-values, `q_P` their Benjamini-Hochberg adjustment, and `direction_P` is the sign
    of the tuned model's share of correct samples less the base's. `up` and `down` count problems with q_P <= q.
    `tested` is the number of problems that some sample solved and some did not; on all others the arms agree
    entirely, nothing could be found (p = q = 1), and they take no part in the adjustment.
    `unchanged_share` is Storey's estimate of the share of tested problems without change, NaN where none is
    tested: an upper estimate, as p-values of whole numbers are larger than uniform ones.

    `bins` places problems by the base's success rate in one half of its samples and tests the other half
    against the tuned model: placed and tested by the same samples, unlucky problems would seem to improve. With
    half of the base's samples fewer changes are found there than in all. Empty where a base problem has 1 sample.
    """

    problem: StrArray
    p_P: FloatArray
    q_P: FloatArray
    direction_P: IntArray
    up: int
    down: int
    tested: int
    unchanged_share: float
    bins: tuple[ChangeBin, ...]
    q: float
    problems: int
    seed: int


def changes(base: Counts, tuned: Counts, *, q: float = 0.05, seed: int = 0) -> Changes:
    """Test every problem for a change of its success rate, with the false discovery rate held at q.

    Fisher's test holds its level for any numbers of samples but is conservative, as few whole-number outcomes are
    possible: with 8 samples in each arm, 5 against 0 gives p = 0.026 and 4 against 0 gives 0.077. A change that
    is not found is not shown to be absent. Whether a problem is tested depends only on the successes of both
    arms together, on which Fisher's test conditions, so that leaving the others out costs no validity.

    Raises InputError when the arms do not hold the same problems, or q is not between 0 and 1.
    """
    require_same_problems(base, tuned)
    if not 0 < q < 1:
        raise InputError(f"q: {q}; a false discovery rate between 0 and 1 is needed, such as 0.05")
    p_P, q_P, tested_P, direction_P = _tests(base, tuned)
    return Changes(
        problem=base.problem,
        p_P=p_P,
        q_P=q_P,
        direction_P=direction_P,
        up=int(((q_P <= q) & (direction_P > 0)).sum()),
        down=int(((q_P <= q) & (direction_P < 0)).sum()),
        tested=int(tested_P.sum()),
        unchanged_share=storey_pi0(p_P[tested_P]),
        bins=_bins(base, tuned, q, seed) if base.n > 1 else (),
        q=q,
        problems=base.problems,
        seed=seed,
    )


def _tests(base: Counts, tuned: Counts) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_], IntArray]:
    correct_P = base.c_P + tuned.c_P
    tested_P = (correct_P > 0) & (correct_P < base.n_P + tuned.n_P)
    p_P = fisher_exact_p(base.n_P, base.c_P, tuned.n_P, tuned.c_P)
    q_P = np.ones_like(p_P)
    q_P[tested_P] = benjamini_hochberg(p_P[tested_P])
    return p_P, q_P, tested_P, np.sign(tuned.c_P * base.n_P - base.c_P * tuned.n_P)


def _bins(base: Counts, tuned: Counts, q: float, seed: int) -> tuple[ChangeBin, ...]:
    placed, tested = base.deal(base.n_P // 2, seed)
    _, q_P, _, direction_P = _tests(tested, tuned)
    rate_P = placed.c_P / placed.n_P
    bin_P = np.searchsorted(BIN_ENDS, rate_P) + (rate_P == 1)
    edges = [(0.0, 0.0), *zip(BIN_ENDS, (*BIN_ENDS[1:], 1.0), strict=True), (1.0, 1.0)]

    def count(chosen_P: npt.NDArray[np.bool_]) -> list[int]:
        return [int(number) for number in np.bincount(bin_P[chosen_P], minlength=len(edges))]

    found_P = q_P <= q
    counted = (count(rate_P >= 0), count(found_P & (direction_P > 0)), count(found_P & (direction_P < 0)))
    return tuple(ChangeBin(*edge, *numbers) for edge, *numbers in zip(edges, *counted, strict=True))


def _changes(base: Arm, tuned: Arm, terms: Terms) -> Changes:
    return changes(base.counts, tuned.counts, seed=terms.bootstrap.seed)


def _panel(result: Changes) -> Panel:
    columns = (Column("problems", "Problems", "count"), Column("up", "Up", "count"), Column("down", "Down", "count"))
    rows = [PanelRow((Cell(result.problems), Cell(result.up), Cell(result.down)), "at any rate")]
    rows += [PanelRow((Cell(part.problems), Cell(part.up), Cell(part.down)), _rates(part)) for part in result.bins]
    unchanged = (
        "" if not result.tested else f", of which about {result.unchanged_share:.0%} are unchanged by Storey's estimate"
    )
    note = (
        f"By how often the base solves a problem. {result.tested} problems could be tested{unchanged}. Fisher's "
        f"exact test, Benjamini-Hochberg at a false discovery rate of {result.q:g}. The base's rate is taken from one "
        "half of its samples and the test from the other, so that luck does not look like change."
    )
    return Panel(columns, tuple(rows), note)


def _rates(part: ChangeBin) -> str:
    if part.above == part.up_to:
        return "never" if not part.up_to else "always"
    return f"{100 * part.above:g} to {100 * part.up_to:g}%"


CHANGES = Measure(
    name="changes",
    title="Changes problem by problem",
    explanation="On how many problems the success rate went up or down, each tested by itself.",
    source="Fisher's exact test; Benjamini and Hochberg 1995; Storey 2002",
    unit="comparison",
    rank=30,
    compute=_changes,
    panel=_panel,
)
MEASURES = (CHANGES,)
