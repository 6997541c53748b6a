"""Conformance checks of a world: that it does what training, evaluation and audits take for granted.

    for check in check_world(my_world):
        print(check.name, check.failure or check.holds)

`edgewise tasks check my_world.py:Mine` prints them; the tests run them over every world of this package. Where a check
does not suit every world, what exempts a world is something it is seen to do: it has no closed word list, it has few
problems, its levels are not a range, it lists all right answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgewise.tasks.base import World
from edgewise.tasks.conformance.base import Fault
from edgewise.tasks.conformance.problems import check_addresses, check_ids, check_levels, check_splits, check_words
from edgewise.tasks.conformance.verifier import (
    check_answers,
    check_gold,
    check_other_text,
    check_steps,
    check_truncation,
    check_wrong_answers,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a world: what holds if it passes, and in one line what does not; "" where all holds."""

    name: str
    holds: str
    failure: str


def check_world(world: World) -> list[Check]:
    """Run every check. A world that raises an error where it must not has failed the check."""
    checks = []
    for name, (holds, check) in CHECKS.items():
        failure = ""
        try:
            check(world)
        except Fault as fault:
            failure = str(fault)
        except Exception as error:
            failure = f"raises {type(error).__name__}: {' '.join(str(error).split()):.200}"
        checks.append(Check(name, holds, failure))
    return checks


CHECKS: dict[str, tuple[str, Callable[[World], None]]] = {
    "addresses": ("a problem is the same in any order and in every process", check_addresses),
    "splits": ("no problem is in two splits", check_splits),
    "ids": ("problems of one id have the same right answers, also where a knob differs", check_ids),
    "levels": ("levels are drawn equally often, and at_level draws the one that is asked for", check_levels),
    "words": ("words() covers prompts and solutions", check_words),
    "gold": ("gold solutions are right in answer and process", check_gold),
    "wrong answers": ("solutions of other problems and changed answers are not right", check_wrong_answers),
    "truncation": ("what was cut off is unscorable, and no answer is no right answer", check_truncation),
    "steps": ("steps() and first_wrong_step count alike", check_steps),
    "answers": ("the answers that the world lists are all right, or it lists none", check_answers),
    "other text": (
        "any text gets a verdict with a reason in linear time, and none is right by chance",
        check_other_text,
    ),
}
