"""Print what a store holds, and how two of its stages differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.core.words import counted
from edgewise.report import formats
from edgewise.report.prose import print_prose

if TYPE_CHECKING:
    from edgewise.study.inventory import CurveDifference, StoredStage

_MEBIBYTE = 2**20


def stage_rows(stages: Sequence[StoredStage]) -> list[dict[str, Any]]:
    """Each stage as plain values; `size` is in bytes, `seconds` and `finished` are None where it is unfinished."""
    return [
        {
            "name": stage.folder.name,
            "kind": stage.kind,
            "finished": stage.finished,
            "seconds": stage.seconds,
            "size": stage.size,
            "needed_by": list(stage.reports),
            "unused": stage.unused,
        }
        for stage in stages
    ]


def print_stages(stages: Sequence[StoredStage]) -> None:
    """A row for each stage: when it was finished, its time, its size, and what needs it."""
    console = Console(highlight=False)
    if stages:
        table = _table("stage", "finished", "time", "MiB", "needed by")
        for stage in stages:
            seconds = "" if stage.seconds is None else formats.duration(stage.seconds)
            needed = ", ".join(stage.reports) or ("nothing" if stage.unused else "")
            finished, mebibytes = (stage.finished or "unfinished")[:16], f"{stage.size / _MEBIBYTE:.1f}"
            table.add_row(Text(stage.folder.name), finished, seconds, mebibytes, Text(needed))
        console.print(table)
    size = sum(stage.size for stage in stages) / _MEBIBYTE
    print_prose(f"{counted(len(stages), 'stage')}, {size:.1f} MiB.", console)


def print_reports(reports: Mapping[str, Sequence[str]]) -> None:
    """A line for each report."""
    console = Console(highlight=False)
    for name, folders in reports.items():
        print_prose(f"report {name}: {counted(len(folders), 'stage')}", console)


def print_comparison(
    names: tuple[str, str], specs: Mapping[str, tuple[Any, Any]], curves: Sequence[CurveDifference]
) -> None:
    """The fields in which two specs differ, then what their curves came to and where they lie furthest apart."""
    console = Console(highlight=False)
    if specs:
        table = _table("field", *names)
        for field, values in specs.items():
            table.add_row(Text(field), *(Text("none" if value is None else json.dumps(value)) for value in values))
        console.print(table)
    else:
        print_prose("The specs are equal.", console)
    if curves:
        table = _table("metric", "last step", *names, "furthest apart at", *names)
        for curve in curves:
            last, furthest = ([formats.number(value) for value in pair] for pair in (curve.values, curve.furthest))
            table.add_row(Text(curve.metric), f"{curve.step:g}", *last, f"{curve.furthest_step:g}", *furthest)
        console.print(table)
    else:
        print_prose("They logged no metric at a common step.", console)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    return table
