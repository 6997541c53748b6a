"""One self-contained HTML page of what a study found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from altair.utils.schemapi import debug_mode

from edgewise.report import charts, document
from edgewise.report.document import embedded_json
from edgewise.report.study import figures, tables
from edgewise.study.measure import Findings, StageCard


def write_page(findings: Findings, path: Path, *, command: str | None = None) -> None:
    """Write the page; the file appears whole or not at all.

    `command` is what a reader types to repeat the study. InputError names the file where it
    cannot be written.
    """
    document.write(render(findings, command=command), path)


def render(findings: Findings, *, command: str | None = None) -> str:
    """The text of the page."""
    # Altair checks every part of every chart against the schema as it is made: a test does that.
    with debug_mode(False):
        regions = figures.region_figures(findings)
        levels = figures.level_figures(findings)
        training = figures.training_figures(findings)
    return document.render(
        "study/page.html.j2",
        script="study/page.js",
        seconds=_seconds,
        total=_total,
        specification=_pretty,
        findings=findings,
        command=command,
        styles=charts.styles(findings.models),
        regions=regions,
        levels=levels,
        training=training,
        charts=embedded_json({f.id: f.chart for f in [*regions, *levels, *training]}),
        problem_data=embedded_json(tables.problem_table(findings)),
        summary=tables.summary(findings),
        by_level=tables.by_level(findings),
        examples=tables.examples_by_level(findings),
        reach=tables.forest_reach(findings),
        band_confidence=next((c.curve.bootstrap.confidence for c in findings.curves), float("nan")),
        first_part=next((p for v in findings.verdicts.values() for p in v.parts.values()), None),
        thinned=max((figures.thinning(len(stage.metrics)) for stage in findings.stages), default=1),
    )


def _total(stage: StageCard, name: str) -> float | None:
    totals = stage.provenance.get("totals")
    value = totals.get(name) if isinstance(totals, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _seconds(stage: StageCard) -> float | None:
    """The sum over interruptions where the stage keeps one, else its last sitting."""
    summed = _total(stage, "seconds")
    if summed is not None:
        return summed
    wall = stage.provenance.get("wall_seconds")
    return float(wall) if isinstance(wall, int | float) else None


def _pretty(spec: Mapping[str, Any]) -> str:
    return json.dumps(spec, indent=2, sort_keys=True, default=str)
