"""What people look for first, in words: problems up and down, who solves what, pass@10, 50 and 100, the crossing.

Texts are plain, with names as `written` gives them: a terminal, a page and Markdown each escape in their own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edgewise.boundary.audit.result import Audit, ProblemSet
from edgewise.boundary.inference.supported_k import REPORTED_KS, largest_claimable_k
from edgewise.boundary.measures.changes import CHANGES, MovedProblem
from edgewise.boundary.measures.crossover import CROSSOVER
from edgewise.boundary.measures.solved import SolvedSets
from edgewise.boundary.verdict.verdict import BoundaryVerdict
from edgewise.core.words import counted
from edgewise.outcomes.example import Example
from edgewise.report import formats
from edgewise.report.concerns import one_line

Way = Literal["down", "up"]
ARROW = "\u2192"


@dataclass(frozen=True)
class Moved:
    """A problem of a set that significantly went up or down, and a completion of each arm that shows it where one is
    known: right and then wrong for one that went down."""

    set: str
    way: Way
    problem: MovedProblem
    base: Example | None = None
    tuned: Example | None = None


def short_name(text: str, limit: int = 30) -> str:
    """A name on one line, cut where it is long."""
    line = " ".join(one_line(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}\u2026"


def verdict_on(problem_set: ProblemSet, arm: str) -> BoundaryVerdict:
    """The verdict of a tuned arm on a set: of its recipe where it has training seeds."""
    scope = problem_set.whole
    return scope.recipes[arm].verdict if arm in scope.recipes else scope.verdicts[arm]


def moved_problems(
    audit: Audit, model: str, examples: Mapping[str, Sequence[Example]] | None = None
) -> tuple[Moved, ...]:
    """The named problems of all sets on which a tuned model went down, then those on which it went up."""
    of_base, of_tuned = ((examples or {}).get(name, ()) for name in (audit.bases[model], model))
    found = []
    ways: tuple[Way, Way] = ("down", "up")
    for way in ways:
        for problem_set in audit.sets:
            changes = CHANGES.result(problem_set.comparisons[model])
            if changes is None:
                continue
            for problem in changes.losses if way == "down" else changes.gains:
                base = _example(of_base, problem.problem, right=way == "down", by=audit.metric)
                tuned = _example(of_tuned, problem.problem, right=way == "up", by=audit.metric)
                found.append(Moved(problem_set.name, way, problem, base, tuned))
    return tuple(found)


def churn(audit: Audit, model: str, most: Mapping[Way, int], written: Callable[[str], str] = str) -> str:
    """How many problems went up and how many down, each shown by itself, with at most `most` of each way by name."""
    numbers: dict[Way, int] = {"down": 0, "up": 0}
    for problem_set in audit.sets:
        changes = CHANGES.result(problem_set.comparisons[model])
        if changes is not None and changes.concerns:
            return "No problem is tested for a change by itself, as no claim can be made"
        if changes is not None:
            numbers["down"] += changes.down
            numbers["up"] += changes.up
    problems = counted(sum(problem_set.whole.problems for problem_set in audit.sets), "problem")
    if not any(numbers.values()):
        return f"Of {problems} none is shown by itself to have gone up or down"
    lists = []
    named = moved_problems(audit, model)
    for way, number in numbers.items():
        if shown := [_rates(audit, one, written) for one in named if one.way == way][: most[way]]:
            more = f" and {number - len(shown)} more" if number > len(shown) else ""
            lists.append(f"{way}: {', '.join(shown)}{more}")
    return f"Of {problems}, {numbers['up']} up and {numbers['down']} down, each shown by itself; {'; '.join(lists)}"


def solved_cells(solved: SolvedSets) -> str:
    """How many problems both arms, one or neither solve within k samples, and what chance alone makes of one."""
    cells = {"both": solved.both, "tuned only": solved.tuned_only, "base only": solved.base_only}
    parts = [f"{name} {formats.tally(cell.value)}" for name, cell in cells.items()]
    problems = counted(solved.problems, "problem")
    return (
        f"Solved within {counted(solved.m, 'sample')}, of {problems}: {', '.join(parts)} "
        f"(by chance {formats.tally(solved.floor.value)}), neither {formats.tally(solved.neither.value)}"
    )


def reported_passes(audit: Audit, problem_set: ProblemSet, model: str) -> str:
    """pass@10, pass@50 and pass@100 of base and tuned model where there are samples; "" where there are none."""
    base, tuned = (problem_set.whole.curves[name][audit.metric] for name in (audit.bases[model], model))
    shown = [
        f"pass@{k} {formats.percent(base.at(k).value)} {ARROW} {formats.percent(tuned.at(k).value)}"
        f"{'' if k <= largest_claimable_k(problem_set.whole.n) else ' (beyond n/2)'}"
        for k in REPORTED_KS
        if k <= problem_set.whole.n
    ]
    return ", ".join(shown)


def crossing(problem_set: ProblemSet, model: str) -> str:
    """At which k the base overtakes the tuned model, with its interval.

    From where on this is sure stands among the measures alone: the band over all k knows nothing of the other sets and
    models, with which a verdict shares its alpha, and would contradict it.
    """
    found = CROSSOVER.result(problem_set.comparisons[model])
    if found is None or len(found.k_K) < 2:
        return ""
    first, last = int(found.k_K[0]), int(found.k_K[-1])
    low, high = (
        "below 2" if end <= first else f"beyond {last}" if end == float("inf") else _k(end)
        for end in (found.crossing.low, found.crossing.high)
    )
    if found.crossing.value == float("inf"):
        at_least = f" (but perhaps from k = {low} on)" if low != f"beyond {last}" and found.crossing.low > first else ""
        return f"no crossing up to k = {last}{at_least}"
    if found.crossing.value <= first:
        return f"base ahead from k = {first} to {last} on the average [crossing {low} to {high}]"
    return f"curves cross at k = {_k(found.crossing.value)} [{low}, {high}]"


def _k(k: float) -> str:
    return f"{k:.0f}" if k >= 10 else formats.number(round(k, 1))


def _rates(audit: Audit, one: Moved, written: Callable[[str], str]) -> str:
    p = one.problem
    # Ids of several sets often begin with that of their set.
    where = f"{written(one.set)} " if len(audit.sets) > 1 and not p.problem.startswith(f"{one.set}/") else ""
    return f"{where}{written(p.problem)} {_rate(p.base_c, p.base_n)} {ARROW} {_rate(p.tuned_c, p.tuned_n)}"


def _rate(correct: int, samples: int) -> str:
    return f"{correct}/{samples}"


def _example(examples: Iterable[Example], problem: str, *, right: bool, by: str) -> Example | None:
    """The first completion of a problem that is right, or the first that is not."""
    for example in examples:
        mark = example.process if by == "process" else example.answer
        if example.problem_id == problem and (mark == "correct") == right:
            return example
    return None
