"""Rollouts are found below a folder, and what is not read is said with a reason."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.core.errors import InputError
from edgewise.interop import folder as search
from edgewise.interop.arms import read_arms
from edgewise.interop.folder import find_files
from edgewise.interop.read import read_rollouts
from edgewise.outcomes.io import write_outcomes
from edgewise.rl.kept_groups import KeptGroup, KeptSample
from edgewise.rollouts.collect import roll_out
from edgewise.rollouts.table import rollout_table, table_outcomes, write_rollout_table
from tests.interop.writing import FILES, jsonl, only, refused, totals
from tests.rollouts.test_rollouts import PARAMS, PROBLEMS, TOKENIZER, WORLD, Scripted

ROWS = [{"id": problem, "correct": problem == 1, "completion": f"{problem}"} for problem in (1, 1, 2)]


def below(folder: Path) -> list[str]:
    return [head.path.relative_to(folder).as_posix() for head, _ in find_files(folder)[0]]


def test_the_output_path_of_lm_eval_is_read(tmp_path: Path) -> None:
    for file in (FILES / "lm_eval").iterdir():
        target = tmp_path / "out" / "org__tiny" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    imported = only(tmp_path / "out")
    assert imported.model == "tiny"
    assert totals(imported) == totals(only(FILES / "lm_eval"))
    assert imported.notes == only(FILES / "lm_eval").notes


def test_a_data_set_of_hugging_face_is_read(tmp_path: Path) -> None:
    for part in (0, 1):
        path = tmp_path / "data" / f"train-0000{part}-of-00002.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist([row | {"completion": f"{part} {row}"} for row in ROWS]), path)
    (tmp_path / "README.md").write_text("---\ndataset_info:\n---\n")
    (tmp_path / "dataset_info.json").write_text('{\n "features": {}\n}')
    imported = only(tmp_path)
    assert totals(imported) == {"1": (4, 4), "2": (2, 0)}
    assert imported.warnings == ()


def test_files_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("100", "5", "20/1", "10"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        jsonl(tmp_path / f"{name}.jsonl", ROWS)
    assert below(tmp_path) == ["5.jsonl", "10.jsonl", "20/1.jsonl", "100.jsonl"]


def test_what_is_not_read_has_a_reason(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"\x10\0\0\0{}" + bytes(100))
    (tmp_path / "model" / "config.json").write_text('{"model_type": "qwen2"}')
    with zipfile.ZipFile(tmp_path / "optimizer.pt", "w") as archive:
        archive.writestr("data.pkl", "x")
    (tmp_path / "notes.txt").write_text("hello\n")
    (tmp_path / "empty.jsonl").write_text("")
    jsonl(tmp_path / "metrics.jsonl", [{"step": 1, "loss": 0.5}])
    jsonl(tmp_path / "train.jsonl", [{"messages": [], "source": "x"}])
    (tmp_path / "pretrain-1.unfinished").mkdir()
    jsonl(tmp_path / "pretrain-1.unfinished" / "rollouts.jsonl", ROWS)
    imported = only(tmp_path)
    assert totals(imported) == {"1": (2, 2), "2": (1, 0)}
    assert imported.notes[:-1] == (
        "not read: empty.jsonl (the file is empty)",
        "not read: metrics.jsonl (numbers of training steps)",
        "not read: model/config.json (the first row has model_type)",
        "not read: model/weights.safetensors (binary)",
        "not read: notes.txt (text, no rows)",
        "not read: optimizer.pt (a zip file that is not named .eval)",
        "not read: train.jsonl (the first row has messages, source)",
    )
    assert imported.warnings == ("files that are not read: train.jsonl (the first row has messages, source)",)


def test_groups_that_a_training_kept_are_no_rollouts_of_a_model(tmp_path: Path) -> None:
    """Each step has another policy and other problems."""
    jsonl(tmp_path / "a.jsonl", ROWS)
    sample = KeptSample("a = 1", 5, True, 1.0, 0.5, "correct", "correct", None, "")
    jsonl(tmp_path / "groups.jsonl", [asdict(KeptGroup(0, "p", 3, "a?", 2, (sample, sample)))])
    imported = only(tmp_path)
    assert imported.notes[0] == "not read: groups.jsonl (some groups of training steps)" and imported.warnings == ()


def test_one_reason_is_given_once(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    for name in "bc":
        (tmp_path / f"{name}.md").write_text("hello\n")
    assert "not read: b.md, c.md (text, no rows)" in only(tmp_path).notes


def test_a_result_beside_rollouts_is_passed_over(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    report = tmp_path / "report"
    (report / "tables").mkdir(parents=True)
    (report / "tables" / "problems.csv").write_text("problem_id,n,c\na,2,1\n")
    (report / "boundary.json").write_text(json.dumps({"schema": "edgewise.boundary/2"}, indent=1))
    assert totals(only(tmp_path)) == {"1": (2, 2), "2": (1, 0)}


def test_a_study_s_folder_is_read_by_the_stages_that_were_evaluated(tmp_path: Path) -> None:
    """Stages have a digest for a name; their provenance says whose model they evaluated."""
    for evaluation, parent, seed in (("evaluate-1a", "rl-9c", 1), ("evaluate-2b", "pretrain-7d", 2)):
        stage = tmp_path / evaluation
        stage.mkdir()
        rollouts = rollout_table(roll_out(Scripted(), TOKENIZER, WORLD, PROBLEMS, 6, PARAMS, seed=seed))
        write_rollout_table(rollouts, stage / "rollouts.parquet")
        write_outcomes(table_outcomes(rollouts), stage / "outcomes.parquet")
        (stage / "provenance.json").write_text(json.dumps({"parents": [parent], "seed": 0}))
        (tmp_path / f"{evaluation}.lock").write_text("")
        (tmp_path / parent / "model").mkdir(parents=True)
        (tmp_path / parent / "model" / "model.safetensors").write_bytes(bytes(100))
        jsonl(tmp_path / parent / "metrics.jsonl", [{"step": 1, "loss": 0.5, "answer_correct": 0.1}])
    (tmp_path / "report.html").write_text("<html>")
    arms = read_arms([str(tmp_path)])
    assert list(arms.models) == ["pretrain-7d", "rl-9c"]
    assert not any("another reading" in concern.message for concern in arms.concerns)
    assert list(read_arms([str(tmp_path / "evaluate-1a")]).models) == ["rl-9c"]


def test_a_broken_file_of_rows_is_an_error_and_no_gap(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps(ROWS[0]).encode())[:20])
    assert "b.jsonl.gz: cannot be read" in refused(tmp_path)


def test_a_link_to_a_folder_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "step_1").mkdir()
    jsonl(tmp_path / "step_1" / "a.jsonl", ROWS)
    (tmp_path / "latest").symlink_to(tmp_path / "step_1")
    assert below(tmp_path) == ["step_1/a.jsonl"]


def test_the_search_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    deep = tmp_path.joinpath(*"1234567")
    deep.mkdir(parents=True)
    jsonl(deep / "b.jsonl", ROWS)
    files, unread = find_files(tmp_path)
    assert len(files) == 1
    assert [(file.name, file.reason) for file in unread] == [("1/2/3/4/5/6/7", "more than 6 folders down")]
    monkeypatch.setattr(search, "_MOST_FOLDERS", 3)
    with pytest.raises(InputError, match="more than 3 folders; give the folder that holds the rollouts"):
        read_rollouts(tmp_path)
    monkeypatch.setattr(search, "_MOST_FILES", 0)
    assert refused(tmp_path).endswith("more than 0 files; give the folder that holds the rollouts")


def test_a_folder_that_lm_eval_names_after_a_path_is_read(tmp_path: Path) -> None:
    """The model /models/mine has the folder __models__mine; what Python and macOS make is passed over."""
    for name, correct in (("__models__mine", True), ("__MACOSX", False), ("__pycache__", False)):
        (tmp_path / name).mkdir()
        jsonl(tmp_path / name / "rows.jsonl", [{"problem_id": "a", "sample_id": 0, "correct": correct}])
    assert totals(only(tmp_path)) == {"a": (1, 1)}
