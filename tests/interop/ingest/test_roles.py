"""Columns are chosen by what they hold; their order, their names and the container change nothing."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewise.interop.ingest.roles import choose_columns
from edgewise.interop.ingest.schema import ALIASES
from edgewise.interop.model_rollouts import ModelRollouts
from tests.interop.writing import counts, jsonl, only, refused, totals

CORRECT = [[(7 * problem + 3 * sample) % 5 < 2 for sample in range(4)] for problem in range(12)]
EXPECTED = {str(problem): (4, sum(verdicts)) for problem, verdicts in enumerate(CORRECT)}
ROWS: list[dict[str, Any]] = [
    {
        "id": problem,
        "prompt": f"What is {problem} and\n{problem}?",
        "correct": CORRECT[problem][sample],
        "completion": f"it is {problem} {sample}",
        "answer": str(problem) if CORRECT[problem][sample] else f"not {sample}",
        "gold": str(problem),
    }
    for problem in range(12)
    for sample in range(4)
]
CONTAINERS = ("lines", "gzip", "array", "indented", "csv", "semicolons", "tabs", "parquet")


def write(path: Path, rows: list[dict[str, Any]], container: str = "lines") -> Path:
    """The rows in a file of this container."""
    if container == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif container in ("lines", "gzip"):
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if container == "gzip" else content)
    elif container in ("array", "indented"):
        path.write_text(json.dumps(rows, indent=None if container == "array" else 1))
    else:
        delimiter = {"csv": ",", "semicolons": ";", "tabs": "\t"}[container]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(
                {name: json.dumps(cell) if isinstance(cell, list) else cell for name, cell in row.items()}
                for row in rows
            )
    return path


def renamed(**names: str) -> list[dict[str, Any]]:
    """ROWS with other names of columns."""
    return [{names.get(name, name): cell for name, cell in row.items()} for row in ROWS]


def read_of(model: ModelRollouts) -> tuple[Any, ...]:
    """What was read, whatever the columns are called."""
    outcomes = model.outcomes
    assert outcomes is not None and outcomes.predicted_S is not None and outcomes.gold is not None
    answers = [outcomes.answers[code] for code in outcomes.predicted_S.tolist()]
    texts = {(example.problem_id, example.answer, example.text) for example in model.examples}
    return totals(model), answers, outcomes.gold.tolist(), dict(model.prompts), texts


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(list(ROWS[0])), st.sampled_from(CONTAINERS), st.data())
def test_order_names_and_container_change_nothing(
    tmp_path: Path, order: list[str], container: str, data: st.DataObject
) -> None:
    columns = {
        "id": "problem",
        "prompt": "prompt",
        "correct": "correct",
        "completion": "completion",
        "answer": "answer",
        "gold": "gold",
    }
    names: dict[str, str] = {}
    for name, column in columns.items():
        names[name] = data.draw(st.sampled_from([other for other in ALIASES[column] if other not in names.values()]))
    rows = [{names[name]: row[name] for name in order} for row in ROWS]
    imported = only(write(tmp_path / "a", rows, container))
    assert read_of(imported) == read_of(only(write(tmp_path / "b", ROWS)))
    assert imported.graded_by == (names["correct"],)
    assert not imported.warnings


@pytest.mark.parametrize("name", sorted({*ALIASES["problem"]} - {"problem_id"}))
def test_a_text_before_the_id_is_the_prompt(tmp_path: Path, name: str) -> None:
    if name == "problem":
        rows = [{"problem": row["prompt"], "id": row["id"], "correct": row["correct"]} for row in ROWS]
    else:
        rows = [{"problem": "What is 2+2?", name: row["id"], "correct": row["correct"]} for row in ROWS]
    imported = only(write(tmp_path / "a", rows))
    assert totals(imported) == EXPECTED
    assert set(imported.prompts.values()) == {row["problem"] for row in rows}


def test_the_question_before_the_response_is_no_completion(tmp_path: Path) -> None:
    rows = [
        {"id": row["id"], "text": row["prompt"], "response": row["completion"], "correct": row["correct"]}
        for row in ROWS
    ]
    for order in (("id", "text", "response", "correct"), ("response", "correct", "text", "id")):
        imported = only(write(tmp_path / "a", [{name: row[name] for name in order} for row in rows]))
        assert imported.duplicates == 0
        assert imported.prompts == {str(row["id"]): row["prompt"] for row in ROWS}
    # A text that differs within a problem is a completion, also where it is the only one.
    assert only(write(tmp_path / "b", renamed(completion="text"))).duplicates == 0


def test_an_answer_that_is_the_gold_is_no_answer_of_the_model(tmp_path: Path) -> None:
    rows = [row | {"answer": row["gold"]} for row in ROWS]
    without_gold = [{name: cell for name, cell in row.items() if name != "gold"} for row in rows]
    for given_rows in (rows, without_gold):
        imported = only(write(tmp_path / "a", given_rows))
        assert imported.outcomes is not None and imported.outcomes.predicted_S is None
        assert imported.outcomes.gold is not None and imported.outcomes.gold.tolist() == sorted(map(str, range(12)))
        assert "`answer` is the right answer and not the model's" in imported.notes
    beside = [row | {"pred": other["answer"]} for row, other in zip(without_gold, ROWS, strict=True)]
    imported = only(write(tmp_path / "b", beside))
    assert read_of(imported) == read_of(only(write(tmp_path / "c", ROWS)))


def test_an_answer_that_is_right_and_wrong_beyond_the_first_rows_is_left_out(tmp_path: Path) -> None:
    """The first thousand rows are all right; in the others one answer to a problem is both."""
    first: list[dict[str, Any]] = [{"id": f"a{row}", "answer": "x", "correct": True} for row in range(1200)]
    others: list[dict[str, Any]] = [{"id": row % 400, "answer": "y", "correct": row % 3 == 0} for row in range(1200)]
    imported = only(write(tmp_path / "a", first + others))
    assert imported.outcomes is not None and imported.outcomes.predicted_S is None
    assert "answers are left out: one answer to one problem is both right and wrong" in imported.notes
    some = [row | {"answer": str(row["correct"])} if int(row["id"]) > 100 else row for row in others]
    imported = only(write(tmp_path / "b", first + some))
    assert imported.outcomes is not None and imported.outcomes.predicted_S is not None


@pytest.mark.parametrize("container", ["lines", "parquet", "csv"])
def test_an_id_that_counts_rows_leaves_the_prompts(tmp_path: Path, container: str) -> None:
    rows = [{"id": place, "prompt": row["prompt"], "correct": row["correct"]} for place, row in enumerate(ROWS)]
    file = write(tmp_path / "a", rows, container)
    imported = only(file)
    assert sorted(totals(imported).values()) == sorted(EXPECTED.values())
    assert imported.warnings == (
        "`id` counts rows while prompts repeat (12 in the first 48 rows), so that problems are equal prompts: "
        "--map id=id takes the other",
    )
    assert set(totals(only(file, columns={"id": "id"})).values()) == {(1, 0), (1, 1)}
    # Another id that repeats is the problem's.
    rows = [row | {"idx": place // 4} for place, row in enumerate(rows)]
    imported = only(write(tmp_path / "b", rows, container))
    assert (totals(imported), imported.warnings) == (EXPECTED, ())


@pytest.mark.parametrize("container", ["lines", "parquet"])
def test_an_id_that_counts_rows_beyond_the_first_is_refused(tmp_path: Path, container: str) -> None:
    """All problems once, then all again: the first thousand rows have as many prompts."""
    rows = [{"id": place, "prompt": f"What is {place % 1500} now?", "correct": True} for place in range(3000)]
    file = write(tmp_path / "a", rows, container)
    noun = "line" if container == "lines" else "row"
    assert refused(file) == (
        f"a: {noun} 1: id: every row has its own, while prompts repeat (1500 in 3000 rows); --map id=prompt takes "
        "equal prompts as problems, --map id=id the rows"
    )
    assert set(totals(only(file, columns={"id": "prompt"})).values()) == {(2, 2)}
    assert len(totals(only(file, columns={"id": "id"}))) == 3000


def test_equal_prompts_with_other_golds_are_no_repeats(tmp_path: Path) -> None:
    rows = [{"id": place, "prompt": "Read the picture now", "gold": str(place), "correct": True} for place in range(20)]
    imported = only(write(tmp_path / "a", rows))
    assert (len(totals(imported)), imported.warnings) == (20, ())


def test_a_documented_problem_id_stays_and_the_other_reading_is_said(tmp_path: Path) -> None:
    rows = [{"problem_id": place, "prompt": "What is it now?", "correct": True} for place in range(20)]
    imported = only(write(tmp_path / "a", rows))
    assert len(totals(imported)) == 20
    assert imported.warnings == (
        "no `problem_id` repeats while prompts repeat (1 in the first 20 rows): --map id=prompt takes equal prompts",
    )


def test_without_an_id_problems_are_equal_prompts(tmp_path: Path) -> None:
    chats = [{"prompt": [{"role": "user", "content": row["prompt"]}], "correct": row["correct"]} for row in ROWS]
    for container in ("lines", "parquet"):
        imported = only(write(tmp_path / "a", chats, container))
        assert sorted(totals(imported).values()) == sorted(EXPECTED.values())
        assert sorted(imported.prompts.values()) == sorted({row["prompt"] for row in ROWS})
        assert "a problem is an equal prompt; its id is a hash of the prompt" in imported.notes


@pytest.mark.parametrize("name", [name for name in ALIASES["set"] if name != "set"])
@pytest.mark.parametrize("container", ["lines", "parquet"])
def test_ids_of_two_sets_are_told_apart(tmp_path: Path, name: str, container: str) -> None:
    rows = [row | {name: part, "prompt": f"{part}: {row['prompt']}"} for part in ("amc", "aime") for row in ROWS]
    imported = only(write(tmp_path / "a", rows, container))
    assert totals(imported) == {f"{part}/{id}": both for part in ("aime", "amc") for id, both in EXPECTED.items()}


def test_what_differs_among_samples_is_no_set_and_no_level(tmp_path: Path) -> None:
    rows = [row | {"source": f"server {place % 2}", "math_level": place % 3} for place, row in enumerate(ROWS)]
    imported = only(write(tmp_path / "a", rows))
    assert totals(imported) == EXPECTED
    assert counts(imported).level.tolist() == [0] * 12
    assert imported.warnings == (
        "`source` differs among samples of one problem and is not read as the set: --map set=source takes the other",
    )
    assert len(totals(only(tmp_path / "a", columns={"set": "source"}))) == 24
    urls = [row | {"source": f"book {row['id']}", "difficulty": row["id"] / 7} for row in ROWS]
    imported = only(write(tmp_path / "b", urls))
    assert totals(imported) == EXPECTED
    assert "`source` is another for most problems and is not read as the set" in imported.notes


def test_an_empty_verdict_beside_a_score(tmp_path: Path) -> None:
    for name in ("acc", "correct"):
        rows = [{"id": row["id"], name: None, "score": float(row["correct"])} for row in ROWS]
        imported = only(write(tmp_path / "a", rows))
        assert (totals(imported), imported.graded_by) == (EXPECTED, ("score",))
        assert imported.warnings == (
            f"`{name}` is empty in the first rows, and the verdict is read from `score`: --score {name} takes the "
            "other",
        )
    # A score that needs a threshold is no verdict.
    rows = [{"id": row["id"], "correct": None, "score": 0.5} for row in ROWS]
    imported = only(write(tmp_path / "b", rows))
    assert counts(imported).unscorable_P.tolist() == [4] * 12


def test_two_verdicts_that_differ_are_said(tmp_path: Path) -> None:
    rows = [{"id": row["id"], "passed": row["correct"], "acc": 1} for row in ROWS]
    imported = only(write(tmp_path / "a", rows))
    wrong = sum(not row["correct"] for row in ROWS)
    assert totals(imported) == EXPECTED
    assert imported.warnings == (
        f"the verdict is read from `passed`, and `acc` differs in {wrong} of the first 48 rows: --score acc takes the "
        "other",
    )
    assert totals(only(tmp_path / "a", score="acc")) == {id: (4, 4) for id in EXPECTED}


def test_a_named_score_is_obeyed_or_refused(tmp_path: Path) -> None:
    rows = [row | {"strict": not row["correct"], "points": 2.5 * row["correct"]} for row in ROWS]
    for container in ("lines", "parquet"):
        file = write(tmp_path / "a", rows, container)
        strict = only(file, score="strict")
        assert (totals(strict), strict.graded_by) == ({id: (n, n - c) for id, (n, c) in EXPECTED.items()}, ("strict",))
        assert totals(only(file, score="points", threshold=1.0)) == EXPECTED
        assert "--score: no column 'nosuch'; there are id, prompt, correct, completion" in refused(file, score="nosuch")


def test_a_map_names_what_is_left(tmp_path: Path) -> None:
    rows = [
        {
            "ref": f"r{row['id']}",
            "mark": ["bad", "good"][row["correct"]],
            "grade": int(row["correct"]),
            "said": row["completion"],
        }
        for row in ROWS
    ]
    expected = {f"r{id}": both for id, both in EXPECTED.items()}
    for container in ("lines", "parquet", "csv"):
        file = write(tmp_path / "a", rows, container)
        assert refused(file).endswith("; try --map id=ref,correct=grade")
        imported = only(file, columns={"id": "ref", "correct": "grade", "completion": "said"})
        assert (totals(imported), imported.graded_by, imported.duplicates) == (expected, ("grade",), 0)
        assert (
            "--map: no column 'no'; there are ref, mark, grade, said"
            in refused(
                write(tmp_path / "b", [row | {"id": 1, "correct": True} for row in rows], container),
                columns={"id": "no"},
            )
            .replace("line 1: ", "")
            .replace("line 2: ", "")
            or container == "parquet"
        )
        assert refused(file, columns={"id": "ref"}).endswith(
            "no column correct; there are ref, mark, grade, said; try --map correct=grade"
        )


def test_rows_later_on_keep_the_names_of_the_first(tmp_path: Path) -> None:
    many = [{"id": row % 10, "correct": True, "response": "x"} for row in range(1500)]
    file = jsonl(tmp_path / "a", [*many, {"id": 1, "correct": True, "output": "x"}])
    assert refused(file) == "a: line 1501: completion: named output here and response before; use one name"
    file = jsonl(tmp_path / "b", [*many, {"id": 1, "score": 1}])
    assert (
        refused(file) == "b: line 1501: correct: in some rows only; every row needs it, null where there is no verdict"
    )


def test_the_table_of_names_holds_each_once() -> None:
    for column, names in ALIASES.items():
        assert len(set(names)) == len(names), column
    needed = {"id": 1, "correct": True}
    assert choose_columns([needed], "", score=None, mapped={}).names == {"problem": "id", "correct": "correct"}


def test_the_names_in_the_documentation_are_names() -> None:
    documentation = Path(__file__).parents[3] / "docs/audit.md"
    table = documentation.read_text().split("| column | some of its other names | meaning |")[1].split("\n\n")[0]
    documented = {names[0] for names in ALIASES.values()}
    others = {name for names in ALIASES.values() for name in names[1:]}
    rows = [line.split("|")[1:3] for line in table.splitlines()[2:]]
    columns, named = ({name for row in rows for name in re.findall(r"`(\w+)`", row[place])} for place in (0, 1))
    assert columns == documented
    assert named and named <= others


def test_spaces_around_an_id_and_long_numbers_are_no_other_problems(tmp_path: Path) -> None:
    spaced = [row | {"id": f"p{row['id']}" + " " * (place % 2)} for place, row in enumerate(ROWS)]
    assert totals(only(write(tmp_path / "a", spaced))) == {f"p{id}": total for id, total in EXPECTED.items()}
    hashed = [row | {"id": 2**64 + row["id"]} for row in ROWS]
    assert totals(only(write(tmp_path / "a", hashed))) == {str(2**64 + int(id)): of for id, of in EXPECTED.items()}


def test_an_id_with_the_number_of_a_sample_is_pointed_out(tmp_path: Path) -> None:
    numbered = [{"id": f"q{place // 4}_{place % 4}", "correct": row["correct"]} for place, row in enumerate(ROWS)]
    (says,) = only(write(tmp_path / "a", numbered)).warnings
    assert says.startswith("no two rows have one `id`, but they are 12 names with a number each, as of samples")
    contests = [{"id": f"aime-{place // 24}-{place % 24}", "correct": row["correct"]} for place, row in enumerate(ROWS)]
    assert only(write(tmp_path / "a", contests)).warnings == ()


def test_verdicts_that_a_score_beside_them_contradicts_or_completes_are_said(tmp_path: Path) -> None:
    rows = [
        {"id": place // 4, "correct": row["correct"] if place % 2 else None, "score": int(row["correct"])}
        for place, row in enumerate(ROWS)
    ]
    says = "`correct` is empty in 24 of the first 48 rows, where `score` is not: --score score takes the other"
    assert only(write(tmp_path / "a", rows)).warnings == (says,)
    rows = [{"id": place // 4, "success": True, "reward": int(row["correct"])} for place, row in enumerate(ROWS)]
    (says,) = only(write(tmp_path / "a", rows)).warnings
    assert says.startswith("the verdict is read from `success`, and `reward` differs in ")
    assert totals(only(write(tmp_path / "a", rows), score="reward")) == EXPECTED


@pytest.mark.parametrize("name", ["task", "subset"])
def test_a_set_that_tells_problems_of_one_id_apart_is_said_where_nothing_else_does(tmp_path: Path, name: str) -> None:
    rows = [{"id": place // 4, name: f"s{place % 4}", "correct": row["correct"]} for place, row in enumerate(ROWS)]
    (says,) = only(write(tmp_path / "a", rows)).warnings
    assert says.startswith(f"`{name}` tells problems of one id apart (48 in the first 48 rows, 12 without it)")
    asked = [row | {"prompt": f"What is {place} to {row[name]}?"} for place, row in enumerate(rows)]
    assert only(write(tmp_path / "a", asked)).warnings == ()


def test_a_model_that_is_empty_in_all_rows_is_none(tmp_path: Path) -> None:
    assert totals(only(write(tmp_path / "a", [row | {"model": None} for row in ROWS]))) == EXPECTED
