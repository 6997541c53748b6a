"""`edgewise runs`: what a store holds, how two stages differ, and the removal of what no report needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from edgewise.core.errors import InputError
from edgewise.study.inventory import compare_curves, compare_specs, remove_unused, reports_in, stages_in
from edgewise.study.outline import outline_of, write_outline
from edgewise.study.store import Store
from tests.cli.running import exit_status, refusal
from tests.study.conftest import Finished
from tests.tiny import BASE_EVALUATION, PRETRAIN, STAGES, STUDY, TUNED, TUNED_EVALUATION


@pytest.fixture
def store(finished: Finished, tmp_path: Path) -> Store:
    """The finished stages, of which a report needs the base and its evaluation."""
    copied = Store(shutil.copytree(finished.store.root, tmp_path / "runs"))
    report = copied.root / "mine"
    report.mkdir()
    made = [{"folder": copied.folder(stage).name, "outputs": {}} for stage in (PRETRAIN, BASE_EVALUATION)]
    (report / "boundary.json").write_text(json.dumps({"stages": made}))
    (copied.root / "an_audit").mkdir()
    (copied.root / "an_audit" / "boundary.json").write_text("{}")
    return copied


def unused(store: Store) -> set[Path]:
    return {stage.folder for stage in stages_in(store.root) if stage.unused}


def test_stages_and_the_reports_that_need_them(store: Store) -> None:
    stages = {stage.folder: stage for stage in stages_in(store.root)}
    assert set(stages) == {store.folder(stage) for stage in STAGES}
    base = stages[store.folder(PRETRAIN)]
    assert (base.kind, base.reports, base.unused) == ("pretrain", ("mine",), False)
    assert base.size > 1000 and base.seconds == store.provenance(PRETRAIN).totals.seconds
    assert unused(store) == {store.folder(TUNED), store.folder(TUNED_EVALUATION)}
    assert reports_in(store.root) == {
        "an_audit": (),
        "mine": tuple(store.folder(s).name for s in (PRETRAIN, BASE_EVALUATION)),
    }


@pytest.mark.parametrize("known", [True, False])
def test_what_an_unfinished_stage_goes_on_from_is_not_unused(store: Store, known: bool) -> None:
    folder = store.folder(TUNED_EVALUATION)
    (folder / "provenance.json").unlink()
    unfinished = folder.rename(folder.with_name(folder.name + ".unfinished"))
    if not known:  # a stage whose code is not here may need anything
        (unfinished / "spec.json").write_text('{"kind": "mine"}')
    assert unused(store) == set()
    assert [stage.finished for stage in stages_in(store.root)][-1] is None


def test_the_stages_of_a_study_that_was_begun_are_not_unused(store: Store) -> None:
    """It was interrupted between two stages: nothing is unfinished, and no report is there yet."""
    shutil.rmtree(store.folder(TUNED_EVALUATION))
    assert unused(store) == {store.folder(TUNED)}
    write_outline(outline_of(STUDY), store.root / "begun")
    assert unused(store) == set()
    assert len(reports_in(store.root)["begun"]) == len(STAGES)


def test_unused_stages_are_removed_and_nothing_else(store: Store) -> None:
    removed = remove_unused(store.root)
    assert {stage.folder for stage in removed} == {store.folder(TUNED), store.folder(TUNED_EVALUATION)}
    assert [store.is_complete(stage) for stage in (PRETRAIN, TUNED, BASE_EVALUATION, TUNED_EVALUATION)] == [
        True,
        False,
        True,
        False,
    ]
    assert (store.root / "mine" / "boundary.json").exists() and not remove_unused(store.root)


def test_nothing_is_removed_while_a_stage_is_computed(store: Store) -> None:
    with (
        FileLock(f"{store.folder(TUNED)}.lock"),
        pytest.raises(InputError, match=r"^rl-\w+: is being computed; [^\n]+$"),
    ):
        remove_unused(store.root)
    assert len(stages_in(store.root)) == 4


@pytest.mark.parametrize("stages", [1, ["rl-0"], [{"outputs": {}}]])
def test_a_report_that_does_not_name_its_stages_is_refused(store: Store, stages: object) -> None:
    (store.root / "mine" / "boundary.json").write_text(json.dumps({"stages": stages}))
    with pytest.raises(InputError, match=r"mine/boundary.json: does not name the folders of its stages; [^\n]+$"):
        stages_in(store.root)


@pytest.mark.parametrize("line", ['{"loss": 1.0}', '{"step": 0, "loss": "x"}', "[]"])
def test_curves_that_are_no_numbers_are_refused(store: Store, line: str) -> None:
    (store.folder(TUNED) / "metrics.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=r"metrics.jsonl: not JSON lines[^\n]*; remove [^\n]+ again$"):
        compare_curves(store.folder(TUNED), store.folder(PRETRAIN))


def test_two_stages_differ_in_their_specs_then_in_their_curves(store: Store, tmp_path: Path) -> None:
    first = store.folder(TUNED)
    second = Path(shutil.copytree(first, tmp_path / "other"))
    assert compare_specs(first, second) == {}
    assert all(curve.values[0] == curve.values[1] for curve in compare_curves(first, second))
    spec = json.loads((second / "spec.json").read_text())
    spec["recipe"]["steps"] = 3
    (second / "spec.json").write_text(json.dumps(spec))
    lines = [json.loads(line) for line in (second / "metrics.jsonl").read_text().splitlines()][:3]
    lines[1]["reward"] += 5
    (second / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert compare_specs(first, second) == {"recipe.steps": (4, 3)}
    (reward,) = [curve for curve in compare_curves(first, second) if curve.metric == "reward"]
    assert (reward.step, reward.furthest_step) == (2, 1)
    assert reward.furthest[1] == pytest.approx(reward.furthest[0] + 5)


def test_the_command_lists_compares_and_removes(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert exit_status(monkeypatch, "runs", str(store.root)) == 0
    listed = capsys.readouterr().out
    assert all(store.folder(stage).name in listed for stage in STAGES)
    assert "4 stages, " in listed and "report mine: 2 stages" in listed
    pair = [str(store.folder(stage)) for stage in (PRETRAIN, TUNED)]
    assert exit_status(monkeypatch, "runs", "compare", *pair) == 0
    compared = capsys.readouterr().out
    assert "kind" in compared and "grad_norm" in compared
    assert "nobody to ask" in refusal(monkeypatch, capsys, "runs", "unused", str(store.root), "--remove")
    assert len(stages_in(store.root)) == 4
    assert exit_status(monkeypatch, "runs", "unused", str(store.root), "--remove", "--yes") == 0
    assert "removed 2 stages" in capsys.readouterr().out and len(stages_in(store.root)) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent"], "absent: is no folder"),
        (["compare", "a"], "runs compare: takes the folders of two stages"),
        (["a", "b"], "runs: takes one store"),
        (["--remove"], "--remove: is for"),
        (["unused", "--yes"], "--remove: is for"),
    ],
)
def test_bad_words_are_refused(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refusal(monkeypatch, capsys, "runs", *words)
