"""examples/my_claim.py runs whole, at toy size, by its commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgewise.claims.ledger.record import read_record
from edgewise.cli import app
from tests.examples.by_command import ROOT
from tests.study.in_process import compute_in_this_process

CLAIM = f"{ROOT / 'examples' / 'my_claim.py'}:CLAIM"


def test_it_is_run_and_stands_in_a_ledger_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compute_in_this_process(monkeypatch)
    records, out = str(tmp_path / "ledger"), str(tmp_path / "runs")
    command = ["claims", "run", CLAIM, "--scale", "toy", "--out", out, "--records", records]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    record = read_record(tmp_path / "ledger" / "my-claim.toy.json")
    assert (record.claim, record.seeds, len(record.verdict.controls)) == ("my-claim", (0, 1, 2), 3)
    page = CliRunner().invoke(app, ["claims", "ledger", CLAIM, "--records", records])
    assert page.exit_code == 0, page.output
    assert (tmp_path / "ledger" / "README.md").exists()
