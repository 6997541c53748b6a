"""Each conformance check fails on a world that breaks what it says, and says how."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from typer.testing import CliRunner

from edgewise import cli
from edgewise.core.keyed import key
from edgewise.tasks import DrawnWorld, Problem, Proposal, Score, Split, Statement, Verdict, right, unscorable, wrong
from edgewise.tasks.conformance import check_world
from tests.cli.running import exit_status, refusal


class Sum(DrawnWorld):
    """Add two numbers below `base` and take the last digit; the level is how many there are."""

    world: Literal["sum"] = "sum"
    version: Literal[1] = 1
    fewest: int = 3
    most: int = 4
    base: int = 10
    ranges = (("fewest", "most"),)

    def words(self) -> tuple[str, ...]:
        return ("add", ":", *map(str, range(self.base)))

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal]:
        while True:
            numbers = [source.randrange(self.base) for _ in range(level)]
            yield Proposal(key("sum", *numbers), numbers)

    def finish(self, source: random.Random, numbers: list[int]) -> Statement:
        return Statement(f"add {' '.join(map(str, numbers))} :", str(sum(numbers) % self.base))

    def solution(self, problem: Problem) -> str:
        return problem.answer

    def steps(self, problem: Problem) -> int:
        return 1

    def check(self, problem: Problem, text: str) -> Verdict:
        if not text.strip():
            return unscorable("no answer")
        written = "".join(text.split())
        return right(written) if text.split() == [problem.answer] else wrong(written, "another number")


class Contagious(Sum):
    def problem(self, split: Split, seed: int, index: int) -> Problem:
        return super().problem("train" if split == "test" else split, seed, index)


class SplitInId(Sum):
    """The same problems in every split under different ids."""

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        given = super().problem("train", seed, index)
        fields = {name: getattr(given, name) for name in Problem.__slots__}
        return Problem(**{**fields, "split": split, "id": f"{split}-{given.id}"})


class Hashed(Sum):
    """What `hash` of a text gives differs from process to process."""

    def finish(self, source: random.Random, numbers: list[int]) -> Statement:
        return super().finish(source, sorted(numbers, key=lambda number: hash(f"number {number}")))


class Counting(Sum):
    def finish(self, source: random.Random, numbers: list[int]) -> Statement:
        _COUNTED.append(1)
        return Statement(f"add {len(_COUNTED) % self.base} :", "1")


_COUNTED: list[int] = []


class SameId(Sum):
    def problem_id(self, level: int, identity: int, gold: Any) -> str:
        return f"sum-{level}-{identity % 8}"


class KnobNotInId(Sum):
    id_knobs = ()

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal]:
        while True:
            numbers = [source.randrange(4) for _ in range(level)]
            yield Proposal(key("sum", *numbers), numbers)

    def words(self) -> tuple[str, ...]:
        return ("add", ":", *map(str, range(13)))


class Uneven(Sum):
    def draw_level(self, source: random.Random) -> int:
        return self.fewest if source.random() < 0.8 else self.most


class Forgets(Sum):
    def words(self) -> tuple[str, ...]:
        return super().words()[:-1]


class Refuses(Sum):
    def check(self, problem: Problem, text: str) -> Verdict:
        return wrong("".join(text.split()), "never right") if text.strip() else unscorable("no answer")


class AcceptsAll(Sum):
    def check(self, problem: Problem, text: str) -> Verdict:
        return right("".join(text.split())) if text.strip() else unscorable("no answer")


class AcceptsNothing(Sum):
    def check(self, problem: Problem, text: str) -> Verdict:
        return super().check(problem, text) if text.strip() else right("")


class MiscountsSteps(Sum):
    def steps(self, problem: Problem) -> int:
        return 0


class ListsWrong(Sum):
    def answers(self, problem: Problem) -> tuple[str, ...]:
        return (problem.answer, "no number")


class Crashes(Sum):
    def check(self, problem: Problem, text: str) -> Verdict:
        int(text.split()[0])
        return super().check(problem, text)


class NoReason(Sum):
    def check(self, problem: Problem, text: str) -> Verdict:
        verdict = super().check(problem, text)
        return Verdict(verdict.answer, verdict.process, verdict.first_wrong_step, "", verdict.predicted)


BROKEN: Mapping[type[Sum], dict[str, str]] = {
    Contagious: {"splits": "splits 'train' and 'test' share problems, e.g. 'add "},
    SplitInId: {"splits": "splits 'train' and 'validation' share problems, e.g. 'add "},
    Hashed: {"addresses": "is another one in a fresh process: 'add "},
    Counting: {"addresses": "is another one when problems are drawn in another order"},
    SameId: {"ids": "problems of one world have the id sum-3-"},
    KnobNotInId: {"ids": "problems with base="},
    Uneven: {"levels": "of 800 problems; each must be as frequent"},
    Forgets: {"words": "words() lacks '9', a word of the "},
    Refuses: {"gold": "the verifier refuses the gold solution of sum-"},
    AcceptsAll: {"wrong answers": "the verifier accepts the solution of sum-", "other text": "the verifier accepts '"},
    AcceptsNothing: {"truncation": "the verifier accepts '' without the answer"},
    MiscountsSteps: {"steps": "is 0, must be at least 1"},
    ListsWrong: {"answers": "lists 'no number', which the verifier refuses"},
    Crashes: {"other text": "raises ValueError: invalid literal", "truncation": "raises IndexError"},
    NoReason: {"other text": "needs a reason of one line"},
}


def test_a_world_that_does_what_it_must_passes() -> None:
    assert [check for check in check_world(Sum()) if check.failure] == []


@pytest.mark.parametrize("broken", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_world_fails_the_check_of_what_it_breaks(broken: type[Sum]) -> None:
    failures = {check.name: check.failure for check in check_world(broken()) if check.failure}
    for name, part in BROKEN[broken].items():
        assert part in failures[name] and "\n" not in failures[name]


def test_what_is_cut_off_is_never_asked_of_the_world() -> None:
    problem = Sum().problem("train", 0, 0)
    assert Crashes().verify(problem, "", truncated=True).answer is Score.UNSCORABLE


def test_the_command_says_what_holds_and_what_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_sums.py").write_text(f"from {__name__} import Forgets, Sum\n")
    done = CliRunner().invoke(cli.app, ["tasks", "check", f"{tmp_path}/my_sums.py:Sum", "base=8"])
    assert done.exit_code == 0 and {line.split()[0] for line in done.stdout.splitlines()} == {"holds"}
    forgets = f"{tmp_path}/my_sums.py:Forgets"
    assert exit_status(monkeypatch, "tasks", "check", forgets) == 2
    shown = capsys.readouterr()
    assert shown.err == f"error: {forgets}: 1 of 11 checks fail: words\n"
    (failed,) = (line for line in shown.out.splitlines() if line.startswith("fails"))
    assert failed.startswith("fails  words: words() lacks '9', a word of the ")
    assert exit_status(monkeypatch, "tasks", "check", forgets, "--json") == 2
    listed = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in listed if check["failure"]] == ["words"] and len(listed) == 11


def test_a_command_that_names_no_world_or_two_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(monkeypatch, capsys, "tasks", "check")
    assert line.startswith("error: check: names a world, e.g. edgewise tasks check ")
    assert "shows one world at a time" in refusal(monkeypatch, capsys, "tasks", "graph", "strings")


@pytest.mark.parametrize("name", ["numpy", "queue", "a.b", "edgewise"])
def test_a_file_that_workers_could_not_import_by_its_name_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"{name}.py"
    file.write_text("raise RuntimeError('is never run')\n")
    line = refusal(monkeypatch, capsys, "problems", f"{file}:Mine")
    assert line == f"error: {file}: workers import it as {name!r}, which is no name or another module's; rename it"
