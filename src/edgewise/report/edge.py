"""Write and print the result of `edgewise edge`: the training set, every decision, and a summary."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.boundary.audit.result import Concern
from edgewise.boundary.edge.edge import Edge, EdgeLevel
from edgewise.boundary.edge.placing import NEEDED, REGIONS
from edgewise.boundary.inference.means import Estimate
from edgewise.report.concerns import print_concerns, print_notes
from edgewise.report.document import write
from edgewise.report.formats import NOT_AVAILABLE
from edgewise.report.prose import print_prose
from edgewise.report.record import as_json


def write_edge(edge: Edge, path: Path, *, prompts: Mapping[str, str], concerns: Sequence[Concern] = ()) -> None:
    """Write the selected problems to `path`, a row each, and every decision and concern to the same name in .json.

    A row has the problem's id, level, prompt (null where the rollouts held none), region, posterior
    rate with its interval, expected chance of signal, counts and the reason.
    """
    rows = [
        {
            "problem_id": problem.problem,
            "level": problem.level if len(edge.levels) > 1 else None,
            "prompt": prompts.get(problem.problem),
            "region": problem.region,
            "rate": problem.rate.value,
            "rate_low": problem.rate.low,
            "rate_high": problem.rate.high,
            "signal": problem.signal,
            "n": problem.n,
            "c": problem.c,
            "reason": problem.reason,
        }
        for problem in edge.problems
        if problem.selected
    ]
    write("".join(json.dumps(as_json(row), ensure_ascii=False, allow_nan=False) + "\n" for row in rows), path)
    write(json.dumps(edge_record(edge, concerns), indent=1, allow_nan=False) + "\n", path.with_suffix(".json"))


def edge_record(edge: Edge, concerns: Sequence[Concern] = ()) -> dict[str, Any]:
    """Every decision and concern as plain JSON values."""
    return {"schema": "edgewise.edge/1", "concerns": as_json(concerns), **as_json(edge)}


def print_edge(edge: Edge, path: Path, concerns: Sequence[Concern] = ()) -> None:
    """Print the concerns, the levels, where their problems lie, the share of groups with signal, and the files."""
    console = Console(highlight=False)
    print_concerns(concerns, console)
    levels = [*(edge.levels if len(edge.levels) > 1 else ()), edge.overall]
    for table in (_levels(edge, levels), _regions(edge, levels), _signals(edge, levels)):
        console.print(table)
    for level in edge.levels:
        if level.prior is not None and level.prior.misfits:
            where = _level(level) if len(edge.levels) > 1 else _level(edge.overall)
            print_prose(
                f"Take care, {where}: the fitted population does not match the counts "
                f"(p = {level.prior.misfit_p:.2g}), so it predicts no signal; the posteriors of rates rest on it.",
                console,
            )
    overall = edge.overall
    if overall.samples_to_settle:
        print_prose(
            f"{overall.samples_to_settle:,} more samples of the base would settle the {overall.regions['undecided']} "
            "undecided problems.",
            console,
        )
    print_prose(
        f"{overall.selected} of {overall.problems} problems selected: {path}; every decision: "
        f"{path.with_suffix('.json')}",
        console,
    )
    print_notes(concerns, console)


def _levels(edge: Edge, levels: list[EdgeLevel]) -> Table:
    k = edge.overall.k
    table = _table(
        f"The base, percent, {100 * edge.bootstrap.confidence:.4g}% intervals, n = {edge.n} samples at least"
    )
    for name in ("problems", "pass@1", f"pass@{k}", f"pass@{k} - pass@1", f"no sample of {edge.n} right"):
        table.add_column(name, justify="right")
    for level in levels:
        estimates = (level.pass_at_1, level.pass_at_k, level.headroom, level.unsolved)
        table.add_row(_level(level), str(level.problems), *(_percent(estimate) for estimate in estimates))
    return table


def _regions(edge: Edge, levels: list[EdgeLevel]) -> Table:
    table = _table(f"Problems by region; the edge is a success rate from {edge.low:.3g} to {edge.high:.3g}")
    for name in (*REGIONS, "selected"):
        table.add_column(name, justify="right")
    for level in levels:
        table.add_row(_level(level), *(str(level.regions[region]) for region in REGIONS), str(level.selected))
    return table


def _signals(edge: Edge, levels: list[EdgeLevel]) -> Table:
    shown = [
        at for at, level in enumerate(edge.overall.signals) if edge.rollouts / 2 <= level.rollouts <= 4 * edge.rollouts
    ]
    table = _table("Groups of N rollouts that hold a right and a wrong one, percent")
    for at in shown:
        table.add_column(f"N = {edge.overall.signals[at].rollouts}", justify="right")
    table.add_column(f"N for {100 * NEEDED:.0f}% at the edge", justify="right")
    for level in levels:
        signals = [level.signals[at] for at in shown]
        cells = (
            _percent(signal.unbiased if math.isnan(signal.expected.value) else signal.expected) for signal in signals
        )
        table.add_row(_level(level), *cells, "-" if level.rollouts_needed is None else str(level.rollouts_needed))
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD)
    table.add_column("level")
    return table


def _percent(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return NOT_AVAILABLE
    return f"{100 * estimate.value:.0f} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def _level(level: EdgeLevel) -> Text:
    return Text("all" if level.level is None else str(level.level), "bold" if level.level is None else "")
