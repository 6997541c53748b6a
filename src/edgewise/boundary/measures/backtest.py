"""Backtest the fitted population: predict pass@k from an eighth of the samples and compare with the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.betabinomial import Tally, fit_both, starts
from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.means import Estimate, units
from edgewise.boundary.inference.resampling import REFITS, Bootstrap, percentiles
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, basis
from edgewise.boundary.measures.population import cells, resampled_weights
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.outcomes.counts import Counts, FloatArray

# A backtest fits one sample in eight.
FITTED_PART, LEAST_FITTED = 8, 4


@dataclass(frozen=True)
class Backtest:
    """pass@k predicted from an eighth of the samples, beside what the held-out samples show.

    Of each problem at least `fitted_n` samples are fitted, and pass@`k` is predicted at the
    smallest number of held-out samples of a problem; `observed` is the unbiased estimate from the
    held-out samples alone. `error` is predicted minus observed for the zero-inflated
    beta-binomial, `plain_error` for the plain one. Intervals are bootstrap intervals
    over problems (or their clusters), both fits being repeated in every resample.
    """

    fitted_n: int
    k: int
    observed: Estimate
    predicted: Estimate
    error: Estimate
    plain_predicted: Estimate
    plain_error: Estimate
    problems: int
    bootstrap: Bootstrap


def backtest(counts: Counts, *, bootstrap: Bootstrap = REFITS) -> Backtest | None:
    """Fit an eighth of every problem's samples, predict pass@k for the others, and compare.

    The two parts are dealt at random, so neither knows anything of the other: the error is that of
    predicting seven times beyond the fitted samples. None where an eighth is fewer than four
    samples, which would not determine the fit.
    """
    if counts.n < FITTED_PART * LEAST_FITTED:
        return None
    fitted, held = counts.deal(counts.n_P // FITTED_PART, bootstrap.seed)
    k = held.n
    (n_G, c_G, held_n_G, held_c_G), cell_P = cells(fitted.n_P, fitted.c_P, held.n_P, held.c_P)
    solved_G = pass_at_k(held_n_G, held_c_G, k)

    def figures(weight_G: FloatArray, searched: list[FloatArray]) -> tuple[list[float], FloatArray]:
        best, plain = fit_both(Tally.of(n_G, c_G, weight_G), searched)
        observed = float(weight_G @ solved_G / weight_G.sum())
        predicted, plainly = best.shape.pass_at_k(k), plain.shape.pass_at_k(k)
        return [observed, predicted, predicted - observed, plainly, plainly - observed], best.theta

    weight_G = np.bincount(cell_P).astype(np.float64)
    values, theta = figures(weight_G, starts(n_G, c_G, weight_G))
    drawn = resampled_weights(
        cell_P, counts.cluster_P, bootstrap.resamples, np.random.default_rng((bootstrap.seed, 40))
    )
    values_RV = np.array([figures(one_G, [theta])[0] for one_G in drawn])
    count = units(counts.problems, counts.cluster_P)
    observed, predicted, error, plain_predicted, plain_error = (
        Estimate(value, *percentiles(values_RV[:, at], bootstrap.confidence, count)) for at, value in enumerate(values)
    )
    return Backtest(
        fitted_n=fitted.n,
        k=k,
        observed=observed,
        predicted=predicted,
        error=error,
        plain_predicted=plain_predicted,
        plain_error=plain_error,
        problems=counts.problems,
        bootstrap=bootstrap,
    )


def _backtest(arm: Arm, terms: Terms) -> Backtest | None:
    return backtest(arm.counts, bootstrap=terms.refits)


def _backtest_panel(result: Backtest) -> Panel:
    columns = (
        Column("predicted", f"Predicted pass@{result.k}", "percent"),
        Column("observed", "Observed", "percent"),
        Column("error", "Error, points", "points"),
        Column("plain_error", "Error without pi0, points", "points"),
    )
    cells = tuple(
        Cell.of(estimate) for estimate in (result.predicted, result.observed, result.error, result.plain_error)
    )
    note = f"Fitted to {result.fitted_n} samples of each problem, an eighth, and compared with the held-out ones. "
    return Panel(columns, (PanelRow(cells),), note + basis(result))


BACKTEST = Measure(
    name="backtest",
    title="Backtest of the fit",
    explanation="pass@k predicted from an eighth of the samples, beside what the others show.",
    source="fits one eighth, predicts the others",
    unit="model",
    rank=62,
    compute=_backtest,
    panel=_backtest_panel,
    slow=True,
)
MEASURES = (BACKTEST,)
