"""`edgewise claims`, end to end: a toy claim is run, verified, listed, and written to the ledger."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgewise.claims.ledger.record import read_record, read_records, write_record
from edgewise.claims.ledger.registry import claim_names
from edgewise.core.spec import plain
from tests.claims.ledger import toy_claim
from tests.model.native.present import needs_kernels
from tests.study.in_process import compute_in_this_process

from .running import exit_status, refusal

TOY = "tests.claims.ledger.toy_claim:CLAIM"
NAMES = claim_names()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store `runs` and of records `ledger` after the toy claim was run at its three seeds."""
    folder = tmp_path_factory.mktemp("claims")
    with pytest.MonkeyPatch.context() as monkeypatch:
        compute_in_this_process(monkeypatch)
        words = ("run", TOY, "--out", str(folder / "runs"), "--records", str(folder / "ledger"), "--workers", "1")
        assert exit_status(monkeypatch, "claims", *words) == 0
    return folder


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    compute_in_this_process(monkeypatch)


@pytest.fixture
def records(ran: Path, tmp_path: Path) -> Path:
    """The records of the run, to be altered."""
    shutil.copytree(ran / "ledger", tmp_path / "ledger")
    return tmp_path / "ledger"


def record_file(records: Path) -> Path:
    return records / "toy.nano.json"


def edited(records: Path, change: Any) -> None:
    data = json.loads(record_file(records).read_text())
    change(data)
    record_file(records).write_text(json.dumps(data))


def verified(monkeypatch: pytest.MonkeyPatch, records: Path, *words: str) -> int:
    return exit_status(monkeypatch, "claims", "verify", TOY, "--records", str(records), "--workers", "1", *words)


def test_a_run_writes_a_record_with_all_that_the_page_needs(ran: Path) -> None:
    record = read_record(record_file(ran / "ledger"))
    assert (record.claim, record.scale, record.seeds, record.planned_seeds) == ("toy", "nano", (0, 1, 2), 3)
    assert len(record.outputs) == 12  # base and tuned, each trained and evaluated, at three seeds
    endings = {Path(output).suffix for outputs in record.outputs.values() for output in outputs}
    assert endings == {".safetensors", ".parquet"}
    assert record.power == {"gain": round(toy_claim.CLAIM.power("nano")["gain"], 3)}
    specs = json.loads((ran / "ledger" / "toy.nano.specs.json").read_text())
    assert set(specs) == {"base", "tuned"}
    assert specs["tuned"]["parent"]["parent"] == specs["base"]["parent"] == plain(toy_claim.base(0))
    gain = record.verdict.quantities[0]
    assert len(gain.seeds) == 3 and gain.value == pytest.approx(sum(filter(None, gain.seeds)) / 3, abs=1e-5)


@needs_kernels
def test_it_verifies_equal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path) -> None:
    assert verified(monkeypatch, records) == 0
    assert capsys.readouterr().out == "equal: toy at nano, 12 stages and the verdict\n"


@needs_kernels
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda data: next(
                outputs for name, outputs in data["outputs"].items() if name.startswith("evaluate")
            ).update({"outcomes.parquet": "0123456789abcdef"}),
            "outcomes.parquet is",
        ),
        (lambda data: data["verdict"]["quantities"][0]["seeds"].__setitem__(0, 0.5), "gain of seed 0 is"),
    ],
    ids=["output", "value"],
)
def test_an_altered_record_is_found_by_one_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path, change: Any, message: str
) -> None:
    edited(records, change)
    assert verified(monkeypatch, records, "--seeds", "1") == 1
    out = capsys.readouterr().out
    assert out.startswith("differs: ") and message in out


def test_a_record_of_another_claim_is_stale_and_not_computed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path
) -> None:
    edited(records, lambda data: data.update(digest="0123456789abcdef"))
    assert verified(monkeypatch, records) == 1
    assert capsys.readouterr().out == "differs: stale: the claim was changed after this was measured\n"
    assert exit_status(monkeypatch, "claims", "ledger", TOY, "--records", str(records), "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["counts"], entry["why_not"]) == (False, "stale: the claim was changed after this was measured")
    assert "not counted" in (records / "README.md").read_text()


def test_a_record_of_fewer_seeds_than_planned_does_not_count(
    ran: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("--seeds", "2", "--out", str(ran / "runs"), "--records", str(tmp_path), "--workers", "1")
    assert exit_status(monkeypatch, "claims", "run", TOY, *words) == 0
    assert "needs 3 training seeds; these are 2" in capsys.readouterr().out
    assert exit_status(monkeypatch, "claims", "ledger", TOY, "--records", str(tmp_path), "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["counts"], entry["why_not"]) == (False, "of 2 training seeds, and 3 were planned")


def test_the_ledger_is_written_from_records_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path
) -> None:
    assert exit_status(monkeypatch, "claims", "ledger", TOY, "--records", str(records)) == 0
    page, html = (records / "toy.nano.md").read_text(), (records / "ledger.html").read_text()
    record = read_record(record_file(records))
    for text in (record.digest, "made up", "the base solves nothing", "edgewise claims verify toy --scale nano"):
        assert text in page and text in html
    assert (records / "figures" / "toy.nano.svg").read_text().startswith("<svg")
    assert len(json.loads((records / "ledger.json").read_text())) == 1
    assert read_records(records) == [record]


def test_toy_scale_is_never_shown(records: Path) -> None:
    record = read_record(record_file(records))
    write_record(record.model_copy(update={"scale": "toy"}), {}, records)
    assert read_records(records) == [record]


def test_scouting_is_on_other_seeds_and_writes_no_record(
    ran: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("claims", "run", TOY, "--out", str(ran / "runs"), "--records", str(tmp_path / "none"), "--workers", "1")
    assert "--seeds: 100 is one that settings are chosen on" in refusal(
        monkeypatch, capsys, *words, "--seeds", "100-102"
    )
    assert "--scout: seed 0 is one" in refusal(monkeypatch, capsys, *words, "--scout")
    assert exit_status(monkeypatch, *words, "--seeds", "100-100", "--scout") == 0
    assert "No record" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_claims_are_listed_with_what_their_records_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert exit_status(monkeypatch, "claims", "--json", "--records", str(tmp_path)) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} == set(NAMES)
    assert {row["verdict"] for row in rows} == {None}
    assert exit_status(monkeypatch, "claims", "--records", str(tmp_path)) == 0
    assert all(name in capsys.readouterr().out for name in NAMES[:1])


def test_the_published_setting_has_its_cost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(monkeypatch, "claims", "plan", "rl-sharpens", "--scale", "paper") == 0
    assert "hours of one H200" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "rl-sharpen"), "error: NAME: 'rl-sharpen' is unknown (did you mean rl-sharpens?); `edgewise claims`"),
        (("run", TOY, "--scale", "huge"), "error: claim 'toy': scale: 'huge' is unknown; there are toy, nano"),
        (
            ("run", "tests.claims.ledger.toy_claim:PLAN"),
            "error: tests.claims.ledger.toy_claim:PLAN: must be an edgewise",
        ),
        (
            ("verify", TOY, "--records", "nowhere"),
            "error: nowhere/toy.nano.json: there is no such record; `edgewise claims run`",
        ),
    ],
)
def test_mistakes_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert refusal(monkeypatch, capsys, "claims", *words).startswith(message)
