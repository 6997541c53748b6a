"""What every world must do. A new world is added to `test_conformance.WORLDS` and to nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from itertools import combinations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgewise.spec import Spec, canonical_json
from edgewise.tasks import SPLITS, Mark, Problem, World

ADDRESSES = [(split, seed, index) for split in SPLITS for seed in (0, 7) for index in (0, 1, 5, 999)]
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
    check_addresses(world)
    check_gold(world)
    check_levels(world)
    check_splits(world)
    check_words(world)
    check_other_text(world)


def check_addresses(world: World) -> None:
    """A problem is a function of its address: in any order, twice, and in a fresh process."""
    forward = [world.problem(*address) for address in ADDRESSES]
    backward = [world.problem(*address) for address in reversed(ADDRESSES)][::-1]
    assert forward == backward
    assert [(p.split, p.seed, p.index) for p in forward] == ADDRESSES
    assert len({p.prompt for p in forward}) > len(forward) // 2
    assert isinstance(world, Spec)
    order = {
        "module": type(world).__module__,
        "name": type(world).__qualname__,
        "world": json.loads(canonical_json(world)),
        "addresses": ADDRESSES,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(order), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[p.id, p.level, p.prompt, p.answer, world.solution(p)] for p in forward]


def check_gold(world: World) -> None:
    """The gold solution is right in full, wrong for other problems and incomplete when cut."""
    problems = [world.problem("train", 1, index) for index in range(40)]
    for problem in problems:
        verdict = world.judge(problem, world.solution(problem))
        assert (verdict.answer, verdict.process) == (Mark.CORRECT, Mark.CORRECT), problem.prompt
        assert (verdict.first_wrong_step, verdict.reason) == (None, "")
    for one, other in combinations(problems[:20], 2):
        if one.id != other.id:
            assert world.judge(one, world.solution(other)).process is not Mark.CORRECT
    for problem in problems[:10]:
        written = world.solution(problem).split()
        for length in range(len(written) - len(problem.answer.replace("-", "- ").split())):
            verdict = world.judge(problem, " ".join(written[:length]), truncated=True)
            assert verdict.process is not Mark.CORRECT
            assert verdict.answer is not Mark.CORRECT


def check_levels(world: World) -> None:
    """Levels are drawn equally often and `at_level` draws the one it was asked for."""
    counts = Counter(world.problem("train", 2, index).level for index in range(DRAWS))
    assert set(counts) == set(world.levels)
    share = 1 / len(world.levels)
    # Five standard errors of a binomial share.
    allowed = 5 * (share * (1 - share) / DRAWS) ** 0.5
    for level, count in counts.items():
        assert abs(count / DRAWS - share) <= allowed, f"level {level}: {count} of {DRAWS}"
    for level in world.levels:
        narrow = world.at_level(level)
        assert narrow.levels == range(level, level + 1)
        assert {narrow.problem("test", 0, index).level for index in range(20)} == {level}


def check_splits(world: World) -> None:
    """No problem is in two splits, also across seeds and across worlds of one level."""
    ids: dict[str, set[str]] = {}
    for split in SPLITS:
        drawn = [world.problem(split, seed, index) for seed in (0, 1) for index in range(DRAWS // 2)]
        narrow = world.at_level(world.levels[-1])
        drawn += [narrow.problem(split, 0, index) for index in range(DRAWS // 8)]
        ids[split] = {p.id for p in drawn}
        assert len(ids[split]) > 1
    for one, other in combinations(SPLITS, 2):
        assert not ids[one] & ids[other], f"{one} and {other} share problems"


def check_words(world: World) -> None:
    """The vocabulary covers prompts and solutions and holds no word twice."""
    words = world.words()
    assert len(set(words)) == len(words)
    assert all(word.split() == [word] for word in words)
    known = set(words)
    for split in SPLITS:
        for index in range(50):
            problem = world.problem(split, 3, index)
            assert set(problem.prompt.split()) <= known
            assert set(world.solution(problem).split()) <= known


def check_other_text(world: World) -> None:
    """Any text whatever gets a verdict, and none but an answer to the problem is right."""
    problems = [world.problem("validation", 4, index) for index in range(8)]
    words = st.lists(st.sampled_from(world.words()), max_size=40).map(" ".join)
    strange = st.text(st.characters(codec=None, categories=("Cs", "Cc", "Nd", "Nl", "No", "Zs", "Sm")), max_size=60)

    @given(st.sampled_from(problems), st.one_of(st.text(), words, strange), st.booleans())
    @settings(deadline=None, max_examples=60)
    def never_right(problem: Problem, text: str, truncated: bool) -> None:
        verdict = world.judge(problem, text, truncated=truncated)
        assert verdict.process is not Mark.CORRECT
        assert verdict.reason
        assert "\n" not in verdict.reason
        assert len(verdict.reason) < 200
        if verdict.answer is Mark.UNSCORABLE:
            assert verdict.process is Mark.UNSCORABLE
            assert verdict.first_wrong_step is None
        assume(problem.answer not in "".join(text.split()))
        assert verdict.answer is not Mark.CORRECT

    never_right()
    gold = world.solution(problems[0])
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
        assert world.judge(problems[0], text).process is not Mark.CORRECT
