"""Worlds: families of problems whose every solution is known. No torch here."""

from edgewise.tasks.base import SPLITS, Mark, Problem, Split, Verdict, World
from edgewise.tasks.graph import GraphArithmetic

__all__ = ["SPLITS", "GraphArithmetic", "Mark", "Problem", "Split", "Verdict", "World"]
