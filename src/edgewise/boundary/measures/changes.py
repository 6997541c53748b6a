"""Test each problem for a change of its success rate, at a controlled false discovery rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgewise.boundary.inference.multiple_testing import (
    benjamini_hochberg,
    fisher_exact_p,
    fisher_exact_tails,
    storey_pi0,
)
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, StrArray, require_same_problems

# Upper ends of the bins of the base's success rate; the first holds exactly 0 and the last exactly 1.
BIN_ENDS = (0.0, 0.05, 0.2, 0.5, 0.8)
# So many problems that fell, and as many that rose, are named; tables/problems.csv has all.
MOST_NAMED = 20


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


@dataclass(frozen=True)
class MovedProblem:
    """A problem whose success rate significantly changed: its samples and how many were right, in both arms."""

    problem: str
    base_c: int
    base_n: int
    tuned_c: int
    tuned_n: int
    q: float


@dataclass(frozen=True, eq=False)
class Changes:
    """Two one-sided tests of every problem, that its success rate fell and that it rose, each family at an FDR of q.

    `direction_P` is the sign of the tuned model's share of correct samples less the base's. `p_P` is Fisher's exact
    one-sided p-value in that direction, 1 where the shares are equal, and `q_P` its Benjamini-Hochberg adjustment.
    Falls and rises are adjusted apart: among many true rises, a joint adjustment would let false falls pass.

    `up` and `down` count problems with q_P <= q. `gains` and `losses` name them, the most moved first, at most
    MOST_NAMED of each. `tested` is the number of problems that some sample solved and some did not; on all others the
    arms agree entirely, nothing could be found (p = q = 1), and they take no part in the adjustment.
    `unchanged_share` is Storey's estimate of the share of tested problems without change, from two-sided p-values, NaN
    where none is tested: an upper estimate, as p-values of whole numbers are larger than uniform ones.

    `bins` places problems by the base's success rate in one half of its samples and tests the other half
    against the tuned model: placed and tested by the same samples, unlucky problems would seem to improve. With
    half of the base's samples fewer changes are found there than in all. Empty where a base problem has 1 sample.

    `concerns` are reasons from outside that forbid a claim; where there is one, no problem is tested.
    """

    problem: StrArray
    p_P: FloatArray
    q_P: FloatArray
    direction_P: IntArray
    up: int
    down: int
    gains: tuple[MovedProblem, ...]
    losses: tuple[MovedProblem, ...]
    tested: int
    unchanged_share: float
    bins: tuple[ChangeBin, ...]
    q: float
    problems: int
    seed: int
    concerns: tuple[str, ...] = ()


def changes(base: Counts, tuned: Counts, *, q: float = 0.05, seed: int = 0, concerns: Sequence[str] = ()) -> Changes:
    """Test every problem for a change of its success rate, with the false discovery rate held at q.

    Fisher's test holds its level for any numbers of samples but is conservative, as few whole-number outcomes are
    possible: with 8 samples in each arm, 5 against 0 gives a one-sided p = 0.013 and 4 against 0 gives 0.038. A change
    that is not found is not shown to be absent. Whether a problem is tested depends only on the successes of both
    arms together, on which Fisher's test conditions, so that leaving the others out costs no validity. The test is that
    of independent draws: nothing is tested where one of `concerns`, reasons from outside, forbids a claim.

    Raises InputError when the arms do not hold the same problems, or q is not between 0 and 1.
    """
    require_same_problems(base, tuned)
    if not 0 < q < 1:
        raise InputError(f"q: {q}; a false discovery rate between 0 and 1 is needed, such as 0.05")
    tests = _tests(base, tuned, concerns)
    up_P, down_P = (tests.q_P <= q) & (tests.direction_P > 0), (tests.q_P <= q) & (tests.direction_P < 0)
    two_sided_P = fisher_exact_p(base.n_P, base.c_P, tuned.n_P, tuned.c_P)
    return Changes(
        problem=base.problem,
        p_P=tests.p_P,
        q_P=tests.q_P,
        direction_P=tests.direction_P,
        up=int(up_P.sum()),
        down=int(down_P.sum()),
        gains=_named(base, tuned, tests.q_P, up_P),
        losses=_named(base, tuned, tests.q_P, down_P),
        tested=int(tests.tested_P.sum()),
        unchanged_share=storey_pi0(two_sided_P[tests.tested_P]),
        bins=_bins(base, tuned, q, seed, concerns) if base.n > 1 else (),
        q=q,
        problems=base.problems,
        seed=seed,
        concerns=tuple(concerns),
    )


class _Tests(NamedTuple):
    p_P: FloatArray
    q_P: FloatArray
    tested_P: npt.NDArray[np.bool_]
    direction_P: IntArray


def _tests(base: Counts, tuned: Counts, concerns: Sequence[str]) -> _Tests:
    correct_P = base.c_P + tuned.c_P
    tested_P = (correct_P > 0) & (correct_P < base.n_P + tuned.n_P) & (not concerns)
    direction_P = np.sign(tuned.c_P * base.n_P - base.c_P * tuned.n_P)
    p_P, q_P = np.ones(base.problems), np.ones(base.problems)
    for sign, tail_P in zip((-1, 1), fisher_exact_tails(base.n_P, base.c_P, tuned.n_P, tuned.c_P), strict=True):
        moved_P = tested_P & (direction_P == sign)
        adjusted_P = np.ones(base.problems)
        adjusted_P[tested_P] = benjamini_hochberg(tail_P[tested_P])
        p_P[moved_P], q_P[moved_P] = tail_P[moved_P], adjusted_P[moved_P]
    return _Tests(p_P, q_P, tested_P, direction_P)


def _named(base: Counts, tuned: Counts, q_P: FloatArray, found_P: npt.NDArray[np.bool_]) -> tuple[MovedProblem, ...]:
    """The problems found, those whose rate moved most first."""
    size_P = np.abs(tuned.c_P / tuned.n_P - base.c_P / base.n_P)
    order = sorted(np.flatnonzero(found_P).tolist(), key=lambda i: (-size_P[i], q_P[i], i))
    return tuple(
        MovedProblem(
            problem=str(base.problem[i]),
            base_c=int(base.c_P[i]),
            base_n=int(base.n_P[i]),
            tuned_c=int(tuned.c_P[i]),
            tuned_n=int(tuned.n_P[i]),
            q=float(q_P[i]),
        )
        for i in order[:MOST_NAMED]
    )


def _bins(base: Counts, tuned: Counts, q: float, seed: int, concerns: Sequence[str]) -> tuple[ChangeBin, ...]:
    placed, tested = base.deal(base.n_P // 2, seed)
    tests = _tests(tested, tuned, concerns)
    rate_P = placed.c_P / placed.n_P
    bin_P = np.searchsorted(BIN_ENDS, rate_P) + (rate_P == 1)
    edges = [(0.0, 0.0), *zip(BIN_ENDS, (*BIN_ENDS[1:], 1.0), strict=True), (1.0, 1.0)]

    def count(chosen_P: npt.NDArray[np.bool_]) -> list[int]:
        return [int(number) for number in np.bincount(bin_P[chosen_P], minlength=len(edges))]

    found_P, direction_P = tests.q_P <= q, tests.direction_P
    counted = (count(rate_P >= 0), count(found_P & (direction_P > 0)), count(found_P & (direction_P < 0)))
    return tuple(ChangeBin(*edge, *numbers) for edge, *numbers in zip(edges, *counted, strict=True))


def _changes(base: Arm, tuned: Arm, terms: Terms) -> Changes:
    return changes(base.counts, tuned.counts, seed=terms.bootstrap.seed, concerns=terms.forbidden)


def _panel(result: Changes) -> Panel:
    columns = (Column("problems", "Problems", "count"), Column("up", "Up", "count"), Column("down", "Down", "count"))
    rows = [PanelRow((Cell(result.problems), Cell(result.up), Cell(result.down)), "at any rate")]
    rows += [PanelRow((Cell(part.problems), Cell(part.up), Cell(part.down)), _rates(part)) for part in result.bins]
    unchanged = (
        "" if not result.tested else f", of which about {result.unchanged_share:.0%} are unchanged by Storey's estimate"
    )
    note = (
        f"By how often the base solves a problem. {counted(result.tested, 'problem')} could be tested{unchanged}. "
        "Fisher's exact one-sided tests, Benjamini-Hochberg for rises and for falls apart at a false discovery rate of "
        f"{result.q:g}. The base's rate is taken from one half of its samples and the test from the other, so that "
        "luck does not look like change."
    )
    if result.concerns:
        note = f"None is tested: {'; '.join(reason.rstrip('.') for reason in result.concerns)}."
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
