"""Graph arithmetic: work out a named quantity from a list of definitions.

The structure follows iGSM and GSM-Infinite (arXiv 2407.20311, 2502.05252); `op` here is the number
of operators the query needs.
"""

from edgewise.tasks.graph.graph import Graph, Node, Operand, canonical_digest
from edgewise.tasks.graph.judge import judge
from edgewise.tasks.graph.world import GraphArithmetic

__all__ = ["Graph", "GraphArithmetic", "Node", "Operand", "canonical_digest", "judge"]
