"""Terminal output: the result of an audit or a study, and a line while a command works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.status import Status
from rich.table import Table
from rich.text import Text

from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.verdict.labels import CANNOT_TELL, LABELS, Label, shown_label
from edgewise.boundary.verdict.policy import PolicyOutcome
from edgewise.core.words import counted
from edgewise.report import formats
from edgewise.report.brief import Way, churn, crossing, reported_passes, short_name, solved_cells, verdict_on
from edgewise.report.concerns import about, one_line, print_concerns
from edgewise.report.prose import BAD, CARE, GOOD, print_prose
from edgewise.scaling.compute import ComputeOfArms

# Columns of the terminal from which on a tuned model's own pass@k stands beside its difference from the base.
WIDE = 100
# More columns than any table has.
_ANY_WIDTH = 10_000
# So many problems are named.
MOST_NAMED: Mapping[Way, int] = {"down": 3, "up": 1}
# Of so many sets it is said of each who solves what; the page says it of all.
MOST_SETS = 3
OUTCOME_STYLES: Mapping[PolicyOutcome, str] = {"holds": GOOD, "fails": BAD, "cannot tell": CARE}


def status(what: str) -> Status:
    """Show a moving line while something takes a few seconds."""
    return Console(stderr=True).status(what)


def percent_with_interval(estimate: Estimate) -> str:
    """0.734 -> "73.4 [70.1, 76.2]"."""
    return f"{formats.percent(estimate.value).removesuffix('%')} {formats.percent_interval(estimate)}"


def print_audit(audit: Audit, folder: Path | None, compute: ComputeOfArms | None = None) -> None:
    """Print what changes a claim, each tuned arm's label and sentence, one table, and the path of a report.

    `compute` is what the arms of a study took, which stands below. Harmless notes stand in the report alone.
    """
    console = Console(highlight=False)
    print_concerns(audit.concerns, console, rest="the report")
    for arm, verdict in audit.answers.items():
        ks = sorted({part.k for part in verdict.parts.values()})
        console.print()
        seeds = audit.seeds.get(arm, {})
        of_recipe = f" (recipe, {counted(len(seeds), 'training seed')})" if seeds else ""
        print_prose(Text.assemble((one_line(arm), "bold"), of_recipe, ": ", _label(verdict.label, _all(ks))), console)
        print_prose(one_line(verdict.sentence), console, indent=2)
        for name, part in verdict.parts.items():
            if verdict.label == part.label == CANNOT_TELL:
                where = f"{one_line(name)}: " if len(verdict.parts) > 1 else ""
                why = _beyond(audit.concerns, one_line(f"{part.rule} {part.readings}".rstrip()))
                print_prose(Text(f"why: {where}{why}", "dim"), console, indent=2)
        for line in _brief(audit, arm):
            print_prose(line, console, indent=2)
    if audit.policy:
        console.print()
    for check in audit.policy:
        about = ", ".join(
            [short_name(check.arm)] * (len(audit.answers) > 1) + [short_name(check.set)] * (len(audit.sets) > 1)
        )
        style = OUTCOME_STYLES[check.outcome]
        where = f"{check.rule} ({about})" if about else check.rule
        about = f": {one_line(where)}: {one_line(check.reason)}"
        print_prose(Text.assemble("policy ", (check.outcome, style), about), console)
    console.print()
    table = _pass_table(audit, wide=console.width >= WIDE, verdicts_below=False)
    if Measurement.get(console, console.options.update(max_width=_ANY_WIDTH), table).maximum > console.width:
        table = _pass_table(audit, wide=False, verdicts_below=True)
    console.print(table)
    if compute is not None:
        console.print(_compute_table(compute))
        print_prose(one_line(compute.sentence), console)
    if folder is not None:
        print_prose(f"report: {folder / 'report.html'}", console)


def _beyond(concerns: Sequence[Concern], why: str) -> str:
    """The reasons of a verdict, without the words of the concerns that stand above."""
    rest = why
    for concern in concerns:
        if concern.forbids:
            rest = rest.replace(about(concern, len(concern.models)).rstrip("."), "", 1)
    return why if rest == why else f"as said above. {rest.lstrip(' ;.')}"


def _label(label: Label, k: int | str) -> tuple[str, str]:
    return shown_label(label, k), LABELS[label].style


def _all(ks: list[int]) -> str:
    return ", ".join(map(str, ks))


def _brief(audit: Audit, arm: str) -> Iterator[str]:
    """Single problems up and down, and a line for each set: who solves what, pass@10, 50 and 100, the crossing."""
    of_seeds = arm in audit.seeds
    if not of_seeds:
        yield churn(audit, arm, MOST_NAMED, short_name)
    for problem_set in audit.sets if len(audit.sets) <= MOST_SETS else ():
        where = f"{short_name(problem_set.name)}: " if len(audit.sets) > 1 else ""
        texts = [solved_cells(verdict_on(problem_set, arm).solved)]
        if of_seeds:
            yield one_line(f"{where}{problem_set.whole.recipes[arm].sentence}")
        else:
            texts += [reported_passes(audit, problem_set, arm), crossing(problem_set, arm)]
        yield one_line(f"{where}{'; '.join(filter(None, texts))}")


def _compute_table(compute: ComputeOfArms) -> Table:
    title = (
        "Compute of each arm's own training, mean over its training seeds; rollouts: tokens of prompts + completions"
    )
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("arm", overflow="fold")
    for heading in ("trained on", "rollouts", "charged", "FLOP", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for arm, took in compute.arms.items():
        rollouts = f"{formats.amount(took.prompt_tokens)} + {formats.amount(took.completion_tokens)}"
        amounts = (formats.amount(number) for number in (took.charged_tokens, took.flops))
        trained = formats.amount(took.training_tokens)
        table.add_row(Text(one_line(arm)), trained, rollouts, *amounts, formats.duration(took.seconds))
    return table


def _pass_table(audit: Audit, *, wide: bool, verdicts_below: bool) -> Table:
    """One row for each set and model; a verdict stands beside its model, or below it, which leaves more room."""
    ks = sorted({problem_set.whole.k for problem_set in audit.sets})
    parts = [part for verdict in audit.verdicts.values() for part in verdict.parts.values()]
    confidence = next(iter(audit.sets[0].whole.curves.values()))[audit.metric].bootstrap.confidence
    ns = sorted({problem_set.whole.n for problem_set in audit.sets})
    title = (
        f"Percent of problems solved, by the {audit.metric}, {formats.confidence(confidence)} intervals; tuned models: "
        f"change in points, intervals at {formats.confidence(parts[0].confidence)} or more, as tested; "
        f"n = {_all(ns)} samples of each problem"
    )
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", overflow="fold")
    # None is the k of each set. At k = 1 there is nothing but pass@1.
    shown_ks = (1, None) if ks[-1] > 1 else (1,)
    for k in shown_ks:
        heading = f"pass@{k or (ks[0] if len(ks) == 1 else 'k')}"
        table.add_column(heading, justify="right", no_wrap=True)
    if not verdicts_below:
        table.add_column("verdict", no_wrap=True)

    def add(name: Text, numbers: Iterable[str], verdict: tuple[str, str] | None) -> None:
        if verdicts_below:
            table.add_row(Text.assemble(name, "\n    ", verdict) if verdict else name, *numbers)
        else:
            table.add_row(name, *numbers, Text(*verdict) if verdict else "")

    for problem_set in audit.sets:
        scope = problem_set.whole
        about = counted(scope.problems, "problem") + (f", k = {scope.k}" if len(ks) > 1 else "")
        table.add_row(Text.assemble((one_line(problem_set.name), "bold"), f"\n{about}"))
        for arm, recipe in scope.recipes.items():
            part = recipe.verdict
            changes = [
                f"{formats.points(delta.value)} {formats.points_interval(delta)}"
                for delta, _ in zip((part.delta_1, part.delta_k), shown_ks, strict=False)
            ]
            add(Text(f"  {one_line(arm)}", "bold"), changes, _label(part.label, part.k))
        for model, curves in scope.curves.items():
            curve = curves[audit.metric]
            passes = [curve.at(k or scope.k) for k in shown_ks]
            name = Text(f"  {one_line(model)}")
            if model not in scope.verdicts:
                add(name, map(percent_with_interval, passes), None)
                continue
            part = scope.verdicts[model]
            changes = [
                f"{formats.percent(rate.value).removesuffix('%')}, " * wide
                + f"{formats.points(delta.value)} {formats.points_interval(delta)}"
                for rate, delta in zip(passes, (part.delta_1, part.delta_k), strict=False)
            ]
            add(name, changes, _label(part.label, part.k))
    return table
