"""The base of drawn worlds, and what `World.verify` decides before a world reads anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

import pytest

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.tasks import SPLITS, Problem, Score, Verdict
from edgewise.tasks.base import MAX_CHARACTERS, Unscorable, right, split_of, unscorable
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement


class Digits(DrawnWorld):
    """Repeat the digits; of a proposal in two nothing comes."""

    world: Literal["digits"] = "digits"
    version: Literal[1] = 1
    fewest: int = 3
    most: int = 5
    lowest: int = 0
    highest: int = 9
    ranges = (("fewest", "most"), ("lowest", "highest"))
    level_text = "{} digits"
    remedy = "too few different digits; raise highest"

    def words(self) -> tuple[str, ...]:
        return tuple("0123456789")

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
        while True:
            digits = [source.randint(self.lowest, self.highest) for _ in range(level)]
            yield Proposal(key(*digits), digits) if source.random() < 0.5 else None

    def finish(self, source: random.Random, digits: list[int]) -> Statement:
        text = " ".join(map(str, digits))
        return Statement(text, text, gold=source.random())

    def solution(self, problem: Problem) -> str:
        return problem.answer

    def check(self, problem: Problem, text: str) -> Verdict:
        assert len(text) <= MAX_CHARACTERS, "read, although it is too long"
        return right(text)


WORLD = Digits()


def test_a_problem_is_the_first_proposal_of_its_split_and_is_finished_from_the_same_numbers() -> None:
    for split in SPLITS:
        for index in range(20):
            problem = WORLD.problem(split, 3, index)
            source = WORLD.source(split, 3, index)
            level = WORLD.draw_level(source)
            for proposal in WORLD.propose(source, level):
                if proposal is not None and split_of(proposal.identity) == split:
                    break
            assert proposal is not None
            statement = WORLD.finish(source, proposal.content)
            assert (problem.level, problem.prompt, problem.answer, problem.gold) == (level, *statement)
            assert problem.id == f"digits-{level}-{proposal.identity:016x}"
            assert (problem.world, problem.split, problem.seed, problem.index) == ("digits", split, 3, index)


def test_the_first_range_is_that_of_the_level() -> None:
    assert WORLD.levels == range(3, 6)
    narrow = WORLD.at_level(4)
    assert (narrow.fewest, narrow.most, narrow.highest) == (4, 4, 9)
    assert {narrow.problem("train", 0, index).level for index in range(20)} == {4}


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"fewest": 6}, "most must be at least fewest (6), is 5"),
        ({"lowest": 5, "highest": 4}, "highest must be at least lowest (5), is 4"),
    ],
)
def test_every_range_must_ascend(knobs: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as error:
        Digits.parse(knobs)
    assert message in str(error.value)


def test_an_empty_split_is_named_after_so_many_proposals_with_its_level_and_the_remedy() -> None:
    drawn = 0

    class Counted(Digits):
        def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
            nonlocal drawn
            for proposal in super().propose(source, level):
                drawn += 1
                yield proposal

    world = Counted(fewest=3, most=3, highest=0)
    empty = next(split for split in SPLITS if split != split_of(key(0, 0, 0)))
    with pytest.raises(InputError) as error:
        world.problem(empty, 0, 0)
    assert str(error.value) == f"split {empty!r} is empty at 3 digits: too few different digits; raise highest"
    assert drawn == world.max_draws == 2000


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(InputError, match="split: must be one of train, validation, test, held_out, is 'dev'"):
        WORLD.problem("dev", 0, 0)  # type: ignore[arg-type]


def test_what_was_cut_off_or_is_too_long_is_never_read() -> None:
    problem = WORLD.problem("train", 0, 0)
    unread = (Score.UNSCORABLE, Score.UNSCORABLE, None)
    for text, truncated, reason in (
        ("1 2", True, Unscorable.TRUNCATED),
        ("1" * (MAX_CHARACTERS + 1), False, Unscorable.TOO_LONG),
        ("1" * (MAX_CHARACTERS + 1), True, Unscorable.TRUNCATED),
    ):
        verdict = WORLD.verify(problem, text, truncated=truncated)
        assert (verdict.answer, verdict.process, verdict.first_wrong_step, verdict.reason) == (*unread, reason)
        assert verdict.predicted is None
    whole = "1" * MAX_CHARACTERS
    assert WORLD.verify(problem, whole) == right(whole)


def test_a_reason_takes_a_detail_and_stays_text() -> None:
    verdict = unscorable(Unscorable.NO_COLOUR, "{mauve}")
    assert verdict.reason == "unparsable: {mauve} is none of the colours"
    assert type(unscorable(Unscorable.TRUNCATED).reason) is str
    assert unscorable("a reason {} of one's own").reason == "a reason {} of one's own"
