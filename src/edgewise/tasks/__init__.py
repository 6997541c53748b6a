"""Worlds: families of problems whose every solution is known. No torch here."""

from edgewise.tasks.base import SPLITS, Problem, Score, Split, Verdict, World
from edgewise.tasks.colouring import Colouring
from edgewise.tasks.countdown import Countdown
from edgewise.tasks.graph import GraphArithmetic
from edgewise.tasks.gym import ReasoningGym
from edgewise.tasks.mixture import Mixture, MixturePart
from edgewise.tasks.modular import ModularArithmetic
from edgewise.tasks.presets import preset_mixture, preset_names
from edgewise.tasks.questions import Questions
from edgewise.tasks.registry import AnyWorld, world_named, worlds
from edgewise.tasks.strings import StringFunctions

__all__ = [
    "SPLITS",
    "AnyWorld",
    "Colouring",
    "Countdown",
    "GraphArithmetic",
    "Mixture",
    "MixturePart",
    "ModularArithmetic",
    "Problem",
    "Questions",
    "ReasoningGym",
    "Score",
    "Split",
    "StringFunctions",
    "Verdict",
    "World",
    "preset_mixture",
    "preset_names",
    "world_named",
    "worlds",
]
