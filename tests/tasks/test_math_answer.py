"""Answers by math-verify: equal in any spelling, and no verdict where it reads nothing."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.tasks.math_answer.grader import math_verdict
from edgewise.tasks.questions import Questions
from edgewise.tasks.verdict import Score

INSTALLED = find_spec("math_verify") is not None
needs_it = pytest.mark.skipif(not INSTALLED, reason="needs `pip install edgewise[math]`")


@needs_it
@pytest.mark.parametrize(
    ("gold", "text", "score"),
    [
        ("72", "27 + 45 = 72", Score.CORRECT),
        ("72", "It is \\boxed{72}.", Score.CORRECT),
        ("1/2", "so we get $\\frac{1}{2}$", Score.CORRECT),
        ("0.5", "\\boxed{\\frac{1}{2}}", Score.CORRECT),
        ("72", "The answer is 73", Score.WRONG),
        ("7", "979", Score.WRONG),
        ("72", "I do not know.", Score.UNSCORABLE),
        ("72", "", Score.UNSCORABLE),
    ],
)
def test_an_answer_is_right_in_any_spelling(gold: str, text: str, score: Score) -> None:
    verdict = math_verdict(gold, text)
    assert verdict.answer is score and (verdict.predicted is None) == (score is Score.UNSCORABLE)


@needs_it
def test_a_file_of_questions_is_graded_by_it(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"prompt": "A half?", "answer": "\\frac{1}{2}"}))
    world = Questions(path=str(path), match="math", split="test")
    problem = world.problem("test", 0, 0)
    assert world.verify(problem, "it is 0.5").answer_correct and problem.id.endswith("-math")
    assert world.verify(problem, "it is 0.5", truncated=True).answer is Score.UNSCORABLE


@pytest.mark.skipif(INSTALLED, reason="math-verify is installed")
def test_without_the_package_the_error_names_the_extra() -> None:
    with pytest.raises(InputError, match=r"^math-verify is not installed; pip install 'edgewise\[math\]'$"):
        math_verdict("1", "1")
