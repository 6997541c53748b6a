"""Mixtures: shares of tokens as asked for, problems those of the parts, splits as in the parts."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, digest
from edgewise.tasks import SPLITS, ModularArithmetic, Problem, Score, World
from edgewise.tasks.graph.world import GraphArithmetic
from edgewise.tasks.mixture import MEASURED, Mixture, Origin

SHORT = ModularArithmetic(min_op=1, max_op=1)
LONG = ModularArithmetic(min_op=12, max_op=12, letters=13)
WIDE = ModularArithmetic(min_op=1, max_op=6, disorder=1.0, modulus=11)


def mixed(*parts: tuple[float, World], of: str = "tokens") -> Mixture:
    return Mixture.parse({"parts": [{"share": share, "world": world} for share, world in parts], "of": of})


def tokens(world: World, problem: Problem) -> int:
    """What the next-token loop sees of a problem: bos, prompt, solution, eos."""
    return sum(len(text.split()) for text in ("bos", problem.prompt, world.solution(problem), "eos"))


def part_of(problem: Problem) -> World:
    drawn = problem.gold
    assert isinstance(drawn, Origin)
    return drawn.world


MIXTURES: dict[str, World] = {
    "tokens": mixed((3, SHORT), (1, WIDE), (1, ModularArithmetic(min_op=9, max_op=9, letters=20))),
    "problems": mixed((1, ModularArithmetic(modulus=11)), (1, ModularArithmetic(modulus=97)), of="problems"),
    "mixture of mixtures": mixed((1, mixed((1, WIDE), (2, LONG))), (1, ModularArithmetic(max_op=2, modulus=13))),
}


@pytest.mark.parametrize(
    "parts",
    [
        ((0.5, SHORT), (0.5, LONG)),
        ((0.999, LONG), (0.001, SHORT)),
        ((0.001, LONG), (0.999, SHORT)),
        ((1, SHORT), (2, WIDE), (5, LONG)),
    ],
)
def test_realised_shares_of_tokens_are_those_asked_for(parts: tuple[tuple[float, World], ...]) -> None:
    mixture = mixed(*parts)
    drawn = [mixture.problem("train", 3, index) for index in range(1500)]
    pairs = [(part_of(problem), tokens(mixture, problem)) for problem in drawn]
    total = sum(length for _, length in pairs)
    squares = [length.mean**2 + MEASURED * length.error**2 for length in mixture.lengths]
    for i, (part, measured) in enumerate(zip(mixture.parts, mixture.share_errors, strict=True)):
        realised = sum(length for world, length in pairs if world == part.world) / total
        # The standard error of a ratio of two sums over draws.
        sums = (
            c * s * ((i == j) - part.share) ** 2 for j, (c, s) in enumerate(zip(mixture.chances, squares, strict=True))
        )
        sampled = (len(drawn) * sum(sums)) ** 0.5 / total
        assert abs(realised - part.share) < 4 * (sampled**2 + measured**2) ** 0.5
        assert measured < 0.02


def test_the_stated_error_of_a_share_is_that_of_the_measured_lengths() -> None:
    """Against the error propagated numerically, one length at a time."""
    mixture = mixed((0.2, SHORT), (0.3, WIDE), (0.5, ModularArithmetic(min_op=1, max_op=9)))
    means = [length.mean for length in mixture.lengths]
    shares = [part.share for part in mixture.parts]

    def realised(true: list[float]) -> list[float]:
        amounts = [share / mean * length for share, mean, length in zip(shares, means, true, strict=True)]
        return [amount / sum(amounts) for amount in amounts]

    squares = [0.0] * 3
    for at, length in enumerate(mixture.lengths):
        moved = realised([mean + (length.error / 1000 if i == at else 0) for i, mean in enumerate(means)])
        squares = [s + (1000 * (now - share)) ** 2 for s, now, share in zip(squares, moved, shares, strict=True)]
    assert mixture.share_errors == pytest.approx([s**0.5 for s in squares], rel=1e-3)
    assert sum(error > 0 for error in mixture.share_errors) == 3


def test_measured_lengths_are_those_of_fresh_problems() -> None:
    mixture = mixed((1, WIDE), (1, SHORT))
    lengths = [tokens(WIDE, WIDE.problem("test", 9, index)) for index in range(2000)]
    wide, short = mixture.lengths
    assert abs(sum(lengths) / 2000 - wide.mean) < 4 * wide.error
    assert (short.mean, short.error) == (tokens(SHORT, SHORT.problem("test", 9, 0)), 0), "all of one length"


def test_shares_of_problems_need_no_lengths() -> None:
    mixture = mixed((3, SHORT), (1, LONG), of="problems")
    assert mixture.chances == (0.75, 0.25)
    assert mixture.share_errors == (0.0, 0.0)
    drawn = Counter(mixture.problem("train", 0, index).level for index in range(2000))
    assert abs(drawn[1] / 2000 - 0.75) < 4 * (0.75 * 0.25 / 2000) ** 0.5


def test_a_problem_is_its_part_s_problem_at_the_same_address() -> None:
    mixture = mixed((1, SHORT), (1, WIDE), (1, LONG))
    for split in SPLITS:
        for index in range(30):
            problem = mixture.problem(split, 5, index)
            alone = part_of(problem).problem(split, 5, index)
            assert problem.gold.problem == alone
            assert (problem.world, problem.split, problem.seed, problem.index) == ("mixture", split, 5, index)
            same = ("level", "id", "prompt", "answer")
            assert [getattr(problem, name) for name in same] == [getattr(alone, name) for name in same]


def test_the_part_verifies_its_own_problems() -> None:
    """Two parts differ only in their wording, so that the wrong one would refuse what is right."""
    mixture = mixed((1, GraphArithmetic(max_op=4)), (1, GraphArithmetic(max_op=4, wording="compact")), of="problems")
    for level in (None, 4):
        world = mixture if level is None else mixture.at_level(level)
        for index in range(40):
            problem = world.problem("train", 0, index)
            gold = mixture.solution(problem)
            assert gold == part_of(problem).solution(problem.gold.problem)
            verdict = mixture.verify(problem, gold)
            assert (verdict.answer, verdict.process) == (Score.CORRECT, Score.CORRECT)
            assert mixture.verify(problem, gold, truncated=True).answer is Score.UNSCORABLE
            assert mixture.verify(problem, gold + " 1").answer is not Score.CORRECT


def test_levels_are_those_of_the_parts_with_their_gaps() -> None:
    mixture = mixed((1, ModularArithmetic(min_op=2, max_op=2)), (1, ModularArithmetic(min_op=6, max_op=8)))
    assert tuple(mixture.levels) == (2, 6, 7, 8)
    for level in mixture.levels:
        narrow = mixture.at_level(level)
        assert tuple(narrow.levels) == (level,)
        assert {narrow.problem("test", 0, index).level for index in range(10)} == {level}
    with pytest.raises(InputError, match="level: must be one of 2, 6, 7, 8, is 3"):
        mixture.at_level(3)


def test_one_level_is_drawn_from_the_parts_as_often_as_in_the_whole() -> None:
    inner = mixed((1, WIDE), (1, ModularArithmetic(min_op=4, max_op=5)), of="problems")
    mixture = mixed((0.3, inner), (0.7, ModularArithmetic(min_op=4, max_op=12, letters=16)))
    drawn = [mixture.problem("train", 1, index) for index in range(4000)]
    at_four = Counter(digest(part_of(problem)) for problem in drawn if problem.level == 4)
    narrow = mixture.at_level(4)
    for part, whole in zip(narrow.parts, mixture.parts, strict=True):
        count = at_four[digest(whole.world)]
        n = at_four.total()
        assert abs(count / n - part.share) < 4 * (part.share * (1 - part.share) / n) ** 0.5


def test_parts_are_drawn_independently_in_a_mixture_of_mixtures() -> None:
    inner = mixed((1, SHORT), (1, LONG), of="problems")
    mixture = mixed((1, inner), (1, WIDE), of="problems")
    within = [
        p.gold.problem.level for p in (mixture.problem("train", 0, i) for i in range(2000)) if p.gold.world == inner
    ]
    assert abs(within.count(1) / len(within) - 0.5) < 4 * (0.25 / len(within)) ** 0.5
    problem = mixture.problem("train", 0, 0)
    assert mixture.verify(problem, mixture.solution(problem)).process is Score.CORRECT


def test_no_problem_is_in_two_splits() -> None:
    mixture = mixed((1, ModularArithmetic(min_op=1, max_op=2)), (1, ModularArithmetic(min_op=1, max_op=3)), (1, WIDE))
    ids = {split: {mixture.problem(split, seed, i).id for seed in (0, 1) for i in range(200)} for split in SPLITS}
    assert all(len(one) > 20 for one in ids.values())
    assert len(set().union(*ids.values())) == sum(map(len, ids.values()))


def test_words_are_those_of_all_parts_once() -> None:
    mixture = mixed((1, SHORT), (1, LONG))
    assert mixture.words()[: len(SHORT.words())] == SHORT.words()
    assert set(mixture.words()) == {*SHORT.words(), *LONG.words()}
    assert len(set(mixture.words())) == len(mixture.words())


def test_a_written_mixture_is_read_back_as_itself() -> None:
    mixture = mixed((1, SHORT), (1, WIDE), (1, LONG), *((0.1, ModularArithmetic(modulus=m)) for m in range(2, 9)))
    again = Mixture.parse(json.loads(canonical_json(mixture)))
    assert again == mixture
    assert digest(again) == digest(mixture)
    assert mixed((2, SHORT), (6, WIDE)) == mixed((1, SHORT), (3, WIDE)) == mixed((0.25, SHORT), (0.75, WIDE))
    problem = mixture.at_level(1).problem("train", 0, 7)
    assert Mixture.parse(json.loads(canonical_json(mixture.at_level(1)))).problem("train", 0, 7) == problem


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ([], "at least one part"),
        ([{"share": 0, "world": {"world": "modular"}}], "share"),
        ([{"share": -1, "world": {"world": "modular"}}], "share"),
        ([{"share": 1, "world": {"world": "modulor"}}], "modulor"),
        ([{"share": 1, "world": {"world": "modular", "letters": 3}}], "letters must be at least 5"),
        ([{"share": 1, "world": {"max_op": 3}}], "`world` name"),
        ([{"share": 1}], "world"),
    ],
)
def test_bad_parts_are_refused_in_one_line(parts: object, named: str) -> None:
    with pytest.raises(InputError) as error:
        Mixture.parse({"parts": parts}, "mixture.json")
    assert named in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("mixture.json: parts")


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(InputError, match="split"):
        mixed((1, SHORT)).problem("dev", 0, 0)  # type: ignore[arg-type]
