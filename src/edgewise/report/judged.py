"""What `edgewise judge` prints at its end."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.boundary import Outcomes, curve
from edgewise.boundary.inference.resampling import Estimate
from edgewise.report.terminal import percent

_MARKS = ((1, "correct"), (0, "wrong"), (-1, "unscorable"))


def summary(outcomes: Outcomes, reasons: Mapping[str, int], console: Console) -> None:
    """Print how many completions are correct, wrong and unscorable, pass@1 with its interval, and common reasons.

    `reasons` are those to be shown, with how often each was given.
    """
    samples, problems = len(outcomes.problem_S), len(outcomes.problem)
    title = f"{samples:,} completions of {problems:,} problems; pass@1 in percent with its 95% interval over problems"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("judged by")
    for heading in (*(name for _, name in _MARKS), "pass@1"):
        table.add_column(heading, justify="right")
    assert outcomes.process_S is not None
    for name, mark_S in (("answer", outcomes.answer_S), ("process", outcomes.process_S)):
        found = curve(outcomes.counts("answer" if name == "answer" else "process"), [1])
        at_one = Estimate(float(found.value_K[0]), float(found.low_K[0]), float(found.high_K[0]))
        table.add_row(name, *(f"{int((mark_S == mark).sum()):,}" for mark, _ in _MARKS), percent(at_one))
    console.print(table)
    if reasons:
        console.print("Commonest reasons:")
        for reason, times in reasons.items():
            console.print(Text(f"  {times:,}  {_plain(reason)}"), soft_wrap=True)


def _plain(text: str) -> str:
    """The text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
