"""The wording of string functions: every letter and every name is a word.

    tiv ( kiv ( x ) ) ; x = a b c d e ? :                                      the prompt, definitions hidden
    kiv : reverse all ; tiv : rotate left 1 ; tiv ( kiv ( x ) ) ; x = ... ? :  and shown
    kiv a b c d e = e d c b a ; tiv e d c b a = d c b a e ; answer d c b a e   the solution, in steps
    answer d c b a e                                                           and direct

In brackets the word x is the input; everywhere else it is a letter. Descriptions stand in the alphabetical
order of the names, one for each function that occurs; `edgewise.tasks.strings.functions` says what they mean.
"""

from __future__ import annotations

from edgewise.tasks.strings.chain import Chain
from edgewise.tasks.strings.functions import ALPHABET, FUNCTIONS, names

SYMBOLS = ("(", ")", ":", ";", "=", "?", "answer")


def words() -> tuple[str, ...]:
    """The vocabulary, the same for all knobs, so that one model can meet every setting of the world."""
    described = {word for function in FUNCTIONS.values() for word in function.description.split()}
    return (*SYMBOLS, *ALPHABET, *names("all"), *sorted(described))


def prompt(chain: Chain, *, shown: bool) -> str:
    """What is asked; where `shown`, the description of each function that occurs comes first."""
    described = [f"{name} : {FUNCTIONS[name].description} ; " for name in sorted(set(chain.calls))] if shown else ()
    opened = " ( ".join((*reversed(chain.calls), "x"))
    return f"{''.join(described)}{opened}{' )' * len(chain.calls)} ; x = {' '.join(chain.strings[0])} ? :"


def steps(chain: Chain) -> str:
    """Every call on its input, the innermost first, then the answer."""
    spaced = [" ".join(string) for string in chain.strings]
    calls = [f"{chain.calls[i]} {spaced[i]} = {spaced[i + 1]} ; " for i in range(len(chain.calls))]
    return f"{''.join(calls)}answer {spaced[-1]}"


def direct(chain: Chain) -> str:
    """The answer alone."""
    return f"answer {' '.join(chain.strings[-1])}"
