"""Questions from a file: every row once, verified by its match, and a file that changed is noticed."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, digest, plain
from edgewise.tasks.base import SPLITS, Problem, Score, split_of
from edgewise.tasks.questions import Questions
from tests.tasks.conformance import conformance

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows, or lines as they are, to a file and says where it is."""

    def written(rows: Iterable[dict[str, Any] | str], name: str = "rows.jsonl") -> str:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (tmp_path / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return str(tmp_path / name)

    return written


def sums(count: int = 20) -> list[dict[str, Any]]:
    return [
        {"prompt": f"{a} plus {b} :", "answer": a + b, "level": len(str(a + b))}
        for a in range(count)
        for b in range(count)
    ]


def problem_of(path: str, **knobs: Any) -> tuple[Questions, Problem]:
    world = Questions(path=path, split="test", **knobs)
    return world, world.problem("test", 0, 0)


def mark(path: str, completion: str, **knobs: Any) -> Score:
    world, problem = problem_of(path, **knobs)
    return world.verify(problem, completion).answer


def test_it_does_what_every_world_does(write: Write) -> None:
    conformance(Questions(path=write(sums())))


def test_a_split_s_rows_come_each_once_then_again_in_another_order(write: Write) -> None:
    world = Questions(path=write(sums(5)), split="test")
    rounds = [[world.problem("test", 3, index).prompt for index in range(25 * r, 25 * (r + 1))] for r in range(3)]
    assert all(sorted(prompts) == sorted(row["prompt"] for row in sums(5)) for prompts in rounds)
    assert rounds[0] != rounds[1] != rounds[2]
    assert [world.problem("test", 4, index).prompt for index in range(25)] != rounds[0]


def test_without_a_split_the_hash_of_the_prompt_decides(write: Write) -> None:
    rows = sums(40)
    world = Questions(path=write(rows))
    seen: Counter[str] = Counter()
    for split in SPLITS:
        problems = {p.id: p for p in (world.problem(split, 0, index) for index in range(len(rows)))}.values()
        assert all(split_of(int(p.id.split("-")[2], 16)) == split for p in problems)
        seen[split] = len(problems)
    assert sum(seen.values()) == len(rows)
    assert 900 < seen["train"] < 1100
    assert 60 < seen["validation"] < 150


def test_other_splits_of_a_file_that_is_all_test_are_empty(write: Write) -> None:
    world = Questions(path=write(sums(3)), split="test")
    with pytest.raises(InputError, match=r"^split 'train' has no rows; rows: test 9; set split=train"):
        world.problem("train", 0, 0)


def test_levels_are_those_of_the_rows(write: Write) -> None:
    world = Questions(
        path=write([{"prompt": str(i), "answer": i, "level": 3 * (i % 3)} for i in range(9)]), split="test"
    )
    assert world.levels == (0, 3, 6)
    narrow = world.at_level(3)
    assert narrow.levels == (3,)
    assert {narrow.problem("test", 0, index).answer for index in range(3)} == {"1", "4", "7"}
    assert narrow.words() == world.words()
    with pytest.raises(InputError, match="level: must be one of 0, 3, 6, is 4"):
        world.at_level(4)


def test_exact_is_the_same_text(write: Write) -> None:
    path = write([{"question": "Capital of France?", "answer": " Paris "}])
    assert mark(path, "Paris") is Score.CORRECT
    assert mark(path, "Surely.\nAnswer: Paris\n") is Score.CORRECT
    for text in ("paris", "Paris.", "Paris Paris", "It is Paris", "Pari"):
        assert mark(path, text) is Score.WRONG, text
    assert mark(path, "Paris\nor Lyon") is Score.UNSCORABLE


def test_numeric_is_the_same_number(write: Write) -> None:
    path = write([{"prompt": "How many?", "answer": "1,250"}])
    for text in ("1250", "1250.0", "1.25e3", "2500/2", "125000%"):
        assert mark(path, text, match="numeric") is Score.CORRECT, text
    for text in ("-1250", "1251", "1250.0001", "12.50"):
        assert mark(path, text, match="numeric") is Score.WRONG, text
    for text in ("1250 apples", "many", "1250 1250", "1e99999999"):
        assert mark(path, text, match="numeric") is Score.UNSCORABLE, text


def test_the_tolerance_is_relative_and_its_bound_belongs_to_it(write: Write) -> None:
    path = write([{"prompt": "How many?", "answer": 200, "match": "numeric"}])
    for text, right in (("202", True), ("198", True), ("202.0001", False), ("197.9", False), ("-200", False)):
        assert mark(path, text, tolerance=0.01) is (Score.CORRECT if right else Score.WRONG), text
    nothing = write([{"prompt": "How many?", "answer": 0, "match": "numeric"}])
    assert mark(nothing, "0.00001", tolerance=0.5) is Score.WRONG


def test_a_pattern_matches_the_whole_answer(write: Write) -> None:
    path = write([{"prompt": "A prime below 10?", "answer": "[2357]", "match": "regex"}])
    world, problem = problem_of(path)
    assert world.verify(problem, "I say\nAnswer: 7").process_correct
    for text in ("72", "a 7", "9"):
        assert world.verify(problem, text).answer is Score.WRONG
    with pytest.raises(InputError, match="can only be verified"):
        world.solution(problem)
    with pytest.raises(InputError, match="words of answers to a pattern are not known"):
        world.words()


def test_a_pattern_that_explodes_makes_the_completion_unscorable(write: Write) -> None:
    world, problem = problem_of(write([{"prompt": "?", "answer": "(a|a)*b", "match": "regex"}]))
    start = time.monotonic()
    verdict = world.verify(problem, "a" * 60)
    assert verdict.answer is Score.UNSCORABLE
    assert verdict.reason == "no verdict in 2 s"
    assert time.monotonic() - start < 10
    assert world.verify(problem, "aab").answer_correct


def test_a_row_s_match_goes_before_the_world_s(write: Write) -> None:
    rows = [{"prompt": "a", "answer": "1"}, {"prompt": "b", "answer": "1.0", "match": "exact"}]
    world = Questions(path=write(rows), split="test", match="numeric")
    by_prompt = {p.prompt: p for p in (world.problem("test", 0, index) for index in range(2))}
    assert world.verify(by_prompt["a"], "1.0").answer_correct
    assert not world.verify(by_prompt["b"], "1").answer_correct


def test_the_content_is_the_identity_and_the_place_is_not(write: Write) -> None:
    here, there = Questions(path=write(sums(4))), Questions(path=write(sums(4), "elsewhere.jsonl"))
    assert here.content == hashlib.sha256(Path(here.path).read_bytes()).hexdigest()
    assert digest(here) == digest(there)
    assert digest(here) != digest(Questions(path=write(sums(3), "less.jsonl")))
    assert "path" not in json.loads(canonical_json(here))
    assert here.problem("train", 0, 0) == there.problem("train", 0, 0)
    assert Questions.parse(plain(here)) == here


def test_a_file_that_changed_or_is_gone_is_noticed_when_it_is_read(write: Write) -> None:
    before = plain(Questions(path=write(sums(3))))
    write(sums(4))
    with pytest.raises(InputError, match=r"^content: .*rows\.jsonl has changed: its SHA-256 is"):
        Questions.parse(before).problem("train", 0, 0)
    os.unlink(before["path"])
    with pytest.raises(InputError, match=r"^path: cannot read .*rows\.jsonl: No such file"):
        Questions.parse(before).problem("train", 0, 0)
    with pytest.raises(InputError, match=r"^path: must name the file with the SHA-256"):
        Questions.parse({"content": before["content"]}).problem("train", 0, 0)
    for wrong in ({}, {"path": "/no/such/file"}, {"content": "abc"}):
        with pytest.raises(InputError):
            Questions.parse(wrong)


def test_the_same_question_twice_is_one_problem(write: Write) -> None:
    path = write([{"prompt": "a b", "answer": "1"}, "", {"prompt": " a  b", "answer": 1}, {"prompt": "c", "answer": 2}])
    world = Questions(path=path, split="test")
    assert {world.problem("test", 0, index).prompt for index in range(2)} == {"a b", "c"}


def test_an_id_of_one_s_own_stands_in_the_problem_s(write: Write) -> None:
    _, problem = problem_of(write([{"id": "aime-7", "prompt": "a", "answer": "1"}]))
    assert problem.id.startswith("questions-1-")
    assert problem.id.endswith("-aime-7")


def test_an_id_says_how_the_row_is_verified_whoever_decides_it(write: Write) -> None:
    plain = write([{"prompt": "a", "answer": "1"}])
    ids = [
        Questions(path=path, split="test", **knobs).problem("test", 0, 0).id
        for path, knobs in ((plain, {}), (plain, {"match": "numeric"}), (plain, {"match": "numeric", "tolerance": 0.1}))
    ]
    assert len(set(ids)) == 3 and ids[1:] == [f"{ids[0]}-numeric", f"{ids[0]}-numeric=0.1"]
    by_row = Questions(path=write([{"prompt": "a", "answer": "1", "match": "numeric"}]), split="test")
    assert by_row.problem("test", 0, 0).id == ids[1]


@pytest.mark.parametrize(
    ("lines", "place", "field"),
    [
        (['{"prompt": "a"}'], 1, "answer"),
        (['{"answer": "a"}'], 1, "prompt"),
        (["", '{"prompt": "", "answer": "a"}'], 2, "prompt"),
        (['{"prompt": "a", "answer": " "}'], 1, "answer"),
        (['{"prompt": "a", "answer": true}'], 1, "answer"),
        (['{"prompt": "a", "answer": ["b"]}'], 1, "answer"),
        (['{"prompt": "a", "answer": NaN}'], 1, "answer"),
        (['{"prompt": "a", "answer": "<answer>b</answer>"}'], 1, "answer"),
        (['{"prompt": "a", "answer": "b", "level": "2"}'], 1, "level"),
        (['{"prompt": "a", "answer": "b", "level": -1}'], 1, "level"),
        (['{"prompt": "a", "answer": "b", "match": "fuzzy"}'], 1, "match"),
        (['{"prompt": "a", "answer": "b", "match": "numeric"}'], 1, "answer"),
        (['{"prompt": "a", "answer": "(", "match": "regex"}'], 1, "answer"),
        (['{"prompt": "a", "answer": "b", "lvl": 2}'], 1, "lvl"),
        (['{"prompt": "a", "question": "a", "answer": "b"}'], 1, "question"),
        (['{"prompt": "a", "answer": "b"}', '{"prompt": "a ", "answer": "c"}'], 2, "prompt"),
        (['{"prompt": "a", "answer": "b"}', '{"prompt": "a", "answer": "b", "level": 2}'], 2, "prompt"),
        (['{"prompt": "a", "answer": "b", "id": 1}', '{"prompt": "c", "answer": "b", "id": "1"}'], 2, "id"),
        (["[1]"], 1, "must be an object"),
        (["nonsense"], 1, "is no JSON"),
        (['{"prompt": "a", "answer": "b"'], 1, "is no JSON"),
        (["[" * 100_000], 1, "is no JSON"),
    ],
)
def test_a_malformed_row_names_its_line_and_field(write: Write, lines: list[str], place: int, field: str) -> None:
    path = write(lines)
    with pytest.raises(InputError) as error:
        Questions(path=path, split="test").problem("test", 0, 0)
    assert str(error.value).startswith(f"{path}:{place}: {field}")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(path) + 250


def test_a_file_without_rows_is_bad_input(write: Write) -> None:
    with pytest.raises(InputError, match="has no rows"):
        Questions(path=write([""])).problem("test", 0, 0)


def test_a_byte_order_mark_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "a", "answer": "b"}\r\n')
    assert problem_of(str(path))[1].prompt == "a"
    path.write_bytes(b'{"prompt": "\xff", "answer": "b"}')
    with pytest.raises(InputError, match=":1: is no JSON"):
        problem_of(str(path))


@given(st.text(max_size=40))
def test_only_the_answer_itself_is_right(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "one.jsonl"
    path.write_text('{"prompt": "a", "answer": "12"}')
    world, problem = problem_of(str(path))
    assert world.verify(problem, text).answer_correct == (text.strip() == "12")
