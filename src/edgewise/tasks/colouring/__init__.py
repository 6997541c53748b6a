"""Colouring: give every vertex of a graph a colour that none of its neighbours has; every right answer is known.

Each problem has 20 to 100 right answers of equal length, so that the probability a model gives to
each of them, and to all together, is exact by teacher forcing.
"""

from edgewise.tasks.colouring.graph import Graph
from edgewise.tasks.colouring.world import Colouring

__all__ = ["Colouring", "Graph"]
