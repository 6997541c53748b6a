"""Print how two verifiers of the same rollouts agree, and the label under each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.measures.agreement import Agreement
from edgewise.boundary.verdict.labels import shown_label
from edgewise.report import formats
from edgewise.report.concerns import one_line
from edgewise.report.prose import print_prose

# So many problems where the verifiers differ are named.
_NAMED = 5


def print_agreement(names: Sequence[str], agreements: Mapping[str, Agreement], console: Console) -> None:
    """Print a row for each model: samples passed by both verifiers, by one alone, by neither, and kappa."""
    first, second = map(one_line, names)
    table = Table(
        title="Samples that were passed, of those that both graded",
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("model", overflow="fold")
    for heading in ("both", f"only {first}", f"only {second}", "neither", "not graded", "kappa"):
        table.add_column(heading, justify="right", overflow="fold")
    for model, agreement in agreements.items():
        counts = (agreement.both, agreement.only_first, agreement.only_second, agreement.neither, agreement.ungraded)
        kappa = formats.NOT_AVAILABLE if agreement.kappa != agreement.kappa else f"{agreement.kappa:.3f}"
        table.add_row(Text(one_line(model)), *(f"{count:,}" for count in counts), kappa)
    console.print(table)
    for model, agreement in agreements.items():
        if agreement.problems:
            named = "; ".join(
                f"{one_line(of_one.problem)} {of_one.only_first} and {of_one.only_second} of {of_one.samples}"
                for of_one in agreement.problems[:_NAMED]
            )
            print_prose(
                f"{one_line(model)}: they differ on {len(agreement.problems)} problems, most (only {first} and "
                f"only {second}) on {named}.",
                console,
            )


def print_labels(audits: Mapping[str, Audit], console: Console) -> None:
    """Print the label of every tuned model under each verifier, with its sentence."""
    for model in next(iter(audits.values())).verdicts:
        for verifier, audit in audits.items():
            verdict = audit.verdicts[model]
            ks = ", ".join(str(k) for k in sorted({part.k for part in verdict.parts.values()}))
            label = shown_label(verdict.label, ks)
            print_prose(
                Text.assemble(
                    f"{one_line(model)} by {one_line(verifier)}: ", (label, "bold"), f". {one_line(verdict.sentence)}"
                ),
                console,
            )


def agreement_record(
    names: Sequence[str], agreements: Mapping[str, Agreement], audits: Mapping[str, Audit]
) -> dict[str, Any]:
    """The same as values: where the verifiers agree on each model, and the verdicts under each, as far as there are."""
    labels = {name: audit.verdicts for name, audit in audits.items()}
    return {"verifiers": list(names), "agreement": agreements, "verdicts": labels}
