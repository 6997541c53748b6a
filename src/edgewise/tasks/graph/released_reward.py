"""Rewards of arXiv 2512.07783 as its released code computes them, which differ from those that the paper writes.

Both read a completion with the released scorer (`edgewise.tasks.graph.paper_compat`). `GraphArithmetic.rewards`
offers them by name, so that a recipe can pay them: `{"kind": "world", "name": "released_strict"}`.
"""

from __future__ import annotations

from edgewise.tasks.graph.paper_compat import Defects


def released_mixture(defects: Defects, alpha: float) -> float:
    """Mix outcome and process as released: 0 if the answer is wrong, else alpha + (1 - alpha) * R_pv with

        R_pv = max(0, 1 - (value + dependency + missing + min(extra, nodes) + [answer wrong]) / nodes).

    Extra quantities cost (in the released evaluation they are free), one quantity may cost twice, and no wrong answer
    earns anything, however good its steps are. The released R_out compares the text of the answer, ours the number.
    """
    faults = defects.value + defects.dependency + defects.missing + min(defects.extra, defects.nodes)
    process = max(0.0, 1 - (faults + defects.answer_wrong) / defects.nodes)
    return 0.0 if defects.answer_wrong else alpha + (1 - alpha) * process


def released_strict(defects: Defects) -> float:
    """Pay 1 if nothing at all differs from the gold solution, extra quantities included, else 0.

    This is the released reward with weights 1 and 0.
    """
    differs = defects.value or defects.dependency or defects.missing or defects.extra or defects.answer_wrong
    return 0.0 if differs else 1.0
