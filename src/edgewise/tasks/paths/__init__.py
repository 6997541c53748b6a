"""Path world: the graphs, and the world of their problems."""

from edgewise.tasks.paths.graph import PathGraph, shortest_paths
from edgewise.tasks.paths.world import Paths

__all__ = ["PathGraph", "Paths", "shortest_paths"]
