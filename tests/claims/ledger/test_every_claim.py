"""Every claim of the registry at toy size: its studies run, its quantities are measured, its rule decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewise.claims.ledger.claim import TOY
from edgewise.claims.ledger.record import read_record, write_record
from edgewise.claims.ledger.registry import claim_named, claim_names
from edgewise.claims.ledger.run import claim_record, specs_at_first_seed, studies_of_claim
from edgewise.study.context import Context
from edgewise.study.run import run
from tests.study.in_process import compute_in_this_process


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store of all claims, in which the stages that they share are computed once."""
    return tmp_path_factory.mktemp("runs")


# One of each kind of reader: pass rates, training curves, gold solutions. The others are as many again and again.
QUICK = ("process-rewards", "compute-sigmoid", "easier-problems", "wide-rollouts")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in claim_names()]
)
def test_a_claim_runs_at_toy_size(name: str, runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One training seed, so that it takes seconds: which says nothing about a recipe, and the record says so."""
    claim, seeds = claim_named(name), (0,)
    assert claim.name == name and claim.scales and TOY in claim.seeds
    compute_in_this_process(monkeypatch)
    studies = studies_of_claim(claim, TOY, seeds)
    store = run(studies.stages, Context(runs))
    record = claim_record(claim, TOY, seeds, studies, store)
    path = write_record(record, specs_at_first_seed(studies), tmp_path / "ledger")
    assert read_record(path) == record
    assert record.verdict.reason == "A statement about a recipe needs 3 training seeds; these are 1."
    assert all(len(quantity.seeds) == 1 for quantity in record.verdict.quantities)
