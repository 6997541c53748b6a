"""Files become arms that can be compared, or a reader is told why not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.interop.arguments import Argument, unused_options
from edgewise.interop.arms import Arms, read_arms
from edgewise.interop.read import ReadSource, read_rollouts

FILES = Path(__file__).parent / "files"


def write(path: Path, problems: str = "ab", samples: int = 4, **columns: Any) -> str:
    rows = [
        {"problem_id": problem, "correct": (sample + ord(problem)) % 2 == 0, **columns}
        for problem in problems
        for sample in range(samples)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def messages(arms: Arms, *, forbidding: bool) -> list[str]:
    return [concern.message for concern in arms.concerns if concern.forbids is forbidding]


def test_names_are_given_stated_or_the_file_s(tmp_path: Path) -> None:
    base = write(tmp_path / "base.jsonl")
    stated = write(tmp_path / "x.jsonl", model="org/model-7b")
    arms = read_arms([base, stated, f"final={base}"])
    assert list(arms.models) == ["base", "org/model-7b", "final"]
    assert arms.base == "base"
    with pytest.raises(InputError, match="2 are called 'base'; name them as NAME=PATH"):
        read_arms([base, base])


def test_a_path_may_hold_an_equals_sign(tmp_path: Path) -> None:
    odd = write(tmp_path / "step=100.jsonl")
    assert list(read_arms([odd, f"last={odd}"]).models) == ["step=100", "last"]


def test_one_file_may_hold_all_models(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    rows = [{"problem_id": "a", "correct": True, "model": model} for model in ("base", "step 1", "step 2")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert list(read_arms([str(path)]).models) == ["base", "step 1", "step 2"]
    with pytest.raises(InputError) as refused:
        read_arms([f"name={path}"])
    assert str(refused.value) == (
        f"{path}: holds 3 models (base, step 1, step 2); NAME= takes one; give a file of one model, or this one "
        "without NAME="
    )


def test_a_folder_of_steps_takes_no_name() -> None:
    folder = FILES / "verl_dapo"
    assert list(read_arms([str(folder)]).models) == ["step 0", "step 20"]
    with pytest.raises(InputError) as refused:
        read_arms([f"base={folder}"])
    assert str(refused.value) == (
        f"{folder}: holds 2 models (step 0, step 20); NAME= takes one; give one file, or the folder without NAME="
    )


def test_same_files_raise_no_concern(tmp_path: Path) -> None:
    arms = read_arms([f"{name}={write(tmp_path / 'a.jsonl', temperature=1.0, verifier='math')}" for name in "xy"])
    assert messages(arms, forbidding=True) == []
    assert not any("than the base" in message for message in messages(arms, forbidding=False))


@pytest.mark.parametrize(
    ("base", "tuned", "said", "forbids"),
    [
        ({"verifier": "math"}, {"verifier": "sympy"}, "another verifier than the base: sympy against math", True),
        ({"gold": "1"}, {"gold": "2"}, "other right answers than the base for 2 problems", True),
        ({"temperature": 0}, {}, "Sampled at temperature 0", True),
        ({}, {"completion": "same"}, "In 100% of problems all completions are one text", True),
        ({"temperature": 0.6}, {"temperature": 1.0}, "another temperature than the base (1 against 0.6)", True),
        ({"top_p": 1}, {"top_p": 0.9}, "another top_p than the base (0.9 against 1)", True),
        ({"max_tokens": 16}, {"max_tokens": 32}, "another max_tokens than the base (32 against 16), which can", True),
        (
            {"max_tokens": 16, "finish_reason": "stop"},
            {"max_tokens": 32, "finish_reason": "stop"},
            "another max_tokens than the base (32 against 16), a limit that no completion met",
            False,
        ),
        ({"repetition_penalty": 1}, {"repetition_penalty": 1.2}, "another repetition_penalty than", True),
        ({"top_k": -1}, {"top_k": 50}, "another top_k than", True),
        ({"prompt": "p"}, {"prompt": "q"}, "other prompts than the base for 2 of 2 problems", False),
        ({"top_p": 0.95}, {"top_p": 0.95}, "top_p 0.95: what lies outside", False),
    ],
)
def test_what_a_reader_must_know(
    tmp_path: Path, base: dict[str, Any], tuned: dict[str, Any], said: str, forbids: bool
) -> None:
    arms = read_arms([f"x={write(tmp_path / 'x.jsonl', **base)}", f"y={write(tmp_path / 'y.jsonl', **tuned)}"])
    assert any(said in message for message in messages(arms, forbidding=forbids))
    assert not any(said in message for message in messages(arms, forbidding=not forbids))


def test_a_note_that_several_models_have_is_given_once(tmp_path: Path) -> None:
    paths = [f"{name}={write(tmp_path / f'{name}.jsonl')}" for name in "xyz"]
    notes = [concern for concern in read_arms(paths).concerns if concern.harmless]
    assert [(note.message, note.models) for note in notes] == [
        ("Samples are numbered in the order of the rows.", ("x", "y", "z"))
    ]


def test_few_samples_of_a_problem_are_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "uneven.jsonl"
    rows = [{"problem_id": p, "correct": False} for p, n in (("a", 8), ("b", 8), ("c", 3)) for _ in range(n)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert any("1 problems have fewer than half" in m for m in messages(read_arms([str(path)]), forbidding=False))


def test_shared_problems_are_asked_for_and_said(tmp_path: Path) -> None:
    paths = [f"x={write(tmp_path / 'x.jsonl', 'abc')}", f"y={write(tmp_path / 'y.jsonl', 'bcde')}"]
    with pytest.raises(InputError, match=r"y: lacks 1 of the 3 problems of x \(a, ...\); .* --shared-problems"):
        read_arms(paths)
    arms = read_arms(paths, shared_problems=True)
    assert [arm.problem.tolist() for arm in arms.samples.values()] == [["b", "c"], ["b", "c"]]
    assert any("2 problems all models have; left out are 1 of x, 2 of y" in m for m in messages(arms, forbidding=False))
    apart = [paths[0], f"y={write(tmp_path / 'z.jsonl', 'de')}"]
    with pytest.raises(InputError, match="the models share none"):
        read_arms(apart, shared_problems=True)


def test_two_tasks_whose_problems_have_the_same_numbers_share_none() -> None:
    four, once = sorted((FILES / "lm_eval").glob("samples_*.jsonl"))
    with pytest.raises(InputError, match=r"^y: lacks 3 of the 3 problems of x \(sums_four/0, ...\); give rollouts of"):
        read_arms([f"x={four}", f"y={once}"])
    with pytest.raises(InputError, match="the models share none"):
        read_arms([f"x={four}", f"y={once}"], shared_problems=True)


def test_counts_go_by_the_process_where_it_was_verified(tmp_path: Path) -> None:
    arms = read_arms([f"x={write(tmp_path / 'x.jsonl', process_correct=False)}", f"y={write(tmp_path / 'y.jsonl')}"])
    assert arms.counts("x").c_P.tolist() == [0, 0]
    assert arms.counts("x", "answer").c_P.tolist() == arms.counts("y").c_P.tolist() == [2, 2]
    totals = tmp_path / "totals.csv"
    totals.write_text("problem_id,n,c\na,4,1\n")
    assert read_arms([str(totals)]).counts("totals").c_P.tolist() == [1]
    with pytest.raises(InputError, match="those of the answer; use 'answer'"):
        read_arms([str(totals)]).counts("totals", "process")


def totals(path: Path, c: list[int], n: int = 8) -> str:
    path.write_text("problem_id,n,c\n" + "".join(f"p{i:02d},{n},{correct}\n" for i, correct in enumerate(c)))
    return str(path)


def test_repeats_and_copies_are_recognised_by_their_counts(tmp_path: Path) -> None:
    greedy = read_arms([totals(tmp_path / "greedy.csv", [0, 8] * 5)])
    assert any("such samples are no draws" in message for message in messages(greedy, forbidding=True))
    solved = read_arms([totals(tmp_path / "solved.csv", [8] * 10)])
    assert messages(solved, forbidding=True) == []
    some = totals(tmp_path / "some.csv", [1, 2, 3, 4, 5] * 2)
    copied = read_arms([f"x={some}", f"y={some}"])
    assert any("seem to be the same rollouts" in message for message in messages(copied, forbidding=True))
    other = totals(tmp_path / "other.csv", [2, 1, 3, 4, 5] * 2)
    assert messages(read_arms([some, other]), forbidding=True) == []


def test_what_a_reader_assumed_is_harmless_and_what_it_warns_of_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"id": 1, "correct": 1, "prompt": text}) + "\n" for text in "ab"))
    harmless = {concern.message: concern.harmless for concern in read_arms([str(path)]).concerns}
    assert harmless["Samples are numbered in the order of the rows."]
    assert not harmless["1 problems have samples with different prompts."]


def verl(path: Path, step: int, correct: int, **more: Any) -> str:
    rows = [{"input": "q", "output": f"{i}", "score": float(i < correct), "step": step, **more} for i in range(20)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_steps_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for step in (5, 10, 20, 100):
        verl(tmp_path / f"{step}.jsonl", step, correct=step // 5)
    arms = read_arms([str(tmp_path)])
    assert arms.base == "step 5"
    assert {name: arms.counts(name).c_P.tolist() for name in arms.models} == {
        "step 5": [1],
        "step 10": [2],
        "step 20": [4],
        "step 100": [20],
    }


def test_arms_graded_by_different_fields_cannot_be_compared(tmp_path: Path) -> None:
    """verl writes `acc` in some runs only; `score` may pay for format beside it."""
    base, tuned = verl(tmp_path / "a.jsonl", 0, 4, acc=True), verl(tmp_path / "b.jsonl", 40, 8)
    said = "Graded by another field than the base (score against acc): --score names one that both have."
    assert said in messages(read_arms([base, tuned]), forbidding=True)
    arms = read_arms([base, tuned], score="score")
    assert not any("another field" in message for message in messages(arms, forbidding=True))
    assert {model.graded_by for model in arms.models.values()} == {("score",)}


def test_names_are_the_shortest_that_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write(tmp_path / f"Qwen2.5-7B-{arm}.jsonl") for arm in ("base", "rl")]
    assert list(read_arms(paths).models) == ["Qwen2.5-7B-base", "Qwen2.5-7B-rl"]
    for arm in ("base", "rl"):
        (tmp_path / arm).mkdir()
    paths = [write(tmp_path / arm / "rollouts.jsonl") for arm in ("base", "rl")]
    assert list(read_arms(paths).models) == ["base", "rl"]
    monkeypatch.chdir(tmp_path / "rl")
    assert list(read_arms(["."]).models) == ["rl"]


@pytest.mark.parametrize("argument", ["x" * 300, "name=" + "x" * 300, "a/" * 3000, "nul\0"])
def test_a_path_that_cannot_be_is_refused_in_one_line(argument: str) -> None:
    with pytest.raises(InputError, match=r"no such file or folder; give rollouts$"):
        read_arms([argument])


def test_an_option_that_one_argument_has_no_use_for_is_said(tmp_path: Path) -> None:
    (tmp_path / "tuned").mkdir()
    for name in "xy":
        write(tmp_path / "tuned" / f"{name}.jsonl", "a", prompt=name)
    base, tuned = write(tmp_path / "base.jsonl", "a"), str(tmp_path / "tuned")
    arms = read_arms([base, tuned], files_are="samples")
    assert f"{base} has no use for --files." in messages(arms, forbidding=False)
    with pytest.raises(InputError, match=r"base\.jsonl, .*base\.jsonl: --files: these files have no use for it"):
        read_arms([f"x={base}", f"y={base}"], files_are="samples")


def test_a_score_that_one_argument_alone_follows_is_refused(tmp_path: Path) -> None:
    (model,) = read_rollouts(write(tmp_path / "a.jsonl"))
    read = {
        name: Argument(None, tmp_path / name, ReadSource((replace(model, graded_by=(field,)),), unused, 1.0))
        for name, field, unused in (("a", "acc", ()), ("b", "score", ("score",)), ("c", "acc", ("score",)))
    }
    with pytest.raises(InputError) as refused:
        unused_options([read["a"], read["b"]])
    assert str(refused.value) == (
        f"{tmp_path / 'b'}: --score: not followed here, where verdicts are of score, and of acc elsewhere; give files "
        "that have one score"
    )
    (concern,) = unused_options([read["a"], read["c"]])
    assert concern.message == f"{tmp_path / 'c'} has no use for --score."


def test_a_threshold_that_no_score_reaches_is_refused(tmp_path: Path) -> None:
    low = verl(tmp_path / "a.jsonl", 0, 0)
    high = verl(tmp_path / "b.jsonl", 40, 8)
    with pytest.raises(InputError) as refused:
        read_arms([low, high], threshold=1.5)
    assert str(refused.value) == f"{low}, {high}: --threshold: 1.5 is above every score; the largest is 1"
    with pytest.raises(InputError, match=r"a\.jsonl: --threshold: 0\.5 is above every score; the largest is 0"):
        read_rollouts(low, threshold=0.5)
    assert read_arms([low, high], threshold=0.5).counts("step 40").c_P.tolist() == [8]
