"""One self-contained HTML page of what a study found. It works offline and trusts no text."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import vl_convert
from altair.utils.schemapi import debug_mode
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from edgewise.errors import InputError
from edgewise.files import whole
from edgewise.report import excerpts, figures, formats, tables
from edgewise.study.findings import Findings, StageCard

TEMPLATE = "page.html.j2"


def write_page(findings: Findings, path: Path, *, command: str | None = None) -> None:
    """Write the page; the file appears whole or not at all.

    `command` is what a reader types to repeat the study. InputError names the file where it
    cannot be written.
    """
    # A lone surrogate, which only untrusted text can hold, has no UTF-8 form.
    page = render(findings, command=command).encode("utf-8", "replace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as aside:
            aside.write_bytes(page)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def render(findings: Findings, *, command: str | None = None) -> str:
    """The text of the page."""
    # Altair checks every part of every chart against the schema as it is made: a test does that.
    with debug_mode(False):
        regions = figures.region_figures(findings)
        levels = figures.level_figures(findings)
        training = figures.training_figures(findings)
    bundle, script = _bundle(), _resource("page.js")
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            findings=findings,
            command=command,
            policy=content_policy(bundle, script),
            css=Markup(_resource("page.css")),
            bundle=Markup(bundle),
            script=Markup(script),
            styles=figures.styles(findings.models),
            regions=regions,
            levels=levels,
            training=training,
            charts=embedded_json({f.id: figures.specification(f.chart) for f in [*regions, *levels, *training]}),
            problem_data=embedded_json(tables.problem_table(findings)),
            summary=tables.summary(findings),
            by_level=tables.by_level(findings),
            examples=tables.examples_by_level(findings),
            reach=tables.forest_reach(findings),
            band_level=next((c.curve.level for c in findings.curves), float("nan")),
            first_part=next((p for v in findings.verdicts.values() for p in v.parts.values()), None),
            thinned=max((figures.thinning(len(stage.metrics)) for stage in findings.stages), default=1),
        )
    )


def embedded_json(data: Any) -> Markup:
    """JSON that stands safely inside a <script> element: no text in it can end the element."""
    text = json.dumps(data, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def content_policy(*scripts: str) -> str:
    """A content security policy that lets these scripts run, no other, and nothing be fetched.

    Escaping is what keeps untrusted text from running; this stands behind it.
    """
    hashes = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    text = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return text.replace("\r\n", "\n").replace("</script", "<\\/script")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": formats.percent,
        "percent_interval": formats.percent_interval,
        "points": formats.points,
        "points_interval": formats.points_interval,
        "tally": formats.tally,
        "tally_interval": formats.tally_interval,
        "level": formats.level,
        "levels": formats.levels,
        "amount": formats.amount,
        "duration": formats.duration,
        "bounded": excerpts.bounded,
        "excerpt": excerpts.excerpt,
        "omission": excerpts.omission,
        "seconds": _seconds,
        "total": _total,
        "specification": _pretty,
    }
    return environment


def _resource(name: str) -> str:
    return resources.files("edgewise.report").joinpath(name).read_text("utf-8")


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
