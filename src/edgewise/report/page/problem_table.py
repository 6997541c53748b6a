"""The table of problems, and the completions of some, for the page's script and template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.measures.changes import CHANGES, Changes
from edgewise.outcomes.example import Example
from edgewise.report.excerpts import bounded
from edgewise.report.problem_charts import directions

# All prompts in the table of problems together have about as many characters; each at least these.
PROMPTS, SHORTEST_PROMPT, LONGEST_PROMPT = 2_000_000, 100, 4_000
_COLUMNS = {"id": "Problem", "set": "Set", "level": "Level"}


def problem_columns(audit: Audit) -> dict[str, str]:
    """Key -> title of the columns that say which problem a row is about."""
    return {key: title for key, title in _COLUMNS.items() if key != "set" or len(audit.sets) > 1}


def level_choices(audit: Audit) -> list[int | str]:
    """Every level of a problem: numbers ascending, then names."""
    levels: set[int | str] = set(audit.counts[audit.models[0]].level.tolist())
    return sorted(levels, key=lambda level: (False, level, "") if isinstance(level, int) else (True, 0, level))


def problem_rows(audit: Audit, prompts: Mapping[str, str]) -> dict[str, Any]:
    """What the page's script needs to draw, sort and filter the table of problems; a list for each row."""
    levels = level_choices(audit)
    total = sum(problem_set.whole.problems for problem_set in audit.sets)
    limit = min(LONGEST_PROMPT, max(SHORTEST_PROMPT, PROMPTS // total))
    place = {level: i for i, level in enumerate(levels)}
    rows = []
    for i, problem_set in enumerate(audit.sets):
        counts = [audit.counts_of(problem_set.name, model) for model in audit.models]
        # A further base has none: training seeds may have bases of their own.
        changes = [CHANGES.result(problem_set.comparisons.get(model, {})) for model in audit.models[1:]]
        columns = [counts[0].problem.tolist(), [place[level] for level in counts[0].level.tolist()]]
        samples = zip(*(zip(c.c_P.tolist(), c.n_P.tolist(), strict=True) for c in counts), strict=True)
        changed = zip(*(_changed(c, counts[0].problems) for c in changes), strict=True)
        for id, level, of_models, of_tuned in zip(*columns, samples, changed, strict=True):
            prompt = [bounded(prompts.get(id, ""), limit)] if prompts else []
            rows.append([id, i, level, of_models, of_tuned, *prompt])
    return {
        "sets": [problem_set.name for problem_set in audit.sets],
        "levels": [str(level) for level in levels],
        "columns": list(problem_columns(audit)),
        "models": list(audit.models),
        "bases": [audit.models.index(audit.bases.get(model, model)) for model in audit.models],
        "rows": rows,
    }


def _changed(changes: Changes | None, problems: int) -> list[tuple[float | None, str]]:
    """The q-value and the direction of each problem; no value where changes were not asked for."""
    if changes is None:
        return [(None, "none")] * problems
    return list(zip(changes.q_P.tolist(), directions(changes), strict=True))


def examples_by_problem(
    audit: Audit, examples: Mapping[str, Sequence[Example]]
) -> dict[str, list[tuple[str, Example]]]:
    """Problem -> its completions with the name of their model, models in the audit's order."""
    by_problem: dict[str, list[tuple[str, Example]]] = {}
    for model in audit.models:
        for example in examples.get(model, ()):
            by_problem.setdefault(example.problem_id, []).append((model, example))
    return by_problem
