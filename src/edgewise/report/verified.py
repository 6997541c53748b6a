"""Print the summary of `edgewise verify`: counts of grades, pass@1, and common reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from edgewise.boundary import Concern, Curve, Metric, Outcomes
from edgewise.report.concerns import one_line, print_concerns, print_notes
from edgewise.report.prose import print_prose
from edgewise.report.terminal import percent_with_interval

_GRADES = ((1, "correct"), (0, "wrong"), (-1, "unscorable"))
_REASONS = 5


def verification_summary(
    outcomes: Outcomes,
    pass_at_1: Mapping[Metric, Curve],
    reasons: Counter[str],
    console: Console,
    concerns: Sequence[Concern] = (),
) -> None:
    """Print concerns, how many completions are correct, wrong and unscorable, pass@1, and common reasons.

    `pass_at_1` has the curves at k = 1 by "answer" and by "process"; `reasons` counts how often each was given.
    """
    print_concerns(concerns, console)
    samples, problems = len(outcomes.problem_S), len(outcomes.problem)
    title = f"{samples:,} completions of {problems:,} problems; pass@1 in percent with its 95% interval over problems"
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("graded by")
    for heading in (*(name for _, name in _GRADES), "pass@1"):
        table.add_column(heading, justify="right")
    for name, curve in pass_at_1.items():
        counts = (f"{count:,}" for count in _counts(outcomes, name).values())
        table.add_row(name, *counts, percent_with_interval(curve.at(1)))
    console.print(table)
    if reasons:
        print_prose("Most common reasons:", console)
        for reason, times in reasons.most_common(_REASONS):
            print_prose(f"{times:,}  {one_line(reason)}", console, indent=2)
    print_notes(concerns, console)


def verification_record(
    outcomes: Outcomes, pass_at_1: Mapping[Metric, Curve], reasons: Counter[str], concerns: Sequence[Concern] = ()
) -> dict[str, Any]:
    """The same as plain values: completions, problems, grades and pass@1 by answer and process, all reasons."""
    graded: dict[str, Any] = {
        name: {**_counts(outcomes, name), "pass@1": curve.at(1)} for name, curve in pass_at_1.items()
    }
    return {
        "completions": len(outcomes.problem_S),
        "problems": len(outcomes.problem),
        **graded,
        "reasons": dict(reasons.most_common()),
        "concerns": concerns,
    }


def _counts(outcomes: Outcomes, name: Metric) -> dict[str, int]:
    grade_S = outcomes.answer_S if name == "answer" else outcomes.process_S
    assert grade_S is not None
    return {word: int((grade_S == grade).sum()) for grade, word in _GRADES}
