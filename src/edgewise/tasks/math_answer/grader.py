"""Verdicts by math-verify: an expression in any spelling, such as \\boxed{\\frac{1}{2}} where 0.5 is right.

math-verify reads the last boxed expression of a completion, else its last formula or number. It is an extra,
`edgewise[math]`, and runs in a process with a time limit; what it cannot read or decide is unscorable, never wrong.
"""

from __future__ import annotations

from edgewise.core.errors import InputError
from edgewise.tasks.grading import grade
from edgewise.tasks.verdict import Unscorable, Verdict, right, unscorable, wrong

SECONDS = 10.0


def math_verdict(gold: str, text: str) -> Verdict:
    """Grade a completion against the right answer, a number or LaTeX.

    InputError where math-verify is not installed, or where it reads nothing in the right answer.
    """
    reply = grade("edgewise.tasks.math_answer.process:read_and_compare", gold, text, timeout=SECONDS)
    if reply.failure:
        return unscorable(Unscorable.GRADER_FAILED, reply.failure)
    if fault := reply.value.get("fault"):
        raise InputError(fault)
    predicted = reply.value["predicted"]
    if predicted is None:
        return unscorable(Unscorable.UNMARKED)
    return (
        right(predicted) if reply.value["equal"] else wrong(predicted, f"answer is {gold!r:.40}, not {predicted!r:.40}")
    )
