"""Rollouts as Parquet: the same as JSONL, without an object for each row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewise.boundary import Outcomes
from edgewise.interop.ingest import parquet
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.outcomes.io import write_outcomes
from edgewise.rollouts.collect import roll_out
from edgewise.rollouts.table import rollout_table, table_outcomes, write_rollout_table
from tests.interop.readers.test_rows import FULL
from tests.interop.writing import counts, jsonl, only, refused, totals
from tests.rollouts.test_rollouts import EXPECTED, PARAMS, PROBLEMS, TOKENIZER, WORLD, Scripted


def columns(path: Path, **given: Any) -> Path:
    """A table of these columns, and problems and verdicts where none are given."""
    table = {"problem_id": ["b", "a", "b"], "correct": [True, False, None]} | given
    pq.write_table(pa.table({name: column for name, column in table.items() if column is not None}), path)
    return path


def same(imported: ModelRollouts, other: ModelRollouts) -> None:
    """Both hold the same."""
    for name in ("model", "prompts", "examples", "sampling", "verifiers", "duplicates"):
        assert getattr(imported, name) == getattr(other, name), name
    assert imported.outcomes is not None and other.outcomes is not None
    for name, left in vars(imported.outcomes).items():
        right = getattr(other.outcomes, name)
        if isinstance(left, np.ndarray):
            assert left.tolist() == right.tolist(), name
            assert left.dtype == right.dtype, name
        elif not name.startswith("_"):
            assert left == right, name


def test_parquet_and_jsonl_are_read_alike(tmp_path: Path) -> None:
    rows = [FULL[i % 2] | {"sample_id": i, "completion": f"text {i}", "answer": str(i)} for i in range(10)]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=3)
    imported = only(tmp_path / "a.parquet")
    assert imported.source == "edgewise rollouts Parquet"
    same(imported, only(jsonl(tmp_path / "a.jsonl", rows)))


cells = st.fixed_dictionaries(
    {
        "id": st.integers(0, 5),
        "correct": st.sampled_from([True, False, None]),
        "text": st.sampled_from(["x", "y", None]),
    },
    optional={
        "level": st.just(1),
        "tokens": st.integers(0, 3),
        "score": st.floats(0, 1),
        "reason": st.text(max_size=2),
    },
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(cells, min_size=1, max_size=30), st.integers(1, 8))
def test_any_rows_are_read_as_from_jsonl(tmp_path: Path, rows: list[dict[str, Any]], group: int) -> None:
    rows = [{name: row.get(name) for name in ("id", "correct", "text", "tokens", "score", "reason")} for row in rows]
    schema = pa.schema(
        [
            ("id", pa.int64()),
            ("correct", pa.bool_()),
            ("text", pa.string()),
            ("tokens", pa.int32()),
            ("score", pa.float64()),
            ("reason", pa.string()),
        ]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "a.parquet", row_group_size=group)
    same(only(tmp_path / "a.parquet"), only(jsonl(tmp_path / "a.jsonl", rows)))


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(["1", "2", "1"], pa.large_string()),
        pa.array(["1", "2", "1"]).dictionary_encode(),
        pa.array([1, 2, 1], pa.uint8()),
        pa.array([1.0, 2.0, 1.0]),
    ],
)
def test_ids_of_any_type_are_names(tmp_path: Path, ids: pa.Array) -> None:
    assert totals(only(columns(tmp_path / "a.parquet", problem_id=ids))) == {"1": (2, 1), "2": (1, 0)}


def test_floating_verdicts_are_read(tmp_path: Path) -> None:
    imported = only(
        columns(tmp_path / "a.parquet", correct=[1.0, 0.0, 0.0], process_correct=pa.array([1, 0, None], pa.int8()))
    )
    assert totals(imported) == {"a": (1, 0), "b": (2, 1)}
    assert imported.outcomes is not None and imported.outcomes.process_S is not None
    assert imported.outcomes.process_S.tolist() == [1, 0, -1]


def test_scores_of_two_values_are_verdicts(tmp_path: Path) -> None:
    file = columns(tmp_path / "a.parquet", correct=None, score=[-1.0, 1.0, None])
    assert totals(only(file)) == {"a": (1, 1), "b": (2, 0)}
    assert counts(only(file)).unscorable_P.tolist() == [0, 1]
    graded = columns(tmp_path / "b.parquet", correct=None, score=[0.25, 0.5, 1.0])
    assert refused(graded) == "b.parquet: row 1: score: 0.25 is graded; give a threshold for correct"
    assert totals(only(graded, threshold=0.5)) == {"a": (1, 1), "b": (2, 1)}


def test_nan_is_an_empty_cell(tmp_path: Path) -> None:
    nan = float("nan")
    file = columns(tmp_path / "a.parquet", correct=[1.0, nan, 0.0], score=[0.5, nan, nan], logprob=[nan, -1.0, -2.0])
    imported = only(file)
    assert totals(imported) == {"a": (1, 0), "b": (2, 1)}
    assert counts(imported).unscorable_P.tolist() == [1, 0]
    assert imported.outcomes is not None and imported.outcomes.score_S is None
    assert "score is left out: 2 of 3 rows have none" in imported.notes
    assert "logprob is left out: 1 of 3 rows have none" in imported.notes


BAD: list[tuple[dict[str, Any], str]] = [
    ({"problem_id": ["b", None, "b"]}, "row 2: problem: empty; every row needs it"),
    ({"problem_id": [1.0, float("nan"), 2.0]}, "row 2: problem: empty; every row needs it"),
    ({"problem_id": [[1], [2], [1]]}, "row 1: problem: a column of list<"),
    ({"problem_id": [b"a", b"b", b"c"]}, "row 1: problem: b'a'; use a string or a whole number"),
    ({"correct": ["maybe", "no", "yes"]}, "row 1: correct: 'maybe'; use true, false"),
    ({"correct": [1.0, 0.5, 0.0]}, "row 2: correct: 0.5; use true"),
    ({"sample_id": [0, 0, 0]}, "row 3: sample_id: problem 'b' had this sample before; a sample is one row"),
    ({"sample_id": [0, None, 1]}, "row 2: sample_id: empty; every row needs it, or none"),
    ({"score": [0.5, float("inf"), 0.0]}, "row 2: score: inf; use a finite number, null for none"),
    ({"logprob": [0.5, 0.5, -float("inf")]}, "row 3: logprob: -inf; use a finite number"),
    ({"tokens": [1, 2, -1]}, "row 3: tokens: -1; a length is 0 or more"),
    ({"tokens": ["1", "2", "few"]}, "row 3: tokens: 'few'; use a whole number"),
    ({"level": [1, 1, 2]}, "row 3: level: '2' for problem 'b', which had '1' before"),
    ({"temperature": [1.0, 0.5, 1.0]}, "row 2: temperature: 0.5 here and 1.0 before"),
    ({"model": ["x", "x", None]}, "row 3: model: empty; every row needs it"),
    ({"correct": None}, "no column correct; there are problem_id"),
    ({"problem_id": None}, "no column problem_id; there are correct"),
    ({"problem_id": None, "correct": None, "x": [1]}, "unknown format: the columns are x; known are"),
]


@pytest.mark.parametrize(("given", "says"), BAD)
def test_a_bad_row_is_named(tmp_path: Path, given: dict[str, Any], says: str) -> None:
    assert refused(columns(tmp_path / "a.parquet", **given)).startswith(f"a.parquet: {says}")


def test_a_bad_text_of_a_kept_row_is_named(tmp_path: Path) -> None:
    file = columns(tmp_path / "a.parquet", completion=[b"a", b"b", b"c"])
    assert refused(file) == "a.parquet: row 1: completion: b'a'; use text"


def test_an_empty_table_and_damage_are_refused(tmp_path: Path) -> None:
    columns(tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:-20])
    assert refused(tmp_path / "cut.parquet").startswith("cut.parquet: not a whole Parquet file (")
    pq.write_table(pa.table({"id": pa.array([], pa.int64()), "correct": pa.array([], pa.bool_())}), tmp_path / "none")
    assert refused(tmp_path / "none") == "none: no row; a row is one sample"
    twice = pa.table([pa.array([1]), pa.array([1]), pa.array([True])], names=["id", "id", "correct"])
    pq.write_table(twice, tmp_path / "twice")
    assert refused(tmp_path / "twice") == "twice: column 'id' is there twice; a column has one name"


def test_text_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    odd = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    pq.write_table(pa.table({"id": odd, "correct": [True]}), tmp_path / "a.parquet")
    assert "a.parquet: not a whole Parquet file ('utf-8' codec can't decode" in refused(tmp_path / "a.parquet")


def test_texts_beyond_the_first_rows_are_read_only_where_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "TEXT_ROWS", 4)
    # Problems 0 and 1 repeat themselves in the first four rows and differ later, where nobody looks.
    problem = [0, 0, 1, 1, 0, 1, 2, 2]
    text = ["x", "x", "y", "y", "other", "other", "z", "w"]
    table = pa.table(
        {"id": problem, "correct": [True] * 7 + [False], "text": text, "prompt": [f"q{p}" for p in problem]}
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    imported = only(tmp_path / "a.parquet")
    assert imported.duplicates == 1
    assert imported.prompts == {"0": "q0", "1": "q1", "2": "q2"}
    assert [(example.problem_id, example.text) for example in imported.examples] == [
        ("0", "x"), ("1", "y"), ("2", "z"), ("2", "w"),
    ]  # fmt: skip


def test_the_laboratory_reads_its_own_rollouts(tmp_path: Path) -> None:
    rollouts = roll_out(Scripted(), TOKENIZER, WORLD, PROBLEMS, 6, PARAMS, seed=3)
    write_rollout_table(rollout_table(rollouts), tmp_path / "rollouts.parquet")
    imported = only(tmp_path / "rollouts.parquet")
    assert imported.source == "edgewise lab rollouts"
    expected, found = table_outcomes(rollout_table(rollouts)), imported.outcomes
    assert found is not None
    for name in ("problem", "level", "problem_S", "sample_S", "answer_S", "process_S", "truncated_S", "tokens_S"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name
    assert found.logprob_S is not None
    assert found.logprob_S.tolist() == rollout_table(rollouts)["logprob"].to_pylist()
    assert found.answers == ()
    assert imported.prompts == {problem.id: problem.prompt for problem in PROBLEMS}
    wrong = [example for example in imported.examples if example.answer != "correct"]
    assert len(wrong) == len(PROBLEMS) == len(imported.examples) - len(wrong)
    assert {example.text for example in wrong} == {row[1] for row in rollouts.text_PG}
    assert {example.reason for example in wrong} == {row[1].reason for row in rollouts.verdict_PG}
    assert counts(imported).unscorable_P.tolist() == [sum(answer == -1 for answer, _ in EXPECTED)] * len(PROBLEMS)


def test_outcomes_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = Outcomes.of(
        problem=["b", "a", "b"],
        sample=[1, 0, 0],
        answer=[1, 0, -1],
        process=[0, -1, -1],
        truncated=[False, False, True],
        tokens=[3, 4, 5],
        level=[2, 1, 2],
    )
    write_outcomes(written, tmp_path / "outcomes.parquet")
    imported = only(tmp_path / "outcomes.parquet")
    assert imported.source == "edgewise outcomes"
    assert imported.outcomes is not None
    for name in ("problem", "level", "problem_S", "sample_S", "answer_S", "process_S", "truncated_S", "tokens_S"):
        assert getattr(imported.outcomes, name).tolist() == getattr(written, name).tolist(), name
    assert imported.duplicates is None
    assert imported.notes == ()
