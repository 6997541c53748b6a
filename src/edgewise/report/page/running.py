"""The page of a study that runs: the report's own sections, and what of them has changed since a reader last asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altair.utils.schemapi import debug_mode

from edgewise.report import document
from edgewise.report.charts import Styles, arms_of, model_styles
from edgewise.report.page.groups import group_data
from edgewise.report.page.stages import STAGE_VALUES
from edgewise.report.training_charts import thinning, training_figures, with_means

if TYPE_CHECKING:
    from edgewise.study.watching import WatchedStudy

Parts = dict[str, dict[str, Any]]


def running_parts(study: WatchedStudy) -> Parts:
    """The parts of the page that change, each with its digest: stages, training, made (as HTML), and groups."""
    styles = model_styles(models[0] if len(models) == 1 else models for models in study.arms.values())
    with debug_mode(False):  # as in `render_page`
        training = training_figures(study.stages, styles)
    thinned = max((thinning(len(stage.metrics)) for stage in study.stages), default=1)
    values = {"study": study, "with_means": with_means(styles), **_of_models(styles), **STAGE_VALUES}
    parts: Parts = {
        "stages": {"html": document.fragment("page/running_stages.html.j2", **values)},
        "training": {
            "html": document.fragment("page/running_training.html.j2", training=training, thinned=thinned, **values),
            "charts": {figure.id: figure.chart for figure in training},
        },
        "made": {"html": document.fragment("page/running_made.html.j2", **values)},
        "groups": {"groups": group_data(study.stages)},
    }
    return {name: {**part, "digest": _digest(part)} for name, part in parts.items()}


def render_running(study: WatchedStudy, parts: Parts) -> str:
    """The text of the page; it asks the server that it came from for what has changed."""
    return document.render(
        "page/page.html.j2",
        style="page/page.css",
        scripts=("page/charts.js", "page/groups.js", "page/live.js"),
        live=True,
        audit=None,
        study=study,
        parts=parts,
        labels={},
        with_groups=bool(parts["groups"]["groups"]),
        live_data=document.embedded_json({"study": study.name, "parts": parts}),
        **_of_models({}),
        **STAGE_VALUES,
    )


def changed_parts(parts: Parts, known: Mapping[str, str]) -> Parts:
    """The parts whose digest is not the one that a reader knows."""
    return {name: part for name, part in parts.items() if known.get(name) != part["digest"]}


def _of_models(styles: Styles) -> dict[str, Any]:
    arms = arms_of(styles)
    place = {model: i for i, model in enumerate(styles)}
    return {
        "styles": {**styles} | {arm: styles[models[0]] for arm, models in arms.items()},
        "place": place | {arm: place[models[0]] for arm, models in arms.items()},
        "arms": arms,
    }


def _digest(part: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]
