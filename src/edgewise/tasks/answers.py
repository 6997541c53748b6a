"""Read the final answer in a free text.

All worlds whose questions come from elsewhere use this one rule. The answer is, in this order,
- the text between `<answer>` and `</answer>`, each written once, with nothing after them;
- the text after `Answer:` (in any case), written once, up to the end;
- the whole text, if it is a single line.
White space around the answer does not count. Before the mark any text is allowed.
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
    """The one answer of a completion, never empty; or an unscorable verdict with the reason if none can be read."""
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
    """Whether a text contains the marks of an answer, so that `gold_completion` cannot hold it."""
    return OPEN in answer or CLOSE in answer


def number_in(text: str) -> Fraction | None:
    """The exact number that a text is: 12, -1.50, .5, 1,234, 1e3 (at most three digits), 3/4, 50% (a half).

    None for any other text. A comma only groups three digits; 1,5 is no number.
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
