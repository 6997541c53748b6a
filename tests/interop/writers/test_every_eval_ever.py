"""Every Eval Ever: what is written has the fields that its schema asks for, and is read back as it was."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.boundary import pass_at_k
from edgewise.core.errors import InputError
from edgewise.interop.read import read_rollouts
from edgewise.interop.writers.every_eval_ever import write_every_eval_ever
from tests.interop.writing import FILES, counts, jsonl, only, totals

ROWS: list[dict[str, Any]] = [
    {
        "problem_id": f"p{problem}",
        "sample_id": sample,
        "correct": None if (problem, sample) == (1, 2) else sample < problem,
        "process_correct": None if (problem, sample) == (1, 2) else sample < problem - 1,
        "prompt": f"question {problem}",
        "completion": f"text {problem} {sample}",
        "answer": str(sample),
        "gold": "0",
        "finish_reason": "length" if (problem, sample) == (1, 2) else "stop",
        "temperature": 1.0,
        "set": "sums" if problem < 4 else "products",
    }
    for problem in range(6)
    for sample in range(4)
]
# The required fields of both schemas, version 0.3.
OF_RESULT = {
    *("schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info", "eval_library"),
    "evaluation_results",
}
OF_SAMPLE = {
    *("schema_version", "evaluation_id", "model_id", "evaluation_name", "sample_id", "interaction_type", "input"),
    *("output", "answer_attribution", "evaluation"),
}


def samples_of(result: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    record = json.loads(result.read_text())
    file = result.with_name(f"{result.stem}_samples.jsonl")
    return record, [json.loads(line) for line in file.read_text().splitlines()]


def test_results_have_pass_at_k_with_intervals(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rows.jsonl", ROWS)
    written = write_every_eval_ever(file, tmp_path / "out", model_id="lab/m")
    assert [path.parent for path in written] == [
        tmp_path / "out" / "data" / name / "lab" / "m" for name in ("sums", "products")
    ]
    for path, problems in zip(written, (range(4), range(4, 6)), strict=True):
        record, samples = samples_of(path)
        assert record.keys() >= OF_RESULT
        detail = record["detailed_evaluation_results"]
        assert re.fullmatch(
            r"data/[^/]+/[^/]+/[^/]+/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}_samples\.jsonl",
            detail["file_path"],
        )
        content = (tmp_path / "out" / detail["file_path"]).read_bytes()
        assert detail["checksum"] == hashlib.sha256(content).hexdigest()
        assert detail["total_rows"] == len(samples) == 4 * len(problems)
        right = {
            "answer": [min(p, 4) - (p == 99) for p in problems],
            "process": [max(min(p - 1, 4), 0) for p in problems],
        }
        for result in record["evaluation_results"]:
            parameters, details = result["metric_config"]["metric_parameters"], result["score_details"]
            c_P = right[parameters["graded_by"]]
            mean = sum(pass_at_k(4, c, parameters["k"]) for c in c_P) / len(c_P)
            assert details["score"] == pytest.approx(mean)
            interval = details["uncertainty"]["confidence_interval"]
            assert 0 <= interval["lower"] <= details["score"] <= interval["upper"] <= 1
            assert (interval["confidence_level"], details["uncertainty"]["num_samples"]) == (0.95, len(problems))
            assert result["generation_config"]["generation_args"] == {"temperature": 1.0}
        assert {r["metric_config"]["metric_parameters"]["k"] for r in record["evaluation_results"]} == {1, 2, 4}
        ids = {result["evaluation_result_id"] for result in record["evaluation_results"]}
        for sample in samples:
            assert sample.keys() >= OF_SAMPLE
            assert sample["evaluation_id"] == record["evaluation_id"]
            assert sample["evaluation_result_id"] in ids
            assert all(isinstance(value, str) for value in sample["metadata"].values())


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, tmp_path / "rows.parquet")
    for file in (jsonl(tmp_path / "rows.jsonl", ROWS), tmp_path / "rows.parquet"):
        original = only(file)
        out = tmp_path / f"{file.suffix}.out"
        write_every_eval_ever(file, out, model_id="lab/m")
        (back,) = read_rollouts(out)
        assert back.model == "lab/m"
        assert totals(back) == totals(original)
        assert original.outcomes is not None and back.outcomes is not None
        for metric in ("answer", "process"):
            ours, theirs = (model.outcomes.counts(metric) for model in (original, back))  # type: ignore[union-attr]
            assert ours.c_P.tolist() == theirs.c_P.tolist()
            assert ours.unscorable_P.tolist() == theirs.unscorable_P.tolist()
        assert back.prompts == original.prompts
        truncated_P = counts(back).truncated_P
        assert truncated_P is not None and truncated_P.sum() == 1


@pytest.mark.parametrize("name", ["inspect.eval", "verl_gsm8k"])
def test_logs_of_other_tools_are_converted(tmp_path: Path, name: str) -> None:
    (original, *_) = read_rollouts(FILES / name)
    if len(read_rollouts(FILES / name)) > 1:
        with pytest.raises(InputError, match="give the rollouts of one"):
            write_every_eval_ever(FILES / name, tmp_path, model_id="lab/m")
        return
    write_every_eval_ever(FILES / name, tmp_path, model_id="lab/m")
    assert sorted(totals(only(tmp_path)).values()) == sorted(totals(original).values())


def test_writing_twice_gives_the_same_files(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rows.jsonl", ROWS)
    first = [path.read_bytes() for path in write_every_eval_ever(file, tmp_path / "out", model_id="lab/m")]
    second = [path.read_bytes() for path in write_every_eval_ever(file, tmp_path / "out", model_id="lab/m")]
    assert first == second
    assert len(list((tmp_path / "out").rglob("*.json"))) == 2


def test_lines_of_another_metric_are_no_more_samples(tmp_path: Path) -> None:
    def line(sample: int, result: str, right: bool) -> dict[str, Any]:
        return {
            "evaluation_id": "e",
            "evaluation_name": "sums",
            "evaluation_result_id": result,
            "sample_id": "a",
            "interaction_type": "single_turn",
            "output": {"raw": [f"text {sample}"]},
            "evaluation": {"score": float(right), "is_correct": right},
        }

    lines = [line(sample, result, result == "format") for sample in range(3) for result in ("right", "format")]
    imported = only(jsonl(tmp_path / "a_samples.jsonl", lines))
    assert totals(imported) == {"a": (3, 0)}
    assert any("several metrics; only those of 'right' are read" in warning for warning in imported.warnings)


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rows.jsonl", ROWS)
    for name in (None, "m", "a b/c", "/m"):
        with pytest.raises(InputError, match="DEVELOPER/NAME is needed"):
            write_every_eval_ever(file, tmp_path / "out", model_id=name)
    totals_file = tmp_path / "counts.csv"
    totals_file.write_text("problem_id,n,c\na,4,1\n")
    with pytest.raises(InputError, match="counts without samples"):
        write_every_eval_ever(totals_file, tmp_path / "out", model_id="lab/m")
    assert not (tmp_path / "out").exists()
