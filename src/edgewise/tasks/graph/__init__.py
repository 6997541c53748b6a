"""Graph arithmetic: named quantities in places, each worked out from others.

world              GraphArithmetic: knobs, problems, splits
graph              Graph, Node, Linear, identity: what a problem is, in any wording
draw               drawing a graph with an exact number of operations
setting            places and kinds, from the word files in settings/
wording            what a wording is; compact, english and paper are the three
verifier           grades a solution; working and expression read it
released           rows of the released data, in and out; released_verifier grades solutions of such rows
paper_compat       the decisions of the released scorer; arithmetic evaluates its expressions
released_reward    the released reward
"""

from edgewise.tasks.graph.graph import Graph, Node
from edgewise.tasks.graph.released_verifier import verify_released
from edgewise.tasks.graph.world import GraphArithmetic

__all__ = ["Graph", "GraphArithmetic", "Node", "verify_released"]
