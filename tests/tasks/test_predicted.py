"""The predicted answer of a verdict: one spelling for all ways to write an answer, right or wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgewise.tasks import Questions, Verdict, World
from edgewise.tasks.colouring import Colouring
from edgewise.tasks.countdown import Countdown
from edgewise.tasks.graph.paper_compat import verify_paper_compat
from edgewise.tasks.graph.world import GraphArithmetic
from edgewise.tasks.modular import ModularArithmetic
from edgewise.tasks.paths import Paths
from edgewise.tasks.strings import StringFunctions


def said(world: World, text: str) -> str | None:
    return world.verify(world.problem("train", 0, 0), text).predicted


@pytest.mark.parametrize(
    ("world", "text", "given"),
    [
        (GraphArithmetic(), "Answer : 0 0 7 .", "7"),
        (GraphArithmetic(), "Define nothing. <answer> 12 </answer>", "12"),
        (GraphArithmetic(), "Answer : - 0 7 .", "-7"),
        (GraphArithmetic(), "Answer: 07.50.", "7.50"),
        (GraphArithmetic(), "Answer : 0 0 .", "0"),
        (GraphArithmetic(), "Answer : seven .", None),
        (GraphArithmetic(wording="compact"), "a = ; answer 0 1 2", "12"),
        (ModularArithmetic(), "answer - 0 5", "-5"),
        (ModularArithmetic(), "a ; answer 0 0", "0"),
        (StringFunctions(), "answer g f e", "gfe"),
        (StringFunctions(format="direct"), "f a = b ; answer gfe", "gfe"),
        (Countdown(), "answer ( 0 1 2 - 3 ) * 0 0", "(12-3)*0"),
        (Countdown(), "answer 1 0 0 + 2 0", "100+20"),
        (Countdown(), "1 + 1 = 3 ; answer 1 +", None),
        (Colouring(), "answer red  blue", "redblue"),
        (Colouring(), "answer", ""),
        (Colouring(), "answer pink", None),
        (Paths(), "answer a  b", "ab"),
        (Paths(), "answer", ""),
        (Paths(), "answer ab", None),
    ],
)
def test_the_answer_is_given_in_one_spelling(world: World, text: str, given: str | None) -> None:
    assert said(world, text) == given


def test_a_truncated_completion_gives_nothing() -> None:
    world = GraphArithmetic()
    assert world.verify(world.problem("train", 0, 0), "Answer : 7 .", truncated=True).predicted is None


@pytest.mark.parametrize(
    ("text", "given"),
    [("Answer: +9.", "9"), ("<answer> 09.0 </answer>", "9"), ("Answer: -2.50", "-2.5"), ("Answer: x", None)],
)
def test_the_released_scorer_gives_what_it_reads(text: str, given: str | None) -> None:
    assert verify_paper_compat("Define owl as k; so k = 3. Answer: 3.", text).predicted == given
    huge = verify_paper_compat("Define owl as k; so k = 3. Answer: 3.", f"Answer: {'9' * 400}")
    assert huge.predicted == "inf"


@pytest.mark.parametrize(
    ("match", "text", "given"),
    [
        ("numeric", "Answer: 1.50", "3/2"),
        ("numeric", "+3/2", "3/2"),
        ("numeric", "007", "7"),
        ("numeric", "seven", None),
        ("exact", "<answer> New  York </answer>", "New  York"),
        ("regex", "Answer: 42", "42"),
        ("regex", "Answer: 4 2", "4 2"),
    ],
)
def test_questions_give_numbers_or_the_text_as_it_is(match: str, text: str, given: str | None, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"prompt": "What?", "answer": "42"}))
    world = Questions.parse({"path": str(file), "match": match, "split": "train"})
    verdict: Verdict = world.verify(world.problem("train", 0, 0), text)
    assert verdict.predicted == given
    assert world.steps(world.problem("train", 0, 0)) == 1


def test_a_reverse_problem_takes_steps_to_solve_its_equation() -> None:
    for wording, extra in (("english", {1}), ("compact", {1, 2})):
        world = GraphArithmetic.parse({"wording": wording, "modes": ["reverse"], "max_op": 4})
        problems = [world.problem("train", 0, index) for index in range(200)]
        assert {world.steps(problem) - len(problem.gold.steps) for problem in problems} == extra
        forward = GraphArithmetic.parse({"wording": wording, "modes": ["forward"]})
        problem = forward.problem("train", 0, 0)
        assert forward.steps(problem) == len(problem.gold.steps)


def test_steps_are_what_a_solution_writes() -> None:
    for world in (StringFunctions(max_calls=4), Countdown(), ModularArithmetic(max_op=4, leaves=3)):
        for index in range(30):
            problem = world.problem("train", 0, index)
            assert world.steps(problem) == world.solution(problem).count(";")
    direct = StringFunctions(format="direct")
    assert direct.steps(direct.problem("train", 0, 0)) == 1
    colouring = Colouring()
    problem = colouring.problem("train", 0, 0)
    assert colouring.steps(problem) == len(problem.answer.split())
    paths = Paths()
    problem = paths.problem("train", 0, 0)
    assert paths.steps(problem) == len(problem.answer.split()) - 1
