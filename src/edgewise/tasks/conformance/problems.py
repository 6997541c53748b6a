"""Checks of a world's problems: addresses, splits, ids, levels and words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, Literal, get_args, get_origin

from edgewise.core.errors import InputError
from edgewise.core.spec import plain
from edgewise.tasks.base import Problem, Split, World
from edgewise.tasks.conformance.base import DRAWS, Fault, has_few_problems, splits_with_problems, train_problems
from edgewise.tasks.verdict import Score

# Draws the problems at stdin's addresses in a process of its own and prints all that a reader sees of them.
_PROGRAM = """
import importlib, json, sys
order = json.load(sys.stdin)
sys.path[:] = order["path"]
world = getattr(importlib.import_module(order["module"]), order["name"]).parse(order["world"])
problems = [world.problem(*address) for address in order["addresses"]]
print(json.dumps([[p.id, p.level, p.prompt, p.answer, world.solution(p)] for p in problems]))
"""


def check_addresses(world: World) -> None:
    splits = splits_with_problems(world)
    addresses: list[tuple[Split, int, int]] = [(s, seed, i) for s in splits for seed in (0, 7) for i in (0, 1, 5, 999)]
    forward = [world.problem(*address) for address in addresses]
    backward = [world.problem(*address) for address in reversed(addresses)][::-1]
    for address, one, other in zip(addresses, forward, backward, strict=True):
        if one != other:
            raise Fault(f"problem {address} is another one when problems are drawn in another order")
        if (one.split, one.seed, one.index) != address:
            raise Fault(f"problem {address} calls itself {(one.split, one.seed, one.index)}")
    different = len({problem.prompt for problem in forward})
    if different <= (1 if has_few_problems(world) else len(forward) // 2):
        raise Fault(f"{len(forward)} addresses hold only {different} different prompts")
    order = {
        "path": sys.path,
        "module": type(world).__module__,
        "name": type(world).__qualname__,
        "world": plain(world),
        "addresses": addresses,
    }
    # The order of sets and dictionaries of text differs between processes unless this is set.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(
        command, input=json.dumps(order), env=environment, capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Fault(f"a fresh process cannot draw problems: {last:.160}")
    again = json.loads(done.stdout)
    for address, problem, seen in zip(addresses, forward, again, strict=True):
        if seen != [problem.id, problem.level, problem.prompt, problem.answer, world.solution(problem)]:
            raise Fault(f"problem {address} is another one in a fresh process: {seen[2]!r:.60}")


def check_levels(world: World) -> None:
    counts = Counter(problem.level for problem in train_problems(world, 2, DRAWS))
    if set(counts) != set(world.levels):
        raise Fault(f"{DRAWS} problems have the levels {sorted(counts)}; `levels` are {list(world.levels)}")
    if isinstance(world.levels, range):
        share = 1 / len(world.levels)
        # Five standard errors of a binomial share.
        allowed = 5 * (share * (1 - share) / DRAWS) ** 0.5
        for level, count in counts.items():
            if abs(count / DRAWS - share) > allowed:
                raise Fault(f"level {level} is that of {count} of {DRAWS} problems; each must be as frequent")
    split = splits_with_problems(world)[-1]
    for level in world.levels:
        narrow = world.at_level(level)
        if tuple(narrow.levels) != (level,):
            raise Fault(f"at_level({level}) has the levels {list(narrow.levels)}")
        drawn = {narrow.problem(split, 0, index).level for index in range(20)}
        if drawn != {level}:
            raise Fault(f"at_level({level}) draws problems of the levels {sorted(drawn)}")


def check_splits(world: World) -> None:
    """Also across seeds and worlds of one level. By id, and by prompt with answer, which an id may not tell."""
    few, by_prompt = has_few_problems(world), len(world.sources()) == 1
    contents: dict[Split, dict[Any, Problem]] = {}
    for split in splits_with_problems(world):
        drawn = [world.problem(split, seed, index) for seed in (0, 1) for index in range(DRAWS // 2)]
        narrow = world.at_level(world.levels[-1])
        drawn += [narrow.problem(split, 0, index) for index in range(DRAWS // 8)]
        contents[split] = {problem.id: problem for problem in drawn}
        if not few and len(contents[split]) < 2:
            raise Fault(f"split {split!r} holds one problem only")
        if by_prompt:
            contents[split] |= {(problem.prompt, problem.answer): problem for problem in drawn}
    for one, other in combinations(contents, 2):
        both = [content for content in contents[one] if content in contents[other]]
        if both:
            problem = contents[one][both[0]]
            raise Fault(f"splits {one!r} and {other!r} share problems, e.g. {problem.prompt!r:.60} ({problem.id})")


def check_ids(world: World) -> None:
    """Also where a knob differs. A world that lists all right answers is exempt: its names may be in the answers."""
    if hasattr(world, "answers"):
        return
    narrow = world.at_level(world.levels[0])
    drawn = {problem.id: problem for problem in _some_problems(narrow)}
    for knob, variant in [("", narrow), *_variants(narrow)]:
        for problem in _some_problems(variant):
            same = drawn.get(problem.id)
            if same is None:
                continue
            verdict = variant.verify(problem, narrow.solution(same))
            if verdict.answer is Score.WRONG:
                where = f"with {knob}" if knob else "of one world"
                raise Fault(
                    f"problems {where} have the id {problem.id} and different answers, {same.answer!r:.30} and"
                    f" {problem.answer!r:.30}; put what tells them apart into the id"
                )


def _some_problems(world: World) -> list[Problem]:
    """The first problems of the split for training; fewer where the world holds none."""
    try:
        return train_problems(world, 9, DRAWS // 4)
    except InputError:
        return []


def _variants(world: World) -> Iterator[tuple[str, World]]:
    """The world with one knob changed: whole numbers by one, truth values and choices to each other one."""
    for knob, field in type(world).model_fields.items():
        value, choices = getattr(world, knob), get_args(field.annotation)
        others: Sequence[Any] = ()
        if knob in ("world", "version") or field.exclude:
            continue
        if isinstance(value, bool):
            others = (not value,)
        elif get_origin(field.annotation) is Literal:
            others = [choice for choice in choices if choice != value]
        elif isinstance(value, int):
            others = (value + 1, value - 1)
        for other in others:
            try:
                yield f"{knob}={other}", type(world).parse({**plain(world), knob: other})
            except InputError:
                continue  # The world refuses this value.


def check_words(world: World) -> None:
    """A closed vocabulary covers prompts and solutions and holds no word twice."""
    try:
        words = world.words()
    except InputError as error:
        if "\n" in str(error):
            raise Fault("that words are not known must be said in one line") from None
        return
    twice = [word for word, count in Counter(words).items() if count > 1]
    if twice:
        raise Fault(f"words() holds {twice[0]!r} twice")
    spaced = [word for word in words if word.split() != [word]]
    if spaced:
        raise Fault(f"words() holds {spaced[0]!r}, which is no single word")
    known = set(words)
    for split in splits_with_problems(world):
        for index in range(50):
            problem = world.problem(split, 3, index)
            for part, text in (("prompt", problem.prompt), ("solution", world.solution(problem))):
                if text != " ".join(text.split()):
                    raise Fault(f"the {part} of {problem.id} has more than single spaces between its words")
                missing = [word for word in text.split() if word not in known]
                if missing:
                    raise Fault(f"words() lacks {missing[0]!r}, a word of the {part} of {problem.id}")
