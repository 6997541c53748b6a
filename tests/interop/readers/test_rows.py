"""Rollouts as JSONL: every documented column arrives, every bad row is named."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewise.interop.ingest import lines
from edgewise.interop.ingest.schema import ALIASES
from edgewise.interop.read import read_rollouts
from tests.interop.writing import counts, jsonl, only, refused, totals

FULL: list[dict[str, Any]] = [
    {
        "problem_id": "b",
        "sample_id": 0,
        "correct": True,
        "process_correct": False,
        "answer": "7",
        "gold": "7",
        "completion": "so 7",
        "prompt": "3 + 4?",
        "truncated": False,
        "finish_reason": "stop",
        "parse_ok": True,
        "tokens": 3,
        "logprob": -1.5,
        "score": 0.9,
        "level": 2,
        "set": "sums",
        "cluster": "plus",
        "temperature": 1.0,
        "top_p": 1,
        "max_tokens": 8,
        "model": "base",
        "seed": 3,
        "verifier": "exact",
        "first_wrong_step": 1,
        "reason": "a leap",
    },
    {
        "problem_id": "a",
        "sample_id": 1,
        "correct": False,
        "process_correct": None,
        "answer": None,
        "gold": "9",
        "completion": "hm",
        "prompt": "4 + 5?",
        "truncated": None,
        "finish_reason": "length",
        "parse_ok": False,
        "tokens": 8,
        "logprob": -9.0,
        "score": 0.1,
        "level": 1,
        "set": "sums",
        "cluster": "plus",
        "temperature": 1.0,
        "top_p": 1,
        "max_tokens": 8,
        "model": "base",
        "seed": 2,
        "verifier": "exact",
        "first_wrong_step": None,
        "reason": None,
    },
]


def test_every_column_arrives(tmp_path: Path) -> None:
    imported = only(jsonl(tmp_path / "base.jsonl", FULL))
    found = imported.outcomes
    assert found is not None
    assert (imported.model, imported.source, imported.files) == (
        "base",
        "edgewise rollouts JSONL",
        (tmp_path / "base.jsonl",),
    )
    assert found.problem.tolist() == ["a", "b"]
    assert found.level.tolist() == [1, 2]
    assert found.problem_S.tolist() == [1, 0]
    assert found.sample_S.tolist() == [0, 1]
    assert found.answer_S.tolist() == [1, -1]
    assert [None if column is None else column.tolist() for column in (found.process_S, found.truncated_S)] == [
        [0, -1],
        [False, True],
    ]
    assert found.tokens_S is not None and found.tokens_S.tolist() == [3, 8]
    assert found.logprob_S is not None and found.logprob_S.tolist() == [-1.5, -9.0]
    assert found.score_S is not None and found.score_S.tolist() == [0.9, 0.1]
    assert found.predicted_S is not None and found.predicted_S.tolist() == [0, -1]
    assert found.answers == ("7",)
    assert found.gold is not None and found.gold.tolist() == ["9", "7"]
    assert found.set is not None and found.set.tolist() == ["sums", "sums"]
    assert found.cluster is not None and found.cluster.tolist() == ["plus", "plus"]
    assert imported.prompts == {"b": "3 + 4?", "a": "4 + 5?"}
    assert (imported.sampling.temperature, imported.sampling.top_p, imported.sampling.max_tokens) == (
        (1.0,),
        (1.0,),
        (8,),
    )
    assert imported.sampling.seeds == (2, 3)
    assert imported.verifiers == ("exact",)
    (example,) = imported.examples
    assert (example.problem_id, example.text, example.answer) == ("b", "so 7", "correct")
    assert (example.process, example.first_wrong_step, example.reason) == ("wrong", 1, "a leap")
    assert imported.duplicates is None
    assert imported.notes == ()


@pytest.mark.parametrize(
    "names", [(column, name) for column, names in ALIASES.items() for name in names if len(names) > 1]
)
def test_every_alias_is_read_as_its_column(tmp_path: Path, names: tuple[str, str]) -> None:
    column, name = names
    plain = ALIASES[column][0]
    renamed = [{name if key == plain else key: value for key, value in row.items()} for row in FULL]
    imported, other = only(jsonl(tmp_path / "a.jsonl", FULL)), only(jsonl(tmp_path / "b.jsonl", renamed))
    assert totals(imported) == totals(other)
    assert imported.examples == other.examples
    assert imported.outcomes is not None and other.outcomes is not None
    assert other.outcomes.level.tolist() == imported.outcomes.level.tolist()
    for left, right in (
        (imported.outcomes.cluster, other.outcomes.cluster),
        (imported.outcomes.set, other.outcomes.set),
    ):
        assert left is not None and right is not None and left.tolist() == right.tolist()
    assert imported.verifiers == other.verifiers


def test_a_whole_number_and_its_digits_are_one_id(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "correct": 1}, {"id": "1", "correct": False}, {"id": 1.0, "correct": 0.0}]
    assert totals(only(jsonl(tmp_path / "a.jsonl", rows))) == {"1": (3, 1)}


def test_samples_are_numbered_in_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = [{"id": p, "correct": c} for p, c in ((2, 0), (1, 0), (2, 1), (1, 0), (2, 0))]
    imported = only(jsonl(tmp_path / "a.jsonl", rows))
    assert imported.outcomes is not None
    assert imported.outcomes.sample_S.tolist() == [0, 0, 1, 1, 2]
    assert counts(imported).first_P is not None and counts(imported).first_P.tolist() == [2, 1]  # type: ignore[union-attr]
    assert "samples are numbered in the order of the rows" in imported.notes


def test_sample_names_are_distinct_and_numbered_in_order(tmp_path: Path) -> None:
    rows = [{"id": 1, "sample": name, "correct": name == "z"} for name in ("z", "a", "7")]
    imported = only(jsonl(tmp_path / "a.jsonl", rows))
    assert imported.outcomes is not None
    assert imported.outcomes.sample_S.tolist() == [0, 1, 2]
    assert "sample ids are names; samples are numbered in the order of the rows" in imported.notes
    again = jsonl(tmp_path / "b.jsonl", [*rows, {"id": 1, "sample": "a", "correct": True}])
    assert refused(again) == "b.jsonl: line 4: sample_id: problem '1' had this sample before; a sample is one row"


def test_no_verdict_is_unscorable_and_never_wrong(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"correct": None}, {"correct": True, "parse_ok": False}, {"correct": False}]
    rows = [{"id": 1} | row for row in rows]
    found = counts(only(jsonl(tmp_path / "a.jsonl", rows)))
    assert (found.n_P.tolist(), found.c_P.tolist(), found.unscorable_P.tolist()) == ([3], [0], [2])


@pytest.mark.parametrize(("scores", "correct"), [((0, 1, 1), 2), ((-1, 1, -1.0), 1), ((1, 1, None), 2)])
def test_scores_of_two_values_are_verdicts(tmp_path: Path, scores: tuple[Any, ...], correct: int) -> None:
    imported = only(jsonl(tmp_path / "a.jsonl", [{"id": 1, "score": score} for score in scores]))
    assert totals(imported) == {"1": (3, correct)}
    assert counts(imported).unscorable_P.tolist() == [scores.count(None)]


def test_graded_scores_need_a_threshold(tmp_path: Path) -> None:
    graded = jsonl(tmp_path / "a.jsonl", [{"id": 1, "score": score} for score in (0, 0.5, 1)])
    assert refused(graded) == "a.jsonl: line 2: score: 0.5 is graded; give a threshold for correct"
    assert totals(only(graded, threshold=0.5)) == {"1": (3, 2)}
    mixed = jsonl(tmp_path / "b.jsonl", [{"id": 1, "score": score} for score in (0, 1, -1)])
    assert "both 0 and -1 occur" in refused(mixed)
    imported = only(graded, threshold=0.5)
    assert imported.outcomes is not None and imported.outcomes.score_S is not None
    assert imported.outcomes.score_S.tolist() == [0, 0.5, 1]


def test_several_models_are_several_imports(tmp_path: Path) -> None:
    rows = [{"model": model, "id": p, "correct": model == "b", "text": model} for p in (1, 2) for model in ("b", "a")]
    first, second = read_rollouts(jsonl(tmp_path / "a.jsonl", rows))
    assert (first.model, second.model) == ("b", "a")
    assert totals(first) == {"1": (1, 1), "2": (1, 1)}
    assert totals(second) == {"1": (1, 0), "2": (1, 0)}
    assert [example.text for example in second.examples] == ["a", "a"]


def test_several_sets_make_ids_unique(tmp_path: Path) -> None:
    rows = [{"set": name, "id": 1, "correct": name == "x", "level": 1, "cluster": "t"} for name in ("y", "x")]
    imported = only(jsonl(tmp_path / "a.jsonl", rows))
    assert totals(imported) == {"x/1": (1, 1), "y/1": (1, 0)}
    assert imported.outcomes is not None and imported.outcomes.set is not None and imported.outcomes.cluster is not None
    assert imported.outcomes.set.tolist() == ["x", "y"]
    assert imported.outcomes.cluster.tolist() == ["x/t", "y/t"]


def test_repeated_texts_are_seen(tmp_path: Path) -> None:
    rows = [{"id": p, "correct": 1, "text": f"{p}{s if p == 3 else ''}"} for p in (1, 2, 3, 3, 4) for s in range(2)]
    assert only(jsonl(tmp_path / "a.jsonl", rows[:8])).duplicates == pytest.approx(2 / 3)
    assert only(jsonl(tmp_path / "b.jsonl", [{"id": p, "correct": 1, "text": "x"} for p in (1, 2)])).duplicates is None


def test_different_prompts_of_one_problem_are_warned_of(tmp_path: Path) -> None:
    imported = only(jsonl(tmp_path / "a.jsonl", [{"id": 1, "correct": 1, "prompt": text} for text in "ab"]))
    assert "1 problems have samples with different prompts" in imported.warnings


def test_texts_are_bounded_and_examples_few(tmp_path: Path) -> None:
    rows = [{"id": p, "correct": p % 2, "text": "x" * 9000, "prompt": "y" * 30_000} for p in range(3)]
    imported = only(jsonl(tmp_path / "a.jsonl", rows))
    assert {len(example.text) for example in imported.examples} == {8_000}
    assert {len(prompt) for prompt in imported.prompts.values()} == {20_000}
    many = [{"id": p, "set": p % 2, "correct": s, "text": "t"} for p in range(900) for s in range(2)]
    shown = only(jsonl(tmp_path / "b.jsonl", many)).examples
    assert len(shown) == 800
    assert sum(example.problem_id.startswith("0/") for example in shown) == 400


def test_chat_messages_are_their_contents(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Add."}, {"role": "user", "content": [{"type": "text", "text": "1 + 1?"}]}]
    imported = only(jsonl(tmp_path / "a.jsonl", [{"id": 1, "correct": 1, "prompt": chat, "text": chat[1:]}]))
    assert imported.prompts == {"1": "Add.\n1 + 1?"}
    assert imported.examples[0].text == "1 + 1?"


def test_a_process_that_nobody_verified_is_none(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "model": model, "correct": 1, "process_correct": True if model == "x" else None} for model in "xxy"
    ]
    rows[1]["process_correct"] = None
    verified, unverified = read_rollouts(jsonl(tmp_path / "a.jsonl", rows))
    assert verified.outcomes is not None and verified.outcomes.process_S is not None
    assert verified.outcomes.process_S.tolist() == [1, -1]
    assert unverified.outcomes is not None and unverified.outcomes.process_S is None


def test_what_only_some_rows_have_is_left_out_and_said(tmp_path: Path) -> None:
    imported = only(jsonl(tmp_path / "a.jsonl", [{"id": 1, "correct": 1, "tokens": 4}, {"id": 1, "correct": 1}]))
    assert imported.outcomes is not None and imported.outcomes.tokens_S is None
    assert "tokens is left out: 1 of 2 rows have none" in imported.notes


def test_gzip_blank_lines_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.jsonl.gz", "wb") as packed:
        packed.write(b'\xef\xbb\xbf{"id": 1, "correct": true}\n\n  \n{"id": 1, "correct": "maybe"}\n')
    assert refused(tmp_path / "a.jsonl.gz").startswith("a.jsonl.gz: line 4: correct: 'maybe'; use true")


BAD = [
    ({"id": 1, "correct": "maybe"}, "correct: 'maybe'; use true, false, 1 or 0, and null for unscorable"),
    ({"id": 1, "correct": 2}, "correct: 2; use true, false"),
    ({"id": None, "correct": 1}, "problem: empty; every row needs it"),
    ({"id": True, "correct": 1}, "problem: true; use a string or a whole number"),
    ({"id": 1.5, "correct": 1}, "problem: 1.5; use a string or a whole number"),
    ({"id": ["x"], "correct": 1}, "problem: a list; use a string or a whole number"),
    ({"id": "x" * 300, "correct": 1}, "problem: a name of 300 characters; use 1 to 256"),
    ({"id": "a\x1b[2J", "correct": 1}, "problem: 'a\\x1b[2J' holds control characters"),
    ({"id": "a\x00", "correct": 1}, "control characters"),
    ({"id": 1, "correct": 1, "tokens": -1}, "tokens: -1; a length is 0 or more"),
    ({"id": 1, "correct": 1, "tokens": "many"}, "tokens: 'many'; use a whole number"),
    ({"id": 1, "correct": 1, "temperature": 0.6}, "temperature: 0.6 for problem '1', which had 1.0 before"),
    ({"id": 2, "correct": 1, "temperature": 0.6}, "temperature: 0.6 here and 1.0 before"),
    ({"id": 1, "correct": 1, "level": 3}, "level: '3' for problem '1', which had '2' before; a problem has one"),
    ({"id": 2, "correct": 1, "level": 2.5}, "level: 2.5; use a string or a whole number"),
    ({"id": 1, "correct": 1, "sample": 0}, "sample_id: problem '1' had this sample before"),
    ({"id": 1}, "no column correct; there are id"),
    ({"problem_id": 1, "correct": 1}, "problem: named problem_id here and id before; use one name"),
    ({"correct": 1, "x": 1}, "no column problem_id; there are correct, x"),
]


@pytest.mark.parametrize(("row", "says"), BAD)
def test_a_bad_row_is_named(tmp_path: Path, row: dict[str, Any], says: str) -> None:
    good = {"id": 1, "correct": True, "temperature": 1.0, "level": 2, "sample": 0}
    defaults = {"sample": 1, "temperature": 1.0} if {"id", "correct"} <= set(row) else {}
    file = jsonl(tmp_path / "a.jsonl", [good, defaults | row])
    line = refused(file)
    assert line.startswith("a.jsonl: line 2: ")
    assert says in line


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "a: the file is empty"),
        (b" \n\n", "a: only blank lines"),
        (b'{"id": 1, "correct": -Infinity}', "a: line 1: correct: -inf; use true"),
        (b'{"id": 1, "correct": 1, "tokens": 1e999}', "a: line 1: tokens: inf; use a whole number"),
        (b'{"id": 1, "correct": 1}\n{"id": 2, ', "a: line 2: not JSON"),
        (b'{"id": 1, "correct": 1}\n[1]', "a: line 2: JSON, but not an object"),
        (b'{"id": 1, "correct": 1}\n{"id": "\xff"}', "a: line 2: byte 8 is not UTF-8"),
        (b'{"id": 1, "correct": 1}\n' + b"[" * 100_000, "a: line 2: not JSON of any use: nested too deep"),
        (b'{"id": 1, "correct": 1}\n{"id": ' + b"1" * 5000 + b"}", "a: line 2: Exceeds the limit"),
        (b'{"step": 3, "loss": 0.5}', "a: unknown format: the first row has step, loss; known are edgewise JSONL"),
        (b'"text"', "a: unknown format: the first line is '\"text\"'"),
        (b"hello\n", "a: unknown format: the first line is 'hello'; known are"),
        (b"{\n  1: 2", "a: not JSON (Expecting property name"),
        (b"\x1f\x8bnonsense", "a: cannot be read after line 0"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a").write_bytes(content)
    assert refused(tmp_path / "a").startswith(says)


def test_partial_models_and_problems_in_and_out_of_a_set_are_refused(tmp_path: Path) -> None:
    for name, id in (("model", 2), ("set", 1)):
        rows: list[dict[str, Any]] = [{"id": 1, "correct": 1, name: "x"}, {"id": id, "correct": 1}]
        line = refused(jsonl(tmp_path / "a.jsonl", rows))
        assert line.startswith(f"a.jsonl: line 2: {name}: empty")
        assert "rows" in line or "every row" in line
        # Also when the rows come in different batches.
        many = [*(rows[:1] * 5000), *(rows[1:] * 5000)]
        assert f"a.jsonl: line 5001: {name}: empty" in refused(jsonl(tmp_path / "a.jsonl", many))


@pytest.mark.parametrize("rows", [1, 5000])
def test_problems_without_set_or_level_are_those_of_none(tmp_path: Path, rows: int) -> None:
    first = {"id": 1, "correct": 1, "dataset": "amc", "math_level": 3}
    other = {"id": 2, "correct": 0, "dataset": "", "math_level": None}
    imported = only(jsonl(tmp_path / "a.jsonl", [first] * rows + [other] * rows))
    assert totals(imported) == {"amc/1": (rows, rows), "none/2": (rows, 0)}
    assert counts(imported).level.tolist() == [3, 0]
    assert "1 problems name no set; theirs is called none" in imported.notes
    within = only(jsonl(tmp_path / "b.jsonl", [first, other | {"dataset": "amc"}]))
    assert counts(within).level.tolist() == ["3", "none"]
    assert "1 problems have no level; theirs is called none" in within.notes


def test_a_bad_problem_of_a_later_batch_is_named(tmp_path: Path) -> None:
    good: dict[str, Any] = {"id": 1, "correct": 1, "cluster": 2, "top_p": 1}
    rows = [*([good] * 5000), {"id": 2, "correct": 1, "top_p": 1}]
    assert refused(jsonl(tmp_path / "a.jsonl", rows)).startswith("a.jsonl: line 5001: cluster: empty here")
    rows[-1] = good | {"id": 2, "top_p": 0.9}
    assert refused(jsonl(tmp_path / "a.jsonl", rows)).startswith("a.jsonl: line 5001: top_p: 0.9 here and 1.0 before")


def test_a_line_without_end_costs_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.write(b'{"id": 1, "text": "')
        file.seek(2**30)
        file.write(b'"}')
    code = (
        "import resource, sys; from edgewise.interop.read import read_rollouts\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_rollouts(sys.argv[1])\n"
        "except ValueError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.jsonl")], capture_output=True, text=True)
    says, more = ran.stdout.splitlines()
    assert says.endswith(f"line 1: longer than {lines.LINE_BYTES:,} bytes; write one row a line")
    assert int(more) < 200


rows_of_problems = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([True, False, None]), st.text(max_size=3)), min_size=1, max_size=40
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows_of_problems, st.booleans())
def test_counts_survive_the_round_trip(tmp_path: Path, rows: list[tuple[int, bool | None, str]], packed: bool) -> None:
    text = "".join(json.dumps({"id": p, "correct": c, "text": t}) + "\n" for p, c, t in rows)
    file = tmp_path / "a"
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    imported = only(file)
    expected = {
        str(p): (sum(q == p for q, _, _ in rows), sum(q == p and c is True for q, c, _ in rows)) for p, _, _ in rows
    }
    assert totals(imported) == expected
    several = [p for p, (n, _) in expected.items() if n > 1]
    same = [p for p in several if len({t for q, _, t in rows if str(q) == p}) == 1]
    assert imported.duplicates == (pytest.approx(len(same) / len(several)) if several else None)
    assert np.isin(imported.outcomes.answer_S, (-1, 0, 1)).all()  # type: ignore[union-attr]
