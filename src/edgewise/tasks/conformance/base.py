"""What the checks of a world share: how many problems are drawn, which splits hold some, how a fault is told."""

from __future__ import annotations

from edgewise.core.errors import InputError
from edgewise.tasks.base import SPLITS, Problem, Split, World

DRAWS = 800
"""Problems drawn for a count."""


class Fault(Exception):
    """What a world does wrong, in one line."""


def has_few_problems(world: World) -> bool:
    """Whether problems soon come again, as from a file of questions: then a split may hold none."""
    return len({world.problem("train", 5, index).id for index in range(DRAWS // 4)}) < DRAWS // 8


def splits_with_problems(world: World) -> tuple[Split, ...]:
    """The splits that hold problems of every level: all, but for a world with few problems."""
    if not has_few_problems(world):
        return SPLITS
    held = []
    for split in SPLITS:
        try:
            for level in world.levels:
                world.at_level(level).problem(split, 0, 0)
            held.append(split)
        except InputError as error:
            if split not in str(error) or "\n" in str(error):
                raise Fault(f"an empty split must be named in one line, is {str(error)!r:.80}") from None
    if "train" not in held:
        raise Fault("there is no problem of every level in split 'train'")
    return tuple(held)


def known_words(world: World) -> tuple[str, ...] | None:
    """The vocabulary; None where it is open and the world says so."""
    try:
        return world.words()
    except InputError:
        return None


def train_problems(world: World, seed: int, count: int) -> list[Problem]:
    """The first problems of the split for training under a seed."""
    return [world.problem("train", seed, index) for index in range(count)]


def bare(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())
