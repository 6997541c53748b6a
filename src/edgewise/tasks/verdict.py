"""Verdicts: how a completion was graded, and why some completions cannot be graded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

MAX_CHARACTERS = 100_000
"""The longest completion that is read."""


class Score(IntEnum):
    """One grade. Unscorable is neither right nor wrong and is always counted apart."""

    UNSCORABLE = -1
    WRONG = 0
    CORRECT = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a verifier graded one completion.

    answer            grade of the final answer
    process           grade of the whole solution: correct if every necessary step is there, with the right parents
                      and value, and the answer is right
    first_wrong_step  counts from 0 over the steps that the completion wrote; equal to their number if a step is
                      missing; None if nothing is wrong or nothing could be read
    reason            what is wrong, in a few words; "" for a correct process
    predicted         the answer that the completion gives, right or wrong, in one spelling: numbers without leading
                      zeros or "+", expressions and lists without spaces, free text unchanged. None exactly if the
                      answer is unscorable
    extra_steps       how many steps before the first wrong one the problem does not need, for worlds that allow them
    """

    answer: Score
    process: Score
    first_wrong_step: int | None = None
    reason: str = ""
    predicted: str | None = None
    extra_steps: int = 0

    @property
    def answer_correct(self) -> bool:
        return self.answer is Score.CORRECT

    @property
    def process_correct(self) -> bool:
        return self.process is Score.CORRECT


class Unscorable(StrEnum):
    """Every reason why a completion of our worlds has no grade, with its wording; {} takes a detail."""

    # Of all worlds, decided before the text is read.
    TRUNCATED = "truncated"
    TOO_LONG = f"unparsable: over {MAX_CHARACTERS} characters"
    # Of worlds with a format of their own.
    NO_ANSWER = "unparsable: no answer"
    NO_FINAL_ANSWER = "unparsable: no final answer"
    TWO_ANSWERS = "unparsable: two answers"
    SEVERAL_ANSWERS = "unparsable: more than one answer"
    NO_EXPRESSION = "unparsable: the answer is no expression"
    NO_COLOUR = "unparsable: {} is none of the colours"
    NO_NODE = "unparsable: {} is no name of a node"
    # Of answers in free text.
    UNMARKED = "no final answer"
    UNMARKED_LINES = "no final answer: several lines without <answer> or Answer:"
    MARKED_TWICE = "two answers"
    HALF_MARKED = "unparsable: an answer is opened and not closed, or closed and not opened"
    TEXT_AFTER = "unparsable: text after the answer"
    NO_NUMBER = "unparsable: the answer is no number"
    # Of external graders.
    GRADER_FAILED = "{}"
    OTHER_QUESTION = "{} makes another question of the same seed: nothing to compare with"
    NOT_THE_ANSWER = "score_answer gives full marks, but it is not the one answer of the task"
    TEXT_AROUND = "text around the answer"


def unscorable(reason: str, detail: str = "") -> Verdict:
    """A verdict without grades. `reason` is an `Unscorable`, or a text of a world outside this package."""
    text = reason.format(detail) if detail else str(reason)
    return Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, text)


def unreadable(completion: str, *, truncated: bool) -> Verdict | None:
    """The verdict on a completion that is never read, because it was cut off or is too long; None for all others.

    A text that was cut off is unscorable even if it seems to end in an answer: "answer 1" may have been on its
    way to 12.
    """
    if truncated:
        return unscorable(Unscorable.TRUNCATED)
    if len(completion) > MAX_CHARACTERS:
        return unscorable(Unscorable.TOO_LONG)
    return None


def right(predicted: str) -> Verdict:
    """Everything is right: the answer and, if there are any, the steps."""
    return Verdict(Score.CORRECT, Score.CORRECT, predicted=predicted)


def wrong(predicted: str, reason: str) -> Verdict:
    """The answer is wrong, and it is the only step."""
    return Verdict(Score.WRONG, Score.WRONG, 0, reason, predicted)
