"""Print the plan of a study: its stages, which are there, and tokens, FLOPs and time of the others with their error."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.core.words import counted
from edgewise.report import formats
from edgewise.report.prose import print_prose

if TYPE_CHECKING:
    from edgewise.study.estimate import StageEstimate, StudyEstimate

SOURCES = {"there": "there", "other seeds": "as other seeds", "calibration": "calibrated", "not known": "not known"}


def print_study_plan(estimate: StudyEstimate) -> None:
    """Print a row for each stage, then what is to be computed and how long this machine takes."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("stage", overflow="fold")
    for name in ("tokens", "FLOP", "time", "error"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("from", no_wrap=True)
    for stage in estimate.stages:
        table.add_row(Text(stage.name), *_numbers(stage), SOURCES[stage.source])
    console.print(table)
    missing = estimate.missing
    there = len(estimate.stages) - len(missing)
    print_prose(f"{counted(len(estimate.stages), 'stage')}, {there} of them there.", console)
    if not missing:
        return
    tokens, flops = (formats.amount(_total(getattr(s, name) for s in missing)) for name in ("tokens", "flops"))
    low, high = (formats.duration(s) for s in (estimate.least_seconds, estimate.most_seconds))
    print_prose(
        f"To compute: {counted(len(missing), 'stage')}, {tokens} tokens, {flops} FLOP; about"
        f" {formats.duration(estimate.seconds)} [{low}, {high}] on this machine with"
        f" {counted(estimate.workers, 'stage')} at a time.",
        console,
    )
    sources = {stage.source for stage in missing}
    if "calibration" in sources:
        print_prose(
            "Calibrated: completions as long as gold solutions, rates from the slowest to the fastest that was measured"
            " now; RL that writes longer, or draws again to fill its batch, takes more.",
            console,
        )
    if "not known" in sources:
        unknown = ", ".join(dict.fromkeys(stage.name for stage in missing if stage.source == "not known"))
        print_prose(f"Not known, and not in the sums: {unknown}.", console)


def _numbers(stage: StageEstimate) -> tuple[str, str, str, str]:
    if math.isnan(stage.seconds):
        return ("", "", "", "")
    error = ""
    if stage.source != "there":
        low, high = (end / stage.seconds - 1 for end in (stage.least_seconds, stage.most_seconds))
        error = f"{low:+.0%} {high:+.0%}"
    return formats.amount(stage.tokens), formats.amount(stage.flops), formats.duration(stage.seconds), error


def _total(numbers: Iterable[float]) -> float:
    return sum(number for number in numbers if not math.isnan(number))
