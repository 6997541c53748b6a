"""Datasets of Hugging Face: folders of Arrow files as `datasets` saves them to disk, and of Parquet files.

The layouts are those of datasets 4: `save_to_disk` of a Dataset and of a DatasetDict, and `data/` of a repository.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.interop.ingest import parquet as ingest
from edgewise.interop.read import read_rollouts
from tests.interop.test_fuzz import fuzzed, imported_or_refused
from tests.interop.writing import only, refused, totals

ROWS: list[dict[str, Any]] = [
    {
        "problem_id": f"p{problem}",
        "correct": sample < problem,
        "prompt": [{"role": "user", "content": f"question {problem}"}],
        "completion": f"text {problem} {sample}",
    }
    for problem in range(5)
    for sample in range(4)
]
TOTALS = {f"p{problem}": (4, min(problem, 4)) for problem in range(5)}


def arrow(path: Path, rows: list[dict[str, Any]], *, stream: bool = True) -> Path:
    """The rows as an Arrow stream, which `datasets` writes, or an Arrow file; in batches of six."""
    table = pa.Table.from_pylist(rows)
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, new(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=6)
    return path


def saved(folder: Path, rows: list[dict[str, Any]], shards: int = 2) -> Path:
    """A folder as `Dataset.save_to_disk` writes it."""
    folder.mkdir(parents=True)
    names = [f"data-{shard:05d}-of-{shards:05d}.arrow" for shard in range(shards)]
    for shard, name in enumerate(names):
        arrow(folder / name, rows[shard * len(rows) // shards : (shard + 1) * len(rows) // shards])
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_split": None}
    (folder / "state.json").write_text(json.dumps(state, indent=2))
    (folder / "dataset_info.json").write_text(json.dumps({"features": {}}, indent=2))
    return folder


@pytest.mark.parametrize("stream", [True, False])
def test_a_file_is_read_as_parquet_is(tmp_path: Path, stream: bool) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    of_parquet = only(tmp_path / "rows.parquet")
    imported = only(arrow(tmp_path / "rows.arrow", ROWS, stream=stream))
    assert totals(imported) == totals(of_parquet) == TOTALS
    assert imported.prompts == of_parquet.prompts
    assert imported.examples == of_parquet.examples
    assert (imported.notes, imported.warnings) == (of_parquet.notes, of_parquet.warnings)


def test_a_dataset_that_was_saved_to_disk(tmp_path: Path) -> None:
    folder = saved(tmp_path / "rollouts", ROWS)
    # What `map` and `filter` left behind: rows that the dataset no longer has.
    arrow(folder / "cache-0123456789abcdef.arrow", [row | {"correct": True} for row in ROWS])
    imported = only(folder)
    assert totals(imported) == TOTALS
    reason = "not read: cache-0123456789abcdef.arrow (a cache: the dataset's state.json does not name it)"
    assert [note for note in imported.notes if note.startswith("not read")] == [reason]
    assert not imported.warnings


def test_splits_are_sets(tmp_path: Path) -> None:
    folder = tmp_path / "rollouts"
    for split in ("train", "test"):
        rows = [row | {"problem_id": f"{split} {row['problem_id']}"} for row in ROWS]
        saved(folder / split, rows, shards=1)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert totals(only(folder)) == {
        f"{split}/{split} {problem}": pair for split in ("train", "test") for problem, pair in TOTALS.items()
    }


def test_a_repository_of_parquet_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nconfigs:\n- config_name: default\n---\n# Rollouts\n")
    (tmp_path / "data").mkdir()
    for shard in range(2):
        table = pa.Table.from_pylist(ROWS[shard::2])
        pq.write_table(table, tmp_path / "data" / f"train-{shard:05d}-of-00002.parquet")
    assert totals(only(tmp_path)) == TOTALS


def test_rows_that_are_selected_by_number_are_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "rollouts", ROWS)
    state = json.loads((folder / "state.json").read_text()) | {"_indices_data_files": [{"filename": "indices.arrow"}]}
    (folder / "state.json").write_text(json.dumps(state))
    assert "call flatten_indices()" in refused(folder)


def test_batches_are_read_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of rows beyond the first batches are found where they are."""
    monkeypatch.setattr(ingest, "TEXT_ROWS", 3)
    monkeypatch.setattr(ingest, "_LONG_BATCH_ROWS", 2)
    whole = {row["completion"] for row in ROWS}
    (imported,) = read_rollouts(arrow(tmp_path / "rows.arrow", ROWS))
    assert {example.text for example in imported.examples} <= whole
    assert set(imported.prompts.values()) == {f"question {problem}" for problem in range(5)}


@fuzzed
@given(st.data())
def test_damaged_files(tmp_path: Path, data: st.DataObject) -> None:
    file = arrow(tmp_path / "rows.arrow", ROWS, stream=data.draw(st.booleans()))
    content = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    imported_or_refused(file)
