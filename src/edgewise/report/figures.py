"""The charts of an audit by problem set, for the page and for papers."""

from __future__ import annotations

from edgewise.boundary.audit.result import Audit, ProblemSet
from edgewise.boundary.measures.changes import CHANGES
from edgewise.boundary.measures.guessing import GUESSING
from edgewise.core.words import counted
from edgewise.report.charts import Figure, VegaLite
from edgewise.report.curves import LARGE, MEDIUM, SMALL, difference_chart, pass_at_k_chart, trajectory_chart
from edgewise.report.measure_charts import measure_figures
from edgewise.report.problem_charts import directions, histogram_chart, rates_chart, solved_chart
from edgewise.report.verdict_charts import verdict_chart


def verdict_figures(audit: Audit) -> dict[str, Figure]:
    """The evidence of each tuned model's verdicts, set by set."""
    return {
        model: Figure(
            f"verdict-{i}", "Differences from the base", "pass@1 hollow, pass@k full", verdict_chart(audit, model)
        )
        for i, model in enumerate(audit.verdicts)
        for chart in [verdict_chart(audit, model)]
    }


def set_figures(audit: Audit, problem_set: ProblemSet, suffix: str) -> dict[str, Figure]:
    """The charts of one set by kind; those of the success rates are one for each tuned model.

    The id of a chart is its kind and `suffix`.
    """
    scope = problem_set.whole
    where = f"{counted(scope.problems, 'problem')}, n = {scope.n}"
    counts = {model: audit.counts_of(problem_set.name, model) for model in audit.models}
    name, floor = problem_set.name, GUESSING.result(problem_set.measures)
    charts: list[tuple[str, str, str, VegaLite]] = [
        ("curves", name, where, pass_at_k_chart(audit, scope, floor, height=LARGE if len(audit.sets) == 1 else MEDIUM)),
        ("difference", name, where, difference_chart(audit, scope)),
        ("solved", name, f"{where}, within {counted(scope.k, 'sample')}", solved_chart(audit, scope)),
        ("histogram", "Success rates", where, histogram_chart(audit, scope, counts)),
    ]
    # Training seeds are in no order.
    if len(audit.models) > 2 and not audit.seeds:
        charts.append(("trajectory", name, where, trajectory_chart(audit, scope)))
    for i, (model, results) in enumerate(problem_set.comparisons.items()):
        changes = CHANGES.result(results)
        if changes is not None:
            charts.append((f"rates-{i}", model, where, rates_chart(audit, scope, model, counts, directions(changes))))
    figures = {kind: Figure(f"{kind}-{suffix}", title, note, chart) for kind, title, note, chart in charts}
    return figures | measure_figures(audit, problem_set, suffix)


def level_figures(audit: Audit, problem_set: ProblemSet, suffix: str) -> list[Figure]:
    """pass@k against k, one small chart for each level of a set."""
    return [
        Figure(
            f"level-{suffix}-{i}",
            f"level {scope.level}",
            f"{counted(scope.problems, 'problem')}, n = {scope.n}",
            pass_at_k_chart(audit, scope, height=SMALL),
        )
        for i, scope in enumerate(problem_set.levels)
    ]
