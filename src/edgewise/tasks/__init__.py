"""Worlds: families of problems with a verifier, whose every solution is known. No torch here.

A world of your own derives from `DrawnWorld` (examples/my_world.py is a whole one) or from `World`. `worlds` lists all
that there are, `preset_mixture` makes the mixtures of a paper.
"""

from edgewise.tasks.base import SPLITS, Problem, Score, Split, Unscorable, Verdict, World, right, unscorable, wrong
from edgewise.tasks.colouring import Colouring
from edgewise.tasks.countdown import Countdown
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement
from edgewise.tasks.graph import GraphArithmetic
from edgewise.tasks.gym import ReasoningGym
from edgewise.tasks.mixture import Mixture, MixturePart
from edgewise.tasks.modular import ModularArithmetic
from edgewise.tasks.paths import Paths
from edgewise.tasks.presets import preset_mixture, preset_names
from edgewise.tasks.questions import Questions
from edgewise.tasks.registry import AnyWorld, world_named, worlds
from edgewise.tasks.strings import StringFunctions

__all__ = [
    "SPLITS",
    "AnyWorld",
    "Colouring",
    "Countdown",
    "DrawnWorld",
    "GraphArithmetic",
    "Mixture",
    "MixturePart",
    "ModularArithmetic",
    "Paths",
    "Problem",
    "Proposal",
    "Questions",
    "ReasoningGym",
    "Score",
    "Split",
    "Statement",
    "StringFunctions",
    "Unscorable",
    "Verdict",
    "World",
    "preset_mixture",
    "preset_names",
    "right",
    "unscorable",
    "world_named",
    "worlds",
    "wrong",
]
