"""From the text of a completion to a verdict, against the chain the generator exported.

The judge reads `name letters = letters` steps separated by ";" and a last `answer letters`. Names and the word
answer are words; the space between letters is free. Its time is linear in the text.
"""

from __future__ import annotations

from typing import Literal

from edgewise.tasks.base import Score, Unscorable, Verdict, unscorable
from edgewise.tasks.strings.chain import Chain

Format = Literal["steps", "direct"]


def check(chain: Chain, text: str, format: Format) -> Verdict:
    """The verdict on any text. See `edgewise.tasks.base.Verdict` for its fields.

    In steps, a correct process is every call of the chain, in order, on the right string with the right result,
    and then the right answer; nothing may be left out or added. In the direct format it is the right answer and
    nothing before it. A text that the caller says was cut off is unscorable, even where it seems to end in an
    answer; so is one that does not end in an answer, or that answers twice.
    """
    *steps, last = (part.split() for part in text.split(";"))
    written = "".join(last[1:])
    if last[:1] != ["answer"] or not _is_string(written):
        return unscorable(Unscorable.NO_FINAL_ANSWER)
    if "answer" in last[1:] or ["answer"] in [step[:1] for step in steps]:
        return unscorable(Unscorable.TWO_ANSWERS)
    right = written == chain.strings[-1]
    answer = Score.CORRECT if right else Score.WRONG
    wrong = _first_wrong_step(chain, steps, format)
    if wrong is None and not right:
        wrong = len(steps), f"answer is {chain.strings[-1]}, not {written:.40}"
    if wrong is None:
        return Verdict(answer, Score.CORRECT, predicted=written)
    return Verdict(answer, Score.WRONG, *wrong, written)


def _is_string(text: str) -> bool:
    return text.isascii() and text.isalpha() and text.islower()


def _first_wrong_step(chain: Chain, steps: list[list[str]], format: Format) -> tuple[int, str] | None:
    if format == "direct":
        return (0, "steps before a direct answer") if steps else None
    for position, words in enumerate(steps):
        reason = _fault(chain, position, words)
        if reason:
            return position, reason
    if len(steps) < len(chain.calls):
        return len(steps), f"{chain.calls[len(steps)]} is never called"
    return None


def _fault(chain: Chain, position: int, words: list[str]) -> str:
    """What is wrong with the step written at this position, "" where nothing is."""
    before, equals, after = "".join(words[1:]).partition("=")
    if not (equals and _is_string(before) and _is_string(after)):
        return f"unreadable step {' '.join(words):.40}"
    if position >= len(chain.calls):
        return f"a step too many: {' '.join(words):.40}"
    name = chain.calls[position]
    if words[0] != name:
        return f"call {position + 1} is {name}, not {words[0]:.40}"
    if before != chain.strings[position]:
        return f"{name} is called on {chain.strings[position]}, not {before:.40}"
    if after != chain.strings[position + 1]:
        return f"{name} of {before} is {chain.strings[position + 1]}, not {after:.40}"
    return ""
