"""Print claims with their states, a record, and what the planned seeds of a claim can decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.core.words import counted
from edgewise.report import formats
from edgewise.report.ledger.words import each_seed_text, interval_text, range_text, state_text, unit_of, value_text

if TYPE_CHECKING:
    from edgewise.claims.ledger.claim import Claim
    from edgewise.claims.ledger.record import ClaimRecord, LedgerEntry


def print_claims(claims: Sequence[Claim], entries: Sequence[LedgerEntry]) -> None:
    """A row for each claim and scale: the statement, and what its record says."""
    table = _table("claim", "scale", "seeds", "statement", "record")
    found = {(entry.record.claim, entry.record.scale): entry for entry in entries}
    for claim in claims:
        for place, scale in enumerate(claim.scales):
            entry = found.get((claim.name, scale))
            state = state_text(entry) if entry else "none"
            statement = claim.statement if place == 0 else ""
            table.add_row(
                claim.name if place == 0 else "", scale, str(claim.seeds[scale]), Text(statement), Text(state)
            )
    console = Console(highlight=False)
    console.print(table)
    console.print("edgewise claims run NAME runs one, plan NAME says what it takes, ledger writes the page.")


def print_record(record: ClaimRecord, path: Path | None) -> None:
    """The answer with its reason, the predictions, controls and quantities, and where the record stands."""
    console, verdict = Console(highlight=False), record.verdict
    console.print(Text.assemble((f"{record.claim}: {verdict.answer}", "bold"), f" at {record.scale}"), soft_wrap=True)
    console.print(Text(verdict.reason), soft_wrap=True)
    console.print(Text(f"By answers alone: {verdict.answer_by_answers}."), soft_wrap=True)
    for note in record.notes:
        console.print(Text(f"Note. {note}"), soft_wrap=True)
    table = _table("predicted, or asked of a control", "is", "measured", "interval", "p", "")
    for result in (*verdict.predictions, *verdict.controls):
        unit = unit_of(record, result.quantity)
        cells = (range_text(result, unit), value_text(result.value, unit), interval_text(result, unit))
        p = "" if result.p is None else formats.p_value(result.p)
        table.add_row(Text(result.quantity), *cells, p, result.outcome)
    console.print(table)
    table = _table("quantity", "mean", "95% interval", "each training seed", "by answers")
    answers = {measured.name: measured for measured in verdict.quantities_by_answers}
    for measured in verdict.quantities:
        twin = answers.get(measured.name)
        by_answers = value_text(twin.value, twin.unit) if twin else ""
        cells = (
            value_text(measured.value, measured.unit),
            interval_text(measured, measured.unit),
            each_seed_text(measured),
        )
        table.add_row(Text(measured.name), *cells, by_answers)
    console.print(table)
    where = f"Record: {path}" if path else "No record: training seeds of scouting."
    console.print(Text(f"{where} Digest {record.digest}."), soft_wrap=True)


def print_power(claim: Claim, scale: str) -> None:
    """The probability that the planned training seeds decide each prediction."""
    console = Console(highlight=False)
    table = _table("prediction", f"power with {counted(claim.seeds[scale], 'seed')}", "from")
    powers = claim.power(scale)
    for prediction in claim.predictions:
        table.add_row(Text(prediction.quantity), f"{powers[prediction.quantity]:.2f}", Text(prediction.plan.source))
    console.print(table)


def print_published_cost(claim: Claim) -> None:
    """What the published setting takes, where the laboratory does not run it."""
    cost = claim.published_cost
    assert cost is not None
    console = Console(highlight=False)
    sampling, training = (formats.amount(flops, "FLOP") for flops in (cost.sampling_flops, cost.training_flops))
    console.print(Text(f"The published setting of {claim.name}: {cost.basis}."), soft_wrap=True)
    console.print(
        Text(
            f"Sampling {sampling}, training {training}: about {formats.count(cost.h200_hours)} hours of one H200 at 15%"
            " and 40% of its peak, which are assumed."
        ),
        soft_wrap=True,
    )


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
