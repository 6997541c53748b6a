"""lighteval: details of a run, as its tracker saves them, and what of them is no verdict."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.interop.writing import FILES, only, refused, totals


def row(number: int, texts: list[str], metric: dict[str, float], **doc: Any) -> dict[str, Any]:
    return {
        "doc": {
            "id": str(number),
            "query": f"question {number}",
            "choices": ["4", "5"],
            "gold_index": 0,
            "task_name": "sums|0",
            "generation_size": 16,
            **doc,
        },
        "metric": metric,
        "model_response": {"text": texts, "output_tokens": [[1, 2] for _ in texts], "input": f"asked {number}"},
    }


def details(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_what_the_tool_wrote(tmp_path: Path) -> None:
    """Made by make_lighteval.py with the tool's metrics and tracker; in its name is a | that not every system takes."""
    shutil.copytree(FILES / "lighteval", tmp_path, dirs_exist_ok=True)
    (file,) = tmp_path.rglob("details_*.parquet")
    file = file.rename(file.with_name(file.name.replace("sums-0", "sums|0")))
    expected = json.loads((FILES / "expected_lighteval.json").read_text())
    # Both avg@n and pass@k with k = 1 are the share of right responses.
    assert only(file).graded_by == ("avg@n:n=4",)
    for path, metric in ((file, "avg@n:n=4"), (tmp_path, "pass@k:k=1&n=4")):
        imported = only(path, score=metric)
        assert {name: list(pair) for name, pair in totals(imported).items()} == expected["totals"]
        assert (imported.model, imported.graded_by, imported.sampling.max_tokens) == ("lab/toy", (metric,), (16,))
        assert imported.outcomes is not None and imported.outcomes.gold is not None
        assert imported.outcomes.gold.tolist() == ["4", "9", "10"]
        assert imported.outcomes.set is not None and set(imported.outcomes.set) == {"sums|0"}
        # Which of the responses are right is not known.
        assert not imported.examples
    for metric in ("maj@n:n=4", "pass@k:k=2&n=4"):
        assert "is about several responses together" in refused(file, score=metric)
    assert refused(file, score="x").endswith("there are avg@n:n=4, pass@k:k=1&n=4, pass@k:k=2&n=4, maj@n:n=4")


def test_one_response_has_its_own_verdict(tmp_path: Path) -> None:
    rows = [row(number, [f"text {number}"], {"extractive_match": float(number == 1)}) for number in range(2)]
    imported = only(details(tmp_path / "details.parquet", rows))
    assert totals(imported) == {"0": (1, 0), "1": (1, 1)}
    assert {example.text for example in imported.examples} == {"text 0", "text 1"}
    assert imported.outcomes is not None and imported.outcomes.tokens_S is not None
    assert imported.outcomes.tokens_S.tolist() == [2, 2]


def test_the_best_of_several_is_no_verdict(tmp_path: Path) -> None:
    """Of several responses lighteval's own matches take the best."""
    rows = [row(0, ["a", "b"], {"extractive_match": 1.0})]
    says = "score: no metric is the share of right responses, of extractive_match"
    assert refused(details(tmp_path / "details.parquet", rows)).endswith(says)


def test_the_metric_looks_at_its_first_n_responses(tmp_path: Path) -> None:
    rows = [
        row(0, ["a", "b", "c", "d"], {"pass@k:k=1&n=2": 0.5}),
        row(1, ["a", "b", "c", "d"], {"pass@k:k=1&n=2": 1.0}),
    ]
    assert totals(only(details(tmp_path / "details.parquet", rows))) == {"0": (2, 1), "1": (2, 2)}


def test_what_is_no_share_is_refused(tmp_path: Path) -> None:
    file = details(tmp_path / "details.parquet", [row(0, ["a", "b", "c"], {"avg@n": 0.5})])
    assert "0.5 is no mean of 3 verdicts" in refused(file)
    file = details(tmp_path / "details.parquet", [row(0, ["a"], {"em": 1.0}) | {"doc": {"query": "q"}}])
    assert refused(file) == "details.parquet: row 1: doc: no id; is this file whole?"


def test_shares_that_differ_are_asked_for(tmp_path: Path) -> None:
    rows = [row(number, ["a", "b"], {"avg@n": 0.5, "math_avg@n": number / 2}) for number in range(3)]
    file = details(tmp_path / "details.parquet", rows)
    assert refused(file).endswith("score: not named; name one of avg@n, math_avg@n")
    assert totals(only(file, score="math_avg@n")) == {"0": (2, 0), "1": (2, 1), "2": (2, 2)}
