"""Print claims with their states, a record, and what the planned seeds of a claim can decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.core.words import counted
from edgewise.report import formats
from edgewise.report.ledger.words import each_seed_text, interval_text, range_text, state_text, unit_of, value_text
from edgewise.report.prose import print_prose

if TYPE_CHECKING:
    from edgewise.claims.ledger.claim import Claim
    from edgewise.claims.ledger.record import ClaimRecord, LedgerEntry


def print_claims(claims: Sequence[Claim], entries: Sequence[LedgerEntry]) -> None:
    """Each claim with its statement, and a row for each of its scales that says what the record has."""
    console = Console(highlight=False)
    found = {(entry.record.claim, entry.record.scale): entry for entry in entries}
    for claim in claims:
        for scale in claim.scales:
            entry = found.get((claim.name, scale))
            state = state_text(entry) if entry else "no record"
            seeds = counted(claim.seeds[scale], "seed")
            print_prose(Text.assemble((claim.name, "bold"), f" at {scale}, {seeds}: {state}"), console)
        print_prose(claim.statement, console, indent=2)
        console.print()
    print_prose("edgewise claims run NAME runs one, plan NAME says what it takes, ledger writes the page.", console)


def print_record(record: ClaimRecord, path: Path | None) -> None:
    """The answer with its reason, the predictions, controls and quantities, and where the record stands."""
    console, verdict = Console(highlight=False), record.verdict
    print_prose(Text.assemble((f"{record.claim}: {verdict.answer}", "bold"), f" at {record.scale}"), console)
    print_prose(verdict.reason, console)
    print_prose(f"By answers alone: {verdict.answer_by_answers}.", console)
    for note in record.notes:
        print_prose(f"Note. {note}", console)
    for title, results in (("Predictions", verdict.predictions), ("Controls", verdict.controls)):
        rows: list[tuple[str, tuple[str, ...]]] = []
        for result in results:
            unit = unit_of(record, result.quantity)
            cells = (range_text(result, unit), value_text(result.value, unit), interval_text(result, unit))
            p = "" if result.p is None else formats.p_value(result.p)
            rows.append((result.quantity, (*cells, p, result.outcome)))
        _print_named(console, title, ("expected", "measured", "interval", "p", "which is"), rows)
    rows = []
    answers = {measured.name: measured for measured in verdict.quantities_by_answers}
    for measured in verdict.quantities:
        twin = answers.get(measured.name)
        by_answers = value_text(twin.value, twin.unit) if twin else ""
        cells = (
            value_text(measured.value, measured.unit),
            interval_text(measured, measured.unit),
            each_seed_text(measured),
        )
        rows.append((measured.name, (*cells, by_answers)))
    _print_named(console, "Quantities", ("mean", "95% interval", "each training seed", "by answers"), rows)
    console.print()
    where = f"Record: {path}" if path else "No record: training seeds of scouting."
    print_prose(f"{where} Digest {record.digest}.", console)


def power_rows(claim: Claim, scale: str) -> list[dict[str, Any]]:
    """The probability that the planned training seeds decide each prediction, and where the planned effect is from."""
    powers = claim.power(scale)
    return [
        {
            "prediction": prediction.quantity,
            "seeds": claim.seeds[scale],
            "power": powers[prediction.quantity],
            "source": prediction.plan.source,
        }
        for prediction in claim.predictions
    ]


def print_power(claim: Claim, scale: str) -> None:
    """A row for each prediction: how likely the planned training seeds decide it."""
    console = Console(highlight=False)
    table = _table("prediction", f"power with {counted(claim.seeds[scale], 'seed')}", "from")
    for row in power_rows(claim, scale):
        table.add_row(Text(row["prediction"]), f"{row['power']:.2f}", Text(row["source"]))
    console.print(table)


def published_cost_row(claim: Claim) -> dict[str, Any]:
    """What the published setting takes: its basis, FLOPs of sampling and of training, hours of one H200."""
    cost = claim.published_cost
    assert cost is not None
    return {
        "claim": claim.name,
        "basis": cost.basis,
        "sampling_flops": cost.sampling_flops,
        "training_flops": cost.training_flops,
        "h200_hours": cost.h200_hours,
    }


def print_published_cost(claim: Claim) -> None:
    """What the published setting takes, where the laboratory does not run it."""
    cost = claim.published_cost
    assert cost is not None
    console = Console(highlight=False)
    sampling, training = (formats.amount(flops, "FLOP") for flops in (cost.sampling_flops, cost.training_flops))
    print_prose(f"The published setting of {claim.name}: {cost.basis}.", console)
    print_prose(
        f"Sampling {sampling}, training {training}: about {formats.count(cost.h200_hours)} hours of one H200 at 15%"
        " and 40% of its peak, which are assumed.",
        console,
    )


def _print_named(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]
) -> None:
    """Rows whose names are sentences: the name stands above its numbers, which are in columns."""
    widths = [max(map(len, column)) for column in zip(columns, *(cells for _, cells in rows), strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()

    console.print(Text.assemble("\n", (title, "bold")))
    print_prose(Text(line(columns), "dim"), console, indent=2)
    for name, cells in rows:
        print_prose(name, console)
        print_prose(line(cells), console, indent=2)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
