"""Rows with lists of samples, rows of two models and JSON objects of rows hold the same as one row a sample."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewise.interop.read import read_rollouts
from tests.interop.ingest.test_roles import CORRECT, EXPECTED, write
from tests.interop.writing import counts, jsonl, only, refused, totals

SAMPLES = range(4)
PROBLEMS = range(12)


def of_lists(names: dict[str, str], **more: Callable[[int], Any]) -> list[dict[str, Any]]:
    """One row a problem: `names` are those of the id, the verdicts and the completions."""
    return [
        {
            names["id"]: problem,
            names["correct"]: CORRECT[problem],
            names["completion"]: [f"it is {problem} {sample}" for sample in SAMPLES],
        }
        | {name: value(problem) for name, value in more.items()}
        for problem in PROBLEMS
    ]


def of_items(key: str, **names: str) -> list[dict[str, Any]]:
    """One row a problem, with a list of objects under `key`."""
    return [
        {
            "task_id": problem,
            "question": f"What is {problem} now?",
            key: [
                {
                    "id": sample,
                    names.get("correct", "correct"): CORRECT[problem][sample],
                    "response": f"{problem} {sample}",
                }
                for sample in SAMPLES
            ],
        }
        for problem in PROBLEMS
    ]


@pytest.mark.parametrize("key", ["rollouts", "items", "samples", "generations", "anything"])
@pytest.mark.parametrize("container", ["lines", "indented", "csv", "parquet"])
def test_a_list_of_objects_is_a_problem(tmp_path: Path, key: str, container: str) -> None:
    imported = only(write(tmp_path / "a", of_items(key), container))
    assert (totals(imported), imported.graded_by, imported.warnings) == (EXPECTED, ("correct",), ())
    assert imported.prompts["3"] == "What is 3 now?"
    assert imported.duplicates == 0


@pytest.mark.parametrize(
    "names",
    [
        {"id": "idx", "correct": "score", "completion": "code"},
        {"id": "question_id", "correct": "graded_list", "completion": "output_list"},
        {"id": "uid", "correct": "rewards", "completion": "responses"},
        {"id": "problem_id", "correct": "correct", "completion": "completions"},
        {"id": "id", "correct": "is_corrects", "completion": "generation"},
    ],
    ids=lambda names: names["correct"],
)
@pytest.mark.parametrize("container", ["lines", "array", "csv", "parquet"])
def test_lists_of_one_value_a_sample_are_a_problem(tmp_path: Path, names: dict[str, str], container: str) -> None:
    imported = only(write(tmp_path / "a", of_lists(names), container))
    assert (totals(imported), imported.graded_by) == (EXPECTED, (names["correct"],))
    assert len(imported.examples) == 24
    assert imported.duplicates == 0


def test_the_harness_of_qwen_math_is_read(tmp_path: Path) -> None:
    rows = of_lists(
        {"id": "idx", "correct": "score", "completion": "code"},
        question=lambda problem: f"What is {problem} now?",
        gt=str,
        answer=str,
        level=lambda problem: f"Level {problem % 5}",
        pred=lambda problem: [str(problem) if right else "7a" for right in CORRECT[problem]],
        report=lambda problem: [None] * 4,
    )
    imported = only(write(tmp_path / "a", rows))
    outcomes = imported.outcomes
    assert outcomes is not None and outcomes.gold is not None and outcomes.predicted_S is not None
    assert totals(imported) == EXPECTED
    assert outcomes.gold.tolist() == sorted(map(str, PROBLEMS))
    right = [outcomes.answers[code] != "7a" for code in outcomes.predicted_S.tolist()]
    assert right == [bool(verdict) for verdict in outcomes.answer_S.tolist()]
    assert sorted(set(counts(imported).level.tolist())) == [f"Level {level}" for level in range(5)]


def test_lists_in_python_and_in_json_are_read_from_csv(tmp_path: Path) -> None:
    cells = "".join(f'q{problem},"{CORRECT[problem]}"\n' for problem in PROBLEMS)
    (tmp_path / "a.csv").write_text(f"qid,correct\n{cells}")
    assert totals(only(tmp_path / "a.csv")) == {f"q{id}": both for id, both in EXPECTED.items()}


def test_a_list_of_another_length_is_refused_with_its_row(tmp_path: Path) -> None:
    rows = of_lists({"id": "id", "correct": "correct", "completion": "completion"})
    later = [*rows * 100, rows[0] | {"completion": ["x"] * 3}]
    for number, row in enumerate(later):
        row["id"] = number
    assert refused(jsonl(tmp_path / "a", later)) == (
        "a: line 1201: completion: 3 values where correct has 4; a row holds a list with one value a sample"
    )
    later[-1] = later[-1] | {"correct": True}
    assert "a: line 1201: correct: true; a row holds a list" in refused(jsonl(tmp_path / "a", later))
    items = [*of_items("rollouts") * 100, {"task_id": "x", "rollouts": 7}]
    assert refused(jsonl(tmp_path / "b", items)) == (
        "b: line 1201: rollouts: 7; a row holds a list of samples, each an object"
    )


def test_a_bad_sample_within_a_row_is_named_by_the_row(tmp_path: Path) -> None:
    rows = of_items("rollouts")
    rows[4]["rollouts"][2]["correct"] = "maybe"
    assert refused(jsonl(tmp_path / "a", rows)).startswith("a: line 5: correct: 'maybe'; use true")
    rows[4]["rollouts"][2]["correct"] = None
    rows[5]["rollouts"][0]["correct"] = 7
    assert refused(jsonl(tmp_path / "a", rows)).startswith("a: line 6: correct: 7; use true")


def test_rows_without_samples_are_left_out_and_said(tmp_path: Path) -> None:
    rows = of_items("rollouts")
    rows[2]["rollouts"], rows[3]["rollouts"] = [], None
    imported = only(jsonl(tmp_path / "a", rows))
    assert totals(imported) == {id: both for id, both in EXPECTED.items() if id not in ("2", "3")}
    assert "2 rows of a hold no sample and are left out" in imported.notes
    for row in rows:
        row["rollouts"] = []
    for container in ("lines", "indented"):
        assert refused(write(tmp_path / "b", rows, container)).startswith("b: ")


def test_lists_beside_a_verdict_of_the_row_are_no_samples_unless_they_are_called_so(tmp_path: Path) -> None:
    rows = [
        {"id": problem, "correct": right, "steps": [{"score": 1}, {"score": 0}], "scores": [0.5, 0.25]}
        for problem in PROBLEMS
        for right in CORRECT[problem]
    ]
    assert totals(only(jsonl(tmp_path / "a", rows))) == EXPECTED
    passed = [row | {"passed": any(CORRECT[row["task_id"]])} for row in of_items("samples")]
    file = jsonl(tmp_path / "b", passed)
    imported = only(file)
    assert totals(imported) == EXPECTED
    assert imported.warnings == (
        "samples are those in `samples`, and `passed` beside it is not read: --score passed takes the other",
    )
    assert totals(only(file, score="passed")) == {id: (1, int(c > 0)) for id, (_, c) in EXPECTED.items()}


def objects() -> dict[str, Any]:
    """JSON values over a whole file that hold EXPECTED."""
    flat = [{"task_id": str(problem), "passed": right} for problem in PROBLEMS for right in CORRECT[problem]]
    samples = {str(problem): [{"correct": right} for right in CORRECT[problem]] for problem in PROBLEMS}
    return {
        "list of rows": {"model": "x", "config": {"n": 4}, "results": flat},
        "by id, lists of objects": samples,
        "by id, lists of verdicts": {str(problem): CORRECT[problem] for problem in PROBLEMS},
        "by id, objects of lists": {
            id: {"rewards": [sample["correct"] for sample in rows]} for id, rows in samples.items()
        },
        "by id, one level in": {"date": "2026", "eval": samples},
        "list of problems": {"items": of_items("rollouts")},
    }


@pytest.mark.parametrize("name", list(objects()))
@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_object_of_rows_is_read(tmp_path: Path, name: str, indent: int | None) -> None:
    (tmp_path / "a.json").write_text(json.dumps(objects()[name], indent=indent))
    assert totals(only(tmp_path / "a.json")) == EXPECTED


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "sample", "seed": 0},
        {"log_history": [{"step": 1, "loss": 0.5, "reward": 1.0}]},
        {"results": {"task": {"acc,none": 0.5, "alias": "x"}}},
        {"reward": [0.0, 1.0, 0.5], "loss": [1.0, 2.0, 3.0]},
        {},
    ],
)
def test_any_other_json_object_is_no_rollouts(tmp_path: Path, value: dict[str, Any]) -> None:
    for indent in (None, 1):
        (tmp_path / "a.json").write_text(json.dumps(value, indent=indent))
        assert "a.json: unknown format: " in refused(tmp_path / "a.json")


@pytest.mark.parametrize("container", ["lines", "csv", "parquet"])
@pytest.mark.parametrize(
    ("first", "second"), [("base_correct", "rl_correct"), ("correct_base", "correct_rl"), ("rl.score", "before.score")]
)
def test_two_models_in_one_row_are_two_models(tmp_path: Path, container: str, first: str, second: str) -> None:
    base, tuned = (first, second) if "base" in first else (second, first)
    rows = [
        {
            "id": problem,
            first: int(CORRECT[problem][sample] == (base == first)),
            second: int(CORRECT[problem][sample] == (base == second)),
        }
        for problem in PROBLEMS
        for sample in SAMPLES
    ]
    file = write(tmp_path / "a", rows, container)
    models = read_rollouts(file)
    assert [model.model for model in models] == [
        name.replace("correct", "").replace("score", "").strip("_.") for name in (base, tuned)
    ]
    assert totals(models[0]) == EXPECTED
    assert totals(models[1]) == {id: (n, n - c) for id, (n, c) in EXPECTED.items()}
    assert models[0].warnings == models[1].warnings
    assert f"--score {base} reads one" in models[0].warnings[0]
    assert totals(only(file, score=base)) == EXPECTED


def test_each_model_in_a_row_has_its_own_texts(tmp_path: Path) -> None:
    rows = [
        {
            "problem_id": problem,
            "qwen_correct": True,
            "qwen_rl_correct": False,
            "qwen_text": "a",
            "qwen_rl_text": str(place),
        }
        for problem in PROBLEMS
        for place in SAMPLES
    ]
    base, tuned = read_rollouts(jsonl(tmp_path / "a", rows))
    assert (base.model, base.duplicates) == ("qwen", 1)
    assert (tuned.model, tuned.duplicates) == ("qwen_rl", 0)


def test_two_graders_are_no_models(tmp_path: Path) -> None:
    rows = [{"id": problem, "strict_correct": 1, "flexible_correct": 0} for problem in PROBLEMS]
    assert refused(jsonl(tmp_path / "a", rows)).startswith("a: unknown format: ")
    assert set(totals(only(tmp_path / "a", columns={"correct": "strict_correct"})).values()) == {(1, 1)}
    rows = [{"id": problem, "gpt_correct": 1, "claude_correct": 0} for problem in PROBLEMS]
    assert refused(jsonl(tmp_path / "b", rows)) == (
        "b: line 1: `gpt_correct` and `claude_correct` may be models or graders: --score gpt_correct reads one; models "
        "are read where a name says which is the base, as in base_correct"
    )
    assert set(totals(only(tmp_path / "b", score="claude_correct")).values()) == {(1, 0)}
    tests = [{"task_id": problem, "base_status": "pass", "plus_status": "fail"} for problem in PROBLEMS]
    imported = only(jsonl(tmp_path / "c", tests))
    assert imported.graded_by == ("plus_status",)
    assert set(totals(imported).values()) == {(1, 0)}


def test_rows_of_very_many_columns_are_read_in_bounded_time_and_memory(tmp_path: Path) -> None:
    """Looking at every column of every first row would take 300 million cells."""
    with (tmp_path / "a").open("w") as file:
        for row in range(1000):
            others = ",".join(f'"k{row}_{place}":1' for place in range(300))
            file.write(f'{{"id":{row % 10},"correct":true,{others}}}\n')
    code = (
        "import resource, sys, time; from edgewise.interop.read import read_rollouts\n"
        "start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "read_rollouts(sys.argv[1])\n"
        "print(time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], capture_output=True, text=True, check=True)
    seconds, megabytes = done.stdout.split()
    assert float(seconds) < 10
    assert int(megabytes) < 300


def parts(first: str, second: str, question: str = "") -> dict[str, Any]:
    """An object with rows under two names, of problems with the same ids; the second has the verdicts turned round."""
    return {
        name: [
            {"id": problem, "correct": correct != turned} | ({"question": f"{question} {problem}"} if question else {})
            for problem, verdicts in enumerate(CORRECT)
            for correct in verdicts
        ]
        for name, turned in ((first, True), (second, False))
    }


@pytest.mark.parametrize("is_within", [False, True])
def test_rows_under_several_names_of_an_object_are_models_or_sets(tmp_path: Path, is_within: bool) -> None:
    def read(value: dict[str, Any]) -> tuple[Any, ...]:
        (tmp_path / "a.json").write_text(json.dumps({"eval": value, "date": "2026"} if is_within else value))
        return read_rollouts(tmp_path / "a.json")

    base, tuned = read(parts("rl", "base"))
    assert (base.model, totals(base)) == ("base", EXPECTED)
    assert (tuned.model, totals(tuned)) == ("rl", {id: (n, n - c) for id, (n, c) in EXPECTED.items()})
    says = "rl, base in one object are read as a model each: a file for each takes another reading"
    assert base.warnings == tuned.warnings == (says,)
    (both,) = read(parts("aime", "amc"))
    assert len(totals(both)) == 24
    assert "aime, amc in one object are read as a problem set each" in both.warnings[0]
    assert len(read(parts("foo", "bar", "What is"))) == 2


def test_several_verdicts_of_one_completion_are_no_samples(tmp_path: Path) -> None:
    rows = [{"id": 1, "completion": f"print({place})", "passed": [True, False]} for place in range(3)]
    says = "a.jsonl: line 1: passed: several verdicts of one `completion`, as of its tests; give one verdict a sample"
    assert refused(jsonl(tmp_path / "a.jsonl", rows)).startswith(says)


def test_an_id_that_numbers_the_samples_of_a_question_is_no_problem(tmp_path: Path) -> None:
    rows = [{name: cell for name, cell in row.items() if name != "task_id"} for row in of_items("samples")]
    imported = only(jsonl(tmp_path / "a.jsonl", rows))
    assert sorted(totals(imported).values()) == sorted(EXPECTED.values())
    one_prompt = [row | {"question": "Answer all of these."} for row in rows]
    assert len(totals(only(jsonl(tmp_path / "b.jsonl", one_prompt)))) == 4
