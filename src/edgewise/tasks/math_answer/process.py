"""Worker process that runs math-verify: reads the answer of a completion and compares it with the right one.

It is never imported here: sympy takes seconds and may hang on hostile text. math-verify's own time limits use signals,
whose silence it takes for "not equal"; they are off, and the process is killed instead.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

# Imported with this module, not at the first call: the start of the process is not timed, a call is.
_MATH = importlib.import_module("math_verify") if importlib.util.find_spec("math_verify") else None


def read_and_compare(gold: str, text: str) -> dict[str, Any]:
    """{"predicted": what was read in the text, None where nothing was, "equal": whether it is the right answer}.

    {"fault": one line} where math-verify is not installed or reads nothing in the right answer.
    """
    if _MATH is None:
        return {"fault": "math-verify is not installed; pip install 'edgewise[math]'"}
    right = _read(gold) or _read(f"${gold}$")
    if not right:
        return {"fault": f"answer: math-verify reads no expression in {gold!r:.60}; write a number or LaTeX"}
    found = _read(text)
    if not found:
        return {"predicted": None, "equal": False}
    equal = bool(_MATH.verify(right, found, timeout_seconds=None, raise_on_error=True))
    return {"predicted": str(found[-1]), "equal": equal}


def _read(text: str) -> list[Any]:
    assert _MATH is not None
    return list(_MATH.parse(text, parsing_timeout=None, raise_on_error=True))
