"""Worlds: families of problems whose every solution is known. No torch here."""

from edgewise.tasks.base import SPLITS, Mark, Problem, Split, Verdict, World
from edgewise.tasks.modular import ModularArithmetic
from edgewise.tasks.registry import AnyWorld, world_named, worlds

__all__ = [
    "SPLITS",
    "AnyWorld",
    "Mark",
    "ModularArithmetic",
    "Problem",
    "Split",
    "Verdict",
    "World",
    "world_named",
    "worlds",
]
