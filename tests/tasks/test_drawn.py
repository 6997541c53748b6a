"""The base of drawn worlds, and what `World.verify` decides before a world reads anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.tasks import (
    SPLITS,
    Colouring,
    Countdown,
    GraphArithmetic,
    ModularArithmetic,
    Problem,
    Score,
    StringFunctions,
    Verdict,
)
from edgewise.tasks.base import MAX_CHARACTERS, Unscorable, right, split_of, unscorable
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement
from edgewise.tasks.strings.chain import Chain, chain_identity


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


class Sums(Digits):
    """Digits under a knob that no identity holds; it decides which answer is right."""

    base: int = 10
    letters: tuple[str, ...] = ("a",)


def test_ids_tell_worlds_apart_that_differ_in_a_knob_and_not_in_the_ranges_of_levels() -> None:
    ids = {
        world: {world.problem("train", 0, i).id for i in range(200)}
        for world in (Sums(fewest=3, most=3), Sums(fewest=3, most=3, base=7), Sums(fewest=3, most=3, letters=("a b",)))
    }
    plain, other, lists = ids.values()
    assert all(name.endswith("-base=7") for name in other) and not plain & other and not plain & lists
    assert {name.removesuffix("-base=7") for name in other} & plain, "the same digits were drawn"
    assert len({name.rpartition("-letters=")[2] for name in lists}) == 1
    for wide in (Sums(most=3), Sums(most=3, highest=8)):
        assert wide.problem("test", 0, 0).id.count("-") == 2


Cases = dict[str, tuple[DrawnWorld, dict[str, Any]]]
DISTINGUISHED: Cases = {
    "modulus": (ModularArithmetic(max_op=1), {"modulus": 5}),
    "distractors": (ModularArithmetic(max_op=1), {"distractors": 2}),
    "definitions": (StringFunctions(max_calls=1), {"definitions": "shown"}),
    "format": (StringFunctions(max_calls=1), {"format": "direct"}),
    "colours": (Colouring(min_vertices=7, max_vertices=7), {"colours": 4}),
    "distractors of a graph": (GraphArithmetic(max_op=2, wording="compact"), {"max_distractors": 0}),
}
KEPT: Cases = {
    "leaves": (ModularArithmetic(max_op=1), {"leaves": 2}),
    "disorder": (ModularArithmetic(max_op=1), {"disorder": 2.0}),
    "letters": (ModularArithmetic(max_op=1), {"letters": 20}),
    "levels": (ModularArithmetic(max_op=1), {"max_op": 2}),
    "largest target": (Countdown(min_numbers=2, max_numbers=2), {"largest_target": 60}),
    "unknowns": (GraphArithmetic(max_op=2, wording="compact"), {"unknowns": 10}),
}


def shared(world: DrawnWorld, knobs: dict[str, Any]) -> set[str]:
    """The ids that a world has with and without the knobs."""
    worlds = (world, type(world).parse({**world.model_dump(), **knobs}))
    one, other = ({each.problem("train", 0, i).id for i in range(400)} for each in worlds)
    return one & other


@pytest.mark.parametrize("what", DISTINGUISHED)
def test_a_knob_that_changes_what_is_told_or_right_is_in_the_id(what: str) -> None:
    assert not shared(*DISTINGUISHED[what])


@pytest.mark.parametrize("what", KEPT)
def test_a_knob_that_only_changes_what_is_drawn_or_named_is_not_in_the_id(what: str) -> None:
    assert shared(*KEPT[what])


def test_an_id_knob_changes_no_split_and_no_draw() -> None:
    world, direct = StringFunctions(), StringFunctions(format="direct", definitions="shown")
    problem = direct.problem("train", 0, 0)
    chain: Chain = problem.gold
    identity = chain_identity(chain.calls, chain.strings[0])
    assert problem.id == f"strings-{problem.level}-{identity:016x}-definitions=shown-format=direct"
    assert split_of(identity) == "train" and world.problem("train", 0, 0).id.count("-") == 2
