"""Record of a claim's result: one JSON file that says what was claimed, predicted, measured and decided, and by what.

The page of the ledger is built from records alone. A record counts where its digest is that of the claim as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import model_validator

from edgewise.claims.ledger.claim import TOY, Claim, Control, Prediction, PublishedNumber
from edgewise.claims.ledger.identity import claim_digest
from edgewise.claims.ledger.results import ClaimVerdict
from edgewise.core.atomic import write_json
from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, plain

# Where records stand in a checkout.
RECORDS = Path("docs/ledger")


class ClaimRecord(Spec):
    """What one run of a claim at one scale came to.

    `power` maps quantities to the probability that the planned seeds decide them. `notes` say of which models the
    training had no gradient, or of which bases nothing is right: their numbers are so by construction. `outputs` maps
    the folders of stages to the digests of weights, rollouts and outcomes; `other_bits` says why another machine may
    get others, and is empty where equality is promised. `hours` are those of all stages, one after the other.
    """

    format: Literal[1] = 1
    claim: str
    statement: str
    work: str
    section: str
    published: tuple[PublishedNumber, ...]
    design: str
    scouted: str
    scale: str
    seeds: tuple[int, ...]
    planned_seeds: int
    digest: str
    predictions: tuple[Prediction, ...]
    controls: tuple[Control, ...]
    power: dict[str, float]
    verdict: ClaimVerdict
    notes: tuple[str, ...] = ()
    outputs: dict[str, dict[str, str]]
    other_bits: tuple[str, ...]
    machine: str
    versions: dict[str, str]
    hours: float
    date: str

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        verdict = self.verdict
        for name, given in (("predictions", self.predictions), ("controls", self.controls)):
            results = getattr(verdict, name)
            if [one.quantity for one in given] != [one.quantity for one in results]:
                raise ValueError(f"verdict.{name}: must be results of the record's {name}, in their order")
        if len(verdict.by_answers) != len(self.predictions):
            raise ValueError("verdict.by_answers: must have a result for each prediction")
        lacking = {one.quantity for one in (*self.predictions, *self.controls)} - {
            one.name for one in verdict.quantities
        }
        if lacking:
            raise ValueError(f"verdict.quantities: lacks {sorted(lacking)[0]!r}")
        return self


def record_path(folder: Path, claim: str, scale: str) -> Path:
    """Where the record of a claim at a scale stands."""
    return folder / f"{claim}.{scale}.json"


def write_record(record: ClaimRecord, specs: Mapping[str, Any], folder: Path) -> Path:
    """Write a record, and the specs of its models beside it, in place of older ones of this claim and scale.

    InputError where they cannot be written.
    """
    path = record_path(folder, record.claim, record.scale)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path.with_suffix(".specs.json"), specs)
        write_json(path, plain(record))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def read_record(path: Path) -> ClaimRecord:
    """Read a record; InputError names the file, and the field where one is at fault."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such record; `edgewise claims run` makes it") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no readable record ({type(error).__name__}); run the claim again") from None
    if not isinstance(data, Mapping):
        raise InputError(f"{path}: must hold a JSON object; run the claim again")
    return ClaimRecord.parse(data, str(path))


def read_records(folder: Path) -> list[ClaimRecord]:
    """The records of a folder by claim and scale, without those of toy scale."""
    paths = [path for path in sorted(folder.glob("*.*.json")) if path.name.count(".") == 2]
    return [record for record in map(read_record, paths) if record.scale != TOY]


def why_not_counted(record: ClaimRecord, claim: Claim | None) -> str:
    """Why a record does not count as a result of the claim as it stands; empty where it does."""
    if claim is None:
        return "the claim is no longer there"
    if record.scale not in claim.seeds:
        return f"stale: the claim has no scale {record.scale!r} any more"
    if claim_digest(claim, record.scale, claim.studies(record.scale, record.seeds)) != record.digest:
        return "stale: the claim was changed after this was measured"
    planned = claim.planned_seeds(record.scale)
    if record.seeds != planned:
        return f"of {len(record.seeds)} training seeds, and {len(planned)} were planned"
    return ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A record as the ledger shows it, with why it does not count; empty where it does."""

    record: ClaimRecord
    not_counted: str


def ledger_json(entries: Sequence[LedgerEntry]) -> list[dict[str, Any]]:
    """All entries as one JSON list: the records, each with whether it counts."""
    return [plain(entry.record) | {"counts": not entry.not_counted, "why_not": entry.not_counted} for entry in entries]
