"""Graph arithmetic: named quantities in places, each worked out from others.

graph           Graph, Node, Linear, identity      what a problem is, whatever its words
draw            constructive sampling of the exact number of operations
world           GraphArithmetic: knobs, problems, splits
setting         places and kinds, from the word files in settings/
compact, english, paper                            the three wordings
released        rows of the released data, in and out
judge           the verified judge; working and expression are what it reads solutions with
paper_compat    the released scorer's decisions
verify_released  either judge for a released row
"""

from edgewise.tasks.graph.graph import Graph, Node
from edgewise.tasks.graph.released_verifier import verify_released
from edgewise.tasks.graph.world import GraphArithmetic

__all__ = ["Graph", "GraphArithmetic", "Node", "verify_released"]
