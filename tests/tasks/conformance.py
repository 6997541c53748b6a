"""What every world must do. A new world is found by its registration.

Where a check does not suit every world, what exempts a world is something it is seen to do: it has no
closed word list, it has few problems, its levels are not a range, it lists all right answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from itertools import combinations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, plain
from edgewise.tasks import SPLITS, Problem, Score, Split, Verdict, World

DRAWS = 800

# Draws the problems at stdin's addresses in a process of its own and prints all that a reader sees of them.
PROGRAM = """
import importlib, json, sys
order = json.load(sys.stdin)
world = getattr(importlib.import_module(order["module"]), order["name"]).parse(order["world"])
problems = [world.problem(*address) for address in order["addresses"]]
print(json.dumps([[p.id, p.level, p.prompt, p.answer, world.solution(p)] for p in problems]))
"""


def conformance(world: World) -> None:
    """Fails where the world breaks the protocol of `edgewise.tasks.base.World`."""
    few = has_few_problems(world)
    splits = splits_with_problems(world) if few else SPLITS
    check_addresses(world, splits, few)
    check_gold(world)
    check_steps(world)
    check_answers(world)
    check_levels(world, splits)
    check_splits(world, splits, few)
    check_words(world, splits)
    check_other_text(world, splits)


def has_few_problems(world: World) -> bool:
    """Whether problems soon come again, as from a file of questions: then a split may hold none."""
    return len({world.problem("train", 5, index).id for index in range(DRAWS // 4)}) < DRAWS // 8


def splits_with_problems(world: World) -> tuple[Split, ...]:
    """The splits that hold problems of every level; the others say so in one line."""
    found = []
    for split in SPLITS:
        try:
            for level in world.levels:
                world.at_level(level).problem(split, 0, 0)
            found.append(split)
        except InputError as error:
            assert split in str(error)
            assert "\n" not in str(error)
    assert "train" in found
    return tuple(found)


def check_addresses(world: World, splits: tuple[Split, ...], few: bool) -> None:
    """A problem is a function of its address: in any order, twice, and in a fresh process."""
    addresses = [(split, seed, index) for split in splits for seed in (0, 7) for index in (0, 1, 5, 999)]
    forward = [world.problem(*address) for address in addresses]
    backward = [world.problem(*address) for address in reversed(addresses)][::-1]
    assert forward == backward
    assert [(p.split, p.seed, p.index) for p in forward] == addresses
    assert len({p.prompt for p in forward}) > (1 if few else len(forward) // 2)
    assert isinstance(world, Spec)
    order = {
        "module": type(world).__module__,
        "name": type(world).__qualname__,
        "world": plain(world),
        "addresses": addresses,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(order), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[p.id, p.level, p.prompt, p.answer, world.solution(p)] for p in forward]


def check_gold(world: World) -> None:
    """The gold solution is right in full, wrong for other problems and not right when cut."""
    problems = [world.problem("train", 1, index) for index in range(40)]
    for problem in problems:
        verdict = world.verify(problem, world.solution(problem))
        assert (verdict.answer, verdict.process) == (Score.CORRECT, Score.CORRECT), problem.prompt
        assert (verdict.first_wrong_step, verdict.reason) == (None, "")
        assert verdict.predicted == bare(problem.answer)
    for one, other in combinations(problems[:20], 2):
        # Different questions may have one answer, and then it is right for both.
        if one.id != other.id and world.solution(other) not in right_answers(world, one):
            assert world.verify(one, world.solution(other)).process is not Score.CORRECT
    for problem in problems[:10]:
        written = world.solution(problem).split()
        for length in range(len(written) + 1):
            text = " ".join(written[:length])
            # What was cut off at a word may have been on its way to another one, even at the end.
            verdict = world.verify(problem, text, truncated=True)
            assert (verdict.answer, verdict.process) == (Score.UNSCORABLE, Score.UNSCORABLE)
            check_reason(verdict)
            if bare(problem.answer) not in bare(text):
                verdict = world.verify(problem, text)
                assert verdict.answer is not Score.CORRECT
                assert verdict.process is not Score.CORRECT


def check_steps(world: World) -> None:
    """A gold solution cut before its last step goes wrong before as many steps as it needs, and no part of it later."""
    for problem in (world.problem("train", 8, index) for index in range(12)):
        steps = world.steps(problem)
        assert steps >= 1
        words = world.solution(problem).split()
        end = next(i for i in reversed(range(len(words))) if readable(world.verify(problem, " ".join(words[i:]))))
        for at in range(len(words)):
            cut = words[:at]
            for left, most in (
                ([*cut, *words[end:]], steps - 1),
                (cut, steps),
                ([*cut, *words[at + 1 :]], steps),
            ):
                verdict = world.verify(problem, " ".join(left))
                if readable(verdict) and verdict.process is not Score.CORRECT:
                    assert verdict.first_wrong_step is not None
                    assert 0 <= verdict.first_wrong_step <= most, " ".join(left)


def readable(verdict: Verdict) -> bool:
    return verdict.answer is not Score.UNSCORABLE


def right_answers(world: World, problem: Problem) -> set[str]:
    """The completions that are known to be right: all of them, where the world lists them in `answers`."""
    answers = getattr(world, "answers", None)
    return {world.solution(problem)} if answers is None else set(answers(problem))


def check_answers(world: World) -> None:
    """Where a world lists all right answers, each is one, once, and the gold solution is among them."""
    answers = getattr(world, "answers", None)
    if answers is None:
        return
    for problem in (world.problem("train", 6, index) for index in range(20)):
        listed = answers(problem)
        assert len(set(listed)) == len(listed)
        assert world.solution(problem) in listed
        assert {world.verify(problem, text).process for text in listed} == {Score.CORRECT}


def check_levels(world: World, splits: tuple[Split, ...]) -> None:
    """Levels are drawn equally often, where they are a range, and `at_level` draws the one it was asked for."""
    counts = Counter(world.problem("train", 2, index).level for index in range(DRAWS))
    assert set(counts) == set(world.levels)
    if isinstance(world.levels, range):
        share = 1 / len(world.levels)
        # Five standard errors of a binomial share.
        allowed = 5 * (share * (1 - share) / DRAWS) ** 0.5
        for level, count in counts.items():
            assert abs(count / DRAWS - share) <= allowed, f"level {level}: {count} of {DRAWS}"
    for level in world.levels:
        narrow = world.at_level(level)
        assert tuple(narrow.levels) == (level,)
        assert {narrow.problem(splits[-1], 0, index).level for index in range(20)} == {level}


def check_splits(world: World, splits: tuple[Split, ...], few: bool) -> None:
    """No problem is in two splits, also across seeds and across worlds of one level."""
    ids: dict[str, set[str]] = {}
    for split in splits:
        drawn = [world.problem(split, seed, index) for seed in (0, 1) for index in range(DRAWS // 2)]
        narrow = world.at_level(world.levels[-1])
        drawn += [narrow.problem(split, 0, index) for index in range(DRAWS // 8)]
        ids[split] = {p.id for p in drawn}
        assert few or len(ids[split]) > 1
    for one, other in combinations(splits, 2):
        assert not ids[one] & ids[other], f"{one} and {other} share problems"


def known_words(world: World) -> tuple[str, ...] | None:
    """The vocabulary; None where it is open and the world says so in one line."""
    try:
        return world.words()
    except InputError as error:
        assert "\n" not in str(error)
        return None


def check_words(world: World, splits: tuple[Split, ...]) -> None:
    """A closed vocabulary covers prompts and solutions and holds no word twice."""
    words = known_words(world)
    if words is None:
        return
    assert len(set(words)) == len(words)
    assert all(word.split() == [word] for word in words)
    known = set(words)
    for split in splits:
        for index in range(50):
            problem = world.problem(split, 3, index)
            for text in (problem.prompt, world.solution(problem)):
                assert text == " ".join(text.split())
                assert set(text.split()) <= known


def check_other_text(world: World, splits: tuple[Split, ...]) -> None:
    """Any text whatever gets a verdict, and none but an answer to the problem is right."""
    problems = [world.problem(splits[-1], 4, index) for index in range(8)]
    written = [word for p in problems for word in f"{p.prompt} {world.solution(p)}".split()]
    words = st.lists(st.sampled_from(known_words(world) or written), max_size=40).map(" ".join)
    strange = st.text(st.characters(codec=None, categories=("Cs", "Cc", "Nd", "Nl", "No", "Zs", "Sm")), max_size=60)

    @given(st.sampled_from(problems), st.one_of(st.text(), words, strange), st.booleans())
    @settings(deadline=None, max_examples=60)
    def never_right(problem: Problem, text: str, truncated: bool) -> None:
        verdict = world.verify(problem, text, truncated=truncated)
        answers = bare(problem.answer) in bare(text)
        # Where the answer alone is all that is asked, a text with the answer in it may be right.
        assume(not answers or world.verify(problem, problem.answer).process is not Score.CORRECT)
        assert verdict.process is not Score.CORRECT
        check_reason(verdict)
        assume(not answers)
        assert verdict.answer is not Score.CORRECT

    never_right()
    gold = world.solution(problems[0])
    start = time.process_time()
    for text in (
        "",
        " ",
        "\x00",
        "\ud800",
        gold * 2000,
        "9" * 200_000,
        "( " * 100_000,
        "\u0661" * 50,
        gold.upper() + "!",
    ):
        verdict = world.verify(problems[0], text)
        assert verdict.process is not Score.CORRECT
        check_reason(verdict)
    assert time.process_time() - start < 2


def check_reason(verdict: Verdict) -> None:
    """What is not right has a reason of one line, and what could not be read has no mark, step or answer."""
    assert verdict.reason
    assert "\n" not in verdict.reason
    assert len(verdict.reason) < 200
    assert readable(verdict) == (verdict.predicted is not None)
    if not readable(verdict):
        assert verdict.process is Score.UNSCORABLE
        assert verdict.first_wrong_step is None


def bare(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())
