"""Chains of calls f(g(h(x))): running them, drawing them so that every call counts, and hashing what they ask."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from edgewise.core.keyed import key, rng
from edgewise.tasks.strings.functions import ALPHABET, FUNCTIONS

# Calls that are not always a function agree with it on at most a quarter of random strings, so hardly on all of these.
_PROBES = 12


@dataclass(frozen=True, slots=True)
class Chain:
    """Calls from the innermost to the outermost, and the strings before, between and after them.

    `strings` is one longer than `calls`: x first, the result last.
    """

    calls: tuple[str, ...]
    strings: tuple[str, ...]


def run_chain(calls: tuple[str, ...], x: str) -> Chain:
    """The chain of these calls, innermost first, on x."""
    strings = [x]
    for name in calls:
        strings.append(FUNCTIONS[name].compute(strings[-1]))
    return Chain(calls, tuple(strings))


def chain_identity(calls: tuple[str, ...], x: str) -> int:
    """A 64-bit hash of what is asked: the composition and its input."""
    return key("strings", " ".join(calls), x)


def draw_calls(source: random.Random, functions: tuple[str, ...], count: int, length: int) -> tuple[str, ...]:
    """`count` calls of `functions`, innermost first; no two or three neighbouring calls collapse."""
    follow = followers(functions, length)
    calls: tuple[str, ...] = ()
    while len(calls) < count:
        calls += (source.choice(follow[calls[-2:]]),)
    return calls


def draw_string(source: random.Random, length: int) -> str:
    """Letters drawn uniformly and independently."""
    return "".join(source.choices(ALPHABET, k=length))


@cache
def followers(functions: tuple[str, ...], length: int) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Which functions may be called after no, one or two calls: those whose call makes nothing collapse."""
    follow: dict[tuple[str, ...], tuple[str, ...]] = {(): functions}
    for inner in functions:
        follow[(inner,)] = tuple(f for f in functions if not collapses((inner, f), length))
    for inner in functions:
        for outer in follow[(inner,)]:
            follow[inner, outer] = tuple(f for f in follow[(outer,)] if not collapses((inner, outer, f), length))
    return follow


def collapses(calls: tuple[str, ...], length: int) -> bool:
    """Whether the calls together are the identity or one atomic function, held out or not, on strings of this length.

    Examples are a function after its inverse, and sorting what was only rearranged.
    """
    probes, first, atoms = _atoms(length)
    # Nearly all chains differ from every atom on the first probe already.
    if run_chain(calls, probes[0]).strings[-1] not in first:
        return False
    return tuple(run_chain(calls, x).strings[-1] for x in probes) in atoms


@cache
def _atoms(length: int) -> tuple[list[str], set[str], set[tuple[str, ...]]]:
    """Random strings, and the results of the identity and every atomic function on the first and on all of them."""
    source = rng("probes", length)
    probes = [draw_string(source, length) for _ in range(_PROBES)]
    atoms = {tuple(probes), *(tuple(map(function.compute, probes)) for function in FUNCTIONS.values())}
    return probes, {results[0] for results in atoms}, atoms
