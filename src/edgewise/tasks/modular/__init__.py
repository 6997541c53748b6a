"""Modular arithmetic: definitions of letters by one operator each, modulo a number; the smallest world.

The structure follows iGSM (arXiv 2407.20311). `world` has the world and its verifier, `graph` what a problem is.
"""

from edgewise.tasks.modular.graph import ModularGraph, ModularNode, Operand, canonical_digest
from edgewise.tasks.modular.world import ModularArithmetic

__all__ = ["ModularArithmetic", "ModularGraph", "ModularNode", "Operand", "canonical_digest"]
