"""Functions on strings and their composition, under names that mean nothing.

The structure follows "From f(x) and g(x) to f(g(x))" (arXiv 2509.25123); `level` is the number of calls.
"""

from edgewise.tasks.strings.chain import Chain, run
from edgewise.tasks.strings.functions import FUNCTIONS, Function, names
from edgewise.tasks.strings.world import StringFunctions

__all__ = ["FUNCTIONS", "Chain", "Function", "StringFunctions", "names", "run"]
