"""The knobs of graph arithmetic: what they refuse, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, digest, override
from edgewise.tasks import SPLITS, ModularArithmetic
from tests.tasks.modular.worlds import MODULAR


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"min_op": 5, "max_op": 3}, ("max_op", "min_op", "5", "3")),
        ({"min_op": 0}, ("min_op", "0")),
        ({"max_op": 0}, ("max_op", "0")),
        ({"max_op": 12, "letters": 12}, ("letters", "13", "12")),
        ({"max_op": 4, "leaves": 5, "letters": 8}, ("letters", "9", "8")),
        ({"max_op": 4, "distractors": 8}, ("letters", "13")),
        ({"letters": 53}, ("letters", "53")),
        ({"modulus": 1}, ("modulus", "0 (plain integers) or at least 2")),
        ({"modulus": -7}, ("modulus", "-7")),
        ({"leaves": 0}, ("leaves",)),
        ({"reuse": 1.5}, ("reuse",)),
        ({"disorder": -1}, ("disorder",)),
        ({"distractors": -1}, ("distractors",)),
        ({"opps": 3}, ("opps",)),
        ({"version": 2}, ("version",)),
        ({"world": "grid"}, ("world",)),
        ({"max_op": "four"}, ("max_op", "four")),
        ({"max_op": 2.5}, ("max_op", "2.5")),
    ],
    ids=str,
)
def test_bad_knobs_are_one_line_that_names_the_field(knobs: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        ModularArithmetic.parse(knobs, "world.json")
    message = str(error.value)
    assert message.startswith("world.json: ")
    assert "\n" not in message
    for word in words:
        assert word in message


def test_knobs_at_their_limits_work() -> None:
    for knobs in ({"max_op": 11}, {"max_op": 4, "leaves": 50, "letters": 9}, {"modulus": 2, "min_op": 6, "max_op": 6}):
        world = ModularArithmetic.parse(knobs)
        assert world.problem("train", 0, 0).level in world.levels


def test_a_level_that_does_not_exist_is_refused() -> None:
    for level, word in ((0, "min_op"), (-3, "min_op"), (40, "letters")):
        with pytest.raises(InputError, match=rf"op {level}: .*{word}"):
            ModularArithmetic().at_level(level)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(InputError, match="split: must be one of train, validation, test, held_out, is 'dev'"):
        ModularArithmetic().problem("dev", 0, 0)  # type: ignore[arg-type]


def test_an_empty_split_says_which_knobs_to_raise() -> None:
    """At op 1 and modulus 2 there are three graphs for sixteen buckets."""
    world = ModularArithmetic(min_op=1, max_op=1, modulus=2)
    refused = []
    for split in SPLITS:
        try:
            assert world.problem(split, 0, 0).split == split
        except InputError as error:
            refused.append(split)
            assert f"split {split!r} is empty at op 1" in str(error)
            assert "modulus" in str(error)
            assert "\n" not in str(error)
    assert refused


def test_every_knob_changes_the_problems() -> None:
    """Draws are keyed by the whole world: nothing is shared between settings by accident."""
    worlds = {digest(world): world for world in (*MODULAR.values(), ModularArithmetic(max_op=4, letters=13))}
    prompts = {tuple(world.problem("train", 0, i).prompt for i in range(5)) for world in worlds.values()}
    assert len(prompts) == len(worlds) == len(MODULAR) + 1


def test_seed_split_and_index_are_independent() -> None:
    world = MODULAR["everything"]
    addresses = [(split, seed, index) for split in ("train", "test") for seed in (0, 1) for index in (0, 1, 10)]
    assert len({world.problem(split, seed, index).prompt for split, seed, index in addresses}) == len(addresses)  # type: ignore[arg-type]


def test_drawing_a_problem_leaves_the_spec_as_it_was() -> None:
    used, fresh = ModularArithmetic(), ModularArithmetic()
    used.problem("train", 0, 0)
    assert used == fresh
    assert hash(used) == hash(fresh)
    assert canonical_json(used) == canonical_json(fresh)
    assert ModularArithmetic.parse(json.loads(canonical_json(used))) == fresh
    assert override(used, ["modulus=11"]).problem("train", 0, 0) == ModularArithmetic(modulus=11).problem("train", 0, 0)
