"""Certify problems that came within reach or went out of it, with one error rate for all of them together.

A base that solved a problem in none of its samples may still solve it in one of a thousand, and the best of
many problems looks better than it is. Candidates are therefore chosen in one half of the samples and shown in
the other, by bounds on the success rates of both arms and never by "none against some".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from edgewise.boundary.inference.power import draws_to_certify
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.outcomes.counts import Counts, FloatArray, require_same_problems
from edgewise.outcomes.outcomes import BoolArray

Reach = Literal["unreached", "rare", "reachable"]


@dataclass(frozen=True)
class Certificate:
    """One problem that is reachable for one arm and not for the other, in samples not used to choose it.

    `base_c` of `base_n` and `tuned_c` of `tuned_n` held-out samples are correct. For an expansion `base_bound`
    is an upper bound on the base's success rate and `tuned_bound` a lower bound on the tuned model's; for a
    shrinkage it is the other way round. `base_reach` and `tuned_reach` are the classes that these bounds show:
    "unreached" is below `rare`, "rare" below `reachable`, "reachable" at or above it. `effect` is log10 of
    tuned_bound / base_bound: at least so many orders of magnitude, negative for a shrinkage.
    """

    problem: str
    level: int | str
    base_n: int
    base_c: int
    tuned_n: int
    tuned_c: int
    base_bound: float
    tuned_bound: float
    base_reach: Reach
    tuned_reach: Reach
    effect: float


@dataclass(frozen=True)
class Certificates:
    """Certified expansions and shrinkages, with how many were tried and how many could have been found.

    `expansions` and `shrinkages` begin with the largest effect. All bounds of all candidates of both
    directions hold at once with probability at least 1 - alpha: there are two for each candidate, and each is
    one-sided at `bound_alpha` = alpha / (2 candidates).

    `expected_expansions` is the number of certificates to expect if the base never solved any of the
    candidates and the tuned model solved each at its rate in the half that chose it (a rate that choosing
    flatters, so this is an upper estimate); `expected_shrinkages` likewise. `held_out` is the smallest number
    of held-out samples of a problem in either arm, and `held_out_needed` the number of them at which a problem
    never solved is shown to be below `reachable` with this many candidates. `concerns` are reasons from outside that
    forbid a claim; where there is one, nothing is certified.
    """

    expansions: tuple[Certificate, ...]
    shrinkages: tuple[Certificate, ...]
    expansion_candidates: int
    shrinkage_candidates: int
    expected_expansions: float
    expected_shrinkages: float
    held_out: int
    held_out_needed: int
    reachable: float
    rare: float
    alpha: float
    bound_alpha: float
    problems: int
    seed: int
    concerns: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImpliedK:
    """What the log-probabilities of known solutions imply: a success rate of at least 10^log10_p, so that at
    most `k` = 1/p samples are needed on average (infinite where that is too large to write)."""

    log10_p: float
    k: float


def certify(
    base: Counts,
    tuned: Counts,
    *,
    alpha: float = 0.05,
    reachable: float = 0.01,
    rare: float = 0.001,
    seed: int = 0,
    concerns: Sequence[str] = (),
) -> Certificates:
    """Find the problems that tuning brought within reach or out of it, with family-wise error at most alpha.

    The samples of both arms are dealt at random into two halves. In the first half a problem becomes a
    candidate for expansion when the base's share of correct samples is below `reachable` and the tuned model's
    one-sided Clopper-Pearson lower bound at alpha is not. In the second half it is certified when the base's
    upper bound is below `reachable` and the tuned model's lower bound is not, each Clopper-Pearson at
    alpha / (2 candidates of both directions): the Bonferroni correction counts both arms and both directions.
    With no success in n held-out samples the upper bound is 1 - bound_alpha^(1/n). Shrinkages are the same
    with the arms exchanged.

    A problem that improved but was reachable before, or cannot be shown to have been out of reach with this
    many samples, is not certified; `changes` tests for any change. The bounds are those of independent draws: nothing
    is certified where one of `concerns`, reasons from outside, forbids a claim.

    Raises InputError when the arms do not hold the same problems, a problem has fewer than 2 samples in an
    arm, or not 0 < rare < reachable < 1 and 0 < alpha < 1.
    """
    require_same_problems(base, tuned)
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha}; a number between 0 and 1 is needed")
    if not 0 < rare < reachable < 1:
        raise InputError(f"reachable, rare: {reachable} and {rare}; they must satisfy 0 < rare < reachable < 1")
    if min(base.n, tuned.n) < 2:
        raise InputError("n: a problem has 1 sample; certificates need 2, one to choose and one to certify")
    # Different seeds, for with a common one the halves of the two arms would not be independent.
    base_chosen, base_held = base.deal(base.n_P // 2, 2 * seed)
    tuned_chosen, tuned_held = tuned.deal(tuned.n_P // 2, 2 * seed + 1)
    gained_P = _candidates(base_chosen, tuned_chosen, alpha, reachable)
    lost_P = _candidates(tuned_chosen, base_chosen, alpha, reachable)
    bound_count = 2 * max(1, int(gained_P.sum() + lost_P.sum()))
    bound_alpha = alpha / bound_count

    def certificates(shown_P: BoolArray, base_bound_P: FloatArray, tuned_bound_P: FloatArray) -> list[Certificate]:
        certified = [
            Certificate(
                problem=str(base.problem[p]),
                level=base.level[p].item(),
                base_n=int(base_held.n_P[p]),
                base_c=int(base_held.c_P[p]),
                tuned_n=int(tuned_held.n_P[p]),
                tuned_c=int(tuned_held.c_P[p]),
                base_bound=float(base_bound_P[p]),
                tuned_bound=float(tuned_bound_P[p]),
                base_reach=_reach(float(base_bound_P[p]), reachable, rare),
                tuned_reach=_reach(float(tuned_bound_P[p]), reachable, rare),
                effect=math.log10(tuned_bound_P[p] / base_bound_P[p]),
            )
            for p in np.flatnonzero(shown_P)
        ]
        return sorted(certified, key=lambda certificate: -abs(certificate.effect))

    base_low_P, base_high_P = _lower(base_held, bound_alpha), _upper(base_held, bound_alpha)
    tuned_low_P, tuned_high_P = _lower(tuned_held, bound_alpha), _upper(tuned_held, bound_alpha)
    expanded_P = gained_P & (base_high_P < reachable) & (tuned_low_P >= reachable)
    shrunk_P = lost_P & (tuned_high_P < reachable) & (base_low_P >= reachable)
    if concerns:
        expanded_P, shrunk_P = np.zeros_like(expanded_P), np.zeros_like(shrunk_P)
    return Certificates(
        expansions=tuple(certificates(expanded_P, base_high_P, tuned_low_P)),
        shrinkages=tuple(certificates(shrunk_P, base_low_P, tuned_high_P)),
        expansion_candidates=int(gained_P.sum()),
        shrinkage_candidates=int(lost_P.sum()),
        expected_expansions=_expected(base_held, tuned_chosen, tuned_held, gained_P, bound_alpha, reachable),
        expected_shrinkages=_expected(tuned_held, base_chosen, base_held, lost_P, bound_alpha, reachable),
        held_out=min(base_held.n, tuned_held.n),
        held_out_needed=draws_to_certify(reachable, alpha, bound_count),
        reachable=reachable,
        rare=rare,
        alpha=alpha,
        bound_alpha=bound_alpha,
        problems=base.problems,
        seed=seed,
        concerns=tuple(concerns),
    )


def implied_k(logprobs: Sequence[float]) -> ImpliedK:
    """A lower bound on a model's success rate from the log-probabilities (nats) it gives to correct solutions.

    The log-probability of a whole solution is the sum over its tokens under the model, with the temperature and
    truncation of its sampler; a solution that another model found may be used. The probabilities of distinct
    token sequences add up; no sample is drawn, so that rates far below 1/n are within reach of the bound.

    Raises InputError when there is none, one is NaN or positive, or together they exceed certainty.
    """
    nats = np.asarray(logprobs, dtype=np.float64)
    if not nats.size or not (nats <= 0).all():
        raise InputError("logprobs: at least one is needed, and each must be a log-probability, at most 0")
    total = float(special.logsumexp(nats))
    if total > 1e-9:
        raise InputError(f"logprobs: probabilities that add up to {math.exp(total):.4g}; give distinct solutions")
    log10_p = min(0.0, total / math.log(10))
    # The largest number a float holds is about 10^308.
    return ImpliedK(log10_p, 10.0**-log10_p if log10_p > -308 else math.inf)


def _candidates(lesser: Counts, greater: Counts, alpha: float, reachable: float) -> BoolArray:
    return (lesser.c_P < reachable * lesser.n_P) & (_lower(greater, alpha) >= reachable)


def _lower(counts: Counts, alpha: float) -> FloatArray:
    """One-sided Clopper-Pearson bounds; 0 where no sample is correct."""
    c_P = np.maximum(counts.c_P, 1)
    return np.where(counts.c_P == 0, 0.0, stats.beta.ppf(alpha, c_P, counts.n_P - c_P + 1))


def _upper(counts: Counts, alpha: float) -> FloatArray:
    """One-sided Clopper-Pearson bounds; 1 where every sample is correct."""
    failed_P = np.maximum(counts.n_P - counts.c_P, 1)
    return np.where(counts.c_P == counts.n_P, 1.0, stats.beta.isf(alpha, counts.n_P - failed_P + 1, failed_P))


def _expected(
    lesser: Counts, chosen: Counts, greater: Counts, candidate_P: BoolArray, alpha: float, reachable: float
) -> float:
    """Certificates to expect of the candidates if the lesser arm never solves them."""
    excluded_P = alpha ** (1 / lesser.n_P) > 1 - reachable
    # The lower bound reaches `reachable` from the smallest c on with P(C >= c) <= alpha at that rate.
    one_less_P = stats.binom.isf(alpha, greater.n_P, reachable)
    power_P = np.asarray(stats.binom.sf(one_less_P, greater.n_P, chosen.c_P / chosen.n_P))
    return float(power_P[candidate_P & excluded_P].sum())


def _reach(bound: float, reachable: float, rare: float) -> Reach:
    return "reachable" if bound >= reachable else "rare" if bound >= rare else "unreached"


def _certify(base: Arm, tuned: Arm, terms: Terms) -> Certificates:
    return certify(base.counts, tuned.counts, alpha=terms.alpha, seed=terms.bootstrap.seed, concerns=terms.forbidden)


def _panel(result: Certificates) -> Panel:
    columns = (
        Column("expansions", "Within reach, certified", "count"),
        Column("expansion_candidates", "Candidates", "count"),
        Column("expected_expansions", "Expected if the base never could", "expected"),
        Column("shrinkages", "Out of reach, certified", "count"),
        Column("shrinkage_candidates", "Candidates", "count"),
        Column("expected_shrinkages", "Expected if the tuned model never could", "expected"),
        Column("held_out", "Held-out samples", "count"),
        Column("held_out_needed", f"Needed to show a rate below {result.reachable:g}", "count"),
    )
    cells = (
        Cell(len(result.expansions)),
        Cell(result.expansion_candidates),
        Cell(result.expected_expansions),
        Cell(len(result.shrinkages)),
        Cell(result.shrinkage_candidates),
        Cell(result.expected_shrinkages),
        Cell(result.held_out),
        Cell(result.held_out_needed),
    )
    note = (
        f"{counted(result.problems, 'problem')}. Within reach is a success rate of {result.reachable:g} or more. "
        f"All bounds hold at once with probability {1 - result.alpha:.4g}: each is one-sided at alpha / (2 candidates)."
    )
    if result.concerns:
        note = f"{note} None is certified: {'; '.join(reason.rstrip('.') for reason in result.concerns)}."
    return Panel(columns, (PanelRow(cells),), note)


CERTIFICATES = Measure(
    name="certificates",
    title="Certificates",
    explanation="Problems shown, in samples not used to choose them, to have come within reach or gone out of it.",
    source="Clopper-Pearson, Bonferroni",
    unit="comparison",
    rank=40,
    needs=("two samples",),
    compute=_certify,
    panel=_panel,
)
MEASURES = (CERTIFICATES,)
