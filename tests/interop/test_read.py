"""Files are recognised by what is in them, and a folder is read as a whole."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.boundary import Outcomes
from edgewise.core.errors import InputError
from edgewise.interop.read import read_rollouts
from edgewise.outcomes.io import write_outcomes
from edgewise.rollouts.collect import roll_out
from edgewise.rollouts.table import rollout_table, table_outcomes, write_rollout_table
from tests.interop.writing import FILES, counts, jsonl, only, refused, totals
from tests.rollouts.test_rollouts import PARAMS, PROBLEMS, TOKENIZER, WORLD, Scripted

ROWS = [{"id": p, "correct": p == 1, "text": f"{p}"} for p in (1, 1, 2)]


@pytest.mark.parametrize(
    "name",
    ["inspect.eval", "inspect.json", "verl_dapo/0.jsonl", "trl/completions_00001.parquet"],
)
def test_a_file_is_recognised_by_its_content(tmp_path: Path, name: str) -> None:
    shutil.copy(FILES / name, tmp_path / "renamed.txt")
    assert totals(only(tmp_path / "renamed.txt")) == totals(only(FILES / name))


def test_a_gzipped_file_of_any_text_format_is_read(tmp_path: Path) -> None:
    for name in ("inspect.json", "verl_dapo/0.jsonl"):
        (tmp_path / "a.gz").write_bytes(gzip.compress((FILES / name).read_bytes()))
        assert totals(only(tmp_path / "a.gz")) == totals(only(FILES / name))
    (tmp_path / "c.gz").write_bytes(gzip.compress(b"problem_id,n,c\na,2,1\n"))
    assert totals(only(tmp_path / "c.gz")) == {"a": (2, 1)}


def test_files_of_a_folder_are_sets(tmp_path: Path) -> None:
    jsonl(tmp_path / "aime2024.jsonl", ROWS)
    jsonl(tmp_path / "aime2025.jsonl", ROWS[:1])
    (tmp_path / "README.md").write_text("# Rollouts")
    (tmp_path / ".hidden").write_text("{")
    imported = only(tmp_path)
    assert totals(imported) == {"aime2024/1": (2, 2), "aime2024/2": (1, 0), "aime2025/1": (1, 1)}
    assert imported.files == (tmp_path / "aime2024.jsonl", tmp_path / "aime2025.jsonl")
    assert "not read: README.md (text, no rows)" in imported.notes
    assert counts(imported).level.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "names",
    [("a-00000-of-00002.jsonl", "a-00001-of-00002.jsonl"), ("a_part1.jsonl", "a_part2.jsonl"), ("0.jsonl", "1.jsonl")],
)
def test_parts_of_one_file_are_one_set(tmp_path: Path, names: tuple[str, str]) -> None:
    jsonl(tmp_path / names[0], ROWS)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / names[1])
    imported = only(tmp_path)
    assert totals(imported) == {"1": (4, 4), "2": (2, 0)}
    assert imported.source == "edgewise rollouts JSONL and edgewise rollouts Parquet"
    assert imported.outcomes is not None
    assert imported.outcomes.sample_S.tolist() == [0, 1, 0, 2, 3, 1]


def test_a_bad_row_of_a_folder_names_its_file(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    bad = jsonl(tmp_path / "b.jsonl", [*ROWS, {"id": 1, "correct": 7}])
    assert f"{tmp_path.name}/{bad.name}: line 4: correct: 7; use true, false" in refused(tmp_path)


def test_a_set_may_have_levels_that_another_lacks(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", [row | {"level": 3} for row in ROWS])
    jsonl(tmp_path / "b.jsonl", ROWS)
    imported = only(tmp_path)
    assert counts(imported).level.tolist() == [3, 3, 0, 0]
    assert "problems of sets without levels are at level 0" in imported.notes


def test_a_stage_of_the_laboratory_is_read_once(tmp_path: Path) -> None:
    rollouts = roll_out(Scripted(), TOKENIZER, WORLD, PROBLEMS, 6, PARAMS, seed=3)
    write_rollout_table(rollout_table(rollouts), tmp_path / "rollouts.parquet")
    write_outcomes(table_outcomes(rollout_table(rollouts)), tmp_path / "outcomes.parquet")
    (tmp_path / "spec.json").write_text('{"kind": "sample", "seed": 0}')
    jsonl(tmp_path / "metrics.jsonl", [{"step": 1, "loss": 0.5}])
    imported = only(tmp_path)
    assert imported.files == (tmp_path / "rollouts.parquet",)
    assert imported.notes[:3] == (
        "not read: metrics.jsonl (numbers of training steps)",
        "not read: spec.json (the first row has kind, seed)",
        "not read: outcomes.parquet (edgewise lab rollouts beside it hold the same)",
    )
    assert imported.warnings == ()
    assert counts(imported).c_P.tolist() == table_outcomes(rollout_table(rollouts)).counts().c_P.tolist()


def test_set_and_id_that_join_to_one_name_are_refused(tmp_path: Path) -> None:
    rows = [{"set": "a", "id": "b/c", "correct": 1}, {"set": "a/b", "id": "c", "correct": 1}]
    assert refused(jsonl(tmp_path / "a.jsonl", rows)).startswith("a.jsonl: set: ids set/problem_id that are equal")


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none") == "none: no such file or folder; give rollouts"
    assert ": no file of a known format; known are edgewise JSONL" in refused(tmp_path)
    (tmp_path / "a.csv").write_text("problem_id,n,c\na,2,1\n")
    jsonl(tmp_path / "b.jsonl", ROWS)
    assert "a counts CSV among other files; give it by itself" in refused(tmp_path)


def test_many_rows_are_read_whole_in_batches(tmp_path: Path) -> None:
    problem = [f"p{i % 1000:04d}" for i in range(300_000)]
    table = pa.table({"id": problem, "correct": [i % 3 == 0 for i in range(300_000)], "tokens": list(range(300_000))})
    pq.write_table(table, tmp_path / "a.parquet")
    imported = only(tmp_path / "a.parquet")
    expected = Outcomes.of(
        problem=problem, sample=[i // 1000 for i in range(300_000)], answer=[int(i % 3 == 0) for i in range(300_000)]
    ).counts()
    found = counts(imported)
    assert found.c_P.tolist() == expected.c_P.tolist()
    assert found.first_P is not None and expected.first_P is not None
    assert found.first_P.tolist() == expected.first_P.tolist()
    assert imported.outcomes is not None and imported.outcomes.tokens_S is not None
    assert imported.outcomes.tokens_S.tolist() == list(range(300_000))


@pytest.mark.parametrize("indent", [None, 1])
def test_the_result_of_an_audit_is_refused_by_its_name(tmp_path: Path, indent: int | None) -> None:
    """Of whichever version: version 1 had other names."""
    path = tmp_path / "boundary.json"
    path.write_text(json.dumps({"schema": "edgewise.boundary/1", "verdict": {"label": "extended"}}, indent=indent))
    with pytest.raises(InputError, match=r"boundary\.json: edgewise\.boundary/1 is the result of an audit; give the"):
        read_rollouts(path)
