"""Reasoning Gym through our rules: with a small package in its place, and with the real one where it is installed."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, plain
from edgewise.tasks.base import Score, Verdict
from edgewise.tasks.grading import stop
from edgewise.tasks.gym import ReasoningGym
from edgewise.tasks.gym.process import _is_formula, _is_literal
from tests.tasks.conformance import conformance
from tests.tasks.fake_gym import install
from tests.tasks.verdicts import all_right

INSTALLED = find_spec("reasoning_gym") is not None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package that looks like reasoning_gym."""
    folder = tmp_path_factory.mktemp("site")
    install(folder)
    return folder


@pytest.fixture
def fake(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package that looks like reasoning_gym is the one that graders and fresh processes import."""
    with monkeypatch.context() as patch:
        stop()
        patch.syspath_prepend(site)
        patch.setenv("PYTHONPATH", f"{site}:{':'.join(path for path in sys.path if path)}")
        yield
    stop()


def verdict_of(task: str, answer: str, **knobs: float) -> Verdict:
    world = ReasoningGym(task=task, **knobs)
    return world.verify(world.problem("train", 0, 0), answer)


def test_it_does_what_every_world_does(fake: None) -> None:
    conformance(ReasoningGym())


def test_settings_reach_the_task_and_belong_to_the_world(fake: None) -> None:
    small, large = ReasoningGym(config={"largest": 40}), ReasoningGym()
    numbers = [int(n) for i in range(30) for n in small.problem("train", 0, i).prompt[:-1].split()[2::2]]
    assert max(numbers) <= 40
    assert small.problem("train", 0, 0).prompt != large.problem("train", 0, 0).prompt
    assert canonical_json(small) != canonical_json(large)
    assert canonical_json(ReasoningGym(timeout=3)) == canonical_json(large)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"largest": 0}, "largest must be positive"),
        ({"most": 1}, "unexpected keyword argument"),
    ],
)
def test_settings_that_the_task_refuses_are_bad_input(fake: None, config: dict[str, int], why: str) -> None:
    with pytest.raises(InputError, match=f"^config: chain_sum refuses it: .*{why}"):
        ReasoningGym(config=config).problem("train", 0, 0)


@pytest.mark.parametrize("config", [{"seed": 1}, {"size": 5}, {"largest": float("nan")}])
def test_settings_that_are_the_world_s_or_no_json_are_refused(config: dict[str, float]) -> None:
    with pytest.raises(InputError):
        ReasoningGym.parse({"config": config})


def test_an_unknown_task_names_those_like_it(fake: None) -> None:
    with pytest.raises(InputError, match=r"^task: must be a task of reasoning_gym, is 'chainsum'; .*: chain_sum"):
        ReasoningGym(task="chainsum").problem("train", 0, 0)


def test_another_release_is_refused(fake: None) -> None:
    with pytest.raises(InputError, match=r"^release: must be 0\.1\.25, .* is 0\.1\.24"):
        ReasoningGym(release="0.1.24").problem("train", 0, 0)


@pytest.mark.skipif(INSTALLED, reason="reasoning_gym is installed")
def test_without_the_package_one_line_says_how_to_get_it() -> None:
    with pytest.raises(InputError, match=r"^reasoning_gym is not installed; pip install 'edgewise\[gym\]'$"):
        ReasoningGym().problem("train", 0, 0)


def test_partial_marks_are_wrong_and_say_what_they_are(fake: None) -> None:
    world = ReasoningGym()
    problem = world.problem("train", 0, 0)
    assert world.verify(problem, problem.answer) == all_right(problem.answer)
    longer = world.verify(problem, f"9{problem.answer}9")
    assert longer.answer is Score.WRONG
    assert longer.reason.startswith("score_answer gives 0.")
    assert world.verify(problem, "no idea").reason == "score_answer gives 0, full marks are 1"


@pytest.mark.parametrize("text", ["-{}", "{}9", "It is {}.", "{} or 7", "{} {}", "{}\n8"])
def test_full_marks_for_another_text_than_the_one_answer_are_unscorable(fake: None, text: str) -> None:
    world = ReasoningGym(task="generous")
    problem = world.problem("train", 0, 0)
    verdict = world.verify(problem, f"<answer>{text.format(problem.answer, problem.answer)}</answer>")
    assert verdict.answer is Score.UNSCORABLE
    assert "not the one answer" in verdict.reason


def test_the_one_answer_may_be_spaced_otherwise_or_be_the_same_number(fake: None) -> None:
    world = ReasoningGym(task="generous")
    problem = world.problem("train", 0, 0)
    for text in (f" {problem.answer} ", f"{problem.answer}.0", f"0{problem.answer}", f"<answer>\n{problem.answer}\n"):
        text = text + "</answer>" if "<" in text else text
        assert world.verify(problem, text).answer_correct, text


def test_any_valid_answer_is_right_where_there_are_many_and_none_with_text_around_it(fake: None) -> None:
    for text in ("UUD", "U UD", "<answer>U U D</answer>", "Going up.\nAnswer: UUD"):
        assert verdict_of("rush_hour", text).answer_correct, text
    for text in ("go UUD", "UUD yes", "Answer: I go UUD", "UUD or so"):
        assert verdict_of("rush_hour", text).reason == "text around the answer", text
    assert verdict_of("rush_hour", "UUUD").answer is Score.WRONG


def test_a_task_without_an_answer_has_no_solution_and_one_with_an_example_has(fake: None) -> None:
    world = ReasoningGym(task="rush_hour")
    with pytest.raises(InputError, match="rush_hour keeps no answer"):
        world.solution(world.problem("train", 0, 0))
    world = ReasoningGym(task="graph_color")
    problem = world.problem("train", 0, 0)
    assert json.loads(problem.answer) == {"0": "U", "1": "UD"}
    assert world.verify(problem, world.solution(problem)).answer_correct


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("hang", "no verdict in 0.5 s"),
        ("die", "the grader ended with exit status 7"),
        ("raise", "the grader raised RuntimeError: 'no idea"),
    ],
)
def test_a_scorer_that_breaks_makes_the_completion_unscorable(fake: None, answer: str, why: str) -> None:
    verdict = verdict_of("strange", answer, timeout=0.5)
    assert verdict.answer is verdict.process is Score.UNSCORABLE
    assert verdict.reason.startswith(why)
    assert len(verdict.reason) < 200


def test_no_completion_spoils_the_item_for_the_next(fake: None) -> None:
    world = ReasoningGym(task="strange")
    problem = world.problem("train", 0, 0)
    for _ in range(2):
        assert world.verify(problem, "spoil").answer is not Score.CORRECT
    assert world.verify(problem, problem.answer).answer_correct
    assert world.verify(problem, "nan").answer is Score.WRONG


def test_a_scorer_runs_no_text_but_formulas(fake: None, tmp_path: Path) -> None:
    world = ReasoningGym(task="countdown")
    problem = world.problem("train", 0, 0)
    a, b = problem.prompt.removeprefix("What is ").removesuffix("?").split(" + ")
    for text in (f"{a}+{b}", f"{b} + {a}", f"({a})*1 + {b}", f"abs(-{a})+{b}", f"{a}+{b}+0x0+0e0"):
        assert world.verify(problem, text).answer_correct, text
    spy = tmp_path / "spy"
    for text in (
        f"{problem.answer} if open({str(spy)!r}, 'w') else 0",
        f"[{problem.answer}, open({str(spy)!r}, 'w')][0]",
        "int(entry['answer'])",
        'int(entry["answer"])',
        f"__import__('os').system('touch {spy}') or {problem.answer}",
        f"exec(\"open('{spy}', 'w')\") or {problem.answer}",
        "().__class__.__base__.__subclasses__() and " + problem.answer,
        f"(1).real*0 + {problem.answer}",
        f"\uff4fpen({str(spy)!r}, 'w') and {problem.answer}",
        f"{problem.answer} or 7",
        f"{problem.answer} # it is",
    ):
        assert world.verify(problem, f"<answer>{text}</answer>").answer is not Score.CORRECT, text
    assert not spy.exists()


def test_a_scorer_may_run_literals_of_its_own(fake: None) -> None:
    assert verdict_of("literals", "first\nAnswer: b a").answer_correct
    assert verdict_of("literals", "open('x')").answer is Score.WRONG


def test_what_comes_out_of_a_literal_is_not_run_either(fake: None, tmp_path: Path) -> None:
    world = ReasoningGym(task="jugs")
    problem = world.problem("train", 0, 0)
    assert world.verify(problem, f"{problem.answer} + 0").answer_correct
    spy = tmp_path / "spy"
    program = f"open({str(spy)!r}, 'w') and {problem.answer}"
    assert world.verify(problem, f"<answer>{program!r}</answer>").answer is Score.WRONG
    assert not spy.exists()


def test_what_may_run_is_arithmetic_and_literals() -> None:
    for text in ("x**2/2 + C", "-2*x**3*cos(x) + 6*exp(2*x)", "[[1, 2], [3, 4]]", "1.5e3*x", "0xff + 1"):
        assert _is_formula(text), text
    for text in ("[['Q', '_']]", "'a' 'b'", "{1: 2}"):
        assert _is_literal(text), text
        assert not _is_formula(text), text
    for text in (
        "open('x')",
        "x.func",
        "x . y",
        "(1).real",
        "f'{x}'",
        "lambda: 0",
        "a_b",
        "\\x",
        "exec",
        "é",
        "7 or x",
    ):
        assert not _is_formula(text), text
        assert not _is_literal(text), text
    assert not _is_literal("(" * 100_000)


def test_hashes_of_strings_and_the_shared_generator_decide_nothing(fake: None) -> None:
    world = ReasoningGym(task="unsteady")
    here = world.problem("train", 0, 0)
    stop()
    world.problem("test", 3, 3)
    assert world.problem("train", 0, 0) == here
    program = (
        "import sys\nfrom edgewise.tasks.gym import ReasoningGym\n"
        "print(ReasoningGym(task='unsteady').problem('train', 0, 0).prompt)\n"
        "assert 'reasoning_gym' not in sys.modules, 'foreign code runs in the child only'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here.prompt


def test_a_task_that_never_repeats_itself_cannot_be_verified(fake: None) -> None:
    world = ReasoningGym(task="drifting")
    problem = world.problem("train", 0, 0)
    assert world.verify(problem, "1").answer_correct
    stop()
    verdict = world.verify(problem, "1")
    assert verdict.answer is Score.UNSCORABLE
    assert "another question" in verdict.reason


def test_a_split_without_questions_and_a_task_without_end_are_bad_input(fake: None) -> None:
    world = ReasoningGym(task="lonely")
    found = []
    for split in ("train", "validation", "test", "held_out"):
        try:
            found.append(world.problem(split, 0, 0).prompt)
        except InputError as error:
            assert str(error).startswith(f"split '{split}' is empty: lonely has too few different questions")
    assert found == ["What is 1 + 1?"]
    with pytest.raises(InputError, match=r"^task: slow made no question: no verdict in 0\.2 s; .* raise timeout"):
        ReasoningGym(task="slow", timeout=0.2).problem("train", 0, 0)


def test_it_has_one_level_and_no_list_of_words(fake: None) -> None:
    world = ReasoningGym()
    assert world.at_level(1) == world
    with pytest.raises(InputError, match="level: must be 1"):
        world.at_level(2)
    with pytest.raises(InputError, match="no list of words"):
        world.words()


def test_worlds_travel(fake: None) -> None:
    world = ReasoningGym(config={"largest": 50}, timeout=3)
    world.problem("train", 0, 0)
    for copy in (pickle.loads(pickle.dumps(world)), ReasoningGym.parse(plain(world))):
        assert copy == world
        assert copy.problem("train", 0, 1) == world.problem("train", 0, 1)


# What one problem of each of these looks like in release 0.1.25, and what its own scorer pays for.
GIFTS = {
    "chain_sum": "9{}9",
    "game_of_life_halting": "no matter what",
    "gsm_symbolic": "-{}",
    "time_intervals": "-{}",
    "knights_knaves": "It is said that {}",
    "sokoban": "Perhaps {} or so",
    "simple_integration": "{} or 7",
    "number_sorting": "{} or 7",
    "string_insertion": "list(entry['answer'])",
    "spiral_matrix": "entry['answer'].split()",
    "n_queens": "{} {}",
    "countdown": "{} or 7",
}


@pytest.fixture
def real() -> Iterator[None]:
    pytest.importorskip("reasoning_gym", reason="reasoning_gym is not installed: pip install 'edgewise[gym]'")
    stop()
    yield
    stop()


def test_the_real_package_does_what_every_world_does(real: None) -> None:
    conformance(ReasoningGym(config={"max_terms": 8}))


@pytest.mark.parametrize("task", GIFTS)
def test_the_real_tasks_pay_for_their_answers_and_for_no_gifts(real: None, task: str) -> None:
    world = ReasoningGym(task=task, timeout=60)
    problem = world.problem("train", 0, 0)
    assert world.verify(problem, world.solution(problem)).answer_correct
    gift = GIFTS[task].format(problem.answer, problem.answer)
    assert world.verify(problem, f"<answer>{gift}</answer>").answer is not Score.CORRECT


@pytest.mark.parametrize("task", ["boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour"])
def test_the_real_tasks_with_many_answers_are_verified(real: None, task: str) -> None:
    world = ReasoningGym(task=task, timeout=60)
    problem = world.problem("train", 0, 0)
    assert world.verify(problem, "no idea").answer is not Score.CORRECT
    if task in ("boxnet", "rush_hour"):
        with pytest.raises(InputError, match="keeps no answer"):
            world.solution(problem)
    else:
        assert world.verify(problem, world.solution(problem)).answer_correct
