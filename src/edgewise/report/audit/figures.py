"""Audit -> charts, for the page and for papers. Pure functions."""

from __future__ import annotations

from edgewise.boundary.audit.result import Audit, ProblemSet
from edgewise.boundary.measures.guessing import GUESSING
from edgewise.report.audit.curves import difference, pass_at_k, trajectory
from edgewise.report.audit.drawing import Spec
from edgewise.report.audit.lookups import counts_of
from edgewise.report.audit.problems import cover, histogram, rates, solved, ways
from edgewise.report.charts import Figure


def set_figures(audit: Audit, one: ProblemSet, suffix: str) -> dict[str, Figure]:
    """The charts of one set by kind; those of the success rates are one for each tuned model.

    The id of a chart is its kind and `suffix`.
    """
    scope, guessing = one.whole, GUESSING.result(one.measures)
    where = f"{scope.problems} problems, n = {scope.n}"
    counts = {model: counts_of(audit, one, model) for model in audit.models}
    made: list[tuple[str, str, str, Spec]] = [
        (
            "curves",
            one.name,
            f"{where}, claims at k = {scope.k}",
            pass_at_k(audit, scope, guessing),
        ),
        ("difference", one.name, f"{where}, claims at k = {scope.k}", difference(audit, scope)),
        ("solved", one.name, f"{where}, within {scope.k} samples", solved(audit, scope)),
        ("histogram", one.name, where, histogram(audit, scope, counts)),
        ("cover", one.name, where, cover(audit, one)),
    ]
    if len(audit.models) > 2:
        made.append(("trajectory", one.name, where, trajectory(audit, scope)))
    for i, (model, comparison) in enumerate(one.comparisons.items()):
        made.append((f"rates-{i}", model, where, rates(audit, scope, model, counts, ways(comparison["changes"]))))
    return {kind: Figure(f"{kind}-{suffix}", title, note, chart) for kind, title, note, chart in made}


def level_figures(audit: Audit, one: ProblemSet, suffix: str) -> list[Figure]:
    """pass@k against k, one small chart for each level of a set."""
    return [
        Figure(
            f"level-{suffix}-{i}",
            f"level {scope.level}",
            f"{scope.problems} problems, n = {scope.n}",
            pass_at_k(audit, scope, None, small=True),
        )
        for i, scope in enumerate(one.levels)
    ]
