"""Modular arithmetic: definitions of letters by one operator each, modulo a number; the smallest world.

The structure follows iGSM (arXiv 2407.20311); `op` is the number of operators the query needs.
"""

from edgewise.tasks.modular.graph import Graph, Node, Operand, canonical_digest
from edgewise.tasks.modular.world import ModularArithmetic

__all__ = ["Graph", "ModularArithmetic", "Node", "Operand", "canonical_digest"]
