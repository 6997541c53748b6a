"""`edgewise claims`: list published claims, run one as a pre-registered study, verify a record, write the ledger."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewise.cli.examples import epilog
from edgewise.cli.options import (
    AsJson,
    ComputedBy,
    Device,
    MachineChoice,
    On,
    StudyFolder,
    Workers,
    Yes,
    print_json,
)
from edgewise.cli.plan import measured_estimate
from edgewise.cli.study import check_stages_to_compute
from edgewise.core.errors import InputError
from edgewise.core.load import load_object

if TYPE_CHECKING:
    from edgewise.claims.ledger.claim import Claim
    from edgewise.claims.ledger.record import ClaimRecord, LedgerEntry

claims_app = typer.Typer(no_args_is_help=False)

NAME = typer.Argument(metavar="NAME", help="A claim that `edgewise claims` lists, MODULE:CLAIM or FILE.py:CLAIM.")
Records = Annotated[Path, typer.Option("--records", metavar="DIR", help="Folder of the records and of the page.")]
ClaimScale = Annotated[
    str, typer.Option("--scale", metavar="NAME", help="nano, small or paper, as far as it has them.")
]
_RECORDS = Path("docs/ledger")


@claims_app.callback(invoke_without_command=True)
def list_claims(context: typer.Context, records: Records = _RECORDS, as_json: AsJson = False) -> None:
    """List published claims with what their records say; or run, verify, plan one, or write the ledger."""
    if context.invoked_subcommand is not None:
        return
    from edgewise.claims.ledger.record import read_records
    from edgewise.claims.ledger.registry import claim_named, claim_names
    from edgewise.report.ledger.terminal import print_claims

    claims = [claim_named(name) for name in claim_names()]
    entries = _entries(read_records(records), claims)
    if as_json:
        rows = [
            {"name": claim.name, "statement": claim.statement, "scale": scale, **_state(entries, claim.name, scale)}
            for claim in claims
            for scale in claim.scales
        ]
        print_json(rows)
    else:
        print_claims(claims, entries)


@claims_app.command("run", epilog=epilog("claims run"))
def run_claim(
    name: Annotated[str, NAME],
    scale: ClaimScale = "nano",
    seeds: Annotated[
        str | None, typer.Option(metavar="N", help="Training seeds 0 to N - 1. Default: as many as planned.")
    ] = None,
    scout: Annotated[
        bool, typer.Option("--scout", help="Try settings on seeds from 100 on, such as --seeds 100-102; no record.")
    ] = False,
    out: StudyFolder = Path("runs"),
    records: Records = _RECORDS,
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
    on: On = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Run a claim's studies over training seeds, decide it by its rule and write the record."""
    from rich.console import Console

    from edgewise.claims.ledger.claim import check_seeds
    from edgewise.claims.ledger.record import write_record
    from edgewise.claims.ledger.run import claim_record, specs_at_first_seed, studies_of_claim
    from edgewise.core.distributed import process_group
    from edgewise.report.ledger.terminal import print_record
    from edgewise.report.progress import StudyProgress
    from edgewise.study.run import run
    from edgewise.study.runners.base import Watcher
    from edgewise.study.store import Store
    from edgewise.study.training_seeds import parse_seeds

    claim = _claim(name)
    planned = claim.planned_seeds(scale)
    chosen = planned if seeds is None else parse_seeds(seeds)
    check_seeds(chosen, scouting=scout)
    studies = studies_of_claim(claim, scale, chosen)
    check_stages_to_compute(studies, Store(out), yes=yes)
    with process_group(device) as distributed, ExitStack() as stack:
        context = MachineChoice(workers, device, backend, on).context(out, distributed)
        watchers: list[Watcher] = []
        if distributed.is_rank_zero:
            watchers.append(stack.enter_context(StudyProgress(studies.names(), Console(stderr=True))))
        store = run(studies.stages, context, *watchers)
    if not distributed.is_rank_zero:
        return
    record = claim_record(claim, scale, chosen, studies, store)
    path = None if scout else write_record(record, specs_at_first_seed(studies), records)
    if as_json:
        typer.echo(record.model_dump_json(indent=2))
    else:
        print_record(record, path)


@claims_app.command("verify", epilog=epilog("claims verify"))
def verify_claim(
    name: Annotated[str, NAME],
    scale: ClaimScale = "nano",
    seeds: Annotated[
        str | None, typer.Option(metavar="N", help="Training seeds 0 to N - 1 alone. Default: all of the record.")
    ] = None,
    records: Records = _RECORDS,
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
    as_json: AsJson = False,
) -> None:
    """Recompute a record elsewhere from its claim, and say `equal` or the first difference. Exit status 0, else 1."""
    from rich.console import Console

    from edgewise.claims.ledger.record import read_record, record_path
    from edgewise.claims.ledger.run import studies_of_claim, verify_record
    from edgewise.report.progress import StudyProgress
    from edgewise.report.prose import print_prose
    from edgewise.study.training_seeds import parse_seeds

    claim = _claim(name)
    record = read_record(record_path(records, claim.name, scale))
    chosen = record.seeds if seeds is None else parse_seeds(seeds)
    if not set(chosen) <= set(record.seeds):
        raise InputError(f"--seeds: the record is of the seeds 0 to {len(record.seeds) - 1}; give some of these")
    context = MachineChoice(workers, device, backend).context(Path())
    progress = StudyProgress(studies_of_claim(claim, scale, chosen).names(), Console(stderr=True))
    with progress:
        equal, line = verify_record(claim, record, chosen, context, progress)
    if as_json:
        print_json({"equal": equal, "sentence": line})
    else:
        print_prose(line)
    raise typer.Exit(0 if equal else 1)


@claims_app.command("plan", epilog=epilog("claims plan"))
def plan_claim(
    name: Annotated[str, NAME],
    scale: ClaimScale = "nano",
    seeds: Annotated[
        str | None, typer.Option(metavar="N", help="Training seeds 0 to N - 1. Default: as many as planned.")
    ] = None,
    out: StudyFolder = Path("runs"),
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
    as_json: AsJson = False,
) -> None:
    """Print what a claim would compute and what its planned seeds can decide; or what the published setting takes."""
    from edgewise.claims.ledger.run import studies_of_claim
    from edgewise.report.ledger.terminal import power_rows, print_power, print_published_cost, published_cost_row
    from edgewise.report.study_plan import print_study_plan
    from edgewise.study.training_seeds import parse_seeds

    claim = _claim(name)
    if scale == "paper" and scale not in claim.seeds and claim.published_cost is not None:
        if as_json:
            print_json({"published_cost": published_cost_row(claim)})
        else:
            print_published_cost(claim)
        return
    planned = claim.planned_seeds(scale)
    studies = studies_of_claim(claim, scale, planned if seeds is None else parse_seeds(seeds))
    estimate = measured_estimate(studies, out, MachineChoice(workers, device, backend))
    if as_json:
        print_json({"estimate": estimate, "power": power_rows(claim, scale)})
    else:
        print_study_plan(estimate)
        print_power(claim, scale)


@claims_app.command("ledger", epilog=epilog("claims ledger"))
def write_ledger(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Claims of your own, beside those of this package.", show_default=False
        ),
    ] = None,
    records: Records = _RECORDS,
    as_json: AsJson = False,
) -> None:
    """Build the pages of the ledger from the records: README.md, one of each, ledger.html, ledger.json, figures."""
    from edgewise.claims.ledger.record import ledger_json, read_records
    from edgewise.claims.ledger.registry import claim_named, claim_names
    from edgewise.report.ledger.page import write_ledger_page

    claims = [*map(claim_named, claim_names()), *map(_claim, names or [])]
    entries = _entries(read_records(records), claims)
    content = ledger_json(entries)
    write_ledger_page(entries, content, records)
    if as_json:
        print_json(content)
    else:
        typer.echo(str(records / "README.md"))


def _claim(name: str) -> Claim:
    from edgewise.claims.ledger.claim import Claim
    from edgewise.claims.ledger.registry import claim_named

    if ":" not in name:
        return claim_named(name)
    claim = load_object(name, "claim")
    if not isinstance(claim, Claim):
        raise InputError(f"{name}: must be an edgewise.claims.ledger.claim.Claim, is a {type(claim).__name__}")
    return claim


def _entries(records: list[ClaimRecord], claims: list[Claim]) -> list[LedgerEntry]:
    from edgewise.claims.ledger.record import LedgerEntry, why_not_counted

    by_name = {claim.name: claim for claim in claims}
    return [LedgerEntry(record, why_not_counted(record, by_name.get(record.claim))) for record in records]


def _state(entries: list[LedgerEntry], name: str, scale: str) -> dict[str, str | int | None]:
    for entry in entries:
        if (entry.record.claim, entry.record.scale) == (name, scale):
            record = entry.record
            return {
                "verdict": record.verdict.answer,
                "seeds": len(record.seeds),
                "not_counted": entry.not_counted or None,
            }
    return {"verdict": None, "seeds": None, "not_counted": None}
