"""Countdown: reach a target with given numbers, each used exactly once; a search task with many right answers.

The transfer target of arXiv 2509.25123.
"""

from edgewise.tasks.countdown.expression import solutions
from edgewise.tasks.countdown.puzzle import Puzzle
from edgewise.tasks.countdown.world import Countdown

__all__ = ["Countdown", "Puzzle", "solutions"]
