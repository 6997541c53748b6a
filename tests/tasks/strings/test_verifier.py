"""The verifier: it accepts the chain, call by call, however the letters are spaced, and nothing else."""

from __future__ import annotations

import random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks import Score, Verdict
from edgewise.tasks.base import MAX_CHARACTERS
from edgewise.tasks.strings import FUNCTIONS, Chain, StringFunctions, run_chain
from tests.bounded import bounded
from tests.tasks.strings.worlds import STRINGS
from tests.tasks.verdicts import all_right, verdict_of

OF = {f.description: name for name, f in FUNCTIONS.items()}
REV, ROT, ADD, OTHER = OF["reverse all"], OF["rotate left 1"], OF["forward 3"], OF["swap ends"]
CHAIN = run_chain((REV, ROT, ADD), "abcde")
FIRST, SECOND, THIRD = f"{REV} a b c d e = e d c b a", f"{ROT} e d c b a = d c b a e", f"{ADD} d c b a e = g f e d h"
ANSWER = "answer g f e d h"
STEPS = (FIRST, SECOND, THIRD)
DEEP = StringFunctions(min_calls=1, max_calls=6, functions="all")


def verify(
    chain: Chain, text: str, *, format: Literal["steps", "direct"] = "steps", truncated: bool = False
) -> Verdict:
    return verdict_of(StringFunctions(format=format), chain, text, truncated=truncated)


def say(*parts: str) -> Verdict:
    return verify(CHAIN, " ; ".join(parts))


def marks(verdict: Verdict) -> tuple[Score, Score, int | None]:
    return verdict.answer, verdict.process, verdict.first_wrong_step


def test_gold_is_right() -> None:
    assert CHAIN.strings == ("abcde", "edcba", "dcbae", "gfedh")
    assert say(*STEPS, ANSWER) == all_right("gfedh")
    assert verify(CHAIN, ANSWER, format="direct") == all_right("gfedh")


@pytest.mark.parametrize(
    "text",
    [
        f"{REV} abcde = edcba ; {ROT} edcba = dcbae ; {ADD} dcbae = gfedh ; answer gfedh",
        f"{REV} abcde=edcba;{ROT} edcba=dcbae;{ADD} dcbae=gfedh;answer gfedh",
        f"\n{FIRST}\n;\n{SECOND}  ;\t{THIRD};{ANSWER}\n",
    ],
)
def test_spacing_of_letters_is_free(text: str) -> None:
    assert verify(CHAIN, text) == all_right("gfedh")


@pytest.mark.parametrize(
    ("parts", "first", "reason"),
    [
        ((ANSWER,), 0, f"{REV} is never called"),
        ((FIRST, ANSWER), 1, f"{ROT} is never called"),
        ((FIRST, SECOND, ANSWER), 2, f"{ADD} is never called"),
        ((SECOND, THIRD, ANSWER), 0, f"call 1 is {REV}, not {ROT}"),
        ((FIRST, THIRD, ANSWER), 1, f"call 2 is {ROT}, not {ADD}"),
        ((THIRD, SECOND, FIRST, ANSWER), 0, f"call 1 is {REV}, not {ADD}"),
        ((FIRST, FIRST, SECOND, THIRD, ANSWER), 1, f"call 2 is {ROT}, not {REV}"),
        ((*STEPS, THIRD, ANSWER), 3, "a step too many"),
        ((f"{OTHER} a b c d e = e d c b a", SECOND, THIRD, ANSWER), 0, f"call 1 is {REV}, not {OTHER}"),
        ((f"{REV} a b c d d = e d c b a", SECOND, THIRD, ANSWER), 0, f"{REV} is called on abcde, not abcdd"),
        ((FIRST, f"{ROT} a b c d e = d c b a e", THIRD, ANSWER), 1, f"{ROT} is called on edcba, not abcde"),
        ((f"{REV} a b c d e = e d c b b", SECOND, THIRD, ANSWER), 0, f"{REV} of abcde is edcba, not edcbb"),
        ((FIRST, SECOND, f"{ADD} d c b a e = g f e d", ANSWER), 2, f"{ADD} of dcbae is gfedh, not gfed"),
        ((FIRST, "", THIRD, ANSWER), 1, "unreadable step"),
        ((FIRST, f"{ROT} e d c b a", THIRD, ANSWER), 1, "unreadable step"),
        ((f"{FIRST} = e d c b a", SECOND, THIRD, ANSWER), 0, "unreadable step"),
        ((f"{REV} = e d c b a", SECOND, THIRD, ANSWER), 0, "unreadable step"),
        ((f"{' '.join(REV)} a b c d e = e d c b a", SECOND, THIRD, ANSWER), 0, f"call 1 is {REV}"),
        ((FIRST.upper(), SECOND, THIRD, ANSWER), 0, "unreadable step"),
        ((f"{REV} a b c d e = 5", SECOND, THIRD, ANSWER), 0, "unreadable step"),
    ],
)
def test_a_right_answer_over_a_wrong_process(parts: tuple[str, ...], first: int, reason: str) -> None:
    verdict = say(*parts)
    assert marks(verdict) == (Score.CORRECT, Score.WRONG, first)
    assert verdict.reason.startswith(reason)


def test_a_wrong_answer_after_right_steps_is_the_first_wrong_step() -> None:
    assert say(*STEPS, "answer g f e d g") == Verdict(
        Score.WRONG, Score.WRONG, 3, "answer is gfedh, not gfedg", "gfedg"
    )
    assert marks(say(*STEPS, "answer g f e d")) == (Score.WRONG, Score.WRONG, 3)
    assert marks(say(FIRST, THIRD, "answer g f e d g")) == (Score.WRONG, Score.WRONG, 1)


def test_in_the_direct_format_the_process_is_the_answer_and_nothing_before_it() -> None:
    assert verify(CHAIN, "answer gfedh", format="direct") == all_right("gfedh")
    assert marks(verify(CHAIN, "answer a b c d e", format="direct")) == (Score.WRONG, Score.WRONG, 0)
    stepped = verify(CHAIN, " ; ".join((*STEPS, ANSWER)), format="direct")
    assert stepped == Verdict(Score.CORRECT, Score.WRONG, 0, "steps before a direct answer", "gfedh")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "answer",
        "g f e d h",
        f"{FIRST} ; {SECOND} ; {THIRD}",
        f"{FIRST} ; {SECOND} ; {THIRD} ;",
        f"{FIRST} ; {SECOND} ; {THIRD} ; {ANSWER} ;",
        f"{FIRST} ; {SECOND} ; {THIRD} ; {ANSWER} .",
        f"{FIRST} ; {SECOND} ; {THIRD} ; {ANSWER} {ANSWER}",
        f"{FIRST} ; {SECOND} ; {THIRD} ; answer a b c d e ; {ANSWER}",
        f"{ANSWER} ; {FIRST} ; {SECOND} ; {THIRD}",
        "answer = g f e d h",
        "answer \u0661",
        "answer \u00e4\u00e4\u00e4\u00e4\u00e4",
        "answer G F E D H",
        " " * (MAX_CHARACTERS + 1) + ANSWER,
    ],
)
@pytest.mark.parametrize("format", ["steps", "direct"])
def test_what_has_no_one_final_answer_is_unscorable(text: str, format: str) -> None:
    verdict = verify(CHAIN, text, format=format)  # type: ignore[arg-type]
    assert marks(verdict) == (Score.UNSCORABLE, Score.UNSCORABLE, None)
    assert verdict.reason.startswith("unparsable")


def test_what_was_cut_off_is_unscorable() -> None:
    assert verify(CHAIN, " ; ".join((*STEPS, ANSWER)), truncated=True).reason == "truncated"


@given(st.integers(0, 300), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_gold_with_any_word_changed_dropped_added_or_moved_is_refused(index: int, source: random.Random) -> None:
    problem = DEEP.problem("train", 8, index)
    words = DEEP.solution(problem).split()
    changed = list(words)
    at, other = source.randrange(len(words)), source.randrange(len(words))
    match source.randrange(4):
        case 0:
            changed[at] = source.choice(DEEP.words())
        case 1:
            del changed[at]
        case 2:
            changed.insert(at, source.choice(DEEP.words()))
        case _:
            changed[at], changed[other] = changed[other], changed[at]
    verdict = DEEP.verify(problem, " ".join(changed))
    assert (verdict == all_right(problem.answer)) == (changed == words)


@given(st.integers(0, 300), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_a_wrong_call_is_the_first_wrong_step_however_well_it_goes_on(index: int, source: random.Random) -> None:
    """The rest of the chain is computed rightly from the wrong string, and the answer is what comes out."""
    problem = DEEP.problem("test", 8, index)
    gold = problem.gold
    at = source.randrange(len(gold.calls))
    letters = list(gold.strings[at + 1])
    place = source.randrange(len(letters))
    letters[place] = source.choice([c for c in "abcdefghijklmnopqrstuvwxyz" if c != letters[place]])
    rest = run_chain(gold.calls[at + 1 :], "".join(letters))
    strings = gold.strings[: at + 1] + rest.strings
    steps = [f"{name} {strings[i]} = {strings[i + 1]}" for i, name in enumerate(gold.calls)]
    verdict = DEEP.verify(problem, " ; ".join([*steps, f"answer {strings[-1]}"]))
    assert (verdict.process, verdict.first_wrong_step) == (Score.WRONG, at)
    assert verdict.answer_correct == (strings[-1] == problem.answer)


@pytest.mark.parametrize("name", list(STRINGS))
def test_time_is_linear_in_the_text_and_reasons_are_short(name: str) -> None:
    world = STRINGS[name]
    problem = world.problem("train", 0, 0)
    for piece in ("; ", "answer ", "= ", "a ", f"{FIRST} ; ", "a", "\u2028", "<b>"):
        text = (piece * MAX_CHARACTERS)[: MAX_CHARACTERS - 20] + " ; answer b"
        with bounded(1):
            verdict = world.verify(problem, text)
        assert len(verdict.reason) < 200
        assert verdict.reason.isprintable()
        assert verdict.process is not Score.CORRECT
