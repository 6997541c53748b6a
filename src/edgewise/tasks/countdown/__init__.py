"""Countdown: reach a target with given numbers, each used exactly once; a search task with many right answers.

It is a transfer target of arXiv 2509.25123. `world` has the world, `expression` what it reads and lists.
"""

from edgewise.tasks.countdown.expression import solutions
from edgewise.tasks.countdown.world import Countdown, Puzzle

__all__ = ["Countdown", "Puzzle", "solutions"]
