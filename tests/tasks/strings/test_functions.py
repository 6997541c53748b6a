"""The atomic functions: what they compute, how different they are, and which of their compositions collapse."""

from __future__ import annotations

import random
import re
from functools import cache
from itertools import combinations, pairwise, product

import pytest

from edgewise.tasks.strings import FUNCTIONS, function_names, functions
from edgewise.tasks.strings.chain import collapses, followers
from tests.tasks.strings.reading import LETTERS, interpret

COUNT = 2000
KINDS: tuple[functions.Half, ...] = ("train", "held_out")
LENGTHS = (5, 6, 7, 8, 9, 12, 16, 24)


@cache
def drawn(length: int) -> list[str]:
    source = random.Random(length)
    return ["".join(source.choices(LETTERS, k=length)) for _ in range(COUNT)]


@cache
def outputs(length: int) -> dict[str, list[str]]:
    """What every function makes of the drawn strings; "" is the identity."""
    return {"": drawn(length), **{name: [*map(f.compute, drawn(length))] for name, f in FUNCTIONS.items()}}


def agreement(one: list[str], other: list[str]) -> float:
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def test_an_interpreter_of_the_descriptions_computes_the_same() -> None:
    for length in LENGTHS:
        for name, function in FUNCTIONS.items():
            for s, result in zip(drawn(length)[:40], outputs(length)[name], strict=False):
                assert interpret(function.description, s) == result, function.description


def test_lengths_are_kept_and_letters_stay_letters() -> None:
    for length in LENGTHS:
        for name in FUNCTIONS:
            results = outputs(length)[name]
            assert {len(result) for result in results} == {length}
            assert set("".join(results)) <= set(LETTERS)


def test_the_table_in_the_documentation_is_what_is_computed() -> None:
    _, _, below = (functions.__doc__ or "").partition("train                             held out\n")
    table, _, _ = below.partition("\n\n")
    found = re.findall(r" *(\S.*?) +([a-z]{5}) ([a-z]{6})(?=  |\n|$)", table)
    listed = {description: f"{five} {six}" for description, five, six in found}
    assert listed == {
        f.description: f"{f.compute('abcde')} {f.compute('abcdef')}" for f in FUNCTIONS.values()
    }  # fmt: skip


def test_half_of_the_functions_are_held_out_and_no_two_share_a_name_or_a_description() -> None:
    assert len(function_names("train")) == len(function_names("held_out")) == 12
    assert not set(function_names("train")) & set(function_names("held_out"))
    assert function_names("all") == tuple(sorted(FUNCTIONS))
    assert len({f.description for f in FUNCTIONS.values()}) == len(FUNCTIONS)
    assert all(FUNCTIONS[name].name == name for name in FUNCTIONS)


def test_names_in_alphabetical_order_do_not_tell_the_half() -> None:
    halves = "".join("t" if name in function_names("train") else "h" for name in function_names("all"))
    assert 4 <= halves[:12].count("t") <= 8
    assert 7 <= sum(a != b for a, b in pairwise(halves)) <= 16


@pytest.mark.parametrize("length", LENGTHS)
def test_no_two_functions_are_twins_and_none_is_the_identity(length: int) -> None:
    """The largest agreement measured over all pairs and lengths is 0.05."""
    for one, other in combinations(outputs(length), 2):
        assert agreement(outputs(length)[one], outputs(length)[other]) <= 0.1, (one, other)


@pytest.mark.parametrize("length", [5, 6, 7, 8])
def test_two_calls_are_one_function_always_or_seldom(length: int) -> None:
    """Between 53 and 57 of the 576 pairs are one function or none; the others agree with each on under a quarter."""
    single = {name: results[:200] for name, results in outputs(length).items()}
    collapsed = 0
    for inner, outer in product(FUNCTIONS, repeat=2):
        both = [*map(FUNCTIONS[outer].compute, single[inner])]
        closest = max(agreement(both, one) for one in single.values())
        assert closest == 1 or closest < 0.3, (inner, outer)
        assert collapses((inner, outer), length) == (closest == 1), (inner, outer)
        collapsed += closest == 1
    assert 50 <= collapsed <= 60


@pytest.mark.parametrize("kind", KINDS)
def test_no_three_calls_that_may_follow_each_other_are_one_function(kind: functions.Half) -> None:
    for length in (5, 8):
        atoms = {tuple(results[:8]) for results in outputs(length).values()}
        follow = followers(function_names(kind), length)
        for first, second in product(function_names(kind), repeat=2):
            for third in follow.get((first, second), ()):
                results = outputs(length)[first][:8]
                for name in (second, third):
                    results = [*map(FUNCTIONS[name].compute, results)]
                assert tuple(results) not in atoms, (first, second, third)


def test_collapses_that_are_known_by_hand() -> None:
    named = {f.description: name for name, f in FUNCTIONS.items()}

    def together(*descriptions: str) -> bool:
        return collapses(tuple(named[d] for d in descriptions), 6)

    assert together("reverse all", "reverse all")
    assert together("odd then even", "interleave halves")
    assert together("sort up", "reverse all")
    assert together("swap ends", "sort down")
    assert together("mirror half", "reverse all")
    assert together("mirror alphabet", "sort up", "mirror alphabet")
    assert not together("rotate left 1", "rotate left 1")
    assert not together("forward 3", "sort up")


def test_most_calls_may_follow_any_other() -> None:
    for kind in KINDS:
        for length in (5, 8):
            for before, after in followers(function_names(kind), length).items():
                assert len(after) >= len(function_names(kind)) / 2, before
