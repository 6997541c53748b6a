"""lm-evaluation-harness: real samples, with the harness's own scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.interop.writing import FILES, counts, jsonl, only, refused, totals

EXPECTED = json.loads((FILES / "expected_lm_eval.json").read_text())
NAME = "samples_sums_{}_2026-11-22T19-29-47.684506.jsonl"


def test_a_folder_is_one_model_with_a_set_for_each_task() -> None:
    imported = only(FILES / "lm_eval")
    assert totals(imported) == {
        f"{task}/{doc}": tuple(count) for task, docs in EXPECTED.items() for doc, count in docs.items()
    }
    assert imported.model == "tiny"
    assert imported.source == "lm-evaluation-harness samples"
    assert len(imported.files) == 2
    assert imported.outcomes is not None and imported.outcomes.gold is not None
    assert imported.outcomes.gold.tolist() == ["4", "9", "10"] * 2
    assert imported.prompts["sums_four/0"] == "2 + 2 ="
    assert imported.sampling.temperature == (0.0, 0.7)
    assert (imported.sampling.top_p, imported.sampling.max_tokens) == ((0.9,), (16,))


def test_what_the_filter_could_not_read_is_unscorable() -> None:
    found = counts(only(FILES / "lm_eval"))
    # "four" has no digits; "It is 9" and "11" do not say "The answer is".
    assert found.unscorable_P.tolist() == [1, 0, 0, 0, 1, 1]


def test_the_strict_filter_is_read_and_the_choice_is_noted() -> None:
    imported = only(FILES / "lm_eval" / NAME.format("once"))
    assert totals(imported) == {doc: tuple(count) for doc, count in EXPECTED["sums_once"].items()}
    assert "of the filters flexible-extract, strict-match only 'strict-match' is read" in imported.notes


def test_completions_are_the_raw_responses_and_answers_the_filtered() -> None:
    imported = only(FILES / "lm_eval" / NAME.format("four"))
    assert {example.text for example in imported.examples if example.problem_id == "0"} == {"The answer is 4", "5"}
    assert imported.outcomes is not None
    assert imported.outcomes.answers == ("4", "5", "9", "8", "11", "12", "13", "14")


def test_without_its_results_the_model_has_no_name(tmp_path: Path) -> None:
    shutil.copy(FILES / "lm_eval" / NAME.format("four"), tmp_path)
    assert only(tmp_path).model is None


def rows(**changed: Any) -> list[dict[str, Any]]:
    whole: dict[str, Any] = {
        "doc_id": 0,
        "resps": [["a", "b"]],
        "filtered_resps": [["a", "b"]],
        "filter": "none",
        "metrics": ["exact_match"],
        "exact_match": [1.0, 0.0],
    }
    return [whole, {"doc_id": 1} | {name: value for name, value in (whole | changed).items() if name != "doc_id"}]


def test_of_several_metrics_one_is_the_verdict(tmp_path: Path) -> None:
    both = rows(metrics=["acc_norm", "exact_match"], acc_norm=[1, 1])
    both[0] = both[1] | {"doc_id": 0}
    file = jsonl(tmp_path / "a.jsonl", both)
    assert totals(only(file)) == {"0": (2, 1), "1": (2, 1)}
    assert "of the metrics acc_norm, exact_match the verdict is exact_match" in only(file).notes
    assert totals(only(file, score="acc_norm")) == {"0": (2, 2), "1": (2, 2)}


def test_a_kept_first_response_is_one_sample(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "a.jsonl", rows(filtered_resps=["a"], exact_match=1.0)[1:])
    imported = only(file)
    assert totals(imported) == {"1": (1, 1)}
    assert "of 2 responses the filter kept 1; the others have no verdict" in imported.notes


def test_choices_of_one_question_are_one_sample(tmp_path: Path) -> None:
    choices = rows(
        resps=[[["-1.0", "True"]], [["-2.0", "False"]]], filtered_resps=[["-1.0"], ["-2.0"]], exact_match=1.0
    )
    assert totals(only(jsonl(tmp_path / "a.jsonl", choices[1:]))) == {"1": (1, 1)}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"exact_match": 0.5}, "exact_match: 1 values for 2 responses; log one value for each response"),
        ({"exact_match": [0.5, 1]}, "score: 0.5 is graded; give a threshold"),
        ({"exact_match": ["yes", 1]}, "score: 'yes'; use a finite number"),
        ({"filtered_resps": "a"}, "resps, filtered_resps: not lists of one length"),
        ({"filter": 3}, "filter: 3; a filter is a name"),
        ({"doc_id": None}, "problem: empty; every row needs it"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    bad = rows()
    bad[1] |= changed
    assert refused(jsonl(tmp_path / "a.jsonl", bad)).startswith(f"a.jsonl: line 2: {says}")


def test_a_missing_metric_is_named(tmp_path: Path) -> None:
    assert "no metric 'bleu'; there are doc_id, resps" in refused(jsonl(tmp_path / "a.jsonl", rows()), score="bleu")
    bare = [{name: value for name, value in row.items() if name not in ("metrics", "exact_match")} for row in rows()]
    assert "line 1: score: not named; name one of the metrics" in refused(jsonl(tmp_path / "a.jsonl", bare))


def test_lines_without_a_response_are_refused(tmp_path: Path) -> None:
    empty = rows(resps=[[]], filtered_resps=[[]], exact_match=[])[1:]
    assert refused(jsonl(tmp_path / "a.jsonl", empty)) == "a.jsonl: no sample; a row is one sample"
