"""String functions: chains of functions on strings under names that mean nothing; the level is the number of calls.

The structure follows "From f(x) and g(x) to f(g(x))" (arXiv 2509.25123). `functions` has the functions, `chain` how
chains are drawn, `world` the world and its verifier.
"""

from edgewise.tasks.strings.chain import Chain, run_chain
from edgewise.tasks.strings.functions import FUNCTIONS, StringFunction, function_names
from edgewise.tasks.strings.world import StringFunctions

__all__ = ["FUNCTIONS", "Chain", "StringFunction", "StringFunctions", "function_names", "run_chain"]
