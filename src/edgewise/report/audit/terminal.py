"""What an audit prints at its end."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.boundary.audit.result import Audit
from edgewise.report.audit.lookups import at
from edgewise.report.terminal import percent, verdict_line


def summary(audit: Audit, folder: Path) -> None:
    """Print the concerns, the verdict on each tuned model with its sentences, and pass@1 and pass@k."""
    console = Console(highlight=False)
    for concern in audit.concerns:
        about = f"{', '.join(concern.models)}: " if concern.models else ""
        kind = ("no claim: ", "bold red") if concern.forbids else ("note: ", "bold yellow")
        console.print(Text.assemble(kind, _plain(about + concern.message)), soft_wrap=True)
    for model, verdict in audit.verdicts.items():
        console.print()
        console.print(verdict_line(_plain(model), verdict.label))
        for name, part in verdict.parts.items():
            console.print(Text(f"  {_plain(name)}: {_plain(part.sentence)}"), soft_wrap=True)
        for one in audit.sets:
            found = one.comparisons[model]["crossover"]
            if found.claimable:
                said = f"crossover: by k = {found.k_star:.0f} the base is ahead, by the band over all k"
                console.print(Text(f"  {_plain(one.name)}: {said}"), soft_wrap=True)
    console.print()
    console.print(_passes(audit))
    console.print(Text(f"report: {folder / 'report.html'}"), soft_wrap=True)


def _passes(audit: Audit) -> Table:
    ks = sorted({one.whole.k for one in audit.sets})
    confidence = next(iter(audit.sets[0].whole.curves.values()))[audit.metric].bootstrap.confidence
    title = f"percent, judged by the {audit.metric}; k = {', '.join(map(str, ks))}; {100 * confidence:.4g}% intervals"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("model")
    for heading in ("pass@1", "pass@k", "n", "problems"):
        table.add_column(heading, justify="right")
    for one in audit.sets:
        table.add_row(Text(_plain(one.name), "bold"))
        for model, curves in one.whole.curves.items():
            curve = curves[audit.metric]
            columns = (curve.value_K, curve.low_K, curve.high_K)
            passes = [percent(at(curve.k_K, k, *columns)) for k in (1, one.whole.k)]
            table.add_row(Text(f"  {_plain(model)}"), *passes, str(curve.n), str(curve.problems))
    return table


def _plain(text: str) -> str:
    """The text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
