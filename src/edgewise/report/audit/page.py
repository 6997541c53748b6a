"""One self-contained HTML page of what an audit found."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from typing import Any

from altair.utils.schemapi import debug_mode
from markupsafe import Markup

from edgewise import __version__
from edgewise.boundary.audit.result import Audit, Scope
from edgewise.boundary.inference.resampling import Estimate
from edgewise.boundary.measures.changes import ChangeBin
from edgewise.boundary.measures.curves import Curve, Difference
from edgewise.outcomes.counts import FloatArray, IntArray
from edgewise.outcomes.example import Example
from edgewise.report import charts, document, formats
from edgewise.report.audit import figures, problems
from edgewise.report.audit.lookups import at, counts_of
from edgewise.report.document import embedded_json
from edgewise.report.excerpts import bounded

# All prompts in the table of problems together have about as many characters; each at least these.
PROMPTS, SHORTEST_PROMPT, LONGEST_PROMPT = 2_000_000, 100, 4_000
# Problems with completions, and certificates of each kind, that the page shows.
MOST_EXAMPLES, MOST_CERTIFICATES = 60, 50


def render(
    audit: Audit,
    *,
    examples: Mapping[str, Sequence[Example]],
    prompts: Mapping[str, str],
    command: str | None = None,
) -> str:
    """The text of the page.

    `examples` holds completions of each model and `prompts` the prompt of each problem, as far as
    they are known; `command` is what a reader types to repeat the audit.
    """
    # Altair checks every part of every chart against the schema as it is made: a test does that.
    with debug_mode(False):
        of_sets = [figures.set_figures(audit, one, str(i)) for i, one in enumerate(audit.sets)]
        of_levels = [figures.level_figures(audit, one, str(i)) for i, one in enumerate(audit.sets)]
    drawn = [*(f for found in of_sets for f in found.values()), *(f for found in of_levels for f in found)]
    by_problem = _by_problem(audit, examples)
    first = audit.sets[0]
    measures = [measure for one in audit.sets for measure in one.models.values()]
    diversity = [m["diversity"] for m in measures if m.get("diversity")]
    sound = [m["sound"] for m in measures if m.get("sound")]
    base = audit.counts[audit.models[0]]
    levels = sorted(set(base.level.tolist()), key=_order)
    return document.render(
        "audit/audit.html.j2",
        style=("audit/audit.css",),
        script="audit/audit.js",
        bin=_bin,
        audit=audit,
        command=command,
        versions=_versions(),
        styles=charts.styles(audit.models),
        place={model: i for i, model in enumerate(audit.models)},
        place_of_set={one.name: i for i, one in enumerate(audit.sets)},
        reach=_reach(audit),
        first_part=next(iter(first.whole.verdicts.values())),
        one_change=next(iter(first.comparisons.values()))["changes"],
        grid=sorted({int(k) for one in audit.sets for c in one.whole.curves.values() for k in c[audit.metric].k_K}),
        series=Series(),
        at=_at,
        figures=of_sets,
        level_figures=of_levels,
        charts=embedded_json({f.id: f.chart for f in drawn}),
        cells=problems.CELLS.values(),
        directions=[(title, color) for title, color, _ in problems.DIRECTIONS.values()],
        levels=levels,
        columns=[(key, name) for key, name in _COLUMNS.items() if key != "set" or len(audit.sets) > 1],
        problem_data=embedded_json(_problem_table(audit, prompts, levels)),
        prompts=prompts,
        examples=dict(islice(by_problem.items(), MOST_EXAMPLES)),
        examples_left=max(0, len(by_problem) - MOST_EXAMPLES),
        marked=any(e.first_wrong_step is not None for some in by_problem.values() for _, e in some),
        certificates_shown=MOST_CERTIFICATES,
        has_majority=any(m.get("majority_vote") for m in measures),
        has_graded=any(m.get("best_scores") for m in measures),
        has_diversity=bool(diversity),
        diversity_confidence=diversity[0].bootstrap.confidence if diversity else None,
        has_guessing=any(one.measures.get("guessing") for one in audit.sets),
        has_soundness=bool(sound),
        soundness_confidence=sound[0].bootstrap.confidence if sound else None,
        infinite=formats.number(float("inf")),
    )


@dataclass(frozen=True)
class Along:
    """A number at the k of the claims, as text; `id` is where the script finds it at every other k."""

    id: int
    value: float
    text: str
    interval: str


class Series:
    """The numbers along k that a page shows at one k at a time, in the order they are asked for."""

    def __init__(self) -> None:
        self._found: list[dict[str, Any]] = []

    def __call__(self, scope: Scope, kind: str, k_K: IntArray, value_K: FloatArray, *ends_K: FloatArray) -> Along:
        """The number at the k of the scope's claims, noted down for the others.

        `kind` says how numbers are written; `ends_K` are the low and the high end of the interval.
        """
        text, interval = _KINDS[kind]
        told = {}
        for k in k_K.tolist():
            estimate = _estimate(k_K, k, value_K, *ends_K)
            told[k] = [text(estimate.value), interval(estimate)]
        self._found.append({"k": scope.k, "n": scope.n, "at": told})
        value = _estimate(k_K, scope.k, value_K, *ends_K).value
        return Along(len(self._found) - 1, value, *told.get(scope.k, (formats.NOT_AVAILABLE, "")))

    def embedded(self) -> Markup:
        """All that was noted, for the script."""
        return embedded_json(self._found)


_KINDS: Mapping[str, tuple[Callable[[float], str], Callable[[Estimate], str]]] = {
    "percent": (formats.percent, formats.percent_interval),
    "points": (formats.points, formats.points_interval),
    "number": (formats.number, formats.number_interval),
    "share": (formats.percent, lambda _: ""),
    "p": (formats.p_value, lambda _: ""),
}
_COLUMNS = {"id": "Problem", "set": "Set", "level": "Level"}


def _estimate(k_K: IntArray, k: int, value_K: FloatArray, *ends_K: FloatArray) -> Estimate:
    return at(k_K, k, value_K, *(ends_K or (value_K, value_K)))


def _at(curve: Curve | Difference, k: int) -> Estimate:
    return at(curve.k_K, k, curve.value_K, curve.low_K, curve.high_K)


def _bin(found: ChangeBin) -> str:
    if found.above == found.up_to:
        return "never" if found.above == 0 else "always"
    return f"above {formats.number(100 * found.above)}% to {formats.number(100 * found.up_to)}%"


def _reach(audit: Audit) -> float:
    """The largest difference or margin any verdict shows, so that all of them share one scale."""
    parts = [part for verdict in audit.verdicts.values() for part in verdict.parts.values()]
    ends = [abs(end) for part in parts for d in (part.delta_1, part.delta_k) for end in (d.low, d.high)]
    return 1.05 * max(*ends, *(part.margin for part in parts))


def _order(level: int | str) -> tuple[bool, int, str]:
    """Numbers ascending, then names."""
    return (False, level, "") if isinstance(level, int) else (True, 0, level)


def _by_problem(audit: Audit, examples: Mapping[str, Sequence[Example]]) -> dict[str, list[tuple[str, Example]]]:
    """Problem -> its completions with the name of their model, models in the audit's order."""
    found: dict[str, list[tuple[str, Example]]] = {}
    for model in audit.models:
        for example in examples.get(model, ()):
            found.setdefault(example.problem_id, []).append((model, example))
    return found


def _problem_table(audit: Audit, prompts: Mapping[str, str], levels: Sequence[int | str]) -> dict[str, Any]:
    """What the page's script needs to draw, sort and filter the table of problems; a list for each column."""
    total = sum(one.whole.problems for one in audit.sets)
    limit = min(LONGEST_PROMPT, max(SHORTEST_PROMPT, PROMPTS // total))
    place = {level: i for i, level in enumerate(levels)}
    rows = []
    for i, one in enumerate(audit.sets):
        counts = [counts_of(audit, one, model) for model in audit.models]
        changes = [comparison["changes"] for comparison in one.comparisons.values()]
        columns = [counts[0].problem.tolist(), [place[level] for level in counts[0].level.tolist()]]
        samples = zip(*(zip(c.c_P.tolist(), c.n_P.tolist(), strict=True) for c in counts), strict=True)
        changed = zip(*(zip(c.q_P.tolist(), problems.ways(c), strict=True) for c in changes), strict=True)
        for id, level, of_models, of_tuned in zip(*columns, samples, changed, strict=True):
            prompt = [bounded(prompts.get(id, ""), limit)] if prompts else []
            rows.append([id, i, level, of_models, of_tuned, *prompt])
    return {
        "sets": [one.name for one in audit.sets],
        "levels": [str(level) for level in levels],
        "columns": [key for key in _COLUMNS if key != "set" or len(audit.sets) > 1],
        "models": list(audit.models),
        "rows": rows,
    }


def _versions() -> dict[str, str]:
    libraries = {name: metadata.version(name) for name in ("numpy", "scipy")}
    return {"edgewise": __version__, "python": platform.python_version(), **libraries}
