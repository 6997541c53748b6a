"""Write the report of an audit or a study into a folder: report.html, boundary.json, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.measures.registry import measures
from edgewise.outcomes.example import Example
from edgewise.report import document
from edgewise.report.page.page import render_page
from edgewise.report.paper import write_figures
from edgewise.report.record import write_boundary
from edgewise.report.tables import write_tables

if TYPE_CHECKING:
    from edgewise.study.measure import Findings

PAGE, RECORD, FIGURES, TABLES = "report.html", "boundary.json", "figures", "tables"
# How the names of figures begin.
KINDS = ("verdict", "curves", "difference", "solved", "histogram", "rates", "trajectory", *measures())


def write_report(
    audit: Audit,
    folder: Path,
    *,
    examples: Mapping[str, Sequence[Example]],
    prompts: Mapping[str, str],
    command: str | None = None,
    study: Findings | None = None,
) -> Path:
    """Write boundary.json, report.html, figures and tables below `folder`, and return the page's path.

    `examples` holds completions of each model of the audit and `prompts` the prompt of each
    problem, as far as they are known; both may be empty. `command` is what a reader types to repeat
    it. `study` is the study that was audited, where it was one. Every file appears whole or not at
    all; InputError names one that cannot be written.
    """
    _clear(folder / FIGURES)
    write_boundary(audit, folder / RECORD, *((study.stages, study.compute) if study else ()))
    write_tables(audit, folder / TABLES)
    write_figures(audit, folder / FIGURES)
    page = folder / PAGE
    document.write(render_page(audit, examples=examples, prompts=prompts, command=command, study=study), page)
    return page


def _clear(figures: Path) -> None:
    """Remove the figures of an earlier audit, whose sets may have had other names."""
    for old in figures.glob("*"):
        if old.suffix in (".svg", ".png") and old.stem.partition("-")[0] in KINDS:
            old.unlink()
