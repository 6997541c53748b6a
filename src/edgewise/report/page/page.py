"""One self-contained HTML page of an audit, and of the study behind it where there is one.

The first screen says what people come for: what changes a claim, the label of each tuned model, one sentence, pass@k
and the numbers that decided. The evidence follows, folded where it is long; harmless notes stand at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from altair.utils.schemapi import debug_mode

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.measures.changes import MOST_NAMED
from edgewise.boundary.verdict.labels import LABELS
from edgewise.core.provenance import versions
from edgewise.outcomes.example import Example
from edgewise.report import charts, document
from edgewise.report.brief import churn, crossing, moved_problems, reported_passes, short_name, solved_cells, verdict_on
from edgewise.report.document import embedded_json
from edgewise.report.figures import level_figures, set_figures, verdict_figures
from edgewise.report.page.along import AlongK
from edgewise.report.page.groups import group_data
from edgewise.report.page.measure_tables import measure_tables
from edgewise.report.page.problem_table import examples_by_problem, level_choices, problem_columns, problem_rows
from edgewise.report.page.stages import STAGE_VALUES
from edgewise.report.problem_charts import CELLS, DIRECTIONS
from edgewise.report.training_charts import thinning, training_figures, with_means

if TYPE_CHECKING:
    from edgewise.study.measure import Findings

# Problems with completions that the page shows.
MOST_EXAMPLES = 60
# What must be known before any number, before the rest of it is folded.
MOST_ALERTS = 8


def render_page(
    audit: Audit,
    *,
    examples: Mapping[str, Sequence[Example]],
    prompts: Mapping[str, str],
    command: str | None = None,
    study: Findings | None = None,
) -> str:
    """The text of the page.

    `examples` holds completions of each model and `prompts` the prompt of each problem, as far as
    they are known; `command` is what a reader types to repeat it. `study` adds its question, training curves and
    how every stage was made.
    """
    stages = study.stages if study else ()
    styles = charts.audit_styles(audit)
    # Altair checks every part of every chart against the schema as it is made: a test does that.
    with debug_mode(False):
        verdicts = verdict_figures(audit)
        of_sets = [set_figures(audit, problem_set, str(i)) for i, problem_set in enumerate(audit.sets)]
        of_levels = [level_figures(audit, problem_set, str(i)) for i, problem_set in enumerate(audit.sets)]
        training = training_figures(stages, styles)
    figures = [*verdicts.values(), *training, *(f for of_set in of_sets for f in of_set.values())]
    figures += [f for of_set in of_levels for f in of_set]
    along = AlongK()
    arms = charts.arms_of(styles)
    place = {model: i for i, model in enumerate(audit.models)}
    # A recipe is drawn as its first training seed.
    first_seeds = {arm: of_arm[0] for arm, of_arm in arms.items()}
    first_seeds |= {arm: next(iter(of_seed.values())) for arm, of_seed in audit.seeds.items()}
    by_problem = examples_by_problem(audit, examples)
    first, groups = audit.sets[0], group_data(stages)
    return document.render(
        "page/page.html.j2",
        style="page/page.css",
        scripts=("page/charts.js", "page/audit.js", "page/groups.js", "page/report.js"),
        audit=audit,
        study=study,
        command=command,
        versions=versions(("numpy", "scipy")),
        labels=LABELS,
        styles=styles | {arm: styles[first] for arm, first in first_seeds.items()},
        place=place | {arm: place[first] for arm, first in first_seeds.items()},
        arms=arms,
        of_recipes={model for of_seed in audit.seeds.values() for model in of_seed.values()},
        place_of_set={problem_set.name: i for i, problem_set in enumerate(audit.sets)},
        first_part=next(iter(first.whole.verdicts.values())),
        rules=_rules(audit),
        with_lost=any(LABELS[part.label].lost for v in audit.verdicts.values() for part in v.parts.values()),
        alerts=sorted((c for c in audit.concerns if not c.harmless), key=lambda concern: not concern.forbids),
        most_alerts=MOST_ALERTS,
        notes=[concern for concern in audit.concerns if concern.harmless],
        grid=_grid(audit),
        brief={arm: _brief(audit, arm) for arm in audit.answers},
        moved=[(model, one) for model in audit.bases for one in moved_problems(audit, model, examples)],
        most_named=MOST_NAMED,
        along=along,
        verdict_figures=verdicts,
        figures=of_sets,
        level_figures=of_levels,
        training=training,
        charts=embedded_json({f.id: f.chart for f in figures}),
        cells=CELLS.values(),
        directions=[(title, color) for title, color, _ in DIRECTIONS.values()],
        measures=measure_tables(audit, of_sets, along),
        levels=level_choices(audit),
        columns=list(problem_columns(audit).items()),
        problem_data=embedded_json(problem_rows(audit, prompts)),
        prompts=prompts,
        examples=dict(islice(by_problem.items(), MOST_EXAMPLES)),
        examples_left=max(0, len(by_problem) - MOST_EXAMPLES),
        marked=any(e.first_wrong_step is not None for some in by_problem.values() for _, e in some),
        groups=embedded_json(groups),
        with_groups=bool(groups),
        with_means=with_means(styles),
        thinned=max((thinning(len(stage.metrics)) for stage in stages), default=1),
        **STAGE_VALUES,
    )


def _brief(audit: Audit, arm: str) -> list[tuple[int | None, str]]:
    """What people look for first, as lines with the place of their set; None is that of all sets together."""
    lines: list[tuple[int | None, str]] = []
    for i, problem_set in enumerate(audit.sets):
        texts = [solved_cells(verdict_on(problem_set, arm).solved)]
        if arm in audit.bases:
            texts += [reported_passes(audit, problem_set, arm), crossing(problem_set, arm)]
        # Of several sets each has one line, which is easier to find than three.
        shown = [text for text in texts if text]
        lines += [(i, text) for text in (shown if len(audit.sets) == 1 else ["; ".join(shown)])]
    if arm in audit.bases:
        lines.append((None, churn(audit, arm, {"down": 3, "up": 1}, short_name)))
    return lines


def _grid(audit: Audit) -> list[int]:
    """Every k at which a set has a curve, ascending."""
    curves = [by_metric[audit.metric] for one_set in audit.sets for by_metric in one_set.whole.curves.values()]
    return sorted({int(k) for curve in curves for k in curve.k_K})


def _rules(audit: Audit) -> dict[str, list[tuple[str, str]]]:
    """Rule -> the models and sets that it decided; a set without a name stands for all sets together."""
    decided: dict[str, list[tuple[str, str]]] = {}
    for model, verdict in (*audit.recipes.items(), *audit.verdicts.items()):
        if len(verdict.parts) > 1:
            decided.setdefault(_sentence(verdict.rule), []).append((model, ""))
        for name, part in verdict.parts.items():
            decided.setdefault(_sentence(part.rule), []).append((model, name))
            if part.readings:
                decided.setdefault(part.readings, []).append((model, name))
    return decided


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
