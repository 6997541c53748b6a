"""One id for two problems, and one model in two folders, are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.interop.writing import FILES, jsonl, only, refused, totals

Rows = list[dict[str, Any]]


def rows(topics: tuple[str, ...], problems: int = 20, **more: Any) -> Rows:
    return [
        {
            "id": problem,
            "correct": sample == 0,
            "prompt": f"{topic} {problem}",
            "completion": f"{topic} {sample}",
            **more,
        }
        for topic in topics
        for problem in range(problems)
        for sample in range(2)
    ]


REFUSED = (
    "problem: 20 of 20 ids have several prompts ('0': 'algebra 0' and 'geometry 0'); give a column set where they are "
    "of several data sets, --map id=prompt where the prompt tells problems apart, or leave the prompts out where they "
    "ask the same"
)


def test_ids_of_two_data_sets_in_one_file_are_refused(tmp_path: Path) -> None:
    both = rows(("algebra", "geometry"))
    assert refused(jsonl(tmp_path / "a.jsonl", both)) == f"a.jsonl: {REFUSED}"
    pq.write_table(pa.Table.from_pylist(both), tmp_path / "a.parquet")
    assert refused(tmp_path / "a.parquet") == f"a.parquet: {REFUSED}"
    apart = [row | {"set": row["prompt"].split()[0]} for row in both]
    assert len(totals(only(jsonl(tmp_path / "b.jsonl", apart)))) == 40


def test_a_few_ids_with_two_prompts_are_warned_of(tmp_path: Path) -> None:
    most = rows(("algebra",), 50) + rows(("geometry",), 4)
    assert only(jsonl(tmp_path / "a.jsonl", most)).warnings == ("4 problems have samples with different prompts",)


def test_a_right_answer_says_that_the_problem_is_one(tmp_path: Path) -> None:
    same = [row | {"gold": str(row["id"])} for row in rows(("Q:", "Question:"))]
    assert only(jsonl(tmp_path / "a.jsonl", same)).warnings == ("20 problems have samples with different prompts",)


def test_logs_of_two_tasks_that_lost_their_names_are_two_sets(tmp_path: Path) -> None:
    """The files of the harness say their task by their names only."""
    for source, task in (("samples_sums_four", "algebra"), ("samples_sums_once", "geometry")):
        (log,) = (FILES / "lm_eval").glob(f"{source}_*.jsonl")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        jsonl(tmp_path / f"{task}.jsonl", [line | {"doc": {"question": f"{task} {line['doc_id']}"}} for line in lines])
    imported = only(tmp_path)
    assert list(totals(imported)) == [f"{task}/{doc}" for task in ("algebra", "geometry") for doc in range(3)]
    assert not any("another reading" in warning for warning in imported.warnings)


@pytest.mark.parametrize("stated", [{"model": "qwen"}, {"input": "q", "output": "a", "score": 1.0, "step": 5}])
def test_one_model_in_two_folders_is_refused(tmp_path: Path, stated: dict[str, Any]) -> None:
    for run in ("base", "rl"):
        (tmp_path / run).mkdir()
        jsonl(tmp_path / run / "a.jsonl", [row | {"output": run} | stated for row in rows(("algebra",))])
    name = "step 5" if "step" in stated else "qwen"
    assert refused(tmp_path / ".").endswith(
        f"both hold the model '{name}' with the same problems; give each folder as an argument, or --files samples "
        "where both are draws of one model"
    )
    assert set(totals(only(tmp_path, files_are="samples")).values()) <= {(4, 2), (80, 80)}


def test_verdicts_of_two_fields_are_refused(tmp_path: Path) -> None:
    """verl's graders write `acc` in some versions only, and `score` may pay for more than the answer."""
    row = {"input": "q", "output": "a", "score": 1.0, "step": 5}
    jsonl(tmp_path / "rank_0.jsonl", [row | {"acc": False}])
    jsonl(tmp_path / "rank_1.jsonl", [row])
    assert refused(tmp_path).endswith(
        "verdicts of one model are read from acc and from score in different rows; --score names one that all rows have"
    )
    assert list(totals(only(tmp_path, score="score")).values()) == [(2, 2)]


def test_repeats_in_folders_of_numbers_are_one_model(tmp_path: Path) -> None:
    for seed in (1, 2):
        (tmp_path / f"seed_{seed}").mkdir()
        stated = [row | {"model": "qwen", "completion": f"{seed}"} for row in rows(("algebra",))]
        jsonl(tmp_path / f"seed_{seed}" / "a.jsonl", stated)
    assert set(totals(only(tmp_path)).values()) == {(4, 2)}
