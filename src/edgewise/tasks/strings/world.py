"""The world of string functions: its knobs, its wording and its verifier.

    tiv ( kiv ( x ) ) ; x = a b c d e ? :                                      the prompt, definitions hidden
    kiv : reverse all ; tiv : rotate left 1 ; tiv ( kiv ( x ) ) ; x = ... ? :  and shown
    kiv a b c d e = e d c b a ; tiv e d c b a = d c b a e ; answer d c b a e   the solution, in steps
    answer d c b a e                                                           and direct

Every letter and every name is a word. In brackets the word x is the input; everywhere else it is a letter.
Descriptions stand in the alphabetical order of the names, one for each function that occurs;
`edgewise.tasks.strings.functions` says what they mean.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from pydantic import Field

from edgewise.tasks.base import Problem, Score, Verdict, unscorable
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement
from edgewise.tasks.strings.chain import Chain, chain_identity, draw_calls, draw_string, run_chain
from edgewise.tasks.strings.functions import ALPHABET, FUNCTIONS, Half, function_names
from edgewise.tasks.verdict import Unscorable

SYMBOLS = ("(", ")", ":", ";", "=", "?", "answer")


class StringFunctions(DrawnWorld):
    """Chains of string functions, f(g(h(x))); the level is the number of calls from x to the result.

    The two halves of the functions share neither names nor semantics. (A held-out *split* is something else: it holds
    compositions with their inputs.) Each length of x is equally likely, and all functions keep the length.

    Problems are drawn uniformly, with two exceptions. No two or three neighbouring calls together are the identity or a
    single function, held out or not, on all strings of that length; so no such sequence of training functions is a
    held-out function in disguise. And no string occurs twice between x and the result, so no sequence of calls does
    nothing.

    One call (`min_calls=1, max_calls=1`) gives the atomic functions. Their accuracy a is what the null model
    pass@1(level) = a ** level starts from; `gold.calls` tells them apart.

    The structure is that of arXiv 2509.25123, where the level is the depth of a tree whose leaves are often literals;
    here every call is on the path from x to the result.
    """

    world: Literal["strings"] = "strings"
    version: Literal[1] = 1
    min_calls: int = Field(1, ge=1, description="fewest calls")
    max_calls: int = Field(2, ge=1, le=16, description="most calls")
    functions: Half | Literal["all"] = Field("train", description="which half of the functions may occur")
    definitions: Literal["shown", "hidden"] = Field(
        "hidden", description="whether the prompt describes the functions that occur"
    )
    format: Literal["steps", "direct"] = Field(
        "steps", description="whether a solution writes every call or the answer alone"
    )
    # Rearrangements that differ from 5 letters up agree on shorter strings.
    min_length: int = Field(5, ge=5, description="fewest letters of x")
    max_length: int = Field(8, ge=5, le=24, description="most letters of x")

    ranges = (("min_calls", "max_calls"), ("min_length", "max_length"))
    id_knobs = ("definitions", "format")
    remedy = "too few chains without a repeated string; lower max_calls"

    def words(self) -> tuple[str, ...]:
        """The vocabulary, the same for all knobs, so that one model can meet every setting of the world."""
        described = {word for function in FUNCTIONS.values() for word in function.description.split()}
        return (*SYMBOLS, *ALPHABET, *function_names("all"), *sorted(described))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return function_names(self.functions)

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
        length = source.randint(self.min_length, self.max_length)
        while True:
            calls = draw_calls(source, self._names, level, length)
            chain = run_chain(calls, draw_string(source, length))
            repeated = len(set(chain.strings)) < len(chain.strings)
            yield None if repeated else Proposal(chain_identity(calls, chain.strings[0]), chain)

    def finish(self, source: random.Random, chain: Chain) -> Statement:
        """The gold object is the `Chain`, the answer the result as one string."""
        return Statement(chain_prompt(chain, shown=self.definitions == "shown"), chain.strings[-1], chain)

    def solution(self, problem: Problem) -> str:
        return direct_solution(problem.gold) if self.format == "direct" else stepwise_solution(problem.gold)

    def check(self, problem: Problem, text: str) -> Verdict:
        """A completion is `name letters = letters` steps separated by ";", then `answer letters`.

        Names and the word answer are words; the space between letters is free. In steps, a correct process is every
        call of the chain, in order, on the right string with the right result, and then the right answer; nothing may
        be left out or added. In the direct format it is the right answer and nothing before it. A text that does not
        end in an answer, or that answers twice, is unscorable.
        """
        chain: Chain = problem.gold
        *steps, last = (part.split() for part in text.split(";"))
        written = "".join(last[1:])
        if last[:1] != ["answer"] or not _is_string(written):
            return unscorable(Unscorable.NO_FINAL_ANSWER)
        if "answer" in last[1:] or ["answer"] in [step[:1] for step in steps]:
            return unscorable(Unscorable.TWO_ANSWERS)
        right = written == chain.strings[-1]
        answer = Score.CORRECT if right else Score.WRONG
        if self.format == "direct":
            wrong = (0, "steps before a direct answer") if steps else None
        else:
            wrong = _first_wrong_step(chain, steps)
        if wrong is None and not right:
            wrong = len(steps), f"answer is {chain.strings[-1]}, not {written:.40}"
        if wrong is None:
            return Verdict(answer, Score.CORRECT, predicted=written)
        return Verdict(answer, Score.WRONG, *wrong, written)

    def steps(self, problem: Problem) -> int:
        """The calls; in the direct format the answer is the only step."""
        return 1 if self.format == "direct" else problem.level


def chain_prompt(chain: Chain, *, shown: bool) -> str:
    """What is asked; if `shown`, the description of each function that occurs comes first."""
    described = [f"{name} : {FUNCTIONS[name].description} ; " for name in sorted(set(chain.calls))] if shown else ()
    opened = " ( ".join((*reversed(chain.calls), "x"))
    return f"{''.join(described)}{opened}{' )' * len(chain.calls)} ; x = {' '.join(chain.strings[0])} ? :"


def stepwise_solution(chain: Chain) -> str:
    """Every call on its input, the innermost first, then the answer."""
    spaced = [" ".join(string) for string in chain.strings]
    calls = [f"{chain.calls[i]} {spaced[i]} = {spaced[i + 1]} ; " for i in range(len(chain.calls))]
    return f"{''.join(calls)}answer {spaced[-1]}"


def direct_solution(chain: Chain) -> str:
    """The answer alone."""
    return f"answer {' '.join(chain.strings[-1])}"


def _is_string(text: str) -> bool:
    return text.isascii() and text.isalpha() and text.islower()


def _first_wrong_step(chain: Chain, steps: list[list[str]]) -> tuple[int, str] | None:
    for position, words in enumerate(steps):
        fault = _fault(chain, position, words)
        if fault:
            return position, fault
    if len(steps) < len(chain.calls):
        return len(steps), f"{chain.calls[len(steps)]} is never called"
    return None


def _fault(chain: Chain, position: int, words: list[str]) -> str:
    """What is wrong with the step written at this position, "" if nothing is."""
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
