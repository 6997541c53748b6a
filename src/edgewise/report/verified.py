"""Print the summary of `edgewise verify`: counts of grades, pass@1, and common reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.boundary import Concern, Curve, Outcomes
from edgewise.report.concerns import one_line, print_concerns, print_notes
from edgewise.report.terminal import percent_with_interval

_GRADES = ((1, "correct"), (0, "wrong"), (-1, "unscorable"))
_REASONS = 5


def verification_summary(
    outcomes: Outcomes,
    pass_at_1: Mapping[str, Curve],
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
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("graded by")
    for heading in (*(name for _, name in _GRADES), "pass@1"):
        table.add_column(heading, justify="right")
    for name, grade_S in (("answer", outcomes.answer_S), ("process", outcomes.process_S)):
        assert grade_S is not None
        counts = (f"{int((grade_S == grade).sum()):,}" for grade, _ in _GRADES)
        table.add_row(name, *counts, percent_with_interval(pass_at_1[name].at(1)))
    console.print(table)
    if reasons:
        console.print("Most common reasons:")
        for reason, times in reasons.most_common(_REASONS):
            console.print(Text(f"  {times:,}  {one_line(reason)}"), soft_wrap=True)
    print_notes(concerns, console)
