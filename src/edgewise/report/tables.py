"""CSV tables of an audit, for the reader's own analysis: tidy, one observation a row.

Numbers have full precision; an empty cell is a number that is not known. Headers are stable. A text that a spreadsheet
would execute as a formula, such as a problem id "=1+2", has an apostrophe before it, which makes it a text.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.boundary.audit.result import Audit, Results, Scope
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.supported_k import use_of_k
from edgewise.boundary.measures.certificates import CERTIFICATES
from edgewise.boundary.measures.changes import CHANGES
from edgewise.boundary.measures.curves import Band
from edgewise.boundary.verdict.verdict import BoundaryVerdict
from edgewise.report import document

CsvRow = dict[str, Any]

# The fields of the solved sets that are estimates, in the order of the table.
SOLVED = ("both", "base_only", "tuned_only", "neither", "floor", "excess_expansion", "excess_shrinkage")

# Of the one table that may be without a row.
CERTIFICATE_COLUMNS = (
    *("set", "level", "problem", "model", "kind", "base_c", "base_n", "tuned_c", "tuned_n"),
    *("base_bound", "tuned_bound", "effect", "bound_alpha"),
)
# What stands in columns of their own, and axes.
_ABOUT = ("n", "problems", "bootstrap", "seed", "k_K", "tau_H", "fpr_F")
_ENDS = ("low_K", "high_K", "low_H", "high_H", "low_HK", "high_HK", "low_F", "high_F")
# Column, the grid that it is read from, and where its letter stands in a suffix.
_GRIDS = (("k", "k_K", -1), ("tau", "tau_H", 0), ("fpr", "fpr_F", 0))
_NO_ENDS: CsvRow = {"low": None, "high": None}
_AXES = re.compile(r"_(?:H|K|HK|F)$")
# How a cell begins that spreadsheets execute (OWASP, CSV Injection; the last four are wide forms). Numbers are none.
_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


def write_tables(audit: Audit, folder: Path) -> None:
    """Write every table as CSV, each whole or not at all. InputError names one that cannot be written."""
    for name, rows in (
        ("curves", curve_table(audit)),
        ("differences", difference_table(audit)),
        ("verdicts", verdict_table(audit)),
        ("solved", solved_table(audit)),
        ("problems", problem_table(audit)),
        ("models", model_table(audit)),
        ("comparisons", comparison_table(audit)),
    ):
        table = list(rows)
        document.write(as_csv(list(table[0]), table), folder / f"{name}.csv")
    document.write(as_csv(CERTIFICATE_COLUMNS, certificate_table(audit)), folder / "certificates.csv")


def as_csv(names: Sequence[str], rows: Iterable[CsvRow]) -> str:
    """The rows below a header with the names."""
    lines = _Lines()
    # The writer quotes the characters of its own line end: with "\n" alone, a "\r" in a name would break the row.
    writer = csv.DictWriter(lines, names, lineterminator="\r\n")
    header = [{name: name for name in names}]
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in chain(header, rows))
    return "".join([line.removesuffix("\r\n") + "\n" for line in lines])


class _Lines(list[str]):
    """What a csv writer writes, a row an item."""

    def write(self, line: str) -> None:
        self.append(line)


def curve_table(audit: Audit) -> Iterator[CsvRow]:
    """pass@k: one row for each set or level, model, metric and k.

    `low`, `high` hold at this k alone, `band_low`, `band_high` at all k at once, both for new
    problems; `fixed_low`, `fixed_high` hold for exactly these problems.
    """
    for where, scope in _scopes(audit):
        for model, by_metric in scope.curves.items():
            for metric, curve in by_metric.items():
                for i, k in enumerate(curve.k_K.tolist()):
                    yield {
                        **where,
                        "model": model,
                        "metric": metric,
                        "k": k,
                        **_at_k(curve, i),
                        **_based_on(curve, k),
                    }


def difference_table(audit: Audit) -> Iterator[CsvRow]:
    """pass@k of tuned minus base on the same problems: one row for each set or level, tuned model and k."""
    for where, scope in _scopes(audit):
        for model, difference in scope.differences.items():
            for i, k in enumerate(difference.k_K.tolist()):
                yield {
                    **where,
                    "model": model,
                    "metric": audit.metric,
                    "k": k,
                    **_at_k(difference, i),
                    "p": difference.p_K[i],
                    **_based_on(difference, k),
                }


def _at_k(band: Band, i: int) -> CsvRow:
    """Value and intervals of a curve or a difference at the k numbered `i`."""
    return {
        "value": band.value_K[i],
        "low": band.low_K[i],
        "high": band.high_K[i],
        "band_low": band.band_low_K[i],
        "band_high": band.band_high_K[i],
        "fixed_low": band.fixed_low_K[i],
        "fixed_high": band.fixed_high_K[i],
    }


def _based_on(band: Band, k: int) -> CsvRow:
    """What a value at k rests on: samples, problems, what it may be used for, and the confidence of its intervals."""
    return {
        "n": band.n,
        "problems": band.problems,
        "use": use_of_k(k, band.n),
        "confidence": band.bootstrap.confidence,
    }


def verdict_table(audit: Audit) -> Iterator[CsvRow]:
    """One row for each set or level and tuned model, with the rule that fired and the evidence.

    Recipes stand before the models, by the name of their arm, with the standard deviations over their training seeds.
    """
    for where, scope in _scopes(audit):
        for model, verdict in _verdicts(scope):
            recipe = scope.recipes.get(model)
            yield {
                **where,
                "model": model,
                "metric": verdict.metric,
                "verdict": verdict.label,
                "fact_1": verdict.facts.at_1,
                "fact_k": verdict.facts.at_k,
                "k": verdict.k,
                "n": verdict.n,
                "problems": verdict.problems,
                "training_seeds": verdict.training_seeds,
                "scatter_1": recipe.scatter_1 if recipe else None,
                "scatter_k": recipe.scatter_k if recipe else None,
                **_estimate("delta_1", verdict.delta_1),
                **_estimate("delta_k", verdict.delta_k),
                "p_1": verdict.p_1,
                "p_k": verdict.p_k,
                **_estimate("excess_expansion", verdict.solved.excess_expansion),
                **_estimate("excess_shrinkage", verdict.solved.excess_shrinkage),
                "margin": verdict.margin,
                "confidence_1": verdict.confidence_1,
                "confidence_k": verdict.confidence_k,
                "confidence": verdict.confidence,
                "comparisons": verdict.comparisons,
                "detectable": verdict.detectable,
                "rule": f"{verdict.rule} {verdict.readings}".rstrip(),
                "sentence": verdict.sentence,
            }


def solved_table(audit: Audit) -> Iterator[CsvRow]:
    """Expected numbers of problems solved within k samples, and what two draws of the base differ by."""
    for where, scope in _scopes(audit):
        for model, verdict in _verdicts(scope):
            solved = verdict.solved
            yield {
                **where,
                "model": model,
                "k": solved.m,
                **{name: cell for field in SOLVED for name, cell in _estimate(field, getattr(solved, field)).items()},
                "mcnemar_p": solved.mcnemar_p,
                "problems": solved.problems,
                "confidence": solved.bootstrap.confidence,
            }


def problem_table(audit: Audit) -> Iterator[CsvRow]:
    """One row for each problem: samples `n` and correct samples `c` of every model, then `p`, its
    adjusted `q` and the direction of the change of every tuned model."""
    for problem_set in audit.sets:
        counts = {model: audit.counts_of(problem_set.name, model) for model in audit.models}
        first = counts[audit.models[0]]
        for i, problem in enumerate(first.problem.tolist()):
            level = first.level[i] if problem_set.levels else None
            row: CsvRow = {"set": problem_set.name, "level": level, "problem": problem}
            for model, model_counts in counts.items():
                row |= {f"{model} n": model_counts.n_P[i], f"{model} c": model_counts.c_P[i]}
            for model, results in problem_set.comparisons.items():
                change = CHANGES.result(results)
                if change is not None:
                    row |= {
                        f"{model} p": change.p_P[i],
                        f"{model} q": change.q_P[i],
                        f"{model} direction": change.direction_P[i],
                    }
            yield row


def certificate_table(audit: Audit) -> Iterator[CsvRow]:
    """Problems shown to have come within reach or gone out of it, in samples not used to choose them."""
    for problem_set in audit.sets:
        for model, results in problem_set.comparisons.items():
            certificates = CERTIFICATES.result(results)
            if certificates is None:
                continue
            for kind, some in (("expansion", certificates.expansions), ("shrinkage", certificates.shrinkages)):
                for c in some:
                    yield {
                        "set": problem_set.name,
                        "level": c.level if problem_set.levels else None,
                        "problem": c.problem,
                        "model": model,
                        "kind": kind,
                        "base_c": c.base_c,
                        "base_n": c.base_n,
                        "tuned_c": c.tuned_c,
                        "tuned_n": c.tuned_n,
                        "base_bound": c.base_bound,
                        "tuned_bound": c.tuned_bound,
                        "effect": c.effect,
                        "bound_alpha": certificates.bound_alpha,
                    }


def model_table(audit: Audit) -> Iterator[CsvRow]:
    """Every other measure of every model on every set: one number a row, named part.field."""
    for problem_set in audit.sets:
        for model, results in problem_set.models.items():
            yield from _results({"set": problem_set.name, "model": model}, results)


def comparison_table(audit: Audit) -> Iterator[CsvRow]:
    """Every other measure of every tuned model against the base: one number a row, named part.field."""
    for problem_set in audit.sets:
        for model, results in problem_set.comparisons.items():
            yield from _results({"set": problem_set.name, "model": model}, results)


def _results(where: CsvRow, results: Results) -> Iterator[CsvRow]:
    for name, result in results.items():
        if result is not None:
            yield from _measures(where, name, result)


def _measures(where: CsvRow, path: str, part: Any) -> Iterator[CsvRow]:
    """The numbers of a dataclass and of those within it; arrays over k or tau one row for each."""
    named = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    about = {
        "n": named.get("n"),
        "problems": named.get("problems"),
        "confidence": getattr(named.get("bootstrap"), "confidence", None),
    }
    for name, value in named.items():
        measure = f"{path}.{name}" if path else name
        row = {**where, "measure": measure, **dict.fromkeys(("k", "tau", "fpr")), "value": value, **_NO_ENDS, **about}
        if name in _ABOUT or name.endswith(_ENDS):
            continue
        if isinstance(value, Estimate):
            yield row | {"value": value.value, "low": value.low, "high": value.high}
        elif dataclasses.is_dataclass(value):
            yield from _measures(where, measure, value)
        elif isinstance(value, bool | int | float):
            yield row
        elif isinstance(value, np.ndarray) and (axes := _AXES.search(name)):
            stem = name.removesuffix(axes[0])
            ends = [named.get(_end_of(stem, end) + axes[0]) for end in ("low", "high")]
            for at, cell in np.ndenumerate(value):
                place = {axis: named[grid][at[i]] for axis, grid, i in _GRIDS if grid[-1] in axes[0]}
                low, high = (None if end is None else end[at] for end in ends)
                numbers = {"measure": measure.removesuffix(axes[0]), "value": cell, "low": low, "high": high}
                yield row | place | numbers


def _end_of(stem: str, end: str) -> str:
    """Where the end of an interval stands: `low` beside `value`, `g_pass_low` beside `g_pass`."""
    return end if stem == "value" else f"{stem}_{end}"


def _scopes(audit: Audit) -> Iterator[tuple[CsvRow, Scope]]:
    for problem_set in audit.sets:
        for scope in (problem_set.whole, *problem_set.levels):
            yield {"set": problem_set.name, "level": scope.level}, scope


def _verdicts(scope: Scope) -> Iterator[tuple[str, BoundaryVerdict]]:
    """The verdict of each recipe, then that of each model."""
    for arm, recipe in scope.recipes.items():
        yield arm, recipe.verdict
    yield from scope.verdicts.items()


def _estimate(name: str, estimate: Estimate) -> CsvRow:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _cell(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value
