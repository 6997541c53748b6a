"""The final answer in a free text: where it stands, and where there is none to be read.

One rule for all worlds whose questions come from elsewhere. In this order, the answer is
- what stands between `<answer>` and `</answer>`, each written once, with nothing after them;
- what follows `Answer:` (in any case), written once, to the end;
- the whole text, where it is a single line.
White space around it does not count. Whatever else the text says before the mark is free.
"""

from __future__ import annotations

import re
from fractions import Fraction

from edgewise.tasks.verdict import Unscorable, Verdict, unscorable

OPEN, CLOSE = "<answer>", "</answer>"
_MARK = re.compile(r"\banswer\s*:", re.IGNORECASE)
_LONGEST_NUMBER = 1000
_DECIMAL = re.compile(r"([+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?)(%?)")
_RATIO = re.compile(r"([+-]?[0-9]+)\s*/\s*0*([1-9][0-9]*)")


def final_answer(text: str) -> str | Verdict:
    """The one answer of a completion, never empty; an unscorable verdict with the reason where none can be read."""
    opened, closed = text.count(OPEN), text.count(CLOSE)
    marks = [] if opened or closed else [match.end() for match in _MARK.finditer(text)]
    if max(opened, closed, len(marks)) > 1:
        return unscorable(Unscorable.MARKED_TWICE)
    if opened or closed:
        _, _, rest = text.partition(OPEN)
        answer, _, after = rest.partition(CLOSE)
        if not (opened and closed and CLOSE in rest):
            return unscorable(Unscorable.HALF_MARKED)
        if after.strip():
            return unscorable(Unscorable.TEXT_AFTER)
    elif marks:
        answer = text[marks[0] :]
    else:
        answer = text
        if len(answer.strip().splitlines()) > 1:
            return unscorable(Unscorable.UNMARKED_LINES)
    return answer.strip() or unscorable(Unscorable.UNMARKED)


def gold_completion(answer: str) -> str:
    """A completion that gives this answer."""
    return f"{OPEN} {answer} {CLOSE}"


def marked(answer: str) -> bool:
    """Whether a text contains the marks of an answer itself, so that `gold_completion` cannot carry it."""
    return OPEN in answer or CLOSE in answer


def number_in(text: str) -> Fraction | None:
    """The exact number that a text is: 12, -1.50, .5, 1,234, 1e3 (at most three digits), 3/4, 50% (a half).

    None for any other text. A comma only ever groups three digits; 1,5 is no number.
    """
    text = text.strip()
    if len(text) > _LONGEST_NUMBER:
        return None
    if ratio := _RATIO.fullmatch(text):
        return Fraction(int(ratio[1]), int(ratio[2]))
    decimal = _DECIMAL.fullmatch(text)
    if decimal is None or not any(character.isdigit() for character in re.split("[eE]", decimal[1])[0]):
        return None
    return Fraction(decimal[1].replace(",", "")) / (100 if decimal[2] else 1)
